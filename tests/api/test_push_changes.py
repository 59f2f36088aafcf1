"""Where messages are pushed is changed (contract: ams-core 7.4)."""

import asyncio

import pytest

from tests.api.client import Object, Project, assert_empty, assert_error
from tests.api.test_push_settings import (
    BAD_ENDPOINT,
    BAD_HEADER,
    BAD_RETRY,
    BAD_TYPE,
    DISABLED,
    ENDPOINT,
    HTTP,
    MATTERMOST,
    NO_MATTERMOST,
    TOKEN,
    made,
    modified,
    modify,
    shown,
)
from tests.api.test_subscriptions import NO_PUSH


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"pushConfig": 7}', b'{"topic": 7}'])
async def test_a_bad_body_of_a_change_is_400(push_place: Project, body: bytes) -> None:
    """Contract: ams-core 7.4; before the subscription is looked for."""
    for name in ("taken", "nothing"):
        path = f"/subscriptions/{name}:modifyPushConfig"
        answer = await push_place.request("POST", path, content=body)
        assert_error(answer, 400, "Invalid Subscription Arguments")


async def test_changing_push_of_an_unknown_subscription_is_404(push_place: Project) -> None:
    """Contract: ams-core 7.4; before what is wrong with the configuration."""
    for config in (None, HTTP, {"type": "x"}):
        answer = await modify(push_place, config, "nothing")
        assert_error(answer, 404, "Subscription doesn't exist")


async def test_where_push_is_disabled_it_can_only_be_turned_off(queue: Project) -> None:
    """Contract: ams-core 7.4, 7.5 row 1."""
    for config in (HTTP, {"type": "x"}):
        assert_error(await modify(queue, config), 409, DISABLED)
    for name in ("s", "nothing"):
        answer = await queue.request("POST", f"/subscriptions/{name}:verifyPushEndpoint")
        assert_error(answer, 409, DISABLED)
    assert_error(await modify(queue, HTTP, "nothing"), 404, "Subscription doesn't exist")
    assert_empty(await modify(queue, {}))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"type": "x", "retryPolicy": {"type": "x"}}, BAD_RETRY),
        ({**HTTP, "pushEndpoint": "x", "retryPolicy": {"type": "x"}}, BAD_RETRY),
        ({**HTTP, "pushEndpoint": "http://h", "authorizationHeader": {"type": "x"}}, BAD_ENDPOINT),
        ({**HTTP, "authorizationHeader": {"type": "x"}}, BAD_HEADER),
        ({"type": "mattermost"}, NO_MATTERMOST),
        ({"type": "x"}, BAD_TYPE),
        ({**HTTP, "maxMessages": 2**63}, "Invalid Subscription Arguments"),
    ],
)
async def test_a_bad_change_is_400_and_changes_nothing(
    push_place: Project, config: Object, message: str
) -> None:
    """Contract: ams-core 7.4: the retry policy comes first."""
    assert_error(await modify(push_place, config, "taken"), 400, message)
    assert await shown(push_place, "taken") == NO_PUSH


async def test_a_pulled_subscription_becomes_a_pushed_one_and_back(push_project: Project) -> None:
    """Contract: ams-core 7.4: nothing, null and zeros turn push off."""
    await push_project.subscription("s", "t")
    for off in (None, {}, {"pushEndpoint": "", "retryPolicy": {}}):
        config = await modified(push_project, HTTP)
        assert TOKEN.fullmatch(config["authorizationHeader"]["value"])
        assert TOKEN.fullmatch(config["verificationHash"])
        assert (config["verified"], config["maxMessages"]) == (False, 1)
        assert await modified(push_project, off) == NO_PUSH
    await modified(push_project, HTTP)
    path = "/subscriptions/s:modifyPushConfig"
    assert_empty(await push_project.request("POST", path, json={}))
    assert await shown(push_project) == NO_PUSH


async def test_a_change_replaces_all_but_hash_header_and_number(push_project: Project) -> None:
    """Contract: ams-core 7.4."""
    asked = {
        **HTTP,
        "maxMessages": 7,
        "retryPolicy": {"type": "linear", "period": 5},
        "base64Decode": True,
    }
    before = await made(push_project, asked)
    assert await modified(push_project, HTTP) == {
        **before,
        "retryPolicy": {"type": "linear", "period": 3000},
        "base64Decode": False,
    }
    decoding = await modified(push_project, {**HTTP, "base64Decode": True})
    assert decoding["base64Decode"] is True, "contract: O-35"
    assert (await modified(push_project, {**HTTP, "maxMessages": 3}))["maxMessages"] == 3
    assert (await modified(push_project, {**HTTP, "maxMessages": -3}))["maxMessages"] == 1


async def test_another_endpoint_gets_another_hash(push_project: Project) -> None:
    """Contract: ams-core 7.4: exact text; the header stays."""
    before = await made(push_project, {**HTTP, "maxMessages": 7})
    after = await modified(push_project, {**HTTP, "pushEndpoint": f"{ENDPOINT}&"})
    assert after["verificationHash"] != before["verificationHash"]
    assert after == {
        **before,
        "pushEndpoint": f"{ENDPOINT}&",
        "verificationHash": after["verificationHash"],
    }


async def test_the_authorization_header_stays_unless_asked_for(push_project: Project) -> None:
    """Contract: ams-core 7.4."""

    async def header(**asked: object) -> Object:
        found: Object = (await modified(push_project, {**HTTP, **asked}))["authorizationHeader"]
        return found

    first = (await made(push_project, HTTP))["authorizationHeader"]
    assert await header() == first
    second = await header(authorizationHeader={"type": "autogen"})
    assert second["type"] == "autogen"
    assert TOKEN.fullmatch(second["value"])
    assert second != first
    assert await header(authorizationHeader={"type": "disabled"}) == {"type": "disabled"}
    assert await header() == {"type": "disabled"}
    third = await header(authorizationHeader={"type": "autogen"})
    assert third["value"] not in ("", second["value"])


async def test_mattermost_by_a_change(push_project: Project) -> None:
    """Contract: ams-core 7.4: its header has a type then, and no value."""
    await made(push_project, {**HTTP, "maxMessages": 7})
    assert await modified(push_project, MATTERMOST) == {
        **NO_PUSH,
        **MATTERMOST,
        "authorizationHeader": {"type": "autogen"},
        "maxMessages": 1,
        "retryPolicy": {"type": "linear", "period": 3000},
        "verified": True,
    }
    back = await modified(push_project, HTTP)
    assert (back["verified"], back["mattermostUrl"]) == (False, "")
    assert TOKEN.fullmatch(back["verificationHash"])
    assert TOKEN.fullmatch(back["authorizationHeader"]["value"]), "contract: O-56"


async def test_changes_at_once_leave_one_of_them(push_project: Project) -> None:
    await push_project.subscription("s", "t")
    numbers = range(1, 9)
    answers = await asyncio.gather(
        *(modify(push_project, {**HTTP, "maxMessages": number}) for number in numbers)
    )
    assert {answer.status_code for answer in answers} == {200}
    config = await shown(push_project)
    assert config["maxMessages"] in numbers
    assert TOKEN.fullmatch(config["authorizationHeader"]["value"])
