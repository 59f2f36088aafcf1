"""Which requests are answered by whom, and what the others are told (contract: ams-core 1.1)."""

import httpx
import pytest

from ams.service.routes import Action, Choice, Resource, Routes
from tests.service.service import JSON, TOPIC, Service, error

NO_SUCH_PATH = error(404, "Not Found", "NOT_FOUND")
WRONG_METHOD = error(405, "Method Not Allowed", "METHOD_NOT_ALLOWED")


def bad_name(variable: str) -> dict[str, object]:
    return error(400, f"Invalid {variable} name", "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("method", "path", "answer"),
    [
        ("GET", TOPIC, {"action": "topics:show", "project": "P", "topic": "T"}),
        ("GET", f"{TOPIC}:acl", {"action": "topics:acl", "project": "P", "topic": "T"}),
        ("POST", f"{TOPIC}:publish", {"length": 0}),
        ("POST", "/v1/users/u:refreshToken", {"action": "users:refreshToken", "user": "u"}),
        ("GET", "/v1/users/profile", {"action": "users:profile"}),
        ("GET", "/v1/users/User%41", {"action": "users:show", "user": "UserA"}),
        ("GET", "/v1/users:byToken/abc", {"action": "users:byToken", "token": "abc"}),
        ("GET", f"/v1/users/{'n' * 255}", {"action": "users:show", "user": "n" * 255}),
    ],
)
async def test_route_is_chosen_by_method_path_and_verb(
    client: httpx.AsyncClient, method: str, path: str, answer: dict[str, object]
) -> None:
    reply = await client.request(method, path)
    assert (reply.status_code, reply.json()) == (200, answer)


@pytest.mark.parametrize(
    ("method", "path", "answer"),
    [
        ("GET", "/", NO_SUCH_PATH),
        ("GET", "/v1/nothing", NO_SUCH_PATH),
        ("GET", "/v1/projects/P/topics", NO_SUCH_PATH),
        ("GET", f"{TOPIC}/", NO_SUCH_PATH),
        ("GET", f"{TOPIC}/x", NO_SUCH_PATH),
        ("GET", "/v1/projects/P%2FQ/topics/T", NO_SUCH_PATH),
        ("POST", f"{TOPIC}:unknown", NO_SUCH_PATH),
        ("DELETE", f"{TOPIC}:unknown", NO_SUCH_PATH),
        # An unknown verb is taken for a part of the name, where the method has a plain route.
        ("GET", f"{TOPIC}:unknown", bad_name("topic")),
        ("PUT", f"{TOPIC}:unknown", bad_name("topic")),
        ("POST", "/v1/users/u:unknown", bad_name("user")),
        ("GET", f"{TOPIC}:x:acl", bad_name("topic")),
        ("GET", "/v1/projects/P/topics/:acl", bad_name("topic")),
        ("GET", "/v1/projects/P%20/topics/T", bad_name("project")),
        ("GET", f"{TOPIC}%0A", bad_name("topic")),
        ("GET", f"{TOPIC}%C3%A9", bad_name("topic")),
        ("GET", f"{TOPIC}%FF", bad_name("topic")),
        ("GET", f"{TOPIC}%zz", bad_name("topic")),
        ("GET", "/v1/projects/p.q/topics/t.u", bad_name("project")),
        ("GET", f"/v1/users/{'n' * 256}", bad_name("user")),
        ("GET", "/v1/users:byToken/a.b", bad_name("token")),
    ],
)
async def test_what_is_no_route_says_why(
    client: httpx.AsyncClient, method: str, path: str, answer: dict[str, object]
) -> None:
    """Contract: ams-core 1.1 and 1.7, ams-users-metrics 1.2."""
    reply = await client.request(method, path)
    assert reply.json() == answer
    assert reply.headers["content-type"] == JSON


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", TOPIC, "GET, PUT"),
        ("PATCH", TOPIC, "GET, PUT"),
        ("BREW", TOPIC, "GET, PUT"),
        ("GET", f"{TOPIC}:publish", "POST"),
        ("POST", f"{TOPIC}:acl", "GET"),
        ("GET", "/v1/users/u:refreshToken", "POST"),
        ("POST", "/v1/users/profile", "GET"),
    ],
)
async def test_wrong_method_is_405_with_allow(
    client: httpx.AsyncClient, method: str, path: str, allow: str
) -> None:
    """Contract: README 6."""
    reply = await client.request(method, path)
    assert (reply.status_code, reply.json()) == (405, WRONG_METHOD)
    assert reply.headers["allow"] == allow


