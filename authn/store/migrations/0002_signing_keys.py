"""Keys that tokens are signed with."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    """Adds their table."""

    dependencies = [("authn", "0001_initial")]  # noqa: RUF012 - the base class reads it so

    operations = [  # noqa: RUF012 - the base class reads it so
        ops.CreateModel(
            name="SigningKey",
            fields=[
                ("id", fields.BigIntField(primary_key=True)),
                ("number", fields.IntField(unique=True)),
                ("public_key", fields.TextField()),
                ("secret_ciphertext", fields.TextField()),
                ("token_seconds", fields.IntField()),
                ("signs_from", fields.DatetimeField()),
            ],
            options={
                "table": "signing_keys",
                "app": "authn",
                "pk_attr": "id",
                "table_description": "A key that tokens are signed with. Each has the number after"
                " its predecessor's.",
            },
        ),
    ]
