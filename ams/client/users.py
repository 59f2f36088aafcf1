"""The API's requests about users."""

from collections.abc import Iterable, Mapping

import msgspec

from ams.client.call import (
    DRY_RUN,
    Call,
    Listing,
    Repeat,
    answer,
    checked_name,
    checked_secret,
    no_answer,
    page_query,
)
from ams.client.preview_objects import UserLoss
from ams.client.user_objects import User, UserPage


class UserDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of a user besides name and roles; all of it may be empty."""

    email: str = ""
    first_name: str = ""
    last_name: str = ""
    organization: str = ""
    description: str = ""


#: Nothing is known.
NO_DETAILS = UserDetails()
_user = answer(User)
_loss = answer(UserLoss)
_user_page = answer(UserPage)


def _path(user: str) -> str:
    return f"/v1/users/{checked_name('user', user)}"


def _memberships(project_roles: Mapping[str, Iterable[str]]) -> list[dict[str, object]]:
    return [{"project": project, "roles": list(roles)} for project, roles in project_roles.items()]


def create(
    user: str,
    *,
    project_roles: Mapping[str, Iterable[str]] | None = None,
    service_roles: Iterable[str] = (),
    details: UserDetails = NO_DETAILS,
) -> Call[User]:
    """Creates a user; the answer has the user's token.

    Args:
        user: the user's name.
        project_roles: roles for each project by name.
        service_roles: roles for the whole service.
        details: what else is known of the user.
    """
    body = {
        **msgspec.to_builtins(details),
        "service_roles": list(service_roles),
        "projects": _memberships(project_roles or {}),
    }
    return Call("POST", _path(user), _user, Repeat.REFUSED, body=msgspec.json.encode(body))


def update(
    user: str,
    *,
    name: str = "",
    project_roles: Mapping[str, Iterable[str]] | None = None,
    service_roles: Iterable[str] | None = None,
    details: UserDetails = NO_DETAILS,
) -> Call[User]:
    """Changes what is given; the token stays.

    Args:
        user: the user's name.
        name: a new name.
        project_roles: roles for each project by name, instead of all that the user has: the user
            leaves the projects that are not in it.
        service_roles: roles for the whole service, instead of those that the user has.
        details: what else is known of the user; what is empty stays as it is.
    """
    body: dict[str, object] = msgspec.to_builtins(details)
    if name:
        body["name"] = name
    if project_roles is not None:
        body["projects"] = _memberships(project_roles)
    if service_roles is not None:
        body["service_roles"] = list(service_roles)
    # Once it has a new name, nobody has the old one.
    repeat = Repeat.REFUSED if name else Repeat.SAFE
    return Call("PUT", _path(user), _user, repeat, body=msgspec.json.encode(body))


def show(user: str) -> Call[User]:
    """One user, token included."""
    return Call("GET", _path(user), _user, Repeat.SAFE)


def by_token(token: str) -> Call[User]:
    """The user whose token this is.

    The token is a part of the URL, which httpx logs at level INFO.
    """
    path = f"/v1/users:byToken/{checked_secret('token', token)}"
    return Call("GET", path, _user, Repeat.SAFE, shown_path="/v1/users:byToken/...")


def by_uuid(uuid: str) -> Call[User]:
    """The user of a uuid, token included."""
    return Call("GET", f"/v1/users:byUUID/{checked_name('uuid', uuid)}", _user, Repeat.SAFE)


def page(
    page_size: int = 0, page_token: str = "", *, project: str = "", details: bool = False
) -> Call[UserPage]:
    """Some users, newest first; all of them if there is no page size."""
    query = page_query(page_size, page_token, project=project, details="true" if details else "")
    return Call("GET", "/v1/users", _user_page, Repeat.SAFE, query=query)


def list_all(*, project: str = "", details: bool = False, page_size: int = 500) -> Listing[User]:
    """All users, newest first, asked for page by page.

    Args:
        project: only users of this project, if given.
        details: whether to tell the users' projects.
        page_size: most users in one answer.
    """
    return Listing(lambda token: page(page_size, token, project=project, details=details))


def profile() -> Call[User]:
    """The user whose token the client sends."""
    return Call("GET", "/v1/users/profile", _user, Repeat.SAFE)


def refresh_token(user: str) -> Call[User]:
    """Gives a user a new token, which the answer has; the old one ends at once."""
    # The answer to a repetition has the token that holds, which is all that is asked for.
    return Call("POST", f"{_path(user)}:refreshToken", _user, Repeat.SAFE)


def delete(user: str) -> Call[None]:
    """Deletes a user."""
    return Call("DELETE", _path(user), no_answer, Repeat.SAFE)


def preview_delete(user: str) -> Call[UserLoss]:
    """What deleting a user would do; nothing is done."""
    return Call("DELETE", _path(user), _loss, Repeat.SAFE, query=DRY_RUN)
