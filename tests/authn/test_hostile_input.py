"""Whatever comes in, the answer is one of the contract's, and the service goes on."""

import asyncio
import random
from urllib.parse import quote

from tests.authn.make import binding_body, make_binding, make_service_type
from tests.authn.node import SERVICE_TOKEN, Authn, assert_authn_error

#: Longest text of one line, in characters.
LONGEST = 255

ODD = [
    "\0",
    "a\0b",
    "\x7f",
    "😀",
    "a" * 300,
    "'; DROP TABLE bindings; --",
    "%s%d{0}",
    "\n",
    "\u202e",
]


async def test_names_that_nothing_has_are_404(any_authn: Authn, name: str) -> None:
    await make_service_type(any_authn, name)
    for odd in [*map(quote, ODD), "%ff", "%ed%a0%80"]:
        for path in (
            f"/v1/bindings/{odd}?",
            f"/v1/service-types/{odd}?",
            f"/v1/service-types/{name}/hosts/{odd}/authm?",
            f"/v1/service-types/{name}/hosts/host-1/bindings?authID={odd}&",
        ):
            answer = await any_authn.client.get(f"{path}key={SERVICE_TOKEN}")
            assert_authn_error(answer, 404, "NOT FOUND")


async def test_odd_values_are_kept_as_they_are_or_refused(any_authn: Authn, name: str) -> None:
    service = await make_service_type(any_authn, name)
    for number, odd in enumerate(ODD):
        path = f"/v1/bindings/{name}-{number}"
        body = binding_body(service, name) | {"auth_identifier": name + odd, "unique_key": odd}
        answer = await any_authn.request("POST", path, json=body)
        if len(odd) > LONGEST:
            assert_authn_error(answer, 400, "BAD REQUEST")
            continue
        assert answer.status_code == 201
        shown = (await any_authn.request("GET", path)).json()
        assert (shown["auth_identifier"], shown["unique_key"]) == (name + odd, odd)


async def test_any_bytes_as_a_body_are_400_or_422(authn: Authn) -> None:
    random_bytes = random.Random(8)
    pieces = [
        b'{"name":',
        b'"hosts"',
        b"[",
        b"]",
        b"{",
        b"}",
        b'"x"',
        b",",
        b"1e999",
        b"\\u",
        b"\xff",
    ]
    bodies = [b"".join(random_bytes.choices(pieces, k=8)) for _ in range(200)]
    for body in bodies:
        answer = await authn.request("POST", "/v1/service-types", content=body)
        assert answer.status_code in (400, 422), (body, answer.text)


async def test_changes_at_once_lose_nothing(any_authn: Authn, name: str) -> None:
    service = await make_service_type(any_authn, name)
    await make_binding(any_authn, service, name)
    changes = [{"unique_key": "new"}, {"auth_identifier": f"CN=new-{name}"}, {"host": "host-2"}]
    answers = await asyncio.gather(
        *(any_authn.request("PUT", f"/v1/bindings/{name}", json=change) for change in changes)
    )
    assert [answer.status_code for answer in answers] == [200] * 3
    shown = (await any_authn.request("GET", f"/v1/bindings/{name}")).json()
    for change in changes:
        assert change.items() <= shown.items()


async def test_what_is_deleted_while_it_is_used_is_gone_as_a_whole(
    any_authn: Authn, name: str
) -> None:
    service = await make_service_type(any_authn, name)
    body = binding_body(service, name)
    gone, *others = await asyncio.gather(
        any_authn.request("DELETE", f"/v1/service-types/{name}"),
        *(
            any_authn.request(
                "POST", f"/v1/bindings/{name}-{i}", json={**body, "auth_identifier": f"CN={i}"}
            )
            for i in range(8)
        ),
    )
    assert gone.status_code == 204
    assert {answer.status_code for answer in others} <= {201, 404}
    left = (await any_authn.request("GET", "/v1/bindings")).json()["bindings"]
    assert [each for each in left if each["service_uuid"] == service["uuid"]] == []
