"""The API's requests about projects."""

import msgspec

from ams.client.call import DRY_RUN, Call, Repeat, answer, answer_part, no_answer, project_path
from ams.client.metric_objects import Metric
from ams.client.metrics import metrics_answer
from ams.client.objects import Project, ProjectList
from ams.client.preview_objects import ProjectLoss

_project = answer(Project)
_loss = answer(ProjectLoss)
_projects = answer_part(ProjectList, lambda answered: answered.projects)


def create(project: str, description: str = "") -> Call[Project]:
    """Creates a project."""
    body = msgspec.json.encode({"description": description})
    return Call("POST", project_path(project), _project, Repeat.REFUSED, body=body)


def list_all() -> Call[tuple[Project, ...]]:
    """All projects, oldest first."""
    return Call("GET", "/v1/projects", _projects, Repeat.SAFE)


def show(project: str) -> Call[Project]:
    """One project."""
    return Call("GET", project_path(project), _project, Repeat.SAFE)


def update(project: str, *, name: str = "", description: str = "") -> Call[Project]:
    """Gives a project a new name, a new description, or both; what is empty stays."""
    body = msgspec.json.encode({"name": name, "description": description})
    # Once it has a new name, nothing has the old one.
    repeat = Repeat.REFUSED if name else Repeat.SAFE
    return Call("PUT", project_path(project), _project, repeat, body=body)


def metrics(project: str) -> Call[tuple[Metric, ...]]:
    """What a project holds, for which members, and how much is published to it a day."""
    return Call("GET", f"{project_path(project)}:metrics", metrics_answer, Repeat.SAFE)


def delete(project: str) -> Call[None]:
    """Deletes a project, its topics, subscriptions and messages included."""
    return Call("DELETE", project_path(project), no_answer, Repeat.SAFE)


def preview_delete(project: str) -> Call[ProjectLoss]:
    """What deleting a project would do; nothing is done."""
    return Call("DELETE", project_path(project), _loss, Repeat.SAFE, query=DRY_RUN)
