"""The API's request about who may do what."""

from ams.client.call import Call, Repeat, answer, project_path
from ams.client.preview_objects import Explanation

_explanation = answer(Explanation)


def explain(project: str, user: str, action: str, resource: str = "") -> Call[Explanation]:
    """Tells whether a user may do something in a project, and why.

    Args:
        project: name of the project.
        user: name of the user, who need not be there.
        action: name of a route, such as `topics:publish`.
        resource: what it would be done to, `topics/TOPIC` or `subscriptions/SUBSCRIPTION`; needed
            where an access list may count.
    """
    query = {"user": user, "action": action, "resource": resource}
    path = f"{project_path(project)}/access:explain"
    return Call("GET", path, _explanation, Repeat.SAFE, query=query)
