"""Auth methods over HTTP (contract: authn 3.1 to 3.6), on both databases."""

import asyncio
import re
import sqlite3

import httpx
import pytest

from tests.authn.make import make_auth_method, make_service_type
from tests.authn.node import Authn, assert_authn_error

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
COMMON = ["service_uuid", "port", "host", "type", "uuid", "created_on"]


def path_of(service_type: str, host: str = "host-1") -> str:
    return f"/v1/service-types/{service_type}/hosts/{host}/authm"


async def post(authn: Authn, service_type: str, body: object) -> httpx.Response:
    return await authn.request("POST", f"/v1/service-types/{service_type}/authm", json=body)


async def test_a_created_one_with_headers_has_them_sorted(any_authn: Authn, name: str) -> None:
    """Contract: 3.1, 3.2, 1.4, 8 A8; what the client says of uuid, type and times is discarded."""
    service = await make_service_type(any_authn, name)
    sent = {
        "service_uuid": "mine",
        "type": "mine",
        "uuid": "mine",
        "created_on": "mine",
        "updated_on": "mine",
        "host": "host-2",
        "port": 8443,
        "access_key": "not for this type",
        "headers": {"z": "1", "x-api-key": "secret", "A": ""},
    }
    answer = await post(any_authn, name, sent)
    assert answer.status_code == 201
    created = answer.json()
    assert list(created) == [*COMMON, "headers"]
    assert list(created["headers"].items()) == [("A", ""), ("x-api-key", "secret"), ("z", "1")]
    assert created["service_uuid"] == service["uuid"]
    assert (created["type"], created["host"], created["port"]) == ("headers", "host-2", 8443)
    assert created["uuid"] != "mine"
    assert TIME.fullmatch(created["created_on"])
    shown = await any_authn.request("GET", path_of(name, "host-2"))
    assert (shown.status_code, shown.content) == (200, answer.content)


async def test_one_with_an_access_key_shows_it(any_authn: Authn, name: str) -> None:
    """Contract: 3.1."""
    await make_service_type(any_authn, name, auth_method="api-key")
    created = await make_auth_method(any_authn, name, access_key="secret")
    assert list(created) == [*COMMON, "access_key"]
    assert (created["type"], created["access_key"]) == ("api-key", "secret")
    assert (await any_authn.request("GET", path_of(name))).json() == created


async def test_secrets_are_stored_encrypted(authn: Authn, name: str) -> None:
    await make_service_type(authn, name)
    secret = "secret-that-must-not-be-in-the-database"
    await make_auth_method(authn, name, headers={"x-api-key": secret})
    database = sqlite3.connect(str(authn.settings["database_url"]).removeprefix("sqlite://"))
    dump = "\n".join(database.iterdump())
    database.close()
    assert f"'{name}'" in dump
    assert secret not in dump
    assert secret not in authn.log()


@pytest.mark.parametrize(
    ("body", "code", "status", "message"),
    [
        ([], 400, "BAD REQUEST", None),
        ({}, 422, None, "auth method object contains empty fields. empty value for field: port"),
        (None, 422, None, "auth method object contains empty fields. empty value for field: port"),
        (
            {"port": 0, "host": "x"},
            422,
            None,
            "auth method object contains empty fields. empty value for field: port",
        ),
        (
            {"port": 1},
            422,
            None,
            "auth method object contains empty fields. empty value for field: host",
        ),
        ({"port": 1, "host": "x"}, 404, "NOT FOUND", "Host was not found"),
        (
            {"port": 1, "host": "host-1", "access_key": "for another type"},
            422,
            None,
            "auth method object contains empty fields. empty value for field: headers",
        ),
        (
            {"port": 1, "host": "host-1", "headers": {}},
            422,
            None,
            "auth method object contains empty fields. empty value for field: headers",
        ),
        (
            {"port": 65_536, "host": "host-1", "headers": {"a": "b"}},
            422,
            None,
            "port: 65536 is not yet supported.Supported:[1-65535]",
        ),
        (
            {"port": -1, "host": "host-1", "headers": {"a": "b"}},
            422,
            None,
            "port: -1 is not yet supported.Supported:[1-65535]",
        ),
    ],
)
async def test_what_is_wrong_is_said_in_order(
    any_authn: Authn, name: str, body: object, code: int, status: str | None, message: str | None
) -> None:
    """Contract: 3.2, 8 A9 and A17."""
    await make_service_type(any_authn, name)
    answer = await any_authn.request(
        "POST",
        f"/v1/service-types/{name}/authm",
        **({"content": b"null"} if body is None else {"json": body}),
    )
    assert_authn_error(answer, code, status or "UNPROCESSABLE ENTITY", message)


