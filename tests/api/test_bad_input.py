"""Whatever a client sends, it gets an answer it can read, and nobody else notices."""

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ams.api.app import OPERATIONS
from tests.api.bare import Answer, connection, head, read_answer, send
from tests.api.client import Project, new_name, object_in

#: The contract's faults of a client that are answered as ours (contract: O-31).
ACK_FAULTS = {"no ack pending", "wrong ack"}


def paths(place: Project) -> dict[str, tuple[str, str]]:
    """Method and path of every route, by its name."""
    values = {
        "project": place.name,
        "topic": "t",
        "subscription": "s",
        "user": "nobody",
        "schema": "sc",
        "uuid": "nothing",
        "token": "nothing",
    }
    return {
        each.name: (each.method, re.sub(r"<(\w+)>", lambda m: values[m[1]], each.full_path))
        for each in OPERATIONS
    }


#: Routes that read a body, and would change something if they liked it.
WITH_BODY = [each.name for each in OPERATIONS if each.body is not None]

#: Routes that make a user, or change one.
OF_USERS = {
    *("users:create", "users:update"),
    *("projects:createUser", "projects:updateUser", "projects:addUser"),
}
#: Routes that need no body, though they read one (contract: ams-core 3.2, users 14 #13).
MAY_BE_EMPTY = {"topics:create", "registrations:declineNewUser"}
#: Routes that read a first value only (contract: ams-core 1.9, users 7.3).
FIRST_VALUE = {"schemas:update", "registrations:declineNewUser"}
#: What is wrong behind a first value only.
BEHIND_A_VALUE = {"comment", "two values", "NUL after the value"}

DEEP = 100_000
#: Bodies that no route likes.
BROKEN = {
    "empty": b"",
    "blank": b" \n\t ",
    "no JSON": b"key=value&other=1",
    "XML": b"<?xml version='1.0'?><a/>",
    "cut off": b'{"messages": [{"data": "x"',
    "cut off in a text": b'{"description": "x',
    "cut off in an escape": b'{"description": "\\u00',
    "trailing comma": b'{"a": 1,}',
    "single quotes": b"{'a': 1}",
    "comment": b"{} // nothing",
    "two values": b"{} {}",
    "a number": b"7",
    "a text": b'"text"',
    "a list": b"[]",
    "a list of objects": b"[{}]",
    "true": b"true",
    "NaN": b'{"offset": NaN}',
    "Infinity": b'{"offset": -Infinity}',
    "leading zero": b'{"offset": 007}',
    "plus sign": b'{"offset": +7}',
    "NUL": b"\x00",
    "NUL after the value": b"{}\x00",
    "NUL in a text": b'{"description": "\x00"}',
    "line break in a text": b'{"description": "a\nb"}',
    "UTF-16": '{"description": "x"}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "deep, cut off": b"[" * DEEP,
}
#: Bodies that a route may like or not.
ODD = {
    "deep under an unknown name": b'{"x":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "invalid UTF-8": b'{"description": "\xff"}',
    "overlong UTF-8": b'{"description": "\xc0\xaf"}',
    "surrogate in UTF-8": b'{"description": "\xed\xa0\x80"}',
    "NUL, escaped": b'{"description": "\\u0000", "email": "\\u0000", "data": "\\u0000"}',
    "lone surrogates": b'{"description": "\\ud800", "email": "\\udfff\\ud800", "topic": "\\ud83d"}',
    "lone surrogates in names": b'{"\\ud800": 1, "\\udc00description": "x"}',
    "lone surrogates in lists": (
        b'{"authorized_users": ["\\ud800"], "ackIds": ["\\udfff"], "service_roles": ["\\ud800"],'
        b' "messages": [{"data": "\\ud800", "attributes": {"\\ud800": "\\udfff"}}]}'
    ),
    "lone surrogates in references": (
        b'{"topic": "projects/\\ud800/topics/\\udfff", "projects": [{"project": "\\ud800"}]}'
    ),
    "NUL in lists": (
        b'{"authorized_users": ["\\u0000"], "ackIds": ["\\u0000"], "service_roles": ["\\u0000"],'
        b' "projects": [{"project": "\\u0000"}], "topic": "projects/\\u0000/topics/\\u0000"}'
    ),
    "beyond 64 bits": b'{"offset": 1%b, "ackDeadlineSeconds": 1%b, "maxMessages": 1%b}'
    % ((b"0" * 30,) * 3),
    "thousands of digits": b'{"offset": 1%b, "ackDeadlineSeconds": -1%b, "maxMessages": 1%b}'
    % ((b"0" * 4999,) * 3),
    "300 digits": b'{"offset": -1%b, "ackDeadlineSeconds": 1%b, "maxMessages": 1%b}'
    % ((b"0" * 299,) * 3),
    "text of many digits": b'{"maxMessages": "%b", "messageRetentionBytes": "%b"}'
    % ((b"9" * 5000,) * 2),
    "huge exponent": b'{"offset": 1e999, "ackDeadlineSeconds": -1e999, "maxMessages": 1e99}',
    "floats": b'{"offset": 1.0, "ackDeadlineSeconds": 1.5, "maxMessages": 2.0}',
    "minus zero": b'{"offset": -0, "ackDeadlineSeconds": -0, "maxMessages": -0}',
    "duplicate names": b'{"description": 1, "description": "x", "offset": "x", "offset": 0}',
    "names that differ in letter case": b'{"Offset": 0, "oFFSET": "x", "offset": [], "OFFSET": 0}',
    "a name of dotless i": '{"descr\u0131ption": 7, "DESCR\u0130PTION": 7, "\u212a": 1}'.encode(),
    "empty name": b'{"": ""}',
    "long name": b'{"' + b"x" * 500_000 + b'": 1}',
    "long text": b'{"description": "' + b"x" * 500_000 + b'"}',
    "many names": b"{" + b",".join(b'"%d":1' % number for number in range(80_000)) + b"}",
    "many nulls": b'{"ackIds": [' + b",".join([b"null"] * 150_000) + b"]}",
    "many users": b'{"authorized_users": [' + b",".join([b'"nobody"'] * 90_000) + b"]}",
    "many projects": b'{"projects": [' + b",".join([b"{}"] * 300_000) + b"]}",
    "many roles": b'{"service_roles": [' + b",".join([b'"service_admin"'] * 50_000) + b"]}",
}


