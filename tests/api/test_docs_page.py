"""The page at `/docs`, as far as it can be judged without a browser."""

import re
from html.parser import HTMLParser
from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from ams.api.app import OPERATIONS
from tests.api.client import Object, object_in
from tests.node import Node

CONTENT_TYPES = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}
#: Ways by which a text of the server could become markup or code.
MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function"
    r"|setAttribute\(\"(?:on|style)|srcdoc"
)


class Links(HTMLParser):
    """The addresses in a page, and what of it a strict Content-Security-Policy refuses."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.ids: set[str] = set()
        self.labelled: set[str] = set()
        self.inputs: set[str] = set()
        self.refused: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.found |= {values[name] for name in ("href", "src") if name in values}
        self.refused += [name for name in values if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in values):
            self.refused.append(tag)
        if "id" in values:
            self.ids.add(values["id"])
        if tag == "label":
            self.labelled.add(values["for"])
        if tag == "input":
            self.inputs.add(values["id"])


async def get(node: Node, path: str) -> httpx.Response:
    answer = await node.request("GET", path, token=None)
    assert answer.status_code == HTTPStatus.OK, path
    return answer


async def files(node: Node) -> dict[str, httpx.Response]:
    """The page, and all that it and its modules refer to, by path."""
    found: dict[str, httpx.Response] = {}
    left = {"/docs"}
    while left:
        path = left.pop()
        found[path] = answer = await get(node, path)
        content_type = answer.headers["content-type"]
        named: set[str] = set()
        if content_type.startswith("text/html"):
            named = Links(answer.text).found
        elif content_type.startswith("text/javascript"):
            named = set(re.findall(r'from "([^"]+)"', answer.text))
        paths = {urljoin(path, link) for link in named if not link.startswith("#")}
        left |= paths - set(found)
    return found


async def test_the_page_and_all_it_links_to_need_no_token(node: Node) -> None:
    found = await files(node)
    assert {"/docs", "/docs/page.js", "/docs/page.css", "/v1/openapi.json"} <= set(found)
    assert found["/docs"].headers["content-type"] == "text/html; charset=utf-8"
    for path, answer in found.items():
        expected = CONTENT_TYPES.get(path.rpartition(".")[2])
        assert expected in (None, answer.headers["content-type"]), path


async def test_the_page_runs_its_own_files_only(node: Node) -> None:
    for path, answer in (await files(node)).items():
        if not path.startswith("/docs"):
            continue
        policy = answer.headers["content-security-policy"].split("; ")
        assert {"default-src 'self'", "base-uri 'none'", "form-action 'none'"} <= set(policy)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
    assert Links((await get(node, "/docs")).text).refused == []


async def test_the_page_names_no_outside_address(node: Node) -> None:
    for path, answer in (await files(node)).items():
        if path.startswith("/docs"):
            outside = re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"'`]*", answer.text)
            assert [link for link in outside if urlsplit(link).hostname != "www.w3.org"] == [], path
            assert not re.search(r"\burl\(", answer.text)
            assert "@import" not in answer.text


async def test_the_page_shows_whatever_the_server_says_as_text(node: Node) -> None:
    for path, answer in (await files(node)).items():
        if path.startswith("/docs"):
            assert MARKUP.findall(answer.text) == [], path


async def test_the_page_keeps_a_token_no_longer_than_its_tab(node: Node) -> None:
    scripts = [answer.text for path, answer in (await files(node)).items() if path.endswith(".js")]
    assert any("sessionStorage" in script for script in scripts)
    for script in scripts:
        assert not re.search(r"localStorage|document\.cookie|indexedDB", script)


async def test_every_field_of_the_page_has_a_label(node: Node) -> None:
    page = Links((await get(node, "/docs")).text)
    assert page.inputs
    assert page.inputs == page.labelled


async def test_the_scripts_ask_for_nothing_that_the_page_does_not_have(node: Node) -> None:
    found = await files(node)
    wanted = {
        name
        for path, answer in found.items()
        if path.endswith(".js")
        for name in re.findall(r'getElementById\("([^"]+)"\)', answer.text)
    }
    assert wanted
    assert wanted <= Links(found["/docs"].text).ids


@pytest.fixture
async def document(node: Node) -> Object:
    return object_in(await node.request("GET", "/v1/openapi.json", token=None))


def test_every_operation_belongs_to_a_resource_that_is_described(document: Object) -> None:
    described = {tag["name"] for tag in document["tags"] if tag["description"]}
    for methods in document["paths"].values():
        for operation in methods.values():
            assert set(operation["tags"]) <= described, operation["operationId"]


def test_the_document_gives_every_error_as_a_client_gets_it(document: Object) -> None:
    publish = document["paths"]["/v1/projects/{project}/topics/{topic}:publish"]["post"]
    examples = publish["responses"]["404"]["content"]["application/json"]["examples"]
    error = {"code": 404, "message": "Topic doesn't exist", "status": "NOT_FOUND"}
    assert examples["Topic doesn't exist"]["value"] == {"error": error}


def test_the_document_says_who_may_use_an_operation(document: Object) -> None:
    roles = {
        operation["operationId"]: operation["x-roles"]
        for methods in document["paths"].values()
        for operation in methods.values()
    }
    assert roles["topics:publish"] == ["project_admin", "publisher", "service_admin"]
    assert {name for name, own in roles.items() if not own} == {
        each.name for each in OPERATIONS if each.is_open
    }


def test_the_document_says_what_a_body_needs(document: Object) -> None:
    body = document["components"]["schemas"]["SubscriptionBody"]
    assert body["required"] == ["topic"]
    assert body["properties"]["name"]["readOnly"]
    assert "x-required" not in str(document)
