"""The first version: service types, auth methods and bindings."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """Creates all tables."""

    initial = True

    operations = [  # noqa: RUF012 - the base class reads it so
        ops.CreateModel(
            name="ServiceType",
            fields=[
                ("id", fields.BigIntField(primary_key=True)),
                ("uuid", fields.CharField(unique=True, max_length=36)),
                ("name", fields.CharField(unique=True, max_length=255)),
                ("hosts", fields.JSONField()),
                ("auth_types", fields.JSONField()),
                ("auth_method", fields.CharField(max_length=64)),
                ("type", fields.CharField(max_length=64)),
                ("created_on", fields.DatetimeField(null=True)),
                ("updated_on", fields.DatetimeField(null=True)),
            ],
            options={
                "table": "service_types",
                "app": "authn",
                "pk_attr": "id",
                "table_description": "A kind of service, and the hosts that it runs on.",
            },
        ),
        ops.CreateModel(
            name="AuthMethod",
            fields=[
                ("id", fields.BigIntField(primary_key=True)),
                ("uuid", fields.CharField(unique=True, max_length=36)),
                (
                    "service",
                    fields.ForeignKeyField(
                        "authn.ServiceType",
                        source_field="service_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=fields.CASCADE,
                    ),
                ),
                ("host", fields.CharField(max_length=255)),
                ("type", fields.CharField(max_length=64)),
                ("port", fields.IntField()),
                ("secret_ciphertext", fields.TextField()),
                ("created_on", fields.DatetimeField(null=True)),
                ("updated_on", fields.DatetimeField(null=True)),
            ],
            options={
                "table": "auth_methods",
                "app": "authn",
                "unique_together": (("service", "host", "type"),),
                "pk_attr": "id",
                "table_description": "How AuthN shows a host of a service type who it is.",
            },
        ),
        ops.CreateModel(
            name="Binding",
            fields=[
                ("id", fields.BigIntField(primary_key=True)),
                ("uuid", fields.CharField(unique=True, max_length=36)),
                ("name", fields.CharField(unique=True, max_length=255)),
                (
                    "service",
                    fields.ForeignKeyField(
                        "authn.ServiceType",
                        source_field="service_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=fields.CASCADE,
                    ),
                ),
                ("host", fields.CharField(max_length=255)),
                ("auth_type", fields.CharField(max_length=64)),
                ("auth_identifier", fields.TextField()),
                ("identifier_digest", fields.CharField(max_length=64)),
                ("unique_key", fields.CharField(max_length=255)),
                ("created_on", fields.DatetimeField(null=True)),
                ("updated_on", fields.DatetimeField(null=True)),
                ("last_auth", fields.DatetimeField(null=True)),
            ],
            options={
                "table": "bindings",
                "app": "authn",
                "unique_together": (("service", "host", "auth_type", "identifier_digest"),),
                "pk_attr": "id",
                "table_description": "Which user of a host somebody is.",
            },
        ),
        ops.CreateModel(
            name="BindingMissingIpSan",
            fields=[
                ("id", fields.BigIntField(primary_key=True)),
                (
                    "binding",
                    fields.OneToOneField(
                        "authn.Binding",
                        source_field="binding_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=fields.CASCADE,
                    ),
                ),
                ("binding_auth_identifier", fields.TextField()),
                ("created_on", fields.DatetimeField()),
            ],
            options={
                "table": "bindings_missing_ip_san",
                "app": "authn",
                "pk_attr": "id",
                "table_description": "A binding whose certificate names no hosts at all.",
            },
        ),
    ]
