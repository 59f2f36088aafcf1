"""What bodies say about users, and what of it holds: memberships and roles."""

from typing import Annotated, Final

from msgspec import Meta, field

from ams.api import fields
from ams.api.bodies import Body
from ams.api.calls import Call
from ams.auth.roles import CONSUMER, PROJECT_ADMIN, PUBLISHER
from ams.metadata import users
from ams.metadata.records import UserFields
from ams.service.errors import AlreadyExists, InvalidArgument, NotFound

#: Paths of their own, so no user can have these names (contract: ams-users-metrics 14 #24).
RESERVED_NAMES: Final = frozenset({"profile", "usageReport"})
#: What a project's admin can make somebody (contract: decision 15).
PROJECT_ROLES: Final = frozenset({PROJECT_ADMIN, PUBLISHER, CONSUMER})

BAD_USER: Final = "Invalid User Arguments"
BAD_ROLE: Final = InvalidArgument("invalid role: {role}")
#: How memberships and roles in a body may be wrong. A project may also go at the last moment.
ROLE_ERRORS: Final = (
    InvalidArgument("duplicate reference of project {project}"),
    InvalidArgument("invalid project: {project}"),
    BAD_ROLE,
    NotFound("project"),
)


class ProjectRolesBody(Body):
    """A user's roles in one project."""

    project: Annotated[str, Meta(description="Its name.", examples=["demo"])] = ""
    roles: fields.Roles = field(default_factory=list)
    topics: Annotated[list[str], fields.READ_ONLY] = field(default_factory=list)
    subscriptions: Annotated[list[str], fields.READ_ONLY] = field(default_factory=list)


class UserBody(Body):
    """A user as the creator wants it; the name is in the path."""

    email: Annotated[str, Meta(examples=["alice@example.org"])] = ""
    first_name: str = ""
    last_name: str = ""
    organization: str = ""
    description: str = ""
    service_roles: (
        Annotated[list[str], Meta(description="Roles that hold in every project.")] | None
    ) = None
    projects: list[ProjectRolesBody] | None = None
    name: fields.ServerText = ""
    uuid: fields.ServerText = ""
    token: fields.ServerText = ""
    created_on: fields.ServerText = ""
    modified_on: fields.ServerText = ""
    created_by: fields.ServerText = ""

    @property
    def details(self) -> UserFields:
        """What it says of the person or program."""
        return UserFields(
            email=self.email,
            first_name=self.first_name,
            last_name=self.last_name,
            organization=self.organization,
            description=self.description,
        )


async def memberships(call: Call, entries: list[ProjectRolesBody]) -> dict[int, list[str]]:
    """Roles by project id; entries without a project are skipped (contract: 5.6)."""
    found: dict[int, list[str]] = {}
    seen = set()
    for entry in entries:
        if not entry.project:
            continue
        if entry.project in seen:
            raise InvalidArgument(f"duplicate reference of project {entry.project}")
        seen.add(entry.project)
        try:
            project = await call.broker.catalog.project(entry.project)
        except NotFound:
            raise InvalidArgument(f"invalid project: {entry.project}") from None
        found[project.id] = await valid_roles(call, entry.roles)
    return found


async def valid_roles(call: Call, roles: list[str]) -> list[str]:
    """The roles, if they all exist."""
    valid = (await call.broker.roles()).valid_roles()
    for role in roles:
        if role not in valid:
            raise InvalidArgument(f"invalid role: {role}")
    return roles


async def require_unused(call: Call, name: str) -> None:
    """A taken name is told before faults in the body; the database decides between two at once."""
    try:
        await users.by_name(call.broker.store, name)
    except NotFound:
        return
    raise AlreadyExists("User")
