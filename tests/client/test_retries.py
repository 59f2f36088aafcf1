"""When a client tries again, as a server sees it."""

import json
import time
from collections.abc import Callable, Generator, Iterator
from threading import Event, Thread

import httpx
import pytest

from ams.client import (
    AsyncClient,
    Client,
    ConnectionLost,
    NoAnswer,
    NotConnected,
    OutgoingMessage,
    Retries,
    ServiceError,
)
from tests.client.odd_server import LOST, UNAVAILABLE, Answer, OddServer
from tests.eventually import eventually_sync
from tests.processes import free_port

QUICK = Retries(base_seconds=0.001)
STATUS = Answer(body=b'{"status": "ok"}')
TOPIC = Answer(body=b'{"name": "/projects/p/topics/t", "created_on": "2026-01-02T03:04:05Z"}')
BAD_GATEWAY = Answer(502)
GATEWAY_TIMEOUT = Answer(504)
IDS = Answer(body=b'{"messageIds": ["0"]}')


def error(code: int, message: str, status: str) -> Answer:
    body = {"error": {"code": code, "message": message, "status": status}}
    return Answer(code, json.dumps(body).encode())


GONE = error(404, "Topic doesn't exist", "NOT_FOUND")


def publish(client: Client) -> object:
    return client.topics.publish("p", "t", [OutgoingMessage(b"x")])


SAFE: dict[str, Callable[[Client], object]] = {
    "show": lambda client: client.topics.show("p", "t"),
    "delete": lambda client: client.topics.delete("p", "t"),
    "modifyAcl": lambda client: client.topics.modify_acl("p", "t", []),
    "pull": lambda client: client.subscriptions.pull("p", "s"),
    "acknowledge": lambda client: client.subscriptions.acknowledge("p", "s", ["x"]),
    "modifyOffset": lambda client: client.subscriptions.modify_offset("p", "s", 3),
    "metrics": lambda client: client.metrics.hosts(),
    "describe": lambda client: client.projects.update("p", description="x"),
}
#: What else than a topic is answered to these.
ANSWERS = {
    "pull": b'{"receivedMessages": []}',
    "metrics": b'{"metrics": []}',
    "describe": b'{"name": "p", "created_on": "2026-01-02T03:04:05Z",'
    b' "modified_on": "2026-01-02T03:04:05Z"}',
}
REFUSED: dict[str, Callable[[Client], object]] = {
    "topic": lambda client: client.topics.create("p", "t"),
    "subscription": lambda client: client.subscriptions.create("p", "s", "t"),
    "project": lambda client: client.projects.create("p"),
    "user": lambda client: client.users.create("u"),
    "add": lambda client: client.members.add("p", "u"),
    "remove": lambda client: client.members.remove("p", "u"),
    "accept": lambda client: client.registrations.accept("r"),
    "decline": lambda client: client.registrations.decline("r"),
    "rename a project": lambda client: client.projects.update("p", name="q"),
    "rename a user": lambda client: client.users.update("u", name="v"),
}


@pytest.fixture
def quick(odd_server: OddServer) -> Iterator[Client]:
    with Client(odd_server.url, retries=QUICK) as client:
        yield client


@pytest.mark.parametrize("failure", [UNAVAILABLE, BAD_GATEWAY, GATEWAY_TIMEOUT, LOST])
@pytest.mark.parametrize("name", SAFE)
def test_what_can_be_done_twice_is_tried_again(
    odd_server: OddServer, quick: Client, name: str, failure: Answer
) -> None:
    odd_server.answers = [failure, failure, Answer(body=ANSWERS.get(name, TOPIC.body))]
    SAFE[name](quick)
    assert len(odd_server.requests) == 3
    assert len(set(odd_server.paths())) == 1


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_be_refused_is_tried_again_only_where_it_was_hardly_done(
    odd_server: OddServer, quick: Client, name: str
) -> None:
    """A repetition of what was done would be refused: with 409, 403 or 404."""
    for failure in (LOST, BAD_GATEWAY, GATEWAY_TIMEOUT):
        odd_server.answers = [failure]
        with pytest.raises((ConnectionLost, ServiceError)):
            REFUSED[name](quick)
    assert len(odd_server.requests) == 3
    odd_server.answers = [UNAVAILABLE, error(409, "exists", "ALREADY_EXISTS")]
    with pytest.raises(ServiceError, match="exists"):
        REFUSED[name](quick)
    assert len(odd_server.requests) == 5


@pytest.mark.parametrize("failure", [UNAVAILABLE, BAD_GATEWAY, GATEWAY_TIMEOUT, LOST])
def test_a_publish_that_may_be_stored_is_not_repeated_unless_duplicates_are_fine(
    odd_server: OddServer, quick: Client, failure: Answer
) -> None:
    odd_server.answers = [failure]
    with pytest.raises((ConnectionLost, ServiceError)):
        publish(quick)
    assert len(odd_server.requests) == 1
    odd_server.answers = [failure, IDS]
    carefree = Client(odd_server.url, retries=Retries(base_seconds=0.001, may_duplicate=True))
    assert publish(carefree) == ("0",)
    assert len(odd_server.requests) == 3


def test_a_registration_that_may_be_stored_is_not_repeated(
    odd_server: OddServer, quick: Client
) -> None:
    """Contract: ams-users-metrics 7.1, the same name may be asked for twice."""
    for failure in (UNAVAILABLE, LOST):
        odd_server.answers = [failure]
        with pytest.raises((ConnectionLost, ServiceError)):
            quick.registrations.create("u")
    assert len(odd_server.requests) == 2