async def test_head_is_not_implied_by_get(client: httpx.AsyncClient) -> None:
    reply = await client.head(TOPIC)
    assert (reply.status_code, reply.content) == (405, b"")
    assert int(reply.headers["content-length"]) > 0
    assert (await client.get(TOPIC)).status_code == 200


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/v1//projects/P/topics/T", TOPIC),
        ("//v1/projects/P/topics/T", TOPIC),
        ("/v1/./projects/P/topics/T?a=%2F&b", f"{TOPIC}?a=%2F&b"),
        ("/v1/projects/X/../P/topics/T", TOPIC),
        ("/v1/projects/P/topics/..", "/v1/projects/P"),
        ("/v1//nothing%20here/", "/v1/nothing%20here/"),
    ],
)
async def test_path_that_is_not_clean_is_redirected(
    service: Service, path: str, location: str
) -> None:
    """Contract: ams-users-metrics 1.1."""
    for method in ("GET", "POST"):
        answer = await service.send(f"{method} {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        assert (answer.status, answer.body) == (301, b"")
        assert answer.headers["location"] == location.lower()


async def test_preflight_echoes_what_it_allows(client: httpx.AsyncClient) -> None:
    """Contract: ams-users-metrics 1.4."""
    asked = {
        "Origin": "https://ui.example.org",
        "Access-Control-Request-Method": "DELETE",
        "Access-Control-Request-Headers": "x-api-key, content-type",
    }
    for path in (TOPIC, "/nothing"):
        reply = await client.options(path, headers=asked)
        assert (reply.status_code, reply.content) == (200, b"")
        assert reply.headers["access-control-allow-origin"] == "*"
        assert reply.headers["access-control-allow-headers"] == "X-Api-Key,Content-Type"
        assert reply.headers["access-control-allow-methods"] == "DELETE"
        assert "access-control-allow-credentials" not in reply.headers


@pytest.mark.parametrize("method", ["OPTIONS", "POST", "GET", "PUT", "DELETE", "HEAD"])
@pytest.mark.parametrize(
    "header",
    [
        *("Accept", "Accept-Language", "Content-Language", "Content-Type", "Origin"),
        *("X-Api-Key", "X-Requested-With"),
    ],
)
async def test_preflight_allows_all_that_clients_need(
    client: httpx.AsyncClient, method: str, header: str
) -> None:
    """Contract: ams-core 1.15, ams-users-metrics 1.4: in any case, and in canonical case back."""
    asked = {
        "Origin": "null",
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": f"{header.lower()} ,{header.upper()}",
    }
    reply = await client.options(TOPIC, headers=asked)
    assert (reply.status_code, reply.content) == (200, b"")
    assert reply.headers["access-control-allow-headers"] == f"{header},{header}"
    is_simple = method in ("GET", "HEAD", "POST")
    assert reply.headers.get("access-control-allow-methods") == (None if is_simple else method)
    for more in ("credentials", "max-age"):
        assert f"access-control-allow-{more}" not in reply.headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "a"}, 400),
        ({"Origin": "a", "Access-Control-Request-Method": "get"}, 405),
        ({"Origin": "a", "Access-Control-Request-Method": "PATCH"}, 405),
        (
            {
                "Origin": "a",
                "Access-Control-Request-Method": "GET",
                "Access-Control-Request-Headers": "x-other",
            },
            403,
        ),
        ({"Origin": "a", "Access-Control-Request-Method": "GET"}, 200),
    ],
)
async def test_preflight_that_asks_for_too_much_is_refused(
    client: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    reply = await client.options(TOPIC, headers=headers)
    assert (reply.status_code, reply.content) == (status, b"")
    assert "access-control-allow-methods" not in reply.headers


async def test_every_answer_to_another_origin_may_be_read_by_it(client: httpx.AsyncClient) -> None:
    for path in (TOPIC, "/nothing", "/v1/broken", f"{TOPIC}%20"):
        reply = await client.get(path, headers={"Origin": "a"})
        assert reply.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-origin" not in (await client.get(path)).headers


def test_only_so_many_paths_are_remembered() -> None:
    async def nothing(_: object, __: object) -> None:
        pass

    action = Action("things:show", nothing)
    routes: Routes[None] = Routes(remembered=2)
    routes.add(Resource("/v1/<thing>", {("GET", None): action, ("PUT", None): action}))

    def choose(name: str, method: str = "GET") -> Choice[None]:
        choice = routes.choose(method, f"/v1/{name}")
        assert choice.variables == {"thing": name}
        return choice

    first = choose("a")
    assert choose("a") is first
    assert choose("a", "PUT") is not first
    choose("b")
    assert choose("a") is first
    choose("c")
    assert choose("a") is not first
