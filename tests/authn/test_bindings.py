"""Bindings over HTTP (contract: authn 3.7 to 3.13), on both databases."""

import asyncio
import re
from urllib.parse import quote

import httpx
import pytest

from tests.authn.make import binding_body, make_binding, make_service_type
from tests.authn.node import Authn, assert_authn_error

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


async def show(authn: Authn, name: str) -> httpx.Response:
    return await authn.request("GET", f"/v1/bindings/{name}")


async def test_a_created_one_is_answered_as_a_whole(any_authn: Authn, name: str) -> None:
    """Contract: 3.7, 3.8; the path names it, and uuid and times are the service's."""
    service = await make_service_type(any_authn, name)
    members = binding_body(service, name)
    sent = {
        **members,
        "name": "other",
        "uuid": "mine",
        "created_on": "x",
        "updated_on": "x",
        "last_auth": "x",
    }
    answer = await any_authn.request("POST", f"/v1/bindings/{name}", json=sent)
    assert answer.status_code == 201
    created = answer.json()
    assert list(created) == [
        "name",
        "service_uuid",
        "host",
        "uuid",
        "auth_identifier",
        "unique_key",
        "auth_type",
        "created_on",
    ]
    assert created == {
        **members,
        "name": name,
        "uuid": created["uuid"],
        "created_on": created["created_on"],
    }
    assert TIME.fullmatch(created["created_on"])
    assert (await show(any_authn, name)).content == answer.content


@pytest.mark.parametrize(
    ("members", "code", "status", "message"),
    [
        *(
            (
                {field: empty},
                422,
                "UNPROCESSABLE ENTITY",
                f"binding object contains empty fields. empty value for field: {field}",
            )
            for field in ("service_uuid", "host", "auth_identifier", "unique_key", "auth_type")
            for empty in ("", None)
        ),
        ({"service_uuid": "none", "host": "none"}, 404, "NOT FOUND", "Service-type was not found"),
        ({"host": "none", "auth_type": "q"}, 404, "NOT FOUND", "Host was not found"),
        (
            {"auth_type": "q"},
            422,
            "UNPROCESSABLE ENTITY",
            "Auth type: q is not yet supported.Supported:[x509 oidc]",
        ),
    ],
)
async def test_what_is_wrong_is_said_in_order(
    any_authn: Authn, name: str, members: dict[str, object], code: int, status: str, message: str
) -> None:
    """Contract: 3.8, steps 2 to 5."""
    service = await make_service_type(any_authn, name)
    sent = {**binding_body(service, name), **members}
    answer = await any_authn.request("POST", f"/v1/bindings/{name}", json=sent)
    assert_authn_error(answer, code, status, message)


async def test_only_the_auth_types_of_the_service_type_count(any_authn: Authn, name: str) -> None:
    """Contract: 3.8, step 5."""
    service = await make_service_type(any_authn, name, auth_types=["oidc"])
    answer = await any_authn.request(
        "POST", f"/v1/bindings/{name}", json=binding_body(service, name)
    )
    message = "Auth type: x509 is not yet supported.Supported:[oidc]"
    assert_authn_error(answer, 422, "UNPROCESSABLE ENTITY", message)


async def test_an_identifier_is_bound_once_for_a_host_and_auth_type(
    any_authn: Authn, name: str
) -> None:
    """Contract: 3.8, steps 6 and 7; before the name is looked at."""
    service = await make_service_type(any_authn, name)
    made = await make_binding(any_authn, service, name)
    body = binding_body(service, name)
    for path in (f"{name}-2", name):
        answer = await any_authn.request("POST", f"/v1/bindings/{path}", json=body)
        message = f"binding object with auth_identifier: {made['auth_identifier']} already exists"
        assert_authn_error(answer, 409, "CONFLICT", message)
    body["auth_identifier"] = "CN=another"
    answer = await any_authn.request("POST", f"/v1/bindings/{name}", json=body)
    message = f"binding object with name: {name} already exists"
    assert_authn_error(answer, 409, "CONFLICT", message)
    same = str(made["auth_identifier"])
    await make_binding(any_authn, service, f"{name}-3", auth_identifier=same, host="host-2")
    await make_binding(any_authn, service, f"{name}-4", auth_identifier=same, auth_type="oidc")


async def test_identifiers_are_compared_byte_for_byte(any_authn: Authn, name: str) -> None:
    """Contract: 3.8."""
    service = await make_service_type(any_authn, name)
    for number, identifier in enumerate(("CN=a", "CN=A", "CN=a ", " CN=a", "CN=á", "CN=a\n")):
        await make_binding(any_authn, service, f"{name}-{number}", auth_identifier=identifier)


