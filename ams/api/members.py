"""Members of projects (contract: ams-users-metrics 6)."""

from typing import Final

from msgspec import field

from ams.api import answers, fields, formats
from ams.api.bodies import Body
from ams.api.calls import Call
from ams.api.operations import PROJECT, BodyKind, operation
from ams.api.user_bodies import (
    BAD_ROLE,
    BAD_USER,
    PROJECT_ROLES,
    RESERVED_NAMES,
    UserBody,
    require_unused,
    valid_roles,
)
from ams.api.user_views import PAGE_QUERY, page, view
from ams.auth.access import is_privileged
from ams.auth.tokens import digest, new_token
from ams.metadata import audit, members, users
from ams.metadata.members import AlreadyMember, NotMember
from ams.metadata.records import UserFields
from ams.service.errors import AlreadyExists, BadRequest, InvalidArgument, NotFound

MEMBER: Final = f"{PROJECT}/members/<user>"


class MemberBody(Body):
    """The roles that a new member gets."""

    roles: fields.Roles = field(default_factory=list)
    project: fields.ServerText = ""
    topics: list[str] = field(default_factory=list)
    subscriptions: list[str] = field(default_factory=list)


CREATION: Final = BodyKind(UserBody, InvalidArgument(BAD_USER))
UPDATE: Final = BodyKind(UserBody, InvalidArgument(BAD_USER))
ADDITION: Final = BodyKind(MemberBody, BadRequest())


@operation(
    "projects:listUsers",
    "GET",
    f"{PROJECT}/members",
    query=PAGE_QUERY,
    errors=formats.PAGE_ERRORS,
)
async def list_members(call: Call) -> answers.Users:
    """List a project's members, newest user first (contract: ams-users-metrics 6.1)."""
    return await page(call, call.project.id)


@operation("projects:showUser", "GET", MEMBER, errors=[NotFound("User")])
async def show(call: Call) -> answers.User:
    """Show a member of a project (contract: ams-users-metrics 6.2)."""
    record = await members.get(call.broker.store, call.project.id, call.names["user"])
    return view(call, record, call.project.id)


@operation(
    "projects:createUser",
    "POST",
    MEMBER,
    body=CREATION,
    errors=[AlreadyExists("User"), BAD_ROLE],
)
async def create(call: Call) -> answers.User:
    """Create a user as a member, and show the token (contract: ams-users-metrics 6.3).

    Of the body the email counts, and the roles in this project.
    """
    body = await call.read(CREATION)
    name = call.names["user"]
    if name in RESERVED_NAMES:
        raise InvalidArgument("Invalid user name")
    await require_unused(call, name)
    roles = await _grantable(call, _roles_here(call, body) or [])
    token = new_token()
    record = await users.create(
        call.broker.store,
        name,
        token_digest=digest(token),
        token_ciphertext=call.broker.token_box.encrypt(token),
        fields=UserFields(email=body.email),
        memberships={call.project.id: roles},
        created_by_id=call.caller.user_id,
    )
    return answers.User.of(record, token)


@operation(
    "projects:updateUser",
    "PUT",
    MEMBER,
    body=UPDATE,
    errors=[NotFound("User"), NotMember(), BAD_ROLE],
)
async def update(call: Call) -> answers.User:
    """Change a member's roles to those the body has for this project (ams-users-metrics 6.4)."""
    body = await call.read(UPDATE)
    store, name = call.broker.store, call.names["user"]
    await users.by_name(store, name)
    roles = _roles_here(call, body)
    if roles is None:
        raise NotMember
    await _require_member(call, name)
    audit.note(roles=roles)
    record = await members.set_roles(store, call.project.id, name, await _grantable(call, roles))
    return view(call, record, call.project.id)


@operation(
    "projects:addUser",
    "POST",
    MEMBER,
    verb="add",
    body=ADDITION,
    errors=[NotFound("User"), AlreadyMember(), BAD_ROLE],
)
async def add(call: Call) -> answers.User:
    """Make a user a member of the project (contract: ams-users-metrics 6.5)."""
    store, name = call.broker.store, call.names["user"]
    await users.by_name(store, name)
    body = await call.read(ADDITION)
    if await _is_member(call, name):
        raise AlreadyMember
    roles = await _grantable(call, body.roles)
    audit.note(roles=roles)
    record = await members.add(store, call.project.id, name, roles)
    return view(call, record, call.project.id)


@operation(
    "projects:removeUser",
    "POST",
    MEMBER,
    verb="remove",
    errors=[NotFound("User"), NotMember()],
)
async def remove(call: Call) -> answers.Nothing:
    """End a user's membership (contract: ams-users-metrics 6.6)."""
    await members.remove(call.broker.store, call.project.id, call.names["user"])
    return answers.Nothing()


def _roles_here(call: Call, body: UserBody) -> list[str] | None:
    """The roles of the first entry for this project; None if there is no entry."""
    for entry in body.projects or []:
        if entry.project == call.project.name:
            return entry.roles
    return None


async def _grantable(call: Call, roles: list[str]) -> list[str]:
    """The roles, if they exist and the caller may give them."""
    for role in roles:
        if role not in PROJECT_ROLES and not is_privileged(call.caller):
            raise InvalidArgument(f"invalid role: {role}")
    return await valid_roles(call, roles)


async def _is_member(call: Call, name: str) -> bool:
    try:
        await members.get(call.broker.store, call.project.id, name)
    except NotFound:
        return False
    return True


async def _require_member(call: Call, name: str) -> None:
    if not await _is_member(call, name):
        raise NotMember
