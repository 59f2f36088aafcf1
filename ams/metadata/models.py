"""The tables. Nothing outside this package sees these; it gets the values of `records`.

Text is compared byte by byte, so names are case-sensitive: SQLite does so by itself, and on MySQL
every table is made with the collation utf8mb4_bin (see `migrate`). A change here needs a
migration; a test compares the two.
"""

from __future__ import annotations

from typing import Any, cast

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model
from tortoise.validators import MaxLengthValidator

#: What the tables' references to each other start with.
APP = "metadata"
#: Longest name, and longest of the other one-line texts, in characters.
TEXT_LENGTH = 255
#: Longest description, in characters.
DESCRIPTION_LENGTH = 16_384
#: Length of a uuid in its usual form, in characters.
UUID_LENGTH = 36
#: Length of a SHA-256 digest in hexadecimal, in characters.
DIGEST_LENGTH = 64
#: Longest encrypted token, in characters.
CIPHERTEXT_LENGTH = 4096
#: Longest name of a kind of change, a type or a state, in characters.
KIND_LENGTH = 16
#: Longest text of a schema, in characters. Every cached topic that uses it holds one.
DEFINITION_LENGTH = 262_144
#: Longest path of an audited resource, in characters: two names and the words between them.
RESOURCE_LENGTH = 600


def _description() -> fields.TextField:
    return fields.TextField(validators=[MaxLengthValidator(DESCRIPTION_LENGTH)])


class User(Model):
    """A person or a program with a token."""

    id = fields.BigIntField(primary_key=True)
    uuid = fields.CharField(UUID_LENGTH, unique=True)
    name = fields.CharField(TEXT_LENGTH, unique=True)
    email = fields.CharField(TEXT_LENGTH)
    first_name = fields.CharField(TEXT_LENGTH)
    last_name = fields.CharField(TEXT_LENGTH)
    organization = fields.CharField(TEXT_LENGTH)
    description = _description()
    service_roles = fields.JSONField[list[str]]()
    token_digest = fields.CharField(DIGEST_LENGTH, unique=True)
    token_ciphertext = fields.CharField(CIPHERTEXT_LENGTH)
    token_last_used = fields.DatetimeField(null=True)
    created_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "metadata.User", related_name=False, null=True, on_delete=fields.SET_NULL
    )
    created_by_id: int | None
    created_on = fields.DatetimeField()
    modified_on = fields.DatetimeField()

    class Meta:
        """The table."""

        table = "users"


class Project(Model):
    """A name space of topics and subscriptions."""

    id = fields.BigIntField(primary_key=True)
    uuid = fields.CharField(UUID_LENGTH, unique=True)
    name = fields.CharField(TEXT_LENGTH, unique=True)
    description = _description()
    created_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "metadata.User", related_name=False, null=True, on_delete=fields.SET_NULL, db_index=True
    )
    created_by_id: int | None
    created_on = fields.DatetimeField()
    modified_on = fields.DatetimeField()

    class Meta:
        """The table."""

        table = "projects"


