"""The members of a project (contract: ams-users-metrics 6)."""

from collections.abc import Sequence
from typing import Final

from ams.api import answers, formats, new_users, user_views
from ams.api.calls import Call
from ams.api.operations import PROJECT, BodyKind, operation
from ams.api.user_bodies import BAD_ROLE, USER_BODY, ProjectRolesBody, UserBody, require_roles
from ams.auth.access import roles_to_give
from ams.metadata import audit, members, users
from ams.metadata.members import AlreadyMember, NotMember
from ams.metadata.records import UserFields, UserRecord
from ams.service.errors import AlreadyExists, BadRequest, NotFound

MEMBERS: Final = f"{PROJECT}/members"
MEMBER: Final = f"{MEMBERS}/<user>"
#: Differs from what its siblings say of a bad body (contract: ams-users-metrics 14 #15).
ADDITION: Final = BodyKind(ProjectRolesBody, BadRequest())


@operation(
    "projects:listUsers",
    "GET",
    MEMBERS,
    query=user_views.PAGE_QUERY,
    errors=formats.PAGE_ERRORS,
)
async def list_members(call: Call) -> answers.Users:
    """List a project's members, newest first (contract: ams-users-metrics 6.1)."""
    return await user_views.page(call, call.project.id)


@operation("projects:showUser", "GET", MEMBER, errors=[NotFound("User")])
async def show(call: Call) -> answers.User:
    """Show a member of a project (contract: ams-users-metrics 6.2)."""
    return _view(call, await members.get(call.broker.store, call.project.id, call.names["user"]))


@operation(
    "projects:createUser", "POST", MEMBER, body=USER_BODY, errors=[AlreadyExists("User"), BAD_ROLE]
)
async def create(call: Call) -> answers.User:
    """Create a user in a project, and show the token (contract: ams-users-metrics 6.3).

    Of the body, `email` counts, and the roles in this project.
    """
    new_users.require_possible_name(call)
    body = await call.read(USER_BODY)
    await new_users.require_unused_name(call)
    entry = _entry(call, body) or ProjectRolesBody()
    await _require_roles(call, entry.roles)
    audit.note(roles=entry.roles)
    return await new_users.create(
        call, UserFields(email=body.email), {call.project.id: entry.roles}, ()
    )


@operation(
    "projects:updateUser",
    "PUT",
    MEMBER,
    body=USER_BODY,
    errors=[NotFound("User"), NotMember(), BAD_ROLE],
)
async def update(call: Call) -> answers.User:
    """Replace a member's roles in a project (contract: ams-users-metrics 6.4, 14 #14 and #17).

    A body without an entry for the project is refused as if the user were no member.
    """
    body = await call.read(USER_BODY)
    store, project_id, name = call.broker.store, call.project.id, call.names["user"]
    entry = _entry(call, body)
    if not _is_member(call, await users.by_name(store, name)) or entry is None:
        raise NotMember
    await _require_roles(call, entry.roles)
    audit.note(roles=entry.roles)
    return _view(call, await members.set_roles(store, project_id, name, entry.roles))


@operation(
    "projects:addUser",
    "POST",
    MEMBER,
    verb="add",
    body=ADDITION,
    errors=[NotFound("User"), AlreadyMember(), BAD_ROLE],
)
async def add(call: Call) -> answers.User:
    """Make a user a member of a project (contract: ams-users-metrics 6.5)."""
    store, name = call.broker.store, call.names["user"]
    known = await users.by_name(store, name)
    roles = (await call.read(ADDITION)).roles
    if _is_member(call, known):
        raise AlreadyMember
    await _require_roles(call, roles)
    audit.note(roles=roles)
    return _view(call, await members.add(store, call.project.id, name, roles))


@operation(
    "projects:removeUser",
    "POST",
    MEMBER,
    verb="remove",
    errors=[NotFound("User"), NotMember()],
)
async def remove(call: Call) -> answers.Nothing:
    """End a membership; the user stays (contract: ams-users-metrics 6.6, 14 #16)."""
    await members.remove(call.broker.store, call.project.id, call.names["user"])
    return answers.Nothing()


def _view(call: Call, record: UserRecord) -> answers.User:
    return user_views.view(call, record, call.project.id)


def _is_member(call: Call, record: UserRecord) -> bool:
    return any(place.project_id == call.project.id for place in record.projects)


def _entry(call: Call, body: UserBody) -> ProjectRolesBody | None:
    """What a body says of this project first."""
    name = call.names["project"]
    return next((entry for entry in body.projects or () if entry.project == name), None)


async def _require_roles(call: Call, roles: Sequence[str]) -> None:
    require_roles(roles, roles_to_give(await call.broker.roles(), call.caller))
