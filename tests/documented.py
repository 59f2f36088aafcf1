"""Whether an answer is one that the API's own document names: held for every test's requests."""

import re
from collections import defaultdict
from http import HTTPStatus

import httpx
import msgspec

from ams.api.app import OPERATIONS
from ams.api.openapi import errors_of
from ams.api.operations import Operation
from ams.service.errors import ServiceError
from ams.service.routes import Action, Resource, Routes, decode_path


def _routes() -> Routes[None]:
    async def nothing() -> None:
        pass

    actions: defaultdict[str, dict[tuple[str, str | None], Action[None]]] = defaultdict(dict)
    for each in OPERATIONS:
        actions[each.path][each.method, each.verb] = Action(each.name, nothing)
    routes: Routes[None] = Routes()
    for path, of_path in actions.items():
        routes.add(Resource(path, of_path))
    return routes


_ROUTES = _routes()
_BY_NAME = {each.name: each for each in OPERATIONS}


def operation_of(method: str, path: str) -> Operation | None:
    """The operation of a request; None if it means none, or has a name that is none."""
    try:
        return _BY_NAME[_ROUTES.choose(method, decode_path(path)).action.name]
    except ServiceError:
        return None


def assert_documented(answer: httpx.Response) -> None:
    """It has a type, or a code and a message, that its operation declares."""
    request = answer.request
    operation = operation_of(request.method, request.url.raw_path.decode().partition("?")[0])
    if operation is None:
        return
    if answer.status_code != HTTPStatus.OK:
        error = answer.json()["error"]
        declared = [e.message for e in errors_of(operation) if e.http_status == error["code"]]
        assert any(_matches(message, error["message"]) for message in declared), (
            f"{operation.name} does not declare {error}"
        )
        return
    is_preview = operation.preview is not None and request.url.params.get("dryRun") == "true"
    kind = operation.preview_answer if is_preview else operation.answer
    if kind is None:
        assert answer.content == b"", f"{operation.name} declares no body"
    elif answer.content or is_preview or not operation.may_be_empty:
        decoded = msgspec.json.decode(answer.content, type=kind)
        assert msgspec.to_builtins(decoded) == answer.json(), f"{operation.name} has other fields"


def _matches(declared: str, message: str) -> bool:
    pattern = "(?s:.*)".join(map(re.escape, re.split(r"\{\w+\}", declared)))
    return re.fullmatch(pattern, message) is not None
