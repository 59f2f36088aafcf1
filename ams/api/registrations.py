"""Requests for accounts, which wait for an admin (contract: ams-users-metrics 7)."""

from typing import Annotated, Final, Literal

from msgspec import Meta

from ams.api import answers, fields, formats
from ams.api.answers import Answer
from ams.api.bodies import Body, TextMap
from ams.api.calls import Call
from ams.api.new_users import StoredToken
from ams.api.operations import BodyKind, Parameter, operation
from ams.api.user_bodies import BAD_ARGUMENTS, can_be_user
from ams.auth.tokens import digest
from ams.metadata import registrations
from ams.metadata.records import RegistrationRecord, UserFields
from ams.service.errors import AlreadyExists, BadRequest, InvalidArgument, NotFound

REGISTRATIONS: Final = "/v1/registrations"
REGISTRATION: Final = f"{REGISTRATIONS}/<uuid>"
NO_REGISTRATION: Final = NotFound("User registration")


class RegistrationBody(Body):
    """Who asks for an account."""

    name: Annotated[str, fields.REQUIRED, Meta(examples=["alice"])] = ""
    first_name: str = ""
    last_name: str = ""
    organization: str = ""
    description: str = ""
    email: Annotated[str, Meta(examples=["alice@example.org"])] = ""
    uuid: fields.ServerText = ""
    status: fields.ServerText = ""
    decline_comment: fields.ServerText = ""
    activation_token: fields.ServerText = ""
    registered_at: fields.ServerText = ""
    modified_by: fields.ServerText = ""
    modified_at: fields.ServerText = ""


class DeclineBody(TextMap):
    """Why an account is refused."""

    comment: Annotated[str, Meta(examples=["We know nobody of this name."])] = ""


NEW: Final = BodyKind(RegistrationBody, InvalidArgument(BAD_ARGUMENTS))
DECLINE: Final = BodyKind(
    DeclineBody, BadRequest(), optional=True, is_map=True, is_first_value=True
)


class Registration(Answer, kw_only=True):
    """A request for an account (contract: ams-users-metrics 4.4)."""

    uuid: str
    name: str
    first_name: str
    last_name: str
    organization: str
    description: str
    email: str
    status: Literal["pending", "accepted", "declined"]
    decline_comment: str = ""
    activation_token: Annotated[str, Meta(description="Shown while it is pending.")] = ""
    registered_at: fields.Time
    modified_by: Annotated[str, Meta(description="Who accepted or declined it.")] = ""
    modified_at: fields.Time = ""

    @classmethod
    def of(cls, record: RegistrationRecord, activation_token: str) -> "Registration":
        known, modified_at = record.fields, record.modified_at
        return cls(
            uuid=record.uuid,
            name=record.name,
            first_name=known.first_name,
            last_name=known.last_name,
            organization=known.organization,
            description=known.description,
            email=known.email,
            status=record.status,
            decline_comment=record.decline_comment,
            activation_token=activation_token,
            registered_at=formats.time_text(record.registered_at),
            modified_by=record.modified_by or "",
            modified_at="" if modified_at is None else formats.time_text(modified_at),
        )


class Registrations(Answer):
    """Requests for accounts, oldest first (contract: ams-users-metrics 7.5)."""

    user_registrations: list[Registration]


STATUS: Final = Parameter(
    "status", "Only those where it is this.", ("pending", "accepted", "declined")
)
ACTIVATION_TOKEN: Final = Parameter("activation_token", "Only the one with this activation token.")
NAME: Final = Parameter("name", "Only those for this name.")
EMAIL: Final = Parameter("email", "Only those with this address.")
ORGANIZATION: Final = Parameter("organization", "Only those with this organization.")


@operation("registrations:newUser", "POST", REGISTRATIONS, body=NEW, errors=[AlreadyExists("User")])
async def create(call: Call) -> Registration:
    """Ask for an account (contract: ams-users-metrics 7.1, 14 #11 and #12)."""
    body = await call.read(NEW)
    if not can_be_user(body.name):
        raise NEW.fault()
    token = StoredToken.new(call)
    record = await registrations.create(
        call.broker.store,
        body.name,
        activation_digest=token.digest,
        activation_ciphertext=token.ciphertext,
        fields=UserFields(
            email=body.email,
            first_name=body.first_name,
            last_name=body.last_name,
            organization=body.organization,
            description=body.description,
        ),
    )
    return Registration.of(record, token.text)


@operation(
    "registrations:acceptNewUser",
    "POST",
    REGISTRATION,
    verb="accept",
    errors=[NO_REGISTRATION, AlreadyExists("User")],
)
async def accept(call: Call) -> answers.User:
    """Make the user that is asked for, and show the token (contract: ams-users-metrics 7.2)."""
    token = StoredToken.new(call)
    record = await registrations.accept(
        call.broker.store,
        call.names["uuid"],
        token_digest=token.digest,
        token_ciphertext=token.ciphertext,
        by_id=call.caller.user_id,
    )
    return answers.User.of(record, token.text)


@operation(
    "registrations:declineNewUser",
    "POST",
    REGISTRATION,
    verb="decline",
    body=DECLINE,
    errors=[NO_REGISTRATION],
)
async def decline(call: Call) -> answers.Nothing:
    """Refuse an account (contract: ams-users-metrics 7.3, 14 #13)."""
    store, uuid = call.broker.store, call.names["uuid"]
    if (await registrations.get(store, uuid)).status != "pending":
        raise NotFound("User registration")
    comment = (await call.read(DECLINE)).comment
    await registrations.decline(store, uuid, comment=comment, by_id=call.caller.user_id)
    return answers.Nothing()


@operation("registrations:show", "GET", REGISTRATION, errors=[NO_REGISTRATION])
async def show(call: Call) -> Registration:
    """Show a request for an account (contract: ams-users-metrics 7.4)."""
    return _shown(call, await registrations.get(call.broker.store, call.names["uuid"]))


@operation(
    "registrations:list",
    "GET",
    REGISTRATIONS,
    query=[STATUS, ACTIVATION_TOKEN, NAME, EMAIL, ORGANIZATION],
)
async def list_registrations(call: Call) -> Registrations:
    """List the requests for accounts that match, oldest first (contract: ams-users-metrics 7.5)."""
    token = call.argument(ACTIVATION_TOKEN)
    records = await registrations.list_all(
        call.broker.store,
        status=call.argument(STATUS) or None,
        activation_digest=digest(token) if token else None,
        name=call.argument(NAME) or None,
        email=call.argument(EMAIL) or None,
        organization=call.argument(ORGANIZATION) or None,
    )
    return Registrations([_shown(call, record) for record in records])


@operation("registrations:delete", "DELETE", REGISTRATION, errors=[NO_REGISTRATION])
async def delete(call: Call) -> None:
    """Delete a request for an account; a user made from it stays (contract: 7.6, 14 #8)."""
    await registrations.delete(call.broker.store, call.names["uuid"])


def _shown(call: Call, record: RegistrationRecord) -> Registration:
    ciphertext = record.activation_ciphertext
    token = "" if ciphertext is None else call.broker.token_box.decrypt(ciphertext)
    return Registration.of(record, token)
