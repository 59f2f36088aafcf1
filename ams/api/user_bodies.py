"""What clients say about users: the bodies that several routes take, and what may stand in them."""

from collections.abc import Sequence, Set
from typing import Annotated, Final

from msgspec import Meta, field

from ams.api import fields
from ams.api.bodies import Body
from ams.api.operations import BodyKind
from ams.service.errors import InvalidArgument
from ams.service.routes import NAME

#: Paths of their own, so no user can have these names (contract: ams-users-metrics 14 #24).
RESERVED_NAMES: Final = frozenset({"profile", "usageReport"})

BAD_ARGUMENTS: Final = "Invalid User Arguments"
BAD_ROLE: Final = InvalidArgument("invalid role: {role}")

#: None if absent or null: an update leaves them as they are then, and an empty list takes all away.
ServiceRoles = Annotated[list[str], Meta(description="Roles that hold in every project.")] | None


class ProjectRolesBody(Body):
    """A user's roles in one project."""

    project: Annotated[str, Meta(description="Its name.", examples=["demo"])] = ""
    roles: fields.Roles = field(default_factory=list)
    topics: Annotated[list[str], fields.READ_ONLY] = field(default_factory=list)
    subscriptions: Annotated[list[str], fields.READ_ONLY] = field(default_factory=list)


class UserBody(Body):
    """A user as somebody wants it to be."""

    email: Annotated[str, Meta(examples=["alice@example.org"])] = ""
    first_name: str = ""
    last_name: str = ""
    organization: str = ""
    description: str = ""
    service_roles: ServiceRoles = None
    projects: list[ProjectRolesBody] | None = None
    name: Annotated[str, Meta(description="A new name, in an update.")] = ""
    uuid: fields.ServerText = ""
    token: fields.ServerText = ""
    created_on: fields.ServerText = ""
    modified_on: fields.ServerText = ""
    created_by: fields.ServerText = ""


USER_BODY: Final = BodyKind(UserBody, InvalidArgument(BAD_ARGUMENTS))


def can_be_user(name: str) -> bool:
    """Whether a path can name a user who is called so (contract: ams-users-metrics 14 #11)."""
    return NAME.fullmatch(name) is not None and name not in RESERVED_NAMES


def require_roles(roles: Sequence[str], valid: Set[str]) -> None:
    """Raises InvalidArgument for the first role that is not among the valid ones."""
    for role in roles:
        if role not in valid:
            raise InvalidArgument(f"invalid role: {role}")
