"""The API's requests about registrations: requests to become a user."""

import msgspec

from ams.client.call import Call, Repeat, answer, answer_part, checked_name, no_answer
from ams.client.user_objects import Registration, RegistrationList, User
from ams.client.users import NO_DETAILS, UserDetails

_user = answer(User)
_registration = answer(Registration)
_registrations = answer_part(RegistrationList, lambda answered: answered.user_registrations)


def _path(uuid: str) -> str:
    return f"/v1/registrations/{checked_name('uuid', uuid)}"


def create(name: str, *, details: UserDetails = NO_DETAILS) -> Call[Registration]:
    """Asks for an account in somebody's name.

    Args:
        name: name that the user will have.
        details: what else is known of the user.
    """
    body = msgspec.json.encode({"name": name, **msgspec.to_builtins(details)})
    # contract: ams-users-metrics 7.1 - the same name may be asked for twice.
    return Call("POST", "/v1/registrations", _registration, Repeat.DUPLICATES, body=body)


def show(uuid: str) -> Call[Registration]:
    """One registration."""
    return Call("GET", _path(uuid), _registration, Repeat.SAFE)


def list_all(
    *,
    status: str = "",
    name: str = "",
    email: str = "",
    organization: str = "",
    activation_token: str = "",
) -> Call[tuple[Registration, ...]]:
    """The registrations that match all that is given, oldest first.

    Args:
        status: `pending`, `accepted` or `declined`.
        name: name that the user will have.
        email: address, just as it was given.
        organization: organization, just as it was given.
        activation_token: the token of a pending registration.
    """
    filters = {
        "status": status,
        "name": name,
        "email": email,
        "organization": organization,
        "activation_token": activation_token,
    }
    query = {key: value for key, value in filters.items() if value}
    return Call("GET", "/v1/registrations", _registrations, Repeat.SAFE, query=query)


def accept(uuid: str) -> Call[User]:
    """Makes a user of a pending registration; the answer has the user's token."""
    return Call("POST", f"{_path(uuid)}:accept", _user, Repeat.REFUSED)


def decline(uuid: str, comment: str = "") -> Call[None]:
    """Declines a pending registration; the comment says why."""
    body = msgspec.json.encode({"comment": comment})
    return Call("POST", f"{_path(uuid)}:decline", no_answer, Repeat.REFUSED, body=body)


def delete(uuid: str) -> Call[None]:
    """Deletes a registration; a user that was made of it stays."""
    return Call("DELETE", _path(uuid), no_answer, Repeat.SAFE)
