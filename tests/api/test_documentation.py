"""The API documents itself, and tells the truth."""

import re
from pathlib import Path

from ams.api.app import OPERATIONS
from ams.api.reference import render_markdown
from tests.api.client import object_in
from tests.documented import operation_of
from tests.node import Node

API_PAGE = Path(__file__).parents[2] / "docs" / "api.md"


async def test_anyone_can_get_the_openapi_document(node: Node) -> None:
    document = object_in(await node.request("GET", "/v1/openapi.json", token=None))
    assert document["openapi"].startswith("3.1")
    documented = {
        (operation["operationId"], method.upper(), path)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert documented == {
        (each.name, each.method, re.sub(r"<(\w+)>", r"{\1}", each.full_path)) for each in OPERATIONS
    }


async def test_the_document_names_every_error_of_a_route_with_its_message(node: Node) -> None:
    document = object_in(await node.request("GET", "/v1/openapi.json", token=None))
    responses = document["paths"]["/v1/projects/{project}/topics/{topic}:publish"]["post"][
        "responses"
    ]
    assert set(responses) == {"200", "400", "401", "403", "404", "408", "413", "500", "503"}
    assert "Topic doesn't exist" in responses["404"]["description"]
    assert "project doesn't exist" in responses["404"]["description"]


async def test_the_document_has_each_error_that_a_route_declares(node: Node) -> None:
    document = object_in(await node.request("GET", "/v1/openapi.json", token=None))
    for each in OPERATIONS:
        path = re.sub(r"<(\w+)>", r"{\1}", each.full_path)
        responses = document["paths"][path][each.method.lower()]["responses"]
        for error in (*each.errors, *([each.body.malformed] if each.body else [])):
            examples = responses[str(error.http_status)]["content"]["application/json"]["examples"]
            shown = examples[error.message]["value"]["error"]
            assert (shown["code"], shown["status"]) == (error.http_status, error.status), each.name


async def test_every_operation_says_what_it_does(node: Node) -> None:
    document = object_in(await node.request("GET", "/v1/openapi.json", token=None))
    for methods in document["paths"].values():
        for operation in methods.values():
            assert re.fullmatch(r"[A-Z].*\.", operation["summary"]), operation["summary"]


def test_the_api_page_is_up_to_date() -> None:
    """`make docs` writes it."""
    assert API_PAGE.read_text() == render_markdown()


def test_a_request_is_matched_with_its_operation_as_the_service_does_it() -> None:
    operation = operation_of("POST", "/v1/projects/p/topics/t:publish")
    assert operation is not None
    assert operation.name == "topics:publish"
    assert operation_of("POST", "/v1/projects/p/topics/t:nothing") is None
