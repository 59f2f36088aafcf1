"""Users (contract: ams-users-metrics 5)."""

from collections.abc import Sequence
from typing import Final

from ams.api import answers, formats, new_users, user_views
from ams.api.calls import Call, known_caller
from ams.api.operations import Parameter, operation
from ams.api.user_bodies import (
    BAD_ARGUMENTS,
    BAD_ROLE,
    USER_BODY,
    ProjectRolesBody,
    UserBody,
    can_be_user,
    require_roles,
)
from ams.auth.tokens import digest
from ams.metadata import audit, users
from ams.metadata.records import UserFields
from ams.service.errors import AlreadyExists, InvalidArgument, NotFound, Unauthorized

USER: Final = "/v1/users/<user>"
OF_PROJECT: Final = Parameter("project", "Only members of this project.")
#: How a body may be wrong. A project may also go away at the last moment.
_BODY_ERRORS: Final = (
    InvalidArgument("duplicate reference of project {project}"),
    InvalidArgument("invalid project: {project}"),
    BAD_ROLE,
    NotFound("project"),
)


@operation(
    "users:create", "POST", USER, body=USER_BODY, errors=[AlreadyExists("User"), *_BODY_ERRORS]
)
async def create(call: Call) -> answers.User:
    """Create a user, and show the token (contract: ams-users-metrics 5.6)."""
    new_users.require_possible_name(call)
    body = await call.read(USER_BODY)
    await new_users.require_unused_name(call)
    memberships = await _memberships(call, body.projects or ())
    service_roles = await _service_roles(call, body)
    _note(body)
    return await new_users.create(call, _fields(body), memberships or {}, service_roles or [])


@operation(
    "users:update",
    "PUT",
    USER,
    body=USER_BODY,
    errors=[
        NotFound("User"),
        InvalidArgument("invalid user name change, name already exists"),
        *_BODY_ERRORS,
    ],
)
async def update(call: Call) -> answers.User:
    """Change a user; what is empty or absent stays as it is (contract: ams-users-metrics 5.7).

    `projects` and `service_roles` replace what there is.
    """
    body = await call.read(USER_BODY)
    if body.name and not can_be_user(body.name):
        raise InvalidArgument(BAD_ARGUMENTS)
    memberships = await _memberships(call, body.projects)
    service_roles = await _service_roles(call, body)
    store = call.broker.store
    known = await users.by_name(store, call.names["user"])
    _note(body)
    record = await users.update(
        store,
        known.id,
        name=body.name,
        fields=_fields(body),
        memberships=memberships,
        service_roles=service_roles,
    )
    return user_views.full_view(call, record)


def _fields(body: UserBody) -> UserFields:
    return UserFields(
        email=body.email,
        first_name=body.first_name,
        last_name=body.last_name,
        organization=body.organization,
        description=body.description,
    )


async def _memberships(
    call: Call, entries: Sequence[ProjectRolesBody] | None
) -> dict[int, list[str]] | None:
    """Roles by the ids of the projects; None if nothing is said of projects."""
    if entries is None:
        return None
    valid = (await call.broker.roles()).valid_roles()
    memberships: dict[int, list[str]] = {}
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
        require_roles(entry.roles, valid)
        memberships[project.id] = entry.roles
    return memberships


async def _service_roles(call: Call, body: UserBody) -> list[str] | None:
    require_roles(body.service_roles or (), (await call.broker.roles()).valid_roles())
    return body.service_roles


def _note(body: UserBody) -> None:
    """Has the trail say which rights a user gets, and which name."""
    if body.name:
        audit.note(name=body.name)
    if body.projects is not None:
        audit.note(projects={each.project: each.roles for each in body.projects if each.project})
    if body.service_roles is not None:
        audit.note(service_roles=body.service_roles)


@operation("users:show", "GET", USER, errors=[NotFound("User")])
async def show(call: Call) -> answers.User:
    """Show a user, token included (contract: ams-users-metrics 5.2)."""
    return user_views.full_view(call, await users.by_name(call.broker.store, call.names["user"]))


@operation("users:byToken", "GET", "/v1/users:byToken/<token>", errors=[NotFound("User")])
async def show_by_token(call: Call) -> answers.User:
    """Show the user who has a token (contract: ams-users-metrics 5.3)."""
    record = await users.by_digest(call.broker.store, digest(call.names["token"]))
    return user_views.full_view(call, record)


@operation("users:byUUID", "GET", "/v1/users:byUUID/<uuid>", errors=[NotFound("User")])
async def show_by_uuid(call: Call) -> answers.User:
    """Show the user who has a uuid, token included (contract: ams-users-metrics 5.4)."""
    return user_views.full_view(call, await users.by_uuid(call.broker.store, call.names["uuid"]))


@operation("users:profile", "GET", "/v1/users/profile", errors=[Unauthorized()], is_open=True)
async def profile(call: Call) -> answers.User:
    """Show the caller, whatever their roles (contract: ams-users-metrics 5.5)."""
    caller = await known_caller(call.broker, call.request)
    if caller is None or caller.user_id is None:
        raise Unauthorized
    try:
        return user_views.full_view(call, await users.by_id(call.broker.store, caller.user_id))
    except NotFound:
        raise Unauthorized from None


@operation(
    "users:list",
    "GET",
    "/v1/users",
    query=[OF_PROJECT, *user_views.PAGE_QUERY],
    errors=[NotFound("ProjectUUID"), *formats.PAGE_ERRORS],
)
async def list_users(call: Call) -> answers.Users:
    """List users, newest first (contract: ams-users-metrics 5.1, 14 #28)."""
    project_id = None
    if name := call.argument(OF_PROJECT):
        try:
            project_id = (await call.broker.catalog.project(name)).id
        except NotFound:
            raise NotFound("ProjectUUID") from None
    return await user_views.page(call, project_id)


@operation("users:refreshToken", "POST", USER, verb="refreshToken", errors=[NotFound("User")])
async def refresh_token(call: Call) -> answers.User:
    """Give a user a new token, and show it; the old one stops working at once (5.8)."""
    store, token = call.broker.store, new_users.StoredToken.new(call)
    record = await users.by_name(store, call.names["user"])
    await users.set_token(
        store, record.id, token_digest=token.digest, token_ciphertext=token.ciphertext
    )
    return answers.User.of(await users.by_id(store, record.id), token.text)


@operation("users:delete", "DELETE", USER, errors=[NotFound("User")])
async def delete(call: Call) -> None:
    """Delete a user (contract: ams-users-metrics 5.9, 14 #2)."""
    store = call.broker.store
    await users.delete(store, (await users.by_name(store, call.names["user"])).id)