async def test_of_many_who_bind_at_once_one_does(any_authn: Authn, name: str) -> None:
    """Contract: 8 A16."""
    service = await make_service_type(any_authn, name)
    body = binding_body(service, name)
    answers = await asyncio.gather(
        *(
            any_authn.request("POST", f"/v1/bindings/{name}-{number}", json=body)
            for number in range(6)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    answers = await asyncio.gather(
        *(
            any_authn.request(
                "POST",
                f"/v1/bindings/{name}",
                json={**body, "auth_identifier": f"CN=many-{number}"},
            )
            for number in range(6)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    message = f"binding object with name: {name} already exists"
    assert {a.json()["error"]["message"] for a in answers if a.status_code == 409} == {message}


async def test_a_long_subject_can_be_bound(any_authn: Authn, name: str) -> None:
    service = await make_service_type(any_authn, name)
    identifier = "CN=" + "ü" * 5000
    await make_binding(any_authn, service, name, auth_identifier=identifier)
    assert (await show(any_authn, name)).json()["auth_identifier"] == identifier


async def test_the_list_has_all_in_the_order_they_came(any_authn: Authn, name: str) -> None:
    """Contract: 3.9."""
    service = await make_service_type(any_authn, name)
    made = [await make_binding(any_authn, service, f"{name}-{suffix}") for suffix in "zya"]
    answer = await any_authn.request("GET", "/v1/bindings")
    assert list(answer.json()) == ["bindings"]
    mine = [each for each in answer.json()["bindings"] if each["name"].startswith(f"{name}-")]
    assert mine == made


async def test_those_of_a_host(any_authn: Authn, name: str) -> None:
    """Contract: 3.10."""
    service = await make_service_type(any_authn, name)
    first = await make_binding(any_authn, service, f"{name}-1")
    second = await make_binding(any_authn, service, f"{name}-2", auth_type="oidc")
    await make_binding(any_authn, service, f"{name}-3", host="host-2")
    path = f"/v1/service-types/{name}/hosts/host-1/bindings"
    answer = await any_authn.request("GET", path)
    assert (answer.status_code, answer.json()) == (200, {"bindings": [first, second]})
    answer = await any_authn.request("GET", path, params={"authid": "CN=none", "authID": ""})
    assert answer.json() == {"bindings": [first, second]}
    found = await any_authn.request("GET", path, params={"authID": first["auth_identifier"]})
    assert (found.status_code, found.json()) == (200, {"bindings": [first]})


async def test_the_filter_sees_certificates_only(any_authn: Authn, name: str) -> None:
    """Contract: 3.10, 8 A18."""
    service = await make_service_type(any_authn, name)
    bound = await make_binding(any_authn, service, name, auth_type="oidc")
    path = f"/v1/service-types/{name}/hosts/host-1/bindings"
    for identifier in (bound["auth_identifier"], "CN=none"):
        answer = await any_authn.request("GET", path, params={"authID": identifier})
        assert_authn_error(answer, 404, "NOT FOUND", "Binding was not found")


async def test_of_a_host_each_thing_that_is_missing_is_404_in_order(
    any_authn: Authn, name: str
) -> None:
    """Contract: 3.10."""
    await make_service_type(any_authn, name)
    path = "/v1/service-types/{}/hosts/{}/bindings"
    answer = await any_authn.request("GET", path.format("none", "none"))
    assert_authn_error(answer, 404, "NOT FOUND", "Service-type was not found")
    answer = await any_authn.request("GET", path.format(name, "none"))
    assert_authn_error(answer, 404, "NOT FOUND", "Host was not found")
    answer = await any_authn.request("GET", path.format(name, "host-1"))
    assert answer.json() == {"bindings": []}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_one_that_does_not_exist_is_404(any_authn: Authn, method: str) -> None:
    """Contract: 3.11 to 3.13; before the body is looked at."""
    answer = await any_authn.request(method, "/v1/bindings/none", content=b"{")
    assert_authn_error(answer, 404, "NOT FOUND", "Binding was not found")


async def test_an_update_changes_what_it_names_for_good(any_authn: Authn, name: str) -> None:
    """Contract: 3.12, 8 A2."""
    service = await make_service_type(any_authn, name)
    created = await make_binding(any_authn, service, name)
    sent = {"unique_key": "new", "uuid": "mine", "created_on": "x", "last_auth": "x"}
    answer = await any_authn.request("PUT", f"/v1/bindings/{name}", json=sent)
    assert answer.status_code == 200
    updated = answer.json()
    assert list(updated)[-2:] == ["created_on", "updated_on"]
    assert TIME.fullmatch(updated["updated_on"])
    assert updated == {**created, "unique_key": "new", "updated_on": updated["updated_on"]}
    assert (await show(any_authn, name)).json() == updated


async def test_an_update_can_rename_it(any_authn: Authn, name: str) -> None:
    """Contract: 3.12."""
    service = await make_service_type(any_authn, name)
    await make_binding(any_authn, service, name)
    answer = await any_authn.request("PUT", f"/v1/bindings/{name}", json={"name": f"{name}-new"})
    assert answer.json()["name"] == f"{name}-new"
    assert_authn_error(await show(any_authn, name), 404, "NOT FOUND")
    assert (await show(any_authn, f"{name}-new")).json() == answer.json()


@pytest.mark.parametrize(
    ("members", "code", "status", "message"),
    [
        ({"name": 5}, 400, "BAD REQUEST", None),
        ({"name": ""}, 422, None, "empty value for field: name"),
        ({"unique_key": ""}, 422, None, "empty value for field: unique_key"),
        ({"service_uuid": "none"}, 404, "NOT FOUND", "Service-type was not found"),
        ({"host": "none"}, 404, "NOT FOUND", "Host was not found"),
        ({"auth_type": "q"}, 422, None, "Auth type: q is not yet supported.Supported:[x509 oidc]"),
        (
            {"auth_identifier": "CN=taken"},
            409,
            "CONFLICT",
            "auth_identifier: CN=taken already exists",
        ),
        ({"name": "{}-taken"}, 409, "CONFLICT", "-taken already exists"),
    ],
)
async def test_an_update_is_checked_in_order_and_changes_nothing_then(
    any_authn: Authn,
    name: str,
    members: dict[str, object],
    code: int,
    status: str | None,
    message: str | None,
) -> None:
    """Contract: 3.12."""
    service = await make_service_type(any_authn, name)
    created = await make_binding(any_authn, service, name)
    await make_binding(any_authn, service, f"{name}-taken", auth_identifier="CN=taken")
    sent = {k: v.format(name) if isinstance(v, str) else v for k, v in members.items()}
    answer = await any_authn.request("PUT", f"/v1/bindings/{name}", json=sent)
    text = assert_authn_error(answer, code, status or "UNPROCESSABLE ENTITY")
    assert text.endswith(message or "")
    assert (await show(any_authn, name)).json() == created


@pytest.mark.parametrize("members", [{"host": "host-2"}, {"auth_type": "oidc"}])
async def test_a_move_to_where_the_identifier_is_bound_is_409(
    any_authn: Authn, name: str, members: dict[str, object]
) -> None:
    """Contract: 8 A5."""
    service = await make_service_type(any_authn, name)
    await make_binding(any_authn, service, name, auth_identifier="CN=x")
    await make_binding(any_authn, service, f"{name}-2", auth_identifier="CN=x", **members)
    answer = await any_authn.request("PUT", f"/v1/bindings/{name}", json=members)
    message = "binding object with auth_identifier: CN=x already exists"
    assert_authn_error(answer, 409, "CONFLICT", message)


async def test_a_deleted_one_is_gone(any_authn: Authn, name: str) -> None:
    """Contract: 3.13."""
    service = await make_service_type(any_authn, name)
    await make_binding(any_authn, service, name)
    answer = await any_authn.request("DELETE", f"/v1/bindings/{name}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-length" not in answer.headers
    assert_authn_error(await show(any_authn, name), 404, "NOT FOUND", "Binding was not found")


async def test_a_binding_of_a_host_that_is_no_more_can_still_be_shown_and_deleted(
    any_authn: Authn, name: str
) -> None:
    """Contract: 2.4, 8 A6."""
    service = await make_service_type(any_authn, name)
    created = await make_binding(any_authn, service, name)
    path = f"/v1/service-types/{name}"
    assert (await any_authn.request("PUT", path, json={"hosts": ["other"]})).is_success
    assert (await show(any_authn, name)).json() == created
    assert created in (await any_authn.request("GET", "/v1/bindings")).json()["bindings"]
    assert (await any_authn.request("DELETE", f"/v1/bindings/{name}")).status_code == 204


async def test_a_name_may_be_any_segment_of_a_path(any_authn: Authn, name: str) -> None:
    """Contract: 1.2."""
    service = await make_service_type(any_authn, name)
    for odd in (f"{name} ü:x", f"{name}:authx509", f"{name}%?#&<>"):
        created = await make_binding(
            any_authn, service, quote(odd), auth_identifier=odd, unique_key=odd
        )
        assert created["name"] == odd
        assert (await show(any_authn, quote(odd))).json() == created