async def test_an_access_key_is_required_where_that_is_the_method(
    any_authn: Authn, name: str
) -> None:
    """Contract: 3.2."""
    await make_service_type(any_authn, name, auth_method="api-key")
    answer = await post(any_authn, name, {"port": 1, "host": "host-1", "headers": {"a": "b"}})
    message = "auth method object contains empty fields. empty value for field: access_key"
    assert_authn_error(answer, 422, "UNPROCESSABLE ENTITY", message)


async def test_for_a_service_type_that_does_not_exist_it_is_404(any_authn: Authn) -> None:
    """Contract: 3.2."""
    answer = await any_authn.request("POST", "/v1/service-types/none/authm", content=b"{")
    assert_authn_error(answer, 404, "NOT FOUND", "Service-type was not found")


async def test_a_method_without_implementation_is_500(odd_authn: Authn, name: str) -> None:
    """Contract: 3.2; before the body is looked at."""
    await make_service_type(odd_authn, name, auth_method="magic")
    answer = await odd_authn.request("POST", f"/v1/service-types/{name}/authm", content=b"{")
    message = "Internal Error: Type is supported but not found"
    assert_authn_error(answer, 500, "INTERNAL SERVER ERROR", message)


async def test_a_second_one_for_a_host_is_409(any_authn: Authn, name: str) -> None:
    """Contract: 3.2, 8 A16."""
    await make_service_type(any_authn, name)
    body = {"host": "host-1", "port": 443, "headers": {"a": "b"}}
    answers = await asyncio.gather(*(post(any_authn, name, body) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 4
    for answer in answers:
        if answer.status_code == 409:
            message = "Auth method object with host: host-1 already exists"
            assert_authn_error(answer, 409, "CONFLICT", message)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_each_thing_that_is_missing_is_404_in_order(
    any_authn: Authn, name: str, method: str
) -> None:
    """Contract: 3.3, 3.5, 3.6."""
    await make_service_type(any_authn, name)
    for path, missing in (
        (path_of("none", "none"), "Service-type"),
        (path_of(name, "none"), "Host"),
        (path_of(name), "Auth method"),
    ):
        answer = await any_authn.request(method, path, content=b"{")
        assert_authn_error(answer, 404, "NOT FOUND", f"{missing} was not found")


async def test_the_list_has_all_types_in_the_order_they_came(any_authn: Authn, name: str) -> None:
    """Contract: 3.4, 8 A12."""
    await make_service_type(any_authn, name)
    await make_service_type(any_authn, f"{name}-2", auth_method="api-key")
    made = [
        await make_auth_method(any_authn, name),
        await make_auth_method(any_authn, f"{name}-2", access_key="k"),
        await make_auth_method(any_authn, name, host="host-2"),
    ]
    answer = await any_authn.request("GET", "/v1/authm")
    assert answer.status_code == 200
    assert list(answer.json()) == ["auth_methods"]
    uuids = [each["uuid"] for each in made]
    assert [m for m in answer.json()["auth_methods"] if m["uuid"] in uuids] == made


async def test_an_update_changes_what_it_names_and_replaces_headers(
    any_authn: Authn, name: str
) -> None:
    """Contract: 3.5, 8 A1 and A7."""
    await make_service_type(any_authn, name)
    created = await make_auth_method(any_authn, name, headers={"a": "1", "b": "2"})
    answer = await any_authn.request("PUT", path_of(name), json={"port": 99})
    assert answer.status_code == 200
    updated = answer.json()
    assert list(updated) == [*COMMON, "updated_on", "headers"]
    assert TIME.fullmatch(updated["updated_on"])
    assert updated == {**created, "port": 99, "updated_on": updated["updated_on"]}
    answer = await any_authn.request("PUT", path_of(name), json={"headers": {"c": "3"}})
    assert answer.json()["headers"] == {"c": "3"}
    assert (await any_authn.request("GET", path_of(name))).json() == answer.json()


async def test_an_update_can_move_it_to_another_host_and_service_type(
    any_authn: Authn, name: str
) -> None:
    """Contract: 3.5."""
    await make_service_type(any_authn, name)
    other = await make_service_type(any_authn, f"{name}-2", hosts=["elsewhere"])
    await make_auth_method(any_authn, name)
    sent = {"service_uuid": other["uuid"], "host": "elsewhere"}
    answer = await any_authn.request("PUT", path_of(name), json=sent)
    assert answer.status_code == 200
    moved = await any_authn.request("GET", path_of(f"{name}-2", "elsewhere"))
    assert moved.json() == answer.json()
    assert_authn_error(await any_authn.request("GET", path_of(name)), 404, "NOT FOUND")


@pytest.mark.parametrize(
    ("body", "code", "status", "message"),
    [
        ({"port": "x"}, 400, "BAD REQUEST", None),
        ({"service_uuid": ""}, 422, None, "empty value for field: service_uuid"),
        ({"port": 0}, 422, None, "empty value for field: port"),
        ({"host": ""}, 422, None, "empty value for field: host"),
        ({"service_uuid": "none"}, 404, "NOT FOUND", "Service-type was not found"),
        ({"host": "none"}, 404, "NOT FOUND", "Host was not found"),
        ({"headers": None}, 422, None, "empty value for field: headers"),
        (
            {"host": "host-2"},
            409,
            "CONFLICT",
            "Auth method object with host: host-2 already exists",
        ),
    ],
)
async def test_an_update_is_checked_in_order_and_changes_nothing_then(
    any_authn: Authn,
    name: str,
    body: dict[str, object],
    code: int,
    status: str | None,
    message: str | None,
) -> None:
    """Contract: 3.5."""
    await make_service_type(any_authn, name)
    created = await make_auth_method(any_authn, name)
    await make_auth_method(any_authn, name, host="host-2")
    answer = await any_authn.request("PUT", path_of(name), json=body)
    text = assert_authn_error(answer, code, status or "UNPROCESSABLE ENTITY")
    assert text.endswith(message or "")
    assert (await any_authn.request("GET", path_of(name))).json() == created


async def test_a_deleted_one_is_gone(any_authn: Authn, name: str) -> None:
    """Contract: 3.6."""
    await make_service_type(any_authn, name)
    await make_auth_method(any_authn, name)
    answer = await any_authn.request("DELETE", path_of(name))
    assert (answer.status_code, answer.content) == (204, b"")
    answer = await any_authn.request("GET", path_of(name))
    assert_authn_error(answer, 404, "NOT FOUND", "Auth method was not found")


async def test_one_of_a_type_that_is_no_longer_used_is_not_found(
    any_authn: Authn, name: str
) -> None:
    """Contract: 3.3, 8 A6; it is there again when the type is."""
    await make_service_type(any_authn, name)
    created = await make_auth_method(any_authn, name)
    path = f"/v1/service-types/{name}"
    assert (await any_authn.request("PUT", path, json={"auth_method": "api-key"})).is_success
    answer = await any_authn.request("GET", path_of(name))
    assert_authn_error(answer, 404, "NOT FOUND", "Auth method was not found")
    assert (await any_authn.request("GET", "/v1/authm")).is_success
    assert (await any_authn.request("PUT", path, json={"auth_method": "headers"})).is_success
    assert (await any_authn.request("GET", path_of(name))).json() == created
