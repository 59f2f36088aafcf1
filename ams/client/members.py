"""The API's requests about members of projects."""

from collections.abc import Iterable

import msgspec

from ams.client.call import (
    Call,
    Listing,
    Repeat,
    answer,
    checked_name,
    no_answer,
    page_query,
    project_path,
)
from ams.client.user_objects import User, UserPage

_user = answer(User)
_user_page = answer(UserPage)


def _path(project: str, user: str) -> str:
    return f"{project_path(project)}/members/{checked_name('user', user)}"


def _body(project: str, roles: Iterable[str], email: str = "") -> bytes:
    projects = [{"project": project, "roles": list(roles)}]
    return msgspec.json.encode({"email": email, "projects": projects})


def create(project: str, user: str, *, roles: Iterable[str] = (), email: str = "") -> Call[User]:
    """Creates a user as a member of a project; the answer has the user's token."""
    body = _body(project, roles, email)
    return Call("POST", _path(project, user), _user, Repeat.REFUSED, body=body)


def show(project: str, user: str) -> Call[User]:
    """One member; who is no service admin sees the roles in this project only, and no token."""
    return Call("GET", _path(project, user), _user, Repeat.SAFE)


def page(
    project: str, page_size: int = 0, page_token: str = "", *, details: bool = False
) -> Call[UserPage]:
    """Some members of a project, newest user first; all of them if there is no page size."""
    query = page_query(page_size, page_token, details="true" if details else "")
    path = f"{project_path(project)}/members"
    return Call("GET", path, _user_page, Repeat.SAFE, query=query)


def list_all(project: str, *, details: bool = False, page_size: int = 500) -> Listing[User]:
    """All members of a project, newest user first, asked for page by page.

    Args:
        project: name of the project.
        details: whether to tell the members' projects, and with them their roles.
        page_size: most members in one answer.
    """
    return Listing(lambda token: page(project, page_size, token, details=details))


def update(project: str, user: str, roles: Iterable[str]) -> Call[User]:
    """Gives a member these roles in the project, instead of those there are."""
    body = _body(project, roles)
    return Call("PUT", _path(project, user), _user, Repeat.SAFE, body=body)


def add(project: str, user: str, roles: Iterable[str] = ()) -> Call[User]:
    """Makes a user, who is there already, a member of a project."""
    body = msgspec.json.encode({"roles": list(roles)})
    return Call("POST", f"{_path(project, user)}:add", _user, Repeat.REFUSED, body=body)


def remove(project: str, user: str) -> Call[None]:
    """Ends a membership; the user stays."""
    return Call("POST", f"{_path(project, user)}:remove", no_answer, Repeat.REFUSED)
