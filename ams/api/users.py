"""Users (contract: ams-users-metrics 5)."""

from typing import Final

from ams.api import answers, formats, previews
from ams.api.callers import known_caller, presented_token
from ams.api.calls import Call
from ams.api.operations import BodyKind, Parameter, operation
from ams.api.user_bodies import (
    BAD_USER,
    RESERVED_NAMES,
    ROLE_ERRORS,
    UserBody,
    memberships,
    require_unused,
    valid_roles,
)
from ams.api.user_views import PAGE_QUERY, full_view, page
from ams.auth.tokens import digest, new_token
from ams.metadata import users
from ams.service.errors import AlreadyExists, InvalidArgument, NotFound, Unauthorized
from ams.service.routes import NAME

USER: Final = "/v1/users/<user>"
CREATION: Final = BodyKind(UserBody, InvalidArgument(BAD_USER))
UPDATE: Final = BodyKind(UserBody, InvalidArgument(BAD_USER))
OF_PROJECT: Final = Parameter("project", "Only members of this project.")


@operation(
    "users:create",
    "POST",
    USER,
    body=CREATION,
    errors=[AlreadyExists("User"), *ROLE_ERRORS],
)
async def create(call: Call) -> answers.User:
    """Create a user, and show the token (contract: ams-users-metrics 5.6)."""
    body = await call.read(CREATION)
    name = call.names["user"]
    if name in RESERVED_NAMES:
        raise InvalidArgument("Invalid user name")
    await require_unused(call, name)
    token = new_token()
    record = await users.create(
        call.broker.store,
        name,
        token_digest=digest(token),
        token_ciphertext=call.broker.token_box.encrypt(token),
        fields=body.details,
        memberships=await memberships(call, body.projects or []),
        service_roles=await valid_roles(call, body.service_roles or []),
        created_by_id=call.caller.user_id,
    )
    return answers.User.of(record, token)


@operation(
    "users:update",
    "PUT",
    USER,
    body=UPDATE,
    errors=[
        NotFound("User"),
        InvalidArgument("invalid user name change, name already exists"),
        *ROLE_ERRORS,
    ],
)
async def update(call: Call) -> answers.User:
    """Change a user; what is absent or empty stays (contract: ams-users-metrics 5.7).

    Lists replace those that are there; an empty list takes everything away.
    """
    body = await call.read(UPDATE)
    if body.name and (NAME.fullmatch(body.name) is None or body.name in RESERVED_NAMES):
        raise UPDATE.fault()
    places = None if body.projects is None else await memberships(call, body.projects)
    service_roles = (
        None if body.service_roles is None else await valid_roles(call, body.service_roles)
    )
    store = call.broker.store
    record = await users.update(
        store,
        (await users.by_name(store, call.names["user"])).id,
        name=body.name or None,
        fields=body.details,
        memberships=places,
        service_roles=service_roles,
    )
    return full_view(call, record)


@operation("users:byToken", "GET", "/v1/users:byToken/<token>", errors=[NotFound("User")])
async def by_token(call: Call) -> answers.User:
    """Show the user whose token this is (contract: ams-users-metrics 5.3)."""
    record = await users.by_digest(call.broker.store, digest(call.names["token"]))
    return full_view(call, record)


@operation("users:byUUID", "GET", "/v1/users:byUUID/<uuid>", errors=[NotFound("User")])
async def by_uuid(call: Call) -> answers.User:
    """Show the user of a uuid, token included (contract: ams-users-metrics 5.4)."""
    return full_view(call, await users.by_uuid(call.broker.store, call.names["uuid"]))


@operation("users:show", "GET", USER, errors=[NotFound("User")])
async def show(call: Call) -> answers.User:
    """Show a user, token included (contract: ams-users-metrics 5.2)."""
    return full_view(call, await users.by_name(call.broker.store, call.names["user"]))


@operation("users:profile", "GET", "/v1/users/profile", errors=[Unauthorized()], is_open=True)
async def profile(call: Call) -> answers.User:
    """Show the caller, whatever their roles (contract: ams-users-metrics 5.5).

    Who calls with a signed token of AuthN is not shown the other one, which does not expire.
    """
    caller = await known_caller(call.broker, call.request)
    if caller is None or caller.user_id is None:
        raise Unauthorized
    try:
        record = await users.by_id(call.broker.store, caller.user_id)
    except NotFound:
        raise Unauthorized from None
    if presented_token(call.broker, call.request).is_signed:
        return answers.User.of(record, "")
    return full_view(call, record)


@operation(
    "users:list",
    "GET",
    "/v1/users",
    query=[OF_PROJECT, *PAGE_QUERY],
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
    return await page(call, project_id)


@operation("users:refreshToken", "POST", USER, verb="refreshToken", errors=[NotFound("User")])
async def refresh_token(call: Call) -> answers.User:
    """Give a user a new token, and show it; the old one stops working at once (5.8)."""
    store, token = call.broker.store, new_token()
    record = await users.by_name(store, call.names["user"])
    await users.set_token(
        store,
        record.id,
        token_digest=digest(token),
        token_ciphertext=call.broker.token_box.encrypt(token),
    )
    return answers.User.of(await users.by_id(store, record.id), token)


@operation("users:delete", "DELETE", USER, errors=[NotFound("User")], preview=previews.user)
async def delete(call: Call) -> None:
    """Delete a user (contract: ams-users-metrics 5.9, 14 #2)."""
    store = call.broker.store
    await users.delete(store, (await users.by_name(store, call.names["user"])).id)
