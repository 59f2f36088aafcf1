"""Schemas, push, registrations, the audit trail, and what metrics count."""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """Adds tables and columns to those of the first version."""

    dependencies = [("metadata", "0001_initial")]  # noqa: RUF012 - the base class reads it so

    operations = [  # noqa: RUF012 - the base class reads it so
        ops.CreateModel(
            name="AuditRow",
            fields=[
                ("id", fields.BigIntField(primary_key=True)),
                ("at", fields.DatetimeField()),
                ("actor_uuid", fields.CharField(max_length=36)),
                ("actor_name", fields.CharField(max_length=255)),
                ("action", fields.CharField(max_length=255)),
                ("resource", fields.CharField(max_length=600)),
                ("project_uuid", fields.CharField(null=True, max_length=36)),
                ("source", fields.CharField(max_length=255)),
                ("trace_id", fields.CharField(max_length=255)),
                ("detail", fields.JSONField()),
            ],
            options={
                "table": "audit",
                "app": "metadata",
                "indexes": [
                    Index(fields=["at", "id"], name="audit_by_at"),
                    Index(fields=["project_uuid", "at", "id"], name="audit_by_project_uuid"),
                    Index(fields=["actor_uuid", "at", "id"], name="audit_by_actor_uuid"),
                    Index(fields=["actor_name", "at", "id"], name="audit_by_actor_name"),
                    Index(fields=["action", "at", "id"], name="audit_by_action"),
                    Index(fields=["resource", "at", "id"], name="audit_by_resource"),
                ],
                "pk_attr": "id",
                "table_description": "Who did what, and when.",
            },
        ),
        ops.CreateModel(
            name="Node",
            fields=[
                ("id", fields.BigIntField(primary_key=True)),
                ("hostname", fields.CharField(unique=True, max_length=255)),
                ("cpu", fields.FloatField()),
                ("memory", fields.FloatField()),
                ("seen", fields.DatetimeField()),
            ],
            options={
                "table": "nodes",
                "app": "metadata",
                "pk_attr": "id",
                "table_description": "A host on which a broker runs, as it last reported itself.",
            },
        ),
        ops.CreateModel(
            name="Registration",
            fields=[
                ("id", fields.BigIntField(primary_key=True)),
                ("uuid", fields.CharField(unique=True, max_length=36)),
                ("name", fields.CharField(max_length=255)),
                ("email", fields.CharField(max_length=255)),
                ("first_name", fields.CharField(max_length=255)),
                ("last_name", fields.CharField(max_length=255)),
                ("organization", fields.CharField(max_length=255)),
                ("description", fields.TextField()),
                ("status", fields.CharField(max_length=16)),
                ("decline_comment", fields.TextField()),
                ("activation_digest", fields.CharField(null=True, max_length=64)),
                ("activation_ciphertext", fields.CharField(null=True, max_length=4096)),
                ("registered_at", fields.DatetimeField()),
                (
                    "modified_by",
                    fields.ForeignKeyField(
                        "metadata.User",
                        source_field="modified_by_id",
                        null=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=fields.SET_NULL,
                    ),
                ),
                ("modified_at", fields.DatetimeField(null=True)),
            ],
            options={
                "table": "registrations",
                "app": "metadata",
                "pk_attr": "id",
                "table_description": "Somebody's request to become a user.",
            },
        ),
        ops.CreateModel(
            name="RetiredTopic",
            fields=[
                ("id", fields.BigIntField(primary_key=True)),
                ("uuid", fields.CharField(unique=True, max_length=36)),
                (
                    "project",
                    fields.ForeignKeyField(
                        "metadata.Project",
                        source_field="project_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=fields.CASCADE,
                    ),
                ),
                ("name", fields.CharField(max_length=255)),
            ],
            options={
                "table": "retired_topics",
                "app": "metadata",
                "pk_attr": "id",
                "table_description": "A deleted topic, whose daily counts of messages stay.",
            },
        ),
        ops.CreateModel(
            name="Schema",
            fields=[
                ("id", fields.BigIntField(primary_key=True)),
                ("uuid", fields.CharField(unique=True, max_length=36)),
                (
                    "project",
                    fields.ForeignKeyField(
                        "metadata.Project",
                        source_field="project_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=fields.CASCADE,
                    ),
                ),
                ("name", fields.CharField(max_length=255)),
                ("type", fields.CharField(max_length=16)),
                ("definition", fields.TextField()),
                ("attributes_definition", fields.TextField(null=True)),
                ("created_on", fields.DatetimeField()),
            ],
            options={
                "table": "schemas",
                "app": "metadata",
                "unique_together": (("project", "name"),),
                "pk_attr": "id",
                "table_description": "What the messages of some topics must look like.",
            },
        ),
        ops.AddField(
            model_name="Subscription",
            name="push",
            field=fields.JSONField(null=True),
        ),
        ops.AddIndex(
            model_name="Subscription",
            index=Index(fields=["project_id", "id"]),
        ),
        ops.AddField(
            model_name="Topic",
            name="schema",
            field=fields.ForeignKeyField(
                "metadata.Schema",
                source_field="schema_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name=False,
                on_delete=fields.SET_NULL,
            ),
        ),
        ops.AddIndex(
            model_name="Topic",
            index=Index(fields=["project_id", "id"]),
        ),
        ops.AddIndex(
            model_name="Topic",
            index=Index(fields=["schema_id"]),
        ),
        ops.AddField(
            model_name="User",
            name="token_last_used",
            field=fields.DatetimeField(null=True),
        ),
    ]
