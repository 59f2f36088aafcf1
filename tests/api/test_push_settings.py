"""Where messages are pushed: what is taken when a subscription is made (contract: ams-core 7)."""

import json
import re

import httpx
import pytest

from tests.api.client import Object, Project, assert_empty, assert_error, object_in, secrets
from tests.api.test_subscriptions import NO_PUSH
from tests.conftest import StartNode

ENDPOINT = "https://receiver.example.org/x?y=z"
HTTP = {"type": "http_endpoint", "pushEndpoint": ENDPOINT}
MATTERMOST = {"type": "mattermost", "mattermostUrl": "https://chat.example.org/hooks/secret"}

DISABLED = "Push functionality is currently disabled"
UNAVAILABLE = "Push functionality is currently unavailable"
BAD_ENDPOINT = "Push endpoint should be addressed by a valid https url"
BAD_HEADER = "Authorization header type can only be of 'autogen' or 'disabled' type"
NO_MATTERMOST = "Field mattermostUrl cannot be empty"
BAD_TYPE = "Push configuration type can only be of 'http_endpoint' or 'mattermost'"
BAD_RETRY = "Retry policy can only be of 'linear' or 'slowstart' type"

TOKEN = re.compile(r"[0-9a-f]{64}")


async def create(project: Project, config: object, name: str = "s") -> httpx.Response:
    body = {"topic": f"projects/{project.name}/topics/t", "pushConfig": config}
    return await project.request("PUT", f"/subscriptions/{name}", json=body)


async def made(project: Project, config: object, name: str = "s") -> Object:
    """The push configuration of a new subscription, whose parts are the same when shown."""
    answered = object_in(await create(project, config, name))
    assert "pushStatus" not in answered
    found: Object = answered["pushConfig"]
    assert found == await shown(project, name)
    return found


async def shown(project: Project, name: str = "s") -> Object:
    """The push configuration of a subscription; its secrets are none of the log's business."""
    found: Object = object_in(await project.request("GET", f"/subscriptions/{name}"))["pushConfig"]
    if "value" in found["authorizationHeader"]:
        secrets.add(found["authorizationHeader"]["value"])
    return found


async def modify(project: Project, config: object, name: str = "s") -> httpx.Response:
    path = f"/subscriptions/{name}:modifyPushConfig"
    return await project.request("POST", path, json={"pushConfig": config})


async def modified(project: Project, config: object) -> Object:
    assert_empty(await modify(project, config))
    return await shown(project)


async def test_an_http_endpoint_begins_unverified_with_a_hash_and_a_header(
    push_project: Project,
) -> None:
    """Contract: ams-core 4.2, 7.3."""
    config = await made(push_project, HTTP)
    value, verification = config["authorizationHeader"]["value"], config["verificationHash"]
    assert TOKEN.fullmatch(value)
    assert TOKEN.fullmatch(verification)
    assert value != verification
    assert config == {
        **NO_PUSH,
        **HTTP,
        "maxMessages": 1,
        "authorizationHeader": {"type": "autogen", "value": value},
        "retryPolicy": {"type": "linear", "period": 3000},
        "verificationHash": verification,
        "verified": False,
    }
    other = await made(push_project, HTTP, "other")
    assert other["authorizationHeader"]["value"] != value
    assert other["verificationHash"] != verification


async def test_what_is_asked_for_is_taken(push_project: Project) -> None:
    """Contract: ams-core 7.1; what the server sets is ignored."""
    asked = {
        **HTTP,
        "maxMessages": 7,
        "authorizationHeader": {"type": "disabled", "value": "mine"},
        "retryPolicy": {"type": "linear", "period": 1},
        "base64Decode": True,
        "verified": True,
        "verificationHash": "mine",
        "mattermostUrl": "dropped",
        "mattermostUsername": "dropped",
        "mattermostChannel": "dropped",
    }
    config = await made(push_project, asked)
    assert config == {
        **NO_PUSH,
        **HTTP,
        "maxMessages": 7,
        "authorizationHeader": {"type": "disabled"},
        "retryPolicy": {"type": "linear", "period": 1},
        "base64Decode": True,
        "verificationHash": config["verificationHash"],
    }
    assert TOKEN.fullmatch(config["verificationHash"])


async def test_mattermost_is_verified_at_once(push_project: Project) -> None:
    """Contract: ams-core 7.3: nothing else of the other type is kept."""
    asked = {
        **MATTERMOST,
        "mattermostUsername": "u",
        "mattermostChannel": "c",
        "maxMessages": 9,
        "pushEndpoint": "dropped",
        "authorizationHeader": {"type": "not validated"},
    }
    assert await made(push_project, asked) == {
        **NO_PUSH,
        **MATTERMOST,
        "mattermostUsername": "u",
        "mattermostChannel": "c",
        "maxMessages": 1,
        "retryPolicy": {"type": "linear", "period": 3000},
        "verified": True,
    }


@pytest.mark.parametrize(("given", "kept"), [(None, 1), (0, 1), (-5, 1), (1, 1), (2**63 - 1,) * 2])
async def test_there_is_at_least_one_message_at_a_time(
    push_project: Project, given: int | None, kept: int
) -> None:
    """Contract: ams-core 7.1, O-34."""
    assert (await made(push_project, {**HTTP, "maxMessages": given}))["maxMessages"] == kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (None, {"type": "linear", "period": 3000}),
        ({"type": "", "period": 0}, {"type": "linear", "period": 3000}),
        ({"period": -1}, {"type": "linear", "period": 3000}),
        ({"type": "linear", "period": 300}, {"type": "linear", "period": 300}),
        # The published client can't do without a period (contract: O-50).
        ({"type": "slowstart", "period": 7}, {"type": "slowstart", "period": 0}),
    ],
)
async def test_the_retry_policy_is_linear_with_3_seconds_unless_given(
    push_project: Project, given: object, kept: object
) -> None:
    """Contract: ams-core 7.1."""
    assert (await made(push_project, {**HTTP, "retryPolicy": given}))["retryPolicy"] == kept


