"""The client library, where something else than a broker answers."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread

import pytest

from ams.client import Client, ConnectionFailed, ServiceError, UnexpectedAnswer

TIMEOUT_SECONDS = 0.5


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[Client]:
    """A client of a server which reads one request, and does `answer` to the connection."""

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            answer(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=serve, args=[listener])
        thread.start()
        with Client(
            f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=TIMEOUT_SECONDS, retries=0
        ) as client:
            yield client
        thread.join()


def response(status: str, body: str) -> Callable[[socket.socket], None]:
    text = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
    return lambda connection: connection.sendall(text.encode())


def test_an_error_of_the_broker_has_code_status_and_message() -> None:
    body = '{"error": {"code": 404, "message": "Topic doesn\'t exist", "status": "NOT_FOUND"}}'
    with answering(response("404 Not Found", body)) as client:
        with pytest.raises(ServiceError) as refused:
            client.topics.show("p", "t")
        error = refused.value
        assert (error.code, error.status, error.message) == (
            404,
            "NOT_FOUND",
            "Topic doesn't exist",
        )


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ("502 Whatever", "HTTP status 502 Bad Gateway"),
        ("302 Found", "HTTP status 302 Found"),
        ("204 No Content", "HTTP status 204 No Content"),
    ],
)
def test_an_error_of_a_proxy_is_told_by_its_number(status: str, message: str) -> None:
    body = "" if status.startswith("204") else "<html>Sorry</html>"
    with answering(response(status, body)) as client:
        with pytest.raises(ServiceError) as refused:
            client.status()
        assert (refused.value.status, refused.value.message) == ("", message)


@pytest.mark.parametrize("body", ["<html>Welcome</html>", "[]", '{"topics": 1}', ""])
def test_a_success_that_is_none_of_a_broker_is_not_taken_for_one(body: str) -> None:
    expected = pytest.raises(UnexpectedAnswer, match="does not answer GET /v1/projects/p/topics")
    with answering(response("200 OK", body)) as client, expected:
        client.topics.page("p")


def wait_for_client(connection: socket.socket) -> None:
    """Lets more time pass than the client has, unless it goes away before."""
    connection.settimeout(2 * TIMEOUT_SECONDS)
    with suppress(TimeoutError):
        connection.recv(1)


def test_no_answer_within_the_time_limit_is_a_failed_connection() -> None:
    expected = pytest.raises(ConnectionFailed, match=r"No answer from .* within 0\.5 seconds")
    with answering(wait_for_client) as client, expected:
        client.status()


def test_a_pull_that_waits_may_take_longer_than_other_requests() -> None:
    def answer_late(connection: socket.socket) -> None:
        wait_for_client(connection)
        response("200 OK", '{"receivedMessages": []}')(connection)

    with answering(answer_late) as client:
        assert client.subscriptions.pull("p", "s", wait=True) == ()


def test_a_connection_that_breaks_is_a_failed_connection() -> None:
    expected = pytest.raises(ConnectionFailed, match="Can't reach")
    with answering(socket.socket.close) as client, expected:
        client.status()


def test_an_answer_cut_short_is_a_failed_connection() -> None:
    def cut(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")

    with answering(cut) as client, pytest.raises(ConnectionFailed):
        client.status()


def test_a_garbled_encoding_is_an_unexpected_answer() -> None:
    def garble(connection: socket.socket) -> None:
        head = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Encoding: gzip\r\n\r\n"
        connection.sendall(head.encode() + b"nope")

    with answering(garble) as client, pytest.raises(UnexpectedAnswer, match="garbled"):
        client.status()
