"""Registrations: requests to become a user (contract: ams-users-metrics 7)."""

from typing import Annotated, Final

from msgspec import Meta

from ams.api import answers, fields, formats
from ams.api.answers import Answer
from ams.api.bodies import Body, TextMap
from ams.api.calls import Call
from ams.api.operations import BodyKind, Parameter, operation
from ams.api.user_bodies import BAD_USER, RESERVED_NAMES
from ams.auth.tokens import digest, new_token
from ams.metadata import registrations
from ams.metadata.records import RegistrationRecord, UserFields
from ams.service.errors import AlreadyExists, BadRequest, InvalidArgument, NotFound
from ams.service.routes import NAME

REGISTRATIONS: Final = "/v1/registrations"
REGISTRATION: Final = f"{REGISTRATIONS}/<uuid>"
_NOT_FOUND: Final = NotFound("User registration")


class RegistrationBody(Body):
    """Who wants to become a user."""

    name: Annotated[str, fields.REQUIRED] = ""
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    organization: str = ""
    description: str = ""
    uuid: fields.ServerText = ""
    status: fields.ServerText = ""
    activation_token: fields.ServerText = ""
    registered_at: fields.ServerText = ""
    decline_comment: fields.ServerText = ""
    modified_by: fields.ServerText = ""
    modified_at: fields.ServerText = ""


class DeclineBody(TextMap):
    """Why a registration is declined."""

    comment: str = ""


class Registration(Answer, kw_only=True):
    """A request to become a user (contract: ams-users-metrics 4.4)."""

    uuid: str
    name: str
    first_name: str
    last_name: str
    organization: str
    description: str
    email: str
    status: Annotated[str, Meta(description="pending, accepted or declined")]
    decline_comment: str = ""
    activation_token: str = ""
    registered_at: fields.Time
    modified_by: str = ""
    modified_at: str = ""

    @classmethod
    def of(cls, record: RegistrationRecord, activation_token: str) -> "Registration":
        return cls(
            uuid=record.uuid,
            name=record.name,
            first_name=record.fields.first_name,
            last_name=record.fields.last_name,
            organization=record.fields.organization,
            description=record.fields.description,
            email=record.fields.email,
            status=record.status,
            decline_comment=record.decline_comment,
            activation_token=activation_token,
            registered_at=formats.time_text(record.registered_at),
            modified_by=record.modified_by or "",
            modified_at=formats.time_text(record.modified_at) if record.modified_at else "",
        )


class Registrations(Answer):
    """Registrations, oldest first."""

    user_registrations: list[Registration]


CREATION: Final = BodyKind(RegistrationBody, InvalidArgument(BAD_USER))
DECLINE: Final = BodyKind(
    DeclineBody, BadRequest(), optional=True, is_map=True, is_first_value=True
)
STATUS: Final = Parameter("status", "Only those that are `pending`, `accepted` or `declined`.")
ACTIVATION_TOKEN: Final = Parameter("activation_token", "Only the one with this token.")
NAME_FILTER: Final = Parameter("name", "Only those that ask for this name.")
EMAIL: Final = Parameter("email", "Only those with this address.")
ORGANIZATION: Final = Parameter("organization", "Only those of this organization.")


@operation(
    "registrations:newUser", "POST", REGISTRATIONS, body=CREATION, errors=[AlreadyExists("User")]
)
async def create(call: Call) -> Registration:
    """Ask for an account in somebody's name (contract: ams-users-metrics 7.1, 14 #11, #12)."""
    body = await call.read(CREATION)
    if NAME.fullmatch(body.name) is None or body.name in RESERVED_NAMES:
        raise CREATION.fault()
    token = new_token()
    record = await registrations.create(
        call.broker.store,
        body.name,
        activation_digest=digest(token),
        activation_ciphertext=call.broker.token_box.encrypt(token),
        fields=UserFields(
            email=body.email,
            first_name=body.first_name,
            last_name=body.last_name,
            organization=body.organization,
            description=body.description,
        ),
    )
    return _view(call, record)


@operation(
    "registrations:acceptNewUser",
    "POST",
    REGISTRATION,
    verb="accept",
    errors=[_NOT_FOUND, AlreadyExists("User")],
)
async def accept(call: Call) -> answers.User:
    """Make a user of a pending registration, and show the token (ams-users-metrics 7.2)."""
    token = new_token()
    record = await registrations.accept(
        call.broker.store,
        call.names["uuid"],
        token_digest=digest(token),
        token_ciphertext=call.broker.token_box.encrypt(token),
        by_id=call.caller.user_id,
    )
    return answers.User.of(record, token)


@operation(
    "registrations:declineNewUser",
    "POST",
    REGISTRATION,
    verb="decline",
    body=DECLINE,
    errors=[_NOT_FOUND],
)
async def decline(call: Call) -> answers.Nothing:
    """Decline a pending registration (contract: ams-users-metrics 7.3, 14 #13)."""
    store, uuid = call.broker.store, call.names["uuid"]
    if (await registrations.get(store, uuid)).status != "pending":
        raise NotFound("User registration")
    body = await call.read(DECLINE)
    await registrations.decline(store, uuid, comment=body.comment, by_id=call.caller.user_id)
    return answers.Nothing()


@operation("registrations:show", "GET", REGISTRATION, errors=[_NOT_FOUND])
async def show(call: Call) -> Registration:
    """Show a registration (contract: ams-users-metrics 7.4)."""
    return _view(call, await registrations.get(call.broker.store, call.names["uuid"]))


@operation(
    "registrations:list",
    "GET",
    REGISTRATIONS,
    query=[STATUS, ACTIVATION_TOKEN, NAME_FILTER, EMAIL, ORGANIZATION],
)
async def list_registrations(call: Call) -> Registrations:
    """List registrations that match all that is asked for, oldest first (7.5)."""
    token = call.argument(ACTIVATION_TOKEN)
    found = await registrations.list_all(
        call.broker.store,
        status=call.argument(STATUS) or None,
        activation_digest=digest(token) if token else None,
        name=call.argument(NAME_FILTER) or None,
        email=call.argument(EMAIL) or None,
        organization=call.argument(ORGANIZATION) or None,
    )
    return Registrations([_view(call, record) for record in found])


@operation("registrations:delete", "DELETE", REGISTRATION, errors=[_NOT_FOUND])
async def delete(call: Call) -> None:
    """Delete a registration; a user made from it stays (contract: ams-users-metrics 7.6)."""
    await registrations.delete(call.broker.store, call.names["uuid"])


def _view(call: Call, record: RegistrationRecord) -> Registration:
    ciphertext = record.activation_ciphertext
    token = "" if ciphertext is None else call.broker.token_box.decrypt(ciphertext)
    return Registration.of(record, token)