async def test_an_endpoint_without_a_type_is_an_http_endpoint(push_project: Project) -> None:
    """Contract: O-36."""
    config = await made(push_project, {"pushEndpoint": ENDPOINT})
    assert config["type"] == "http_endpoint"


@pytest.mark.parametrize(
    "endpoint", ["HTTPS://a.example.org", "https://127.0.0.1:1/", "https://u:p@h/", "https://[::1]"]
)
async def test_an_endpoint_is_kept_as_it_is_written(push_project: Project, endpoint: str) -> None:
    """Contract: ams-core 7.1: scheme in any letter case. Who is there is asked later."""
    config = await made(push_project, {**HTTP, "pushEndpoint": endpoint})
    assert config["pushEndpoint"] == endpoint


@pytest.mark.parametrize("name", ["new", "taken"])
@pytest.mark.parametrize(
    ("config", "message"),
    [
        *(
            ({**HTTP, "pushEndpoint": bad, "authorizationHeader": {"type": "x"}}, BAD_ENDPOINT)
            for bad in (
                *(
                    "",
                    "x",
                    "/x",
                    "//h/x",
                    "http://h/x",
                    "ftp://h",
                    "https:",
                    "https://",
                    "https:///x",
                ),
                *("https:h", " https://h", "https://h:port", "https://h:99999", "https://[::1"),
                *("https://h h/", "https://h\n/", "https://h\0", "https://:80", "https://?x"),
                "https://0177.0.0.1/",
            )
        ),
        ({**HTTP, "authorizationHeader": {"type": "Autogen"}}, BAD_HEADER),
        (
            {**HTTP, "authorizationHeader": {"type": "x"}, "retryPolicy": {"type": "x"}},
            BAD_HEADER,
        ),
        ({"type": "mattermost", "retryPolicy": {"type": "x"}}, NO_MATTERMOST),
        ({**HTTP, "type": "Http_endpoint", "retryPolicy": {"type": "x"}}, BAD_TYPE),
        ({"base64Decode": True}, BAD_TYPE),
        ({"verified": True}, BAD_TYPE),
        ({"mattermostUrl": "https://h"}, BAD_TYPE),
        ({**HTTP, "retryPolicy": {"type": "Linear"}}, BAD_RETRY),
        ({**MATTERMOST, "retryPolicy": {"type": "x"}}, BAD_RETRY),
        ({**HTTP, "maxMessages": 2**63}, "Invalid Subscription Arguments"),
        ({**HTTP, "retryPolicy": {"period": -(2**63) - 1}}, "Invalid Subscription Arguments"),
        ({**HTTP, "pushEndpoint": f"https://h/{'x' * 4096}"}, "{long}"),
    ],
)
async def test_a_bad_configuration_of_a_new_subscription_is_400(
    push_place: Project, config: Object, message: str, name: str
) -> None:
    """Contract: ams-core 7.2 rows 3 to 7, in this order, and before the name that is taken."""
    message = message.replace("{long}", "A text of the push configuration is too long")
    assert_error(await create(push_place, config, name), 400, message)


@pytest.mark.parametrize("url", ["x", "ftp://h", "http://", "javascript:alert(1)"])
async def test_a_mattermost_url_that_is_none_is_400(push_place: Project, url: str) -> None:
    """Contract: O-53."""
    answer = await create(push_place, {**MATTERMOST, "mattermostUrl": url}, "new")
    assert_error(answer, 400, "Field mattermostUrl should be a valid http or https url")


async def test_a_valid_configuration_for_a_name_that_is_taken_is_409(push_place: Project) -> None:
    """Contract: ams-core 4.3 row 5."""
    answer = await create(push_place, HTTP, "taken")
    assert_error(answer, 409, "Subscription already exists", "ALREADY_EXISTS")


@pytest.mark.parametrize("text", ["\ud800", "\0", "x" * 4097, "ü" * 2000, "🙂" * 4096])
async def test_any_text_is_kept_or_refused(push_project: Project, text: str) -> None:
    body = {
        "topic": f"projects/{push_project.name}/topics/t",
        "pushConfig": {**MATTERMOST, "mattermostUsername": text},
    }
    content = json.dumps(body)
    answer = await push_project.request("PUT", "/subscriptions/s", content=content)
    if answer.is_success:
        assert (await shown(push_project))["mattermostUsername"] == text
    else:
        assert answer.status_code == 400


async def test_without_the_workers_user_push_is_500(start_node: StartNode) -> None:
    """Contract: ams-core 7.2 row 2, 7.4, 7.5 row 2; turning off is allowed."""
    node = await start_node(push={"enabled": True, "worker_token": "nobody's"})
    project = await Project.create(node)
    await project.topic("t")
    await project.subscription("s", "t")
    for config in (HTTP, {"type": "x"}):
        assert_error(await create(project, config, "new"), 500, UNAVAILABLE)
        assert_error(await modify(project, config), 500, UNAVAILABLE)
    for name in ("s", "nothing"):
        answer = await project.request("POST", f"/subscriptions/{name}:verifyPushEndpoint")
        assert_error(answer, 500, UNAVAILABLE)
    assert_error(await modify(project, HTTP, "nothing"), 404, "Subscription doesn't exist")
    assert_empty(await modify(project, {}))
    status = object_in(await node.request("GET", "/v1/status", token=None))
    assert status == {"status": "warning", "push_servers": []}
