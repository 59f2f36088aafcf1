"""Users (contract: ams-users-metrics 5)."""

from typing import Annotated, Final

from msgspec import Meta, field

from ams.api import answers, fields, formats, previews
from ams.api.bodies import Body
from ams.api.calls import Call, known_caller
from ams.api.operations import PAGE_SIZE, PAGE_TOKEN, BodyKind, Parameter, operation
from ams.auth.tokens import digest, new_token
from ams.metadata import users
from ams.metadata.records import UserFields, UserRecord
from ams.service.errors import AlreadyExists, InvalidArgument, NotFound, Unauthorized

#: Paths of their own, so no user can have these names (contract: ams-users-metrics 14 #24).
RESERVED_NAMES: Final = frozenset({"profile", "usageReport"})


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
    service_roles: Annotated[list[str], Meta(description="Roles that hold in every project.")] = (
        field(default_factory=list)
    )
    projects: list[ProjectRolesBody] = field(default_factory=list)
    name: fields.ServerText = ""
    uuid: fields.ServerText = ""
    token: fields.ServerText = ""
    created_on: fields.ServerText = ""
    modified_on: fields.ServerText = ""
    created_by: fields.ServerText = ""


USER: Final = "/v1/users/<user>"
CREATION: Final = BodyKind(UserBody, InvalidArgument("Invalid User Arguments"))
OF_PROJECT: Final = Parameter("project", "Only members of this project.")
DETAILS: Final = Parameter("details", "`true` shows each user's projects, too.")
#: The published client's name for the page token (contract: ams-users-metrics 14 #28).
OTHER_PAGE_TOKEN: Final = Parameter("nextPageToken", "Another name of `pageToken`.")


@operation(
    "users:create",
    "POST",
    USER,
    body=CREATION,
    errors=[
        AlreadyExists("User"),
        InvalidArgument("duplicate reference of project {project}"),
        InvalidArgument("invalid project: {project}"),
        InvalidArgument("invalid role: {role}"),
    ],
)
async def create(call: Call) -> answers.User:
    """Create a user, and show the token (contract: ams-users-metrics 5.6)."""
    body = await call.read(CREATION)
    name = call.names["user"]
    if name in RESERVED_NAMES:
        raise InvalidArgument("Invalid user name")
    await _require_unused(call, name)
    token = new_token()
    record = await users.create(
        call.broker.store,
        name,
        token_digest=digest(token),
        token_ciphertext=call.broker.token_box.encrypt(token),
        fields=UserFields(
            email=body.email,
            first_name=body.first_name,
            last_name=body.last_name,
            organization=body.organization,
            description=body.description,
        ),
        memberships=await _memberships(call, body.projects),
        service_roles=await _roles(call, body.service_roles),
        created_by_id=call.caller.user_id,
    )
    return answers.User.of(record, token)


async def _require_unused(call: Call, name: str) -> None:
    """A taken name is told before faults in the body; the database decides between two at once."""
    try:
        await users.by_name(call.broker.store, name)
    except NotFound:
        return
    raise AlreadyExists("User")


async def _memberships(call: Call, entries: list[ProjectRolesBody]) -> dict[int, list[str]]:
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
        memberships[project.id] = await _roles(call, entry.roles)
    return memberships


async def _roles(call: Call, roles: list[str]) -> list[str]:
    valid = (await call.broker.roles()).valid_roles()
    for role in roles:
        if role not in valid:
            raise InvalidArgument(f"invalid role: {role}")
    return roles


@operation("users:show", "GET", USER, errors=[NotFound("User")])
async def show(call: Call) -> answers.User:
    """Show a user, token included (contract: ams-users-metrics 5.2)."""
    return _full_view(call, await users.by_name(call.broker.store, call.names["user"]))


@operation("users:profile", "GET", "/v1/users/profile", errors=[Unauthorized()], is_open=True)
async def profile(call: Call) -> answers.User:
    """Show the caller, whatever their roles (contract: ams-users-metrics 5.5)."""
    caller = await known_caller(call.broker, call.request)
    if caller is None or caller.user_id is None:
        raise Unauthorized
    try:
        return _full_view(call, await users.by_id(call.broker.store, caller.user_id))
    except NotFound:
        raise Unauthorized from None


@operation(
    "users:list",
    "GET",
    "/v1/users",
    query=[OF_PROJECT, DETAILS, PAGE_SIZE, PAGE_TOKEN, OTHER_PAGE_TOKEN],
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
    size = formats.page_size(call.argument(PAGE_SIZE))
    token = call.argument(PAGE_TOKEN) or call.argument(OTHER_PAGE_TOKEN)
    page = await users.list_page(
        call.broker.store,
        page_size=size,
        from_id=formats.page_start(token),
        project_id=project_id,
        details=call.argument(DETAILS).lower() == "true",
    )
    decrypt = call.broker.token_box.decrypt
    items = [answers.User.of(record, decrypt(record.token_ciphertext)) for record in page.items]
    return answers.Users(items, formats.page_token(page.next_id), page.total)


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


def _full_view(call: Call, record: UserRecord) -> answers.User:
    return answers.User.of(record, call.broker.token_box.decrypt(record.token_ciphertext))