async def target(place: Project, route: str) -> tuple[str, str]:
    """Method and path of a route, on something new if the route makes or changes it."""
    method, path = paths(place)[route]
    name = new_name("x")
    if route.endswith(":create") or route == "projects:createUser":
        path = f"{path}-{name}"
    elif route == "projects:update":
        path = f"/v1/projects/{(await Project.create(place.node)).name}"
    elif route in OF_USERS:
        await place.node.request("POST", f"/v1/users/{name}", json={})
        path = path.replace("nobody", name)
    elif route == "registrations:declineNewUser":
        made = await place.node.request("POST", "/v1/registrations", json={"name": name})
        path = path.replace("nothing", object_in(made)["uuid"])
    return method, path


async def remove(place: Project, route: str, path: str, answer: Answer) -> None:
    """Removes what a route was tried on, whatever it is called now."""
    path = re.sub(":[a-zA-Z]+$", "", path)
    name = path.rpartition("/")[2]
    if answer.status == 200 and route in ("projects:update", "users:update"):
        name = json.loads(answer.body)["name"]
    if route in OF_USERS:
        await place.node.request("DELETE", f"/v1/users/{name}")
    elif route in ("projects:create", "projects:update"):
        await place.node.request("DELETE", f"/v1/projects/{name}")
    elif route == "registrations:declineNewUser":
        await place.node.request("DELETE", path)


async def assert_harmless(place: Project, route: str, body: bytes) -> Answer:
    """The broker answers, and it is either a success or an error of the client's."""
    method, path = await target(place, route)
    answer = await send(place.node, method, path, body)
    if answer.status == 500:
        assert answer.message in ACK_FAULTS
    elif answer.status != 200:
        answer.assert_is_error()
    await remove(place, route, path, answer)
    return answer


@pytest.mark.parametrize("kind", BROKEN)
async def test_a_broken_body_is_400(place: Project, kind: str) -> None:
    for route in WITH_BODY:
        answer = await assert_harmless(place, route, BROKEN[kind])
        if route in MAY_BE_EMPTY and kind == "empty":
            continue
        if route in FIRST_VALUE and kind in BEHIND_A_VALUE:
            continue
        assert (answer.status, route) == (400, route)


@pytest.mark.parametrize("kind", ODD)
async def test_an_odd_body_is_no_fault_of_ours(place: Project, kind: str) -> None:
    for route in WITH_BODY:
        await assert_harmless(place, route, ODD[kind])


@pytest.mark.parametrize("body", [b"", b"{}", b'""', b"[", b"\x00\xff", b"x" * 100_000])
async def test_where_no_body_is_needed_none_is_read(place: Project, body: bytes) -> None:
    """Contract: ams-users-metrics 1.6. The connection goes on with the next request."""
    for route, (method, path) in paths(place).items():
        if route in WITH_BODY or method == "DELETE":
            continue
        async with connection(place.node) as (reader, writer):
            request = head(method, path, {"Content-Length": len(body)}) + body
            writer.write(request + head("GET", "/v1/version"))
            first, second = await read_answer(reader), await read_answer(reader)
        assert first.status < 500, (route, first.body)
        assert second.status == 200


# Names that bodies know; where they stand and what they hold is left to chance.
NAMES = st.sampled_from(
    [
        *("messages", "data", "attributes", "messageId", "publishTime", "MESSAGES", "Data"),
        *("maxMessages", "returnImmediately", "ackIds", "offset", "ackDeadlineSeconds"),
        *("topic", "pushConfig", "retryPolicy", "period", "type", "authorized_users"),
        *("pushEndpoint", "authorizationHeader", "value", "mattermostUrl", "base64Decode"),
        *("messageRetentionBytes", "messageRetentionDuration"),
        *("name", "description", "email", "service_roles", "projects", "project", "roles"),
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-1, max_value=700)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["service_admin", "consumer", "true", "1", "5s", "projects/p/topics/t"])
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("route", WITH_BODY)
@settings(
    max_examples=25,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(value=st.dictionaries(NAMES, VALUES, max_size=5) | VALUES)
async def test_random_json_is_no_fault_of_ours(place: Project, route: str, value: object) -> None:
    # This writes NaN and lone surrogates, which are no JSON: all the better.
    await assert_harmless(place, route, json.dumps(value).encode())
