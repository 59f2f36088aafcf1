"""Signed tokens at a broker's door (contract: decision 1)."""

import asyncio
import math
import time
from typing import Any

import pytest

from ams.metadata import users
from ams.metadata.store import Store
from ams.service.settings_sections import DatabaseSettings
from tests.api.client import User, assert_error, create_user, new_name, object_in
from tests.auth.issuer import AUDIENCE, KEYS_PATH, IssuerStandIn, asked_with
from tests.certificates import Certificates
from tests.conftest import StartNode
from tests.eventually import eventually
from tests.node import SERVICE_TOKEN, Node

UNAUTHORIZED = "Unauthorized"
KEYS_AWAY = "The keys of the token's issuer can't be fetched, try again later"
PROFILE = "/v1/users/profile"


async def is_refused(node: Node, token: str) -> bool:
    return (await asked_with(node, token)).status_code == 401


@pytest.mark.parametrize("signer", [0, 1], ids=["EdDSA", "ES256"])
async def test_a_signed_token_is_its_users(
    trusting: Node, issuer: IssuerStandIn, user: User, signer: int
) -> None:
    token = issuer.signers[signer].token(issuer.claims(user.uuid))
    for _ in range(2):
        assert object_in(await asked_with(trusting, token))["uuid"] == user.uuid


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": ["other", AUDIENCE]},
        {"nbf": int(time.time())},
        {"scope": "anything", "jti": "1", "client_id": "someone"},
    ],
)
async def test_a_token_may_say_more(
    trusting: Node, issuer: IssuerStandIn, user: User, claims: dict[str, Any]
) -> None:
    assert (await asked_with(trusting, issuer.token(user.uuid, **claims))).is_success


async def test_clocks_may_differ_by_half_a_minute(
    trusting: Node, issuer: IssuerStandIn, user: User
) -> None:
    now = time.time()
    for claims in ({"exp": now - 27}, {"iat": now + 27}, {"nbf": now + 27}):
        assert (await asked_with(trusting, issuer.token(user.uuid, **claims))).is_success
    for claims in ({"exp": now - 33}, {"iat": now + 33}, {"nbf": now + 33}):
        assert await is_refused(trusting, issuer.token(user.uuid, **claims))


async def test_a_remembered_token_ends_when_it_expires(
    trusting: Node, issuer: IssuerStandIn, user: User
) -> None:
    # It holds for half a minute more, which is looked at in whole seconds: one is left at least.
    token = issuer.token(user.uuid, exp=math.ceil(time.time()) - 29)
    assert (await asked_with(trusting, token)).is_success
    await eventually(lambda: is_refused(trusting, token))


async def test_it_is_accepted_in_the_header_of_bearers_only(
    trusting: Node, issuer: IssuerStandIn, user: User
) -> None:
    token = issuer.token(user.uuid)
    in_other_header = await trusting.request("GET", PROFILE, token=token)
    assert_error(in_other_header, 401, UNAUTHORIZED)
    in_query = await trusting.request("GET", PROFILE, token=None, params={"key": token})
    assert_error(in_query, 401, UNAUTHORIZED)


async def test_where_headers_are_not_read_there_are_no_signed_tokens(
    start_node: StartNode, issuer: IssuerStandIn
) -> None:
    node = await start_node(auth={**issuer.settings, "auth_option": "key"})
    made = await node.request("POST", f"/v1/users/u?key={SERVICE_TOKEN}", json={})
    assert await is_refused(node, issuer.token(object_in(made)["uuid"]))


async def test_users_own_tokens_are_bearer_tokens_too(trusting: Node, user: User) -> None:
    assert object_in(await asked_with(trusting, user.token))["uuid"] == user.uuid
    assert (await asked_with(trusting, SERVICE_TOKEN, "/v1/projects")).is_success


async def test_the_own_token_is_not_shown_to_who_comes_with_a_signed_one(
    trusting: Node, issuer: IssuerStandIn, user: User
) -> None:
    """What is short-lived must be no way to what is not."""
    shown = object_in(await asked_with(trusting, issuer.token(user.uuid)))
    own = object_in(await asked_with(trusting, user.token))
    assert own.pop("token") == user.token
    for each in (shown, own):
        each.pop("token_last_used", None)
    assert shown == own


