"""What it takes to make a user, for the routes that do."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ams.api import answers
from ams.api.calls import Call
from ams.api.user_bodies import RESERVED_NAMES
from ams.auth.tokens import digest, new_token
from ams.metadata import users
from ams.metadata.records import UserFields
from ams.service.errors import AlreadyExists, InvalidArgument, NotFound


class StoredToken(NamedTuple):
    """A new token: as its owner gets it, as it is found, and as it is kept."""

    text: str
    digest: str
    ciphertext: str

    @classmethod
    def new(cls, call: Call) -> "StoredToken":
        text = new_token()
        return cls(text, digest(text), call.broker.token_box.encrypt(text))


def require_possible_name(call: Call) -> None:
    """Raises InvalidArgument if no user can have the name in the path."""
    if call.names["user"] in RESERVED_NAMES:
        raise InvalidArgument("Invalid user name")


async def require_unused_name(call: Call) -> None:
    """A taken name is told before faults in the body; the database decides between two at once."""
    try:
        await users.by_name(call.broker.store, call.names["user"])
    except NotFound:
        return
    raise AlreadyExists("User")


async def create(
    call: Call,
    user_fields: UserFields,
    memberships: Mapping[int, Sequence[str]],
    service_roles: Sequence[str],
) -> answers.User:
    """Makes the user that the path names, and shows all of them: the token is handed over here."""
    token = StoredToken.new(call)
    record = await users.create(
        call.broker.store,
        call.names["user"],
        token_digest=token.digest,
        token_ciphertext=token.ciphertext,
        fields=user_fields,
        memberships=memberships,
        service_roles=service_roles,
        created_by_id=call.caller.user_id,
    )
    return answers.User.of(record, token.text)
