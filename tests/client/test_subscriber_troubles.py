"""Consuming from a server that fails on purpose: what is pulled, acknowledged, handed out again."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from ams.client import Client, Message, Retries, ServiceError, Subscriber, UnexpectedAnswer
from tests.client.odd_server import LOST, UNAVAILABLE, Answer, OddServer, Request

PATH = "/v1/projects/p/subscriptions/s"
TOO_LATE = Answer(408, b'{"error": {"code": 408, "message": "ack timeout", "status": "TIMEOUT"}}')
NOT_PENDING = Answer(500, b'{"error": {"code": 500, "message": "no ack pending"}}')
FORBIDDEN = Answer(403)


@dataclass(frozen=True)
class NoPauses(Retries):
    """Pauses not at all; remembers the failures in a row after which it would have."""

    asked: list[int] = field(default_factory=list)

    def pause_seconds(self, failures: int, error: Exception | None = None) -> float:
        self.asked.append(failures)
        return 0.0


class Queue:
    """A subscription as the contract has it (ams-core 5 and 6), with acknowledgements that fail."""

    def __init__(self, server: OddServer, size: int) -> None:
        server.otherwise = self
        self.size = size
        self.offset = 0
        self.most = 1000
        self.pulls: list[int] = []
        self.acks: list[int] = []
        #: What becomes of the next acknowledgements: an answer, and whether it is done.
        self.troubles: list[tuple[Answer, bool]] = []
        self.deadline: Answer = Answer(body=json.dumps(SHOWN).encode())

    def __call__(self, request: Request) -> Answer:
        if request.path == PATH:
            return self.deadline
        body = json.loads(request.body)
        if request.path == f"{PATH}:pull":
            self.pulls.append(self.offset)
            return self._pull(min(int(body["maxMessages"]), self.most))
        assert request.path == f"{PATH}:acknowledge"
        (ack_id,) = body["ackIds"]
        self.acks.append(int(ack_id.rpartition(":")[2]))
        answer, done = self.troubles.pop(0) if self.troubles else (Answer(), True)
        if done:
            self.offset = self.acks[-1] + 1
        return answer

    def _pull(self, most: int) -> Answer:
        numbers = range(self.offset, min(self.offset + most, self.size))
        messages = [
            {
                "ackId": f"projects/p/subscriptions/s:{number}",
                "message": {"messageId": str(number), "data": "", "publishTime": ""},
            }
            for number in numbers
        ]
        return Answer(body=json.dumps({"receivedMessages": messages}).encode())


SHOWN = {
    "name": "/projects/p/subscriptions/s",
    "topic": "/projects/p/topics/t",
    "pushConfig": {},
    "ackDeadlineSeconds": 10,
    "createdOn": "2026-01-02T03:04:05Z",
}


@dataclass
class Run:
    """Handles so many messages, and what to do at some of them."""

    server: OddServer
    wanted: int
    at: dict[int, Callable[[], None]] = field(default_factory=dict)
    policy: NoPauses = field(default_factory=NoPauses)
    numbers: list[int] = field(default_factory=list)
    max_messages: int = 4

    def __call__(self) -> list[int]:
        with Client(self.server.url, retries=self.policy) as client:
            self.subscriber: Subscriber = client.subscribe(
                "p", "s", self._handle, max_messages=self.max_messages
            )
            self.subscriber.run()
        return self.numbers

    def _handle(self, message: Message) -> None:
        number = int(message.message_id)
        self.numbers.append(number)
        self.at.pop(len(self.numbers), lambda: None)()
        if len(self.numbers) == self.wanted:
            self.subscriber.stop()


@pytest.mark.parametrize("answer", [TOO_LATE, LOST, UNAVAILABLE, NOT_PENDING])
@pytest.mark.parametrize("done", [False, True])
def test_an_acknowledgement_that_fails_is_made_up_for(
    odd_server: OddServer, answer: Answer, done: bool
) -> None:
    """Contract: ams-core 6.2. Only the last message is acknowledged, after each pull once."""
    queue = Queue(odd_server, 8)
    queue.troubles = [(answer, done), (answer, done)]
    run = Run(odd_server, 8)
    assert run() == list(range(8))
    assert queue.offset == 8
    assert queue.pulls == ([0, 4, 8] if done else [0, 0, 0, 4])
    assert run.policy.asked == [1, 2]


def test_acknowledgements_that_never_work_do_not_spin(odd_server: OddServer) -> None:
    """Contract: ams-core 12.5 tells how the published client does."""
    queue = Queue(odd_server, 4)
    queue.troubles = [(NOT_PENDING, False)] * 20
    run = Run(odd_server, 5)
    run.at = {4: lambda: setattr(queue, "size", 5)}
    assert run() == [0, 1, 2, 3, 4]
    assert run.policy.asked == list(range(1, 21))
    assert queue.pulls == [0] * 21 + [4]
    assert queue.acks == [3] * 21 + [4]


def test_a_subscription_that_was_moved_meanwhile_is_handed_out_from_there(
    odd_server: OddServer,
) -> None:
    queue = Queue(odd_server, 8)
    queue.offset = 4
    queue.troubles = [(TOO_LATE, False)]
    run = Run(odd_server, 8, {4: lambda: setattr(queue, "offset", 2)})
    assert run() == [4, 5, 6, 7, 2, 3, 4, 5]
    assert queue.acks == [7, 5]


def test_fewer_messages_than_before_are_acknowledged_as_far_as_they_go(
    odd_server: OddServer,
) -> None:
    queue = Queue(odd_server, 4)
    queue.troubles = [(TOO_LATE, False)]
    run = Run(odd_server, 6, {4: lambda: setattr(queue, "most", 2)})
    assert run() == [0, 1, 2, 3, 2, 3]
    assert queue.acks == [3, 1, 3]


def test_a_late_acknowledgement_is_made_up_for_when_stopping(odd_server: OddServer) -> None:
    queue = Queue(odd_server, 8)
    queue.troubles = [(TOO_LATE, False)]
    assert Run(odd_server, 4)() == [0, 1, 2, 3]
    assert (queue.offset, queue.acks) == (4, [3, 3])
    queue.troubles = [(LOST, False), (LOST, False)]
    assert Run(odd_server, 4)() == [4, 5, 6, 7]
    assert queue.offset == 4


def test_a_late_acknowledgement_is_made_up_for_when_a_callback_fails(
    odd_server: OddServer,
) -> None:
    queue = Queue(odd_server, 4)
    queue.troubles = [(TOO_LATE, False)]

    def fail() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        Run(odd_server, 4, {3: fail})()
    assert (queue.offset, queue.acks) == (2, [1, 1])


def test_the_deadline_is_looked_up_again_when_it_was_missed(odd_server: OddServer) -> None:
    queue = Queue(odd_server, 8)
    queue.troubles = [(TOO_LATE, False)]
    Run(odd_server, 8)()
    assert odd_server.paths().count(f"GET {PATH}") == 2


def test_who_may_not_look_up_the_deadline_consumes_all_the_same(odd_server: OddServer) -> None:
    queue = Queue(odd_server, 8)
    queue.deadline = FORBIDDEN
    assert Run(odd_server, 8)() == list(range(8))
    assert odd_server.paths().count(f"GET {PATH}") == 1


def test_no_time_to_handle_means_message_by_message(odd_server: OddServer) -> None:
    queue = Queue(odd_server, 3)
    queue.deadline = Answer(body=json.dumps({**SHOWN, "ackDeadlineSeconds": 0}).encode())
    assert Run(odd_server, 3)() == [0, 1, 2]
    assert queue.acks == [0, 1, 2]


def test_troubles_of_the_broker_are_waited_out(odd_server: OddServer) -> None:
    queue = Queue(odd_server, 4)
    odd_server.answers = [LOST, UNAVAILABLE, queue, Answer(500), LOST, Answer(504)]
    run = Run(odd_server, 4)
    assert run() == [0, 1, 2, 3]
    assert run.policy.asked == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("code", [400, 401, 403, 404, 409])
def test_a_refusal_ends_the_subscriber(odd_server: OddServer, code: int) -> None:
    queue = Queue(odd_server, 4)
    odd_server.answers = [queue, Answer(code)]
    with pytest.raises(ServiceError):
        Run(odd_server, 4)()
    assert len(odd_server.requests) == 2


def test_something_else_than_a_broker_ends_the_subscriber(odd_server: OddServer) -> None:
    odd_server.otherwise = Answer(body=b"<html>Welcome</html>")
    with pytest.raises(UnexpectedAnswer):
        Run(odd_server, 4)()


def test_a_broker_that_does_not_wait_is_not_asked_all_the_time(odd_server: OddServer) -> None:
    queue = Queue(odd_server, 0)
    times: list[float] = []
    run = Run(odd_server, 0)

    def nothing(_request: Request) -> Answer:
        times.append(time.monotonic())
        if len(times) == 2:
            run.subscriber.stop()
        return Answer(body=b'{"receivedMessages": []}')

    odd_server.answers = [queue, nothing, nothing]
    begun = time.monotonic()
    assert run() == []
    assert times[1] - begun > 0.9
    assert queue.pulls == []
