"""The tables. Nothing outside this package sees these; it gets the values of `records`.

Uniqueness is the database's (contract: authn 8 A16). A change here needs a migration; a test
compares the two.
"""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model
from tortoise.validators import MaxLengthValidator

#: What the tables' references to each other start with.
APP = "authn"
#: Longest name, host and unique key, in characters.
TEXT_LENGTH = 255
#: Longest name of a type, in characters.
TYPE_LENGTH = 64
#: Longest identifier of a certificate's or a token's owner, in characters.
IDENTIFIER_LENGTH = 16_000
#: Longest encrypted secret of an auth method, in characters.
SECRET_LENGTH = 64_000
#: Length of a uuid in its usual form, in characters.
UUID_LENGTH = 36
#: Length of a SHA-256 digest in hexadecimal, in characters.
DIGEST_LENGTH = 64


def can_exist(text: str) -> bool:
    """Whether a column of one line could hold a text; the ORM refuses to ask for others."""
    return len(text) <= TEXT_LENGTH


class ServiceType(Model):
    """A kind of service, and the hosts that it runs on."""

    id = fields.BigIntField(primary_key=True)
    uuid = fields.CharField(UUID_LENGTH, unique=True)
    name = fields.CharField(TEXT_LENGTH, unique=True)
    hosts = fields.JSONField[list[str]]()
    auth_types = fields.JSONField[list[str]]()
    auth_method = fields.CharField(TYPE_LENGTH)
    type = fields.CharField(TYPE_LENGTH)
    created_on = fields.DatetimeField(null=True)
    updated_on = fields.DatetimeField(null=True)

    class Meta:
        """The table."""

        table = "service_types"


class AuthMethod(Model):
    """How AuthN shows a host of a service type who it is."""

    id = fields.BigIntField(primary_key=True)
    uuid = fields.CharField(UUID_LENGTH, unique=True)
    service: fields.ForeignKeyRelation[ServiceType] = fields.ForeignKeyField(
        "authn.ServiceType", related_name=False, on_delete=fields.CASCADE
    )
    service_id: int
    host = fields.CharField(TEXT_LENGTH)
    type = fields.CharField(TYPE_LENGTH)
    port = fields.IntField()
    secret_ciphertext = fields.TextField(validators=[MaxLengthValidator(SECRET_LENGTH)])
    created_on = fields.DatetimeField(null=True)
    updated_on = fields.DatetimeField(null=True)

    class Meta:
        """The table."""

        table = "auth_methods"
        unique_together = (("service", "host", "type"),)


class Binding(Model):
    """Which user of a host somebody is.

    An identifier may be longer than an index takes, so its digest is what must be unique.
    """

    id = fields.BigIntField(primary_key=True)
    uuid = fields.CharField(UUID_LENGTH, unique=True)
    name = fields.CharField(TEXT_LENGTH, unique=True)
    service: fields.ForeignKeyRelation[ServiceType] = fields.ForeignKeyField(
        "authn.ServiceType", related_name=False, on_delete=fields.CASCADE
    )
    service_id: int
    host = fields.CharField(TEXT_LENGTH)
    auth_type = fields.CharField(TYPE_LENGTH)
    auth_identifier = fields.TextField(validators=[MaxLengthValidator(IDENTIFIER_LENGTH)])
    identifier_digest = fields.CharField(DIGEST_LENGTH)
    unique_key = fields.CharField(TEXT_LENGTH)
    created_on = fields.DatetimeField(null=True)
    updated_on = fields.DatetimeField(null=True)
    last_auth = fields.DatetimeField(null=True)

    class Meta:
        """The table."""

        table = "bindings"
        unique_together = (("service", "host", "auth_type", "identifier_digest"),)


class BindingMissingIpSan(Model):
    """A binding whose certificate names no hosts at all (contract: authn 4.2)."""

    id = fields.BigIntField(primary_key=True)
    binding: fields.OneToOneRelation[Binding] = fields.OneToOneField(
        "authn.Binding", related_name=False, on_delete=fields.CASCADE
    )
    binding_id: int
    binding_auth_identifier = fields.TextField(validators=[MaxLengthValidator(IDENTIFIER_LENGTH)])
    created_on = fields.DatetimeField()

    class Meta:
        """The table."""

        table = "bindings_missing_ip_san"


class SigningKey(Model):
    """A key that tokens are signed with. Each has the number after its predecessor's."""

    id = fields.BigIntField(primary_key=True)
    number = fields.IntField(unique=True)
    public_key = fields.TextField()
    secret_ciphertext = fields.TextField()
    token_seconds = fields.IntField()
    signs_from = fields.DatetimeField()

    class Meta:
        """The table."""

        table = "signing_keys"