async def test_what_a_signed_caller_does_is_theirs_in_the_audit_trail(
    trusting: Node, issuer: IssuerStandIn
) -> None:
    admin = await create_user(trusting, service_roles=["service_admin"])
    path = f"/v1/projects/{new_name('project')}"
    headers = {"Authorization": f"Bearer {issuer.token(admin.uuid)}"}
    made = await trusting.request("POST", path, token=None, headers=headers, json={})
    assert object_in(made)["created_by"] == admin.name
    trail = object_in(await trusting.request("GET", f"{path}/audit"))
    assert [entry["actorUuid"] for entry in trail["entries"]] == [admin.uuid]


async def test_the_use_of_a_signed_token_is_a_use(
    start_node: StartNode, issuer: IssuerStandIn
) -> None:
    """Else somebody who uses no other would be taken for somebody who is gone."""
    node = await start_node(auth=issuer.settings)
    user = await create_user(node)
    assert (await asked_with(node, issuer.token(user.uuid))).is_success
    # It is written at the end at the latest.
    assert node.terminate() == 0
    async with Store(DatabaseSettings(url=str(node.settings["database"]["url"]))) as store:
        assert (await users.by_name(store, user.name)).token_last_used


async def test_a_flood_of_unknown_keys_costs_the_issuer_one_request(
    trusting: Node, issuer: IssuerStandIn, user: User
) -> None:
    assert (await asked_with(trusting, issuer.token(user.uuid))).is_success
    before = issuer.times_asked
    tokens = [issuer.signer.token(issuer.claims(user.uuid), kid=f"k{n}") for n in range(200)]
    answers = await asyncio.gather(*(asked_with(trusting, token) for token in tokens))
    assert {answer.status_code for answer in answers} == {401}
    assert issuer.times_asked - before <= 1
    assert (await asked_with(trusting, issuer.token(user.uuid, jti="new"))).is_success


async def test_a_deleted_users_token_ends_within_a_second_on_every_node(
    both: list[Node], issuer: IssuerStandIn
) -> None:
    """It has been verified on both, and is remembered there."""
    user = await create_user(both[0])
    token = issuer.token(user.uuid)
    for node in both:
        assert (await asked_with(node, token)).is_success
    assert (await both[0].request("DELETE", f"/v1/users/{user.name}")).is_success
    assert await is_refused(both[0], token)
    await eventually(lambda: is_refused(both[1], token), within=1.0)


async def test_roles_that_are_taken_away_end_within_a_second_on_every_node(
    both: list[Node], issuer: IssuerStandIn
) -> None:
    user = await create_user(both[0], service_roles=["service_admin"])
    token = issuer.token(user.uuid)

    async def may_list() -> bool:
        return (await asked_with(both[1], token, "/v1/projects")).is_success

    async def may_not_list() -> bool:
        return not await may_list()

    assert await may_list()
    changed = await both[0].request("PUT", f"/v1/users/{user.name}", json={"service_roles": []})
    assert changed.is_success
    await eventually(may_not_list, within=1.0)


async def test_without_trusted_issuers_a_signed_token_is_nobodys(
    node: Node, issuer: IssuerStandIn
) -> None:
    user = await create_user(node)
    before = issuer.times_asked
    assert_error(await asked_with(node, issuer.token(user.uuid)), 401, UNAUTHORIZED)
    assert issuer.times_asked == before


async def test_keys_in_memory_go_on_while_their_issuer_is_away(
    start_node: StartNode, certificates: Certificates
) -> None:
    """A token whose key is not known can't be judged meanwhile, and is not taken for a bad one."""
    with IssuerStandIn(certificates) as issuer, IssuerStandIn(certificates) as other:
        other.fail()
        issuers = {each.name: each.name + KEYS_PATH for each in (issuer, other)}
        node = await start_node(auth={**issuer.settings, "jwt_issuers": issuers})
        user = await create_user(node)
        assert (await asked_with(node, issuer.token(user.uuid))).is_success
        answer = await asked_with(node, other.token(user.uuid))
        assert_error(answer, 503, KEYS_AWAY, "UNAVAILABLE")
        assert answer.headers["retry-after"] == "1"
        await eventually(lambda: "the answer is 500" in node.log())
    assert (await asked_with(node, issuer.token(user.uuid, jti="another"))).is_success