class Membership(Model):
    """A user's roles in a project."""

    id = fields.BigIntField(primary_key=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "metadata.User", related_name="memberships", on_delete=fields.CASCADE
    )
    user_id: int
    project: fields.ForeignKeyRelation[Project] = fields.ForeignKeyField(
        "metadata.Project", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    project_id: int
    roles = fields.JSONField[list[str]]()

    class Meta:
        """The table."""

        table = "memberships"
        unique_together = (("user", "project"),)


class RoleGrant(Model):
    """A role that may use a route.

    The rows of a route replace its built-in roles.
    """

    id = fields.BigIntField(primary_key=True)
    route = fields.CharField(TEXT_LENGTH)
    role = fields.CharField(TEXT_LENGTH)

    class Meta:
        """The table."""

        table = "role_grants"
        unique_together = (("route", "role"),)


class Schema(Model):
    """What the messages of some topics must look like."""

    id = fields.BigIntField(primary_key=True)
    uuid = fields.CharField(UUID_LENGTH, unique=True)
    project: fields.ForeignKeyRelation[Project] = fields.ForeignKeyField(
        "metadata.Project", related_name=False, on_delete=fields.CASCADE
    )
    project_id: int
    name = fields.CharField(TEXT_LENGTH)
    type = fields.CharField(KIND_LENGTH)
    definition = fields.TextField(validators=[MaxLengthValidator(DEFINITION_LENGTH)])
    attributes_definition = cast(
        "fields.Field[str | None]",
        fields.TextField(null=True, validators=[MaxLengthValidator(DEFINITION_LENGTH)]),
    )
    created_on = fields.DatetimeField()

    class Meta:
        """The table."""

        table = "schemas"
        unique_together = (("project", "name"),)


class Topic(Model):
    """A named message log."""

    id = fields.BigIntField(primary_key=True)
    uuid = fields.CharField(UUID_LENGTH, unique=True)
    project: fields.ForeignKeyRelation[Project] = fields.ForeignKeyField(
        "metadata.Project", related_name=False, on_delete=fields.CASCADE
    )
    project_id: int
    name = fields.CharField(TEXT_LENGTH)
    epoch = fields.BigIntField()
    retention_seconds = fields.BigIntField(null=True)
    retention_bytes = fields.BigIntField(null=True)
    schema: fields.ForeignKeyNullableRelation[Schema] = fields.ForeignKeyField(
        "metadata.Schema", related_name=False, null=True, on_delete=fields.SET_NULL
    )
    schema_id: int | None
    created_on = fields.DatetimeField()

    class Meta:
        """The table."""

        table = "topics"
        unique_together = (("project", "name"),)
        # Pages are cut by id.
        indexes = (("project_id", "id"), ("schema_id",))


class RetiredTopic(Model):
    """A deleted topic, whose daily counts of messages stay."""

    id = fields.BigIntField(primary_key=True)
    uuid = fields.CharField(UUID_LENGTH, unique=True)
    project: fields.ForeignKeyRelation[Project] = fields.ForeignKeyField(
        "metadata.Project", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    project_id: int
    name = fields.CharField(TEXT_LENGTH)

    class Meta:
        """The table."""

        table = "retired_topics"


class Subscription(Model):
    """A place in a topic's log.

    It outlives its topic, and waits for one of the same name.
    """

    id = fields.BigIntField(primary_key=True)
    uuid = fields.CharField(UUID_LENGTH, unique=True)
    project: fields.ForeignKeyRelation[Project] = fields.ForeignKeyField(
        "metadata.Project", related_name=False, on_delete=fields.CASCADE
    )
    project_id: int
    name = fields.CharField(TEXT_LENGTH)
    epoch = fields.BigIntField()
    topic_name = fields.CharField(TEXT_LENGTH)
    topic: fields.ForeignKeyNullableRelation[Topic] = fields.ForeignKeyField(
        "metadata.Topic", related_name=False, null=True, on_delete=fields.SET_NULL, db_index=True
    )
    topic_id: int | None
    start_offset = fields.BigIntField()
    ack_deadline_seconds = fields.IntField()
    # Any: the settings are of many types.
    push = fields.JSONField[dict[str, Any] | None](null=True)
    created_on = fields.DatetimeField()

    class Meta:
        """The table."""

        table = "subscriptions"
        unique_together = (("project", "name"),)
        indexes = (("project_id", "topic_name"), ("project_id", "id"))


class TopicAcl(Model):
    """A user who may publish to a topic.

    The ids give the order of the list.
    """

    id = fields.BigIntField(primary_key=True)
    topic: fields.ForeignKeyRelation[Topic] = fields.ForeignKeyField(
        "metadata.Topic", related_name="acl", on_delete=fields.CASCADE
    )
    topic_id: int
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "metadata.User", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    user_id: int

    class Meta:
        """The table."""

        table = "topic_acls"
        unique_together = (("topic", "user"),)


class SubscriptionAcl(Model):
    """A user who may consume from a subscription.

    The ids give the order of the list.
    """

    id = fields.BigIntField(primary_key=True)
    subscription: fields.ForeignKeyRelation[Subscription] = fields.ForeignKeyField(
        "metadata.Subscription", related_name="acl", on_delete=fields.CASCADE
    )
    subscription_id: int
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "metadata.User", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    user_id: int

    class Meta:
        """The table."""

        table = "subscription_acls"
        unique_together = (("subscription", "user"),)


class Registration(Model):
    """Somebody's request to become a user."""

    id = fields.BigIntField(primary_key=True)
    uuid = fields.CharField(UUID_LENGTH, unique=True)
    name = fields.CharField(TEXT_LENGTH)
    email = fields.CharField(TEXT_LENGTH)
    first_name = fields.CharField(TEXT_LENGTH)
    last_name = fields.CharField(TEXT_LENGTH)
    organization = fields.CharField(TEXT_LENGTH)
    description = _description()
    status = fields.CharField(KIND_LENGTH)
    decline_comment = _description()
    activation_digest = fields.CharField(DIGEST_LENGTH, null=True)
    activation_ciphertext = fields.CharField(CIPHERTEXT_LENGTH, null=True)
    registered_at = fields.DatetimeField()
    modified_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "metadata.User", related_name=False, null=True, on_delete=fields.SET_NULL, db_index=True
    )
    modified_by_id: int | None
    modified_at = fields.DatetimeField(null=True)

    class Meta:
        """The table."""

        table = "registrations"


class Node(Model):
    """A host on which a broker runs, as it last reported itself."""

    id = fields.BigIntField(primary_key=True)
    hostname = fields.CharField(TEXT_LENGTH, unique=True)
    cpu = fields.FloatField()
    memory = fields.FloatField()
    seen = fields.DatetimeField()

    class Meta:
        """The table."""

        table = "nodes"


class AuditRow(Model):
    """Who did what, and when.

    It refers to nothing: entries outlive what they are about.
    """

    id = fields.BigIntField(primary_key=True)
    at = fields.DatetimeField()
    actor_uuid = fields.CharField(UUID_LENGTH)
    actor_name = fields.CharField(TEXT_LENGTH)
    action = fields.CharField(TEXT_LENGTH)
    resource = fields.CharField(RESOURCE_LENGTH)
    project_uuid = fields.CharField(UUID_LENGTH, null=True)
    source = fields.CharField(TEXT_LENGTH)
    trace_id = fields.CharField(TEXT_LENGTH)
    detail = fields.JSONField[dict[str, Any]]()

    class Meta:
        """The table."""

        table = "audit"
        # Each filter alone finds the newest entries without sorting, however many there are.
        indexes = (
            Index(fields=("at", "id"), name="audit_by_at"),
            Index(fields=("project_uuid", "at", "id"), name="audit_by_project_uuid"),
            Index(fields=("actor_uuid", "at", "id"), name="audit_by_actor_uuid"),
            Index(fields=("actor_name", "at", "id"), name="audit_by_actor_name"),
            Index(fields=("action", "at", "id"), name="audit_by_action"),
            Index(fields=("resource", "at", "id"), name="audit_by_resource"),
        )


class ChangeRow(Model):
    """A committed change, for nodes that have not heard of it."""

    id = fields.BigIntField(primary_key=True)
    kind = fields.CharField(KIND_LENGTH)
    uuid = fields.CharField(UUID_LENGTH)
    topic_uuid = fields.CharField(UUID_LENGTH, null=True)
    epoch = fields.BigIntField(null=True)
    at = fields.DatetimeField(db_index=True)

    class Meta:
        """The table."""

        table = "changes"
