"""What every route checks before its own checks (contract: ams-core 1.2, ams-users-metrics 2.2)."""

import re

import pytest

from ams.api.app import OPERATIONS
from ams.api.operations import Operation
from tests.api.client import Project, assert_error, new_name
from tests.node import SERVICE_TOKEN, Node

#: What no name in a path can be.
NO_NAME = "a.b"

NAMED = [pytest.param(each, id=each.name) for each in OPERATIONS if "<" in each.path]
#: Routes in a project that has to exist.
IN_PROJECT = [
    pytest.param(each, id=each.name)
    for each in OPERATIONS
    if "<project>" in each.path and each.name != "projects:create"
]


def path_of(operation: Operation, **names: str) -> str:
    """The path of a route, with `x` for names that are not given."""
    return re.sub(r"<(\w+)>", lambda found: names.get(found[1], "x"), operation.full_path)


@pytest.mark.parametrize("operation", NAMED)
async def test_a_bad_name_is_400_before_the_token_is_looked_at(
    node: Node, operation: Operation
) -> None:
    """Contract: ams-core 1.2 step 3, 1.7; ams-users-metrics 1.7: the first by the alphabet."""
    variables = sorted(re.findall(r"<(\w+)>", operation.path))
    for number, variable in enumerate(variables):
        path = path_of(operation, **dict.fromkeys(variables[number:], NO_NAME))
        for token in (None, SERVICE_TOKEN):
            answer = await node.request(operation.method, path, token=token, content=b"[")
            assert_error(answer, 400, f"Invalid {variable} name")


@pytest.mark.parametrize("operation", IN_PROJECT)
async def test_an_unknown_project_is_404_for_a_valid_token_before_all_else(
    quiet: Project, operation: Operation
) -> None:
    """Contract: ams-core 1.2 step 5, decision 8; ams-users-metrics 2.2, 6."""
    path = path_of(operation, project=new_name("unknown"))
    answer = await quiet.node.request(operation.method, path, token=None, content=b"[")
    assert_error(answer, 401, "Unauthorized")
    answer = await quiet.node.request(operation.method, path, content=b"[")
    assert_error(answer, 404, "project doesn't exist")
