"""Users: the API's requests about them, and the part of the client that sends these."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from ams.client.call import Call, Send, answer, checked_name, no_answer, page_query
from ams.client.objects import User, UserPage


class UserDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of a user besides name and roles; all of it may be empty."""

    email: str = ""
    first_name: str = ""
    last_name: str = ""
    organization: str = ""
    description: str = ""


_NO_DETAILS = UserDetails()
_user = answer(User)
_user_page = answer(UserPage)


def _path(user: str) -> str:
    return f"/v1/users/{checked_name('user', user)}"


def create(
    user: str,
    *,
    project_roles: Mapping[str, Iterable[str]] | None = None,
    service_roles: Iterable[str] = (),
    details: UserDetails = _NO_DETAILS,
) -> Call[User]:
    """The request that creates a user."""
    body = {
        **msgspec.to_builtins(details),
        "service_roles": list(service_roles),
        "projects": [
            {"project": project, "roles": list(roles)}
            for project, roles in (project_roles or {}).items()
        ],
    }
    return Call("POST", _path(user), _user, body=msgspec.json.encode(body))


def show(user: str) -> Call[User]:
    """The request for one user."""
    return Call("GET", _path(user), _user)


def list_page(
    page_size: int = 0, page_token: str = "", *, project: str = "", details: bool = False
) -> Call[UserPage]:
    """The request for some users, or for all of them."""
    query = page_query(page_size, page_token)
    if project:
        query["project"] = project
    if details:
        query["details"] = "true"
    return Call("GET", "/v1/users", _user_page, query=query)


def profile() -> Call[User]:
    """The request for the user whose token is sent."""
    return Call("GET", "/v1/users/profile", _user)


def refresh_token(user: str) -> Call[User]:
    """The request that gives a user a new token."""
    return Call("POST", f"{_path(user)}:refreshToken", _user)


def delete(user: str) -> Call[None]:
    """The request that deletes a user."""
    return Call("DELETE", _path(user), no_answer)


class Users:
    """Users, as seen by a client."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def create(
        self,
        user: str,
        *,
        project_roles: Mapping[str, Iterable[str]] | None = None,
        service_roles: Iterable[str] = (),
        details: UserDetails = _NO_DETAILS,
    ) -> User:
        """Creates a user; the answer has the user's token.

        Args:
            user: the user's name.
            project_roles: roles for each project by name.
            service_roles: roles for the whole service.
            details: what else is known of the user.
        """
        call = create(
            user, project_roles=project_roles, service_roles=service_roles, details=details
        )
        return self._send(call)

    def show(self, user: str) -> User:
        """One user, token included."""
        return self._send(show(user))

    def page(
        self,
        page_size: int = 0,
        page_token: str = "",
        *,
        project: str = "",
        details: bool = False,
    ) -> UserPage:
        """Some users, newest first; all of them if there is no page size."""
        return self._send(list_page(page_size, page_token, project=project, details=details))

    def list(
        self, *, project: str = "", details: bool = False, page_size: int = 500
    ) -> Iterator[User]:
        """All users, newest first, asked for page by page.

        Args:
            project: only users of this project, if given.
            details: whether to tell the users' projects.
            page_size: most users in one answer.
        """
        token = ""
        while True:
            page = self.page(page_size, token, project=project, details=details)
            yield from page.users
            token = page.next_page_token
            if not token:
                return

    def profile(self) -> User:
        """The user whose token the client sends."""
        return self._send(profile())

    def refresh_token(self, user: str) -> User:
        """Gives a user a new token, which the answer has; the old one ends at once."""
        return self._send(refresh_token(user))

    def delete(self, user: str) -> None:
        """Deletes a user."""
        self._send(delete(user))