@pytest.mark.parametrize("failure", [UNAVAILABLE, LOST])
def test_a_purge_that_may_be_done_is_never_repeated(odd_server: OddServer, failure: Answer) -> None:
    """It would remove what was published meanwhile, too."""
    carefree = Retries(base_seconds=0.001, may_duplicate=True)
    odd_server.answers = [failure]
    failed = pytest.raises((ConnectionLost, ServiceError))
    with Client(odd_server.url, retries=carefree) as client, failed:
        client.topics.purge("p", "t")
    assert len(odd_server.requests) == 1


def test_a_repeated_delete_that_finds_nothing_was_successful(
    odd_server: OddServer, quick: Client
) -> None:
    odd_server.answers = [LOST, GONE]
    quick.topics.delete("p", "t")
    odd_server.answers = [GONE]
    with pytest.raises(ServiceError, match="Topic doesn't exist"):
        quick.topics.delete("p", "t")
    odd_server.answers = [LOST, GONE]
    with pytest.raises(ServiceError, match="Topic doesn't exist"):
        quick.topics.preview_delete("p", "t")


@pytest.mark.parametrize("code", [400, 401, 403, 404, 408, 409, 413, 500])
def test_other_answers_are_final(odd_server: OddServer, quick: Client, code: int) -> None:
    """Contract: ams-core 6.2, repeating an acknowledgement that was too late is of no use."""
    odd_server.otherwise = Answer(code)
    for call in SAFE.values():
        odd_server.requests.clear()
        with pytest.raises(ServiceError):
            call(quick)
        assert len(odd_server.requests) == 1


def test_time_that_ran_out_is_not_spent_again(odd_server: OddServer) -> None:
    released = Event()

    def late(_request: object) -> Answer:
        released.wait()
        return STATUS

    odd_server.otherwise = late
    with Client(odd_server.url, timeout=0.2) as client, pytest.raises(NoAnswer):
        client.status()
    released.set()
    eventually_sync(lambda: odd_server.requests)
    assert len(odd_server.requests) == 1


def test_attempts_are_limited_and_can_be_switched_off(odd_server: OddServer) -> None:
    odd_server.otherwise = UNAVAILABLE
    for retries, attempts in ((0, 1), (2, 3), (QUICK, 5)):
        odd_server.requests.clear()
        with Client(odd_server.url, retries=retries) as client, pytest.raises(ServiceError):
            client.status()
        assert len(odd_server.requests) == attempts
    with pytest.raises(ValueError, match="at least one attempt"):
        Client(odd_server.url, retries=-1)


def test_the_broker_says_how_long_to_wait(odd_server: OddServer, quick: Client) -> None:
    odd_server.answers = [Answer(503, headers={"Retry-After": "1"}), STATUS]
    started = time.monotonic()
    quick.status()
    assert time.monotonic() - started >= 1
    odd_server.answers = [Answer(503, headers={"Retry-After": "86400"}), STATUS]
    with Client(odd_server.url, retries=Retries(base_seconds=0.001, cap_seconds=0.01)) as client:
        client.status()


def test_pauses_double_up_to_a_cap_and_are_random() -> None:
    retries = Retries(base_seconds=1, cap_seconds=5)
    for failures, longest in ((1, 1), (2, 2), (3, 4), (4, 5), (10_000, 5)):
        pauses = [retries.pause_seconds(failures) for _ in range(300)]
        assert all(0 <= pause <= longest for pause in pauses)
        assert min(pauses) < longest / 4
        assert max(pauses) > longest * 3 / 4


class Attempts(httpx.Auth):
    """Counts attempts, also those that reach nobody."""

    def __init__(self) -> None:
        self.count = 0
        self.third = Event()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        self.count += 1
        if self.count == 3:
            self.third.set()
        yield request


def test_a_publish_goes_to_a_broker_that_starts_meanwhile_once() -> None:
    """A refused connection has stored nothing."""
    attempts = Attempts()
    port = free_port()
    patient = Retries(attempts=1000, base_seconds=0.01, cap_seconds=0.05)
    with Client(f"http://127.0.0.1:{port}", attempts, retries=patient) as client:
        thread = Thread(target=publish, args=[client])
        thread.start()
        assert attempts.third.wait(10)
        server = OddServer(port=port)
        # It listens already, but answers nobody yet.
        server.otherwise = IDS
        with server:
            thread.join()
            assert server.paths() == ["POST /v1/projects/p/topics/t:publish"]


def test_who_is_not_there_is_asked_as_often_as_allowed() -> None:
    attempts = Attempts()
    refused = pytest.raises(NotConnected, match="Connection refused")
    with Client(f"http://127.0.0.1:{free_port()}", attempts, retries=QUICK) as client, refused:
        client.status()
    assert attempts.count == 5


async def test_the_async_client_tries_again_just_so(odd_server: OddServer) -> None:
    async with AsyncClient(odd_server.url, retries=QUICK) as client:
        odd_server.answers = [LOST, UNAVAILABLE, STATUS]
        assert (await client.status()).status == "ok"
        odd_server.answers = [LOST]
        with pytest.raises(ConnectionLost):
            await client.topics.publish("p", "t", [OutgoingMessage(b"x")])
    assert len(odd_server.requests) == 4
    async with AsyncClient(f"http://127.0.0.1:{free_port()}", retries=QUICK) as client:
        with pytest.raises(NotConnected, match="onnect"):
            await client.status()
