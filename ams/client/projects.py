"""Projects: the API's requests about them, and the part of the client that sends these."""

import msgspec

from ams.client.call import Call, Send, answer, no_answer, project_path
from ams.client.objects import Project, ProjectList

_project = answer(Project)
_project_list = answer(ProjectList)


def create(project: str, description: str = "") -> Call[Project]:
    """The request that creates a project."""
    body = msgspec.json.encode({"description": description})
    return Call("POST", project_path(project), _project, body=body)


def list_all() -> Call[ProjectList]:
    """The request for all projects."""
    return Call("GET", "/v1/projects", _project_list)


def show(project: str) -> Call[Project]:
    """The request for one project."""
    return Call("GET", project_path(project), _project)


def delete(project: str) -> Call[None]:
    """The request that deletes a project, its topics, subscriptions and messages included."""
    return Call("DELETE", project_path(project), no_answer)


class Projects:
    """Projects, as seen by a client."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def create(self, project: str, description: str = "") -> Project:
        """Creates a project."""
        return self._send(create(project, description))

    def list(self) -> tuple[Project, ...]:
        """All projects, oldest first."""
        return self._send(list_all()).projects

    def show(self, project: str) -> Project:
        """One project."""
        return self._send(show(project))

    def delete(self, project: str) -> None:
        """Deletes a project, its topics, subscriptions and messages included."""
        self._send(delete(project))
