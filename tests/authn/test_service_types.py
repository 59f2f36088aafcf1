"""Service types over HTTP (contract: authn 2), on both databases."""

import asyncio
import re
from typing import Any

import httpx
import pytest

from tests.authn.node import Authn, assert_authn_error

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def body(name: str, /, **members: object) -> dict[str, object]:
    return {
        "name": name,
        "hosts": ["host-1", "host-2"],
        "auth_types": ["x509", "oidc"],
        "auth_method": "api-key",
        "type": "ams",
        **members,
    }


async def create(authn: Authn, name: str, **members: object) -> dict[str, Any]:
    answer = await authn.request("POST", "/v1/service-types", json=body(name, **members))
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


async def show(authn: Authn, name: str) -> httpx.Response:
    return await authn.request("GET", f"/v1/service-types/{name}")


async def test_a_created_one_is_answered_as_a_whole(any_authn: Authn, name: str) -> None:
    """Contract: 2.1; what the client says of uuid and times is discarded."""
    sent = body(name, uuid="mine", created_on="1999", updated_on="1999", other=[1])
    answer = await any_authn.request("POST", "/v1/service-types", json=sent)
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    created = answer.json()
    assert list(created) == [
        "name",
        "hosts",
        "auth_types",
        "auth_method",
        "uuid",
        "created_on",
        "type",
    ]
    assert UUID.fullmatch(created["uuid"])
    assert TIME.fullmatch(created["created_on"])
    assert {key: created[key] for key in body(name)} == body(name)
    shown = await show(any_authn, name)
    assert (shown.status_code, shown.json()) == (200, created)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        *(
            (
                {field: empty},
                f"service-type object contains empty fields. empty value for field: {field}",
            )
            for field in ("name", "hosts", "auth_types", "auth_method", "type")
            for empty in ([None] if field in ("hosts", "auth_types") else [None, ""])
        ),
        (
            {"hosts": []},
            "service-type object contains empty fields. empty value for field: hosts",
        ),
        (
            {"hosts": [], "auth_types": None},
            "service-type object contains empty fields. empty value for field: auth_types",
        ),
        (
            {"auth_method": "zz", "auth_types": [], "type": "qq"},
            "auth_method: zz is not yet supported.Supported:[api-key headers]",
        ),
        (
            {"auth_types": [], "type": "qq"},
            "auth_types: empty is not yet supported.Supported:[x509 oidc]",
        ),
        (
            {"auth_types": ["x509", "foo", "bar"], "type": "qq"},
            "auth_types: foo is not yet supported.Supported:[x509 oidc]",
        ),
        ({"auth_types": [""]}, "auth_types:  is not yet supported.Supported:[x509 oidc]"),
        ({"type": "qq"}, "type: qq is not yet supported.Supported:[ams web-api custom]"),
    ],
)
async def test_what_is_missing_or_unknown_is_422(
    any_authn: Authn, name: str, members: dict[str, object], message: str
) -> None:
    """Contract: 2.1, steps 2 to 7."""
    answer = await any_authn.request("POST", "/v1/service-types", json=body(name, **members))
    assert_authn_error(answer, 422, "UNPROCESSABLE ENTITY", message)


async def test_a_name_that_is_taken_is_409(any_authn: Authn, name: str) -> None:
    """Contract: 2.1, step 8."""
    await create(any_authn, name)
    answer = await any_authn.request("POST", "/v1/service-types", json=body(name))
    message = f"service-type object with name: {name} already exists"
    assert_authn_error(answer, 409, "CONFLICT", message)


