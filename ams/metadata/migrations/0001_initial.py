"""The first version: projects, users, topics, subscriptions and who may use them."""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """Creates all tables."""

    initial = True

    operations = [  # noqa: RUF012 - the base class reads it so
        ops.CreateModel(
            name="ChangeRow",
            fields=[
                ("id", fields.BigIntField(primary_key=True)),
                ("kind", fields.CharField(max_length=16)),
                ("uuid", fields.CharField(max_length=36)),
                ("topic_uuid", fields.CharField(null=True, max_length=36)),
                ("epoch", fields.BigIntField(null=True)),
                ("at", fields.DatetimeField(db_index=True)),
            ],
            options={
                "table": "changes",
                "app": "metadata",
                "pk_attr": "id",
                "table_description": "A committed change, for nodes that have not heard of it.",
            },
        ),
        ops.CreateModel(
            name="RoleGrant",
            fields=[
                ("id", fields.BigIntField(primary_key=True)),
                ("route", fields.CharField(max_length=255)),
                ("role", fields.CharField(max_length=255)),
            ],
            options={
                "table": "role_grants",
                "app": "metadata",
                "unique_together": (("route", "role"),),
                "pk_attr": "id",
                "table_description": "A role that may use a route.",
            },
        ),
        ops.CreateModel(
            name="User",
            fields=[
                ("id", fields.BigIntField(primary_key=True)),
                ("uuid", fields.CharField(unique=True, max_length=36)),
                ("name", fields.CharField(unique=True, max_length=255)),
                ("email", fields.CharField(max_length=255)),
                ("first_name", fields.CharField(max_length=255)),
                ("last_name", fields.CharField(max_length=255)),
                ("organization", fields.CharField(max_length=255)),
                ("description", fields.TextField()),
                ("service_roles", fields.JSONField()),
                ("token_digest", fields.CharField(unique=True, max_length=64)),
                ("token_ciphertext", fields.CharField(max_length=4096)),
                (
                    "created_by",
                    fields.ForeignKeyField(
                        "metadata.User",
                        source_field="created_by_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=fields.SET_NULL,
                    ),
                ),
                ("created_on", fields.DatetimeField()),
                ("modified_on", fields.DatetimeField()),
            ],
            options={
                "table": "users",
                "app": "metadata",
                "pk_attr": "id",
                "table_description": "A person or a program with a token.",
            },
        ),
        ops.CreateModel(
            name="Project",
            fields=[
                ("id", fields.BigIntField(primary_key=True)),
                ("uuid", fields.CharField(unique=True, max_length=36)),
                ("name", fields.CharField(unique=True, max_length=255)),
                ("description", fields.TextField()),
                (
                    "created_by",
                    fields.ForeignKeyField(
                        "metadata.User",
                        source_field="created_by_id",
                        null=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=fields.SET_NULL,
                    ),
                ),
                ("created_on", fields.DatetimeField()),
                ("modified_on", fields.DatetimeField()),
            ],
            options={
                "table": "projects",
                "app": "metadata",
                "pk_attr": "id",
                "table_description": "A name space of topics and subscriptions.",
            },
        ),
        ops.CreateModel(
            name="Membership",
            fields=[
                ("id", fields.BigIntField(primary_key=True)),
                (
                    "user",
                    fields.ForeignKeyField(
                        "metadata.User",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="memberships",
                        on_delete=fields.CASCADE,
                    ),
                ),
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
                ("roles", fields.JSONField()),
            ],
            options={
                "table": "memberships",
                "app": "metadata",
                "unique_together": (("user", "project"),),
                "pk_attr": "id",
                "table_description": "A user's roles in a project.",
            },
        ),
        ops.CreateModel(
            name="Topic",
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
                ("epoch", fields.BigIntField()),
                ("retention_seconds", fields.BigIntField(null=True)),
                ("retention_bytes", fields.BigIntField(null=True)),
                ("created_on", fields.DatetimeField()),
            ],
            options={
                "table": "topics",
                "app": "metadata",
                "unique_together": (("project", "name"),),
                "pk_attr": "id",
                "table_description": "A named message log.",
            },
        ),
        ops.CreateModel(
            name="Subscription",
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
                ("epoch", fields.BigIntField()),
                ("topic_name", fields.CharField(max_length=255)),
                (
                    "topic",
                    fields.ForeignKeyField(
                        "metadata.Topic",
                        source_field="topic_id",
                        null=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=fields.SET_NULL,
                    ),
                ),
                ("start_offset", fields.BigIntField()),
                ("ack_deadline_seconds", fields.IntField()),
                ("created_on", fields.DatetimeField()),
            ],
            options={
                "table": "subscriptions",
                "app": "metadata",
                "unique_together": (("project", "name"),),
                "indexes": [Index(fields=["project_id", "topic_name"])],
                "pk_attr": "id",
                "table_description": "A place in a topic's log.",
            },
        ),
        ops.CreateModel(
            name="SubscriptionAcl",
            fields=[
                ("id", fields.BigIntField(primary_key=True)),
                (
                    "subscription",
                    fields.ForeignKeyField(
                        "metadata.Subscription",
                        source_field="subscription_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="acl",
                        on_delete=fields.CASCADE,
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "metadata.User",
                        source_field="user_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=fields.CASCADE,
                    ),
                ),
            ],
            options={
                "table": "subscription_acls",
                "app": "metadata",
                "unique_together": (("subscription", "user"),),
                "pk_attr": "id",
                "table_description": "A user who may consume from a subscription.",
            },
        ),
        ops.CreateModel(
            name="TopicAcl",
            fields=[
                ("id", fields.BigIntField(primary_key=True)),
                (
                    "topic",
                    fields.ForeignKeyField(
                        "metadata.Topic",
                        source_field="topic_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="acl",
                        on_delete=fields.CASCADE,
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "metadata.User",
                        source_field="user_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=fields.CASCADE,
                    ),
                ),
            ],
            options={
                "table": "topic_acls",
                "app": "metadata",
                "unique_together": (("topic", "user"),),
                "pk_attr": "id",
                "table_description": "A user who may publish to a topic.",
            },
        ),
    ]
