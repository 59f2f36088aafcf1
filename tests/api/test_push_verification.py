"""An endpoint shows that it wants the messages (contract: ams-core 7.5)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.api.client import Object, Project, assert_empty, assert_error, object_in
from tests.api.test_push_settings import HTTP, MATTERMOST, made, modified, modify, shown
from tests.certificates import RECEIVER_HOST, Certificates
from tests.push_worker import WORKER_NAME
from tests.receiver import Receiver, answer, receiver, silence
from tests.serving import Conversation

VERIFY = "/subscriptions/s:verifyPushEndpoint"
FAILED = "Endpoint verification failed."
NOT_ALLOWED = f"{FAILED}the address is not allowed"


@asynccontextmanager
async def endpoint(converse: Conversation, certificates: Certificates) -> AsyncIterator[Receiver]:
    async with receiver(converse, certificates, RECEIVER_HOST) as server:
        yield server


@asynccontextmanager
async def verifiable(
    project: Project, certificates: Certificates, **asked: object
) -> AsyncIterator[tuple[Receiver, Object]]:
    """An endpoint that shows the right hash, and the configuration of subscription `s` for it."""
    shows = ""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer("200 OK", shows.encode())(reader, writer)

    async with endpoint(converse, certificates) as server:
        config = await made(project, {**HTTP, "pushEndpoint": server.url("/x?y"), **asked})
        shows = config["verificationHash"]
        yield server, config


async def names_on_list(project: Project) -> list[str]:
    answered = object_in(await project.request("GET", "/subscriptions/s:acl"))
    names: list[str] = answered["authorized_users"]
    return names


async def test_an_endpoint_that_shows_the_hash_is_verified(
    push_project: Project, certificates: Certificates
) -> None:
    """Contract: ams-core 7.5, O-35."""
    asked = {"base64Decode": True, "maxMessages": 7}
    async with verifiable(push_project, certificates, **asked) as (server, config):
        assert await names_on_list(push_project) == []
        assert_empty(await push_project.request("POST", VERIFY))
    assert await shown(push_project) == {**config, "verified": True}
    assert await names_on_list(push_project) == [WORKER_NAME]
    newest = object_in(await push_project.request("GET", "/audit"))["entries"][0]
    resource = f"/projects/{push_project.name}/subscriptions/s"
    assert (newest["action"], newest["resource"]) == ("subscriptions:verifyPushEndpoint", resource)
    worker = object_in(await push_project.node.request("GET", f"/v1/users/{WORKER_NAME}"))
    assert {
        "project": push_project.name,
        "roles": [],
        "topics": [],
        "subscriptions": ["s"],
    } in worker["projects"]
    (request,) = server.requests
    lines = request.split("\r\n")
    assert lines[0] == "GET /ams_verification_hash HTTP/1.1"
    assert f"Host: {RECEIVER_HOST}:{server.port}" in lines
    assert config["authorizationHeader"]["value"] not in request


async def test_a_user_in_the_endpoint_is_not_sent(
    push_project: Project, certificates: Certificates
) -> None:
    """Contract: push 7.5."""
    async with verifiable(push_project, certificates) as (server, config):
        url = config["pushEndpoint"].replace("//", "//user:password@")
        await modified(push_project, {**HTTP, "pushEndpoint": url})
        refused = await push_project.request("POST", VERIFY)
        assert_error(refused, 401, f"{FAILED}Wrong verification hash")
    assert "authorization" not in server.requests[0].lower()


async def test_verifying_an_unknown_subscription_is_404(push_place: Project) -> None:
    """Contract: ams-core 7.5 row 3."""
    path = "/subscriptions/nothing:verifyPushEndpoint"
    answered = await push_place.request("POST", path)
    assert_error(answered, 404, "Subscription doesn't exist")


async def test_a_subscription_that_is_no_http_push_is_409(push_project: Project) -> None:
    """Contract: ams-core 7.5 row 4."""
    await push_project.subscription("s", "t")
    for config in (None, MATTERMOST):
        await modified(push_project, config)
        answered = await push_project.request("POST", VERIFY)
        assert_error(answered, 409, "Subscription is not in http push mode")


async def test_a_verified_endpoint_is_409(
    push_project: Project, certificates: Certificates
) -> None:
    """Contract: ams-core 7.5 row 5."""
    async with verifiable(push_project, certificates) as (server, _):
        assert_empty(await push_project.request("POST", VERIFY))
        answered = await push_project.request("POST", VERIFY)
        assert_error(answered, 409, "Push endpoint is already verified")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("shows", "reason"),
    [
        (answer("201 Created"), "Wrong response status code"),
        (answer("404 Not Found"), "Wrong response status code"),
        (answer("500 Sorry", b"x" * 10_000), "Wrong response status code"),
        (answer("200 OK"), "Wrong verification hash"),
        (answer("200 OK", b"0" * 64), "Wrong verification hash"),
        (answer("200 OK", b"x" * 10_000_000), "Wrong verification hash"),
    ],
)
async def test_an_endpoint_that_shows_something_else_is_401(
    push_project: Project, certificates: Certificates, shows: Conversation, reason: str
) -> None:
    """Contract: ams-core 7.5 row 6."""
    async with endpoint(shows, certificates) as server:
        config = await made(push_project, {**HTTP, "pushEndpoint": server.url()})
        answered = await push_project.request("POST", VERIFY)
    assert_error(answered, 401, f"{FAILED}{reason}")
    assert await shown(push_project) == config
    assert await names_on_list(push_project) == []


@pytest.mark.parametrize("more", ["\n", " ", "\0"])
async def test_the_hash_counts_byte_by_byte(
    push_project: Project, certificates: Certificates, more: str
) -> None:
    """Contract: ams-core 7.5."""
    shows = ""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer("200 OK", shows.encode())(reader, writer)

    async with endpoint(converse, certificates) as server:
        config = await made(push_project, {**HTTP, "pushEndpoint": server.url()})
        shows = config["verificationHash"] + more
        answered = await push_project.request("POST", VERIFY)
    assert_error(answered, 401, f"{FAILED}Wrong verification hash")


async def test_an_endpoint_that_is_not_there_is_401(push_project: Project) -> None:
    """Contract: ams-core 7.5 row 6."""
    await push_project.subscription("s", "t")
    for host, reason in ((f"{RECEIVER_HOST}:1", "no connection"), ("h.invalid", "no such host")):
        await modified(push_project, {**HTTP, "pushEndpoint": f"https://{host}/"})
        answered = await push_project.request("POST", VERIFY)
        assert_error(answered, 401, f"{FAILED}{reason}")


# Addresses that nobody may have us connect to


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "[::1]",
        "169.254.169.254",
        "10.0.0.1",
        "10.255.255.255",
        "2130706433",
        "017700000001",
        "0x7f000001",
        "127.1",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f07:707]",
        "[64:ff9b::127.7.7.7]",
        "0.0.0.0",
        "localhost",
    ],
)
async def test_an_endpoint_at_an_address_that_is_not_public_is_401(
    push_project: Project, certificates: Certificates, host: str
) -> None:
    """Contract: decision 13. In any spelling, and by a name."""
    async with receiver(answer("200 OK"), certificates, "0.0.0.0") as server:
        await made(push_project, {**HTTP, "pushEndpoint": f"https://{host}:{server.port}/"})
        answered = await push_project.request("POST", VERIFY)
    assert_error(answered, 401, NOT_ALLOWED)
    assert not server.connections


async def test_a_redirect_is_not_followed(
    push_project: Project, certificates: Certificates
) -> None:
    """Contract: decision 13: wherever it leads."""
    async with (
        receiver(answer("200 OK"), certificates, "127.0.0.1") as inner,
        endpoint(answer("302 Found", b"", f"Location: {inner.url()}"), certificates) as server,
    ):
        await made(push_project, {**HTTP, "pushEndpoint": server.url()})
        answered = await push_project.request("POST", VERIFY)
    assert_error(answered, 401, f"{FAILED}Wrong response status code")
    assert not inner.connections


# While an endpoint takes its time


@asynccontextmanager
async def waiting_verification(
    project: Project, certificates: Certificates
) -> AsyncIterator[tuple[asyncio.Event, list[bytes], asyncio.Task[object]]]:
    """A verification whose endpoint has been asked and shows what is put into the list, later."""
    asked, may_answer, shows = asyncio.Event(), asyncio.Event(), [b""]

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await may_answer.wait()
        await answer("200 OK", shows[0])(reader, writer)

    async with endpoint(converse, certificates) as server:
        config = await made(project, {**HTTP, "pushEndpoint": server.url()})
        shows[0] = config["verificationHash"].encode()
        async with asyncio.TaskGroup() as tasks:
            verification = tasks.create_task(project.request("POST", VERIFY))
            await asked.wait()
            yield may_answer, shows, verification


async def test_an_endpoint_that_takes_the_place_of_one_being_verified_is_not_verified(
    push_project: Project, certificates: Certificates
) -> None:
    """Not even if the one that is asked knows the hash of the other."""
    elsewhere = {**HTTP, "pushEndpoint": "https://victim.example.org/"}
    async with waiting_verification(push_project, certificates) as (go, shows, verification):
        config = await modified(push_project, elsewhere)
        shows[0] = config["verificationHash"].encode()
        go.set()
        answered = await verification
    assert_error(answered, 401, f"{FAILED}Wrong verification hash")  # type: ignore[arg-type]
    assert await shown(push_project) == config
    assert await names_on_list(push_project) == []


async def test_what_changes_during_the_verification_stays_changed(
    push_project: Project, certificates: Certificates
) -> None:
    async with waiting_verification(push_project, certificates) as (go, _, verification):
        endpoint_now = (await shown(push_project))["pushEndpoint"]
        changed = await modified(
            push_project, {**HTTP, "pushEndpoint": endpoint_now, "maxMessages": 42}
        )
        go.set()
        assert_empty(await verification)  # type: ignore[arg-type]
    assert await shown(push_project) == {**changed, "verified": True}


async def test_push_that_is_turned_off_during_the_verification_stays_off(
    push_project: Project, certificates: Certificates
) -> None:
    async with waiting_verification(push_project, certificates) as (go, _, verification):
        assert_empty(await modify(push_project, None))
        go.set()
        answered = await verification
    assert_error(answered, 409, "Subscription is not in http push mode")  # type: ignore[arg-type]
    assert (await shown(push_project))["type"] == ""


async def test_others_are_served_while_an_endpoint_says_nothing(
    push_project: Project, certificates: Certificates
) -> None:
    async with endpoint(silence, certificates) as server:
        await made(push_project, {**HTTP, "pushEndpoint": server.url()})
        async with asyncio.timeout(5):
            verification = asyncio.create_task(push_project.request("POST", VERIFY))
            await push_project.publish("t", "x")
            assert not verification.done()
            verification.cancel()
