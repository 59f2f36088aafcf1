"""The API's requests about members of projects."""

from collections.abc import Iterable

import msgspec

from ams.client.call import Call, Repeat, answer, checked_name, project_path
from ams.client.objects import User

_user = answer(User)


def _path(project: str, user: str) -> str:
    return f"{project_path(project)}/members/{checked_name('user', user)}"


def create(project: str, user: str, *, roles: Iterable[str] = (), email: str = "") -> Call[User]:
    """Creates a user as a member of a project; the answer has the user's token."""
    projects = [{"project": project, "roles": list(roles)}]
    body = msgspec.json.encode({"email": email, "projects": projects})
    return Call("POST", _path(project, user), _user, Repeat.REFUSED, body=body)


def show(project: str, user: str) -> Call[User]:
    """One member; who is no service admin sees the roles in this project only, and no token."""
    return Call("GET", _path(project, user), _user, Repeat.SAFE)


def add(project: str, user: str, roles: Iterable[str] = ()) -> Call[User]:
    """Makes a user, who is there already, a member of a project."""
    body = msgspec.json.encode({"roles": list(roles)})
    return Call("POST", f"{_path(project, user)}:add", _user, Repeat.REFUSED, body=body)