async def test_of_many_who_take_a_name_at_once_one_gets_it(any_authn: Authn, name: str) -> None:
    """Contract: 8 A16."""
    answers = await asyncio.gather(
        *(any_authn.request("POST", "/v1/service-types", json=body(name)) for _ in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    for answer in answers:
        if answer.status_code == 409:
            message = f"service-type object with name: {name} already exists"
            assert_authn_error(answer, 409, "CONFLICT", message)


async def test_hosts_may_be_empty_or_there_twice(any_authn: Authn, name: str) -> None:
    """Contract: 2.1."""
    created = await create(any_authn, name, hosts=["", "a", "a"], auth_types=["x509", "x509"])
    assert (created["hosts"], created["auth_types"]) == (["", "a", "a"], ["x509", "x509"])


async def test_names_are_compared_letter_by_letter(any_authn: Authn, name: str) -> None:
    await create(any_authn, name)
    for other in (name.upper(), f"{name}%20"):
        assert_authn_error(
            await show(any_authn, other), 404, "NOT FOUND", "Service-type was not found"
        )


async def test_the_list_has_all_in_the_order_they_came(any_authn: Authn, name: str) -> None:
    """Contract: 2.2."""
    made = [await create(any_authn, f"{name}-{suffix}") for suffix in "zya"]
    answer = await any_authn.request("GET", "/v1/service-types")
    assert answer.status_code == 200
    assert list(answer.json()) == ["service_types"]
    listed = [each for each in answer.json()["service_types"] if each["name"].startswith(name)]
    assert listed == made


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_one_that_does_not_exist_is_404(any_authn: Authn, method: str) -> None:
    """Contract: 2.3 to 2.5; before the body is looked at."""
    answer = await any_authn.request(method, "/v1/service-types/none", content=b"{")
    assert_authn_error(answer, 404, "NOT FOUND", "Service-type was not found")


async def test_an_update_changes_what_it_names_and_no_more(any_authn: Authn, name: str) -> None:
    """Contract: 2.4, 8 A10."""
    created = await create(any_authn, name)
    answer = await any_authn.request(
        "PUT",
        f"/v1/service-types/{name}",
        json={"hosts": ["new"], "type": "custom", "uuid": "mine", "created_on": "1999"},
    )
    assert answer.status_code == 200
    updated = answer.json()
    assert TIME.fullmatch(updated["updated_on"])
    assert list(updated)[-2:] == ["updated_on", "type"]
    assert updated == {**created, "hosts": ["new"], "updated_on": updated["updated_on"]}
    assert (await show(any_authn, name)).json() == updated


async def test_an_empty_update_only_moves_its_time(any_authn: Authn, name: str) -> None:
    """Contract: 2.4."""
    created = await create(any_authn, name)
    updated = (await any_authn.request("PUT", f"/v1/service-types/{name}", json={})).json()
    assert updated.pop("updated_on")
    assert updated == created


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"hosts": None}, "empty value for field: hosts"),
        ({"hosts": []}, "empty value for field: hosts"),
        ({"name": ""}, "empty value for field: name"),
        ({"auth_types": []}, "auth_types: empty is not yet supported.Supported:[x509 oidc]"),
        ({"auth_method": "x"}, "auth_method: x is not yet supported.Supported:[api-key headers]"),
    ],
)
async def test_an_update_is_checked_as_a_whole(
    any_authn: Authn, name: str, members: dict[str, object], message: str
) -> None:
    """Contract: 2.4."""
    created = await create(any_authn, name)
    answer = await any_authn.request("PUT", f"/v1/service-types/{name}", json=members)
    assert assert_authn_error(answer, 422, "UNPROCESSABLE ENTITY").endswith(message)
    assert (await show(any_authn, name)).json() == created


async def test_a_new_name_that_is_taken_is_409(any_authn: Authn, name: str) -> None:
    """Contract: 2.4."""
    await create(any_authn, name)
    await create(any_authn, f"{name}-2")
    path = f"/v1/service-types/{name}-2"
    answer = await any_authn.request("PUT", path, json={"name": name})
    message = f"service-type object with name: {name} already exists"
    assert_authn_error(answer, 409, "CONFLICT", message)
    assert (await any_authn.request("PUT", path, json={"name": f"{name}-2"})).status_code == 200


async def test_a_deleted_one_takes_all_that_belongs_to_it_along(
    any_authn: Authn, name: str
) -> None:
    """Contract: 2.5, 8 A3."""
    service = await create(any_authn, name)
    for host in service["hosts"]:
        path = f"/v1/service-types/{name}/authm"
        sent: dict[str, object] = {"host": host, "port": 1, "access_key": "k"}
        assert (await any_authn.request("POST", path, json=sent)).status_code == 201
        sent = {
            "service_uuid": service["uuid"],
            "host": host,
            "auth_identifier": "CN=x",
            "unique_key": "u",
            "auth_type": "x509",
        }
        path = f"/v1/bindings/{name}-{host}"
        assert (await any_authn.request("POST", path, json=sent)).status_code == 201
    answer = await any_authn.request("DELETE", f"/v1/service-types/{name}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert_authn_error(await show(any_authn, name), 404, "NOT FOUND")
    for host in service["hosts"]:
        shown = await any_authn.request("GET", f"/v1/bindings/{name}-{host}")
        assert_authn_error(shown, 404, "NOT FOUND", "Binding was not found")
    methods = (await any_authn.request("GET", "/v1/authm")).json()["auth_methods"]
    assert service["uuid"] not in {method["service_uuid"] for method in methods}
