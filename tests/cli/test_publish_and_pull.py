"""`ams publish` and `ams pull`."""

import base64
import json
import signal

import pytest

from tests.cli.command import Ams

TEXTS = ["first", "second", "third"]


@pytest.fixture
def topic(ams: Ams) -> Ams:
    """The command, in a project with topic t and subscription s."""
    assert ams("topic", "create", "t").status == 0
    assert ams("subscription", "create", "s", "t").status == 0
    return ams


@pytest.fixture
def three(topic: Ams) -> Ams:
    """As `topic`, with three messages."""
    assert topic("publish", "t", "--lines", stdin="\n".join(TEXTS).encode()).status == 0
    return topic


def pulled(ams: Ams, *options: str) -> list[bytes]:
    """The data of the messages that a pull shows."""
    answer = ams("pull", "s", "--json", *options).json()
    return [base64.b64decode(entry["message"]["data"]) for entry in answer["receivedMessages"]]


def test_publish_prints_the_id_and_pull_shows_the_message(topic: Ams) -> None:
    published = topic("publish", "t", "hello", "--attribute", "key=a=b", "-a", "other=x")
    assert (published.status, published.output, published.errors) == (0, "0\n", "")
    shown = topic("pull", "s")
    assert shown.status == 0
    first, second = shown.output.splitlines()
    assert first.startswith("0  ")
    assert first.endswith("Z  key=a=b  other=x")
    assert second == "  hello"


def test_json_is_what_the_api_answers(topic: Ams) -> None:
    assert topic("publish", "t", "hello", "--json").json() == {"messageIds": ["0"]}
    (received,) = topic("pull", "s", "--json").json()["receivedMessages"]
    assert received["ackId"].endswith("/subscriptions/s:0")
    assert received["message"].pop("publishTime").endswith("Z")
    assert received["message"] == {"messageId": "0", "data": "aGVsbG8="}


def test_data_comes_from_standard_input_byte_by_byte(topic: Ams) -> None:
    data = bytes(range(256)) + b"\n"
    assert topic("publish", "t", "-", stdin=data).status == 0
    assert pulled(topic) == [data]
    assert "257 bytes that are not text, in base64" in topic("pull", "s").output


def test_data_comes_from_a_file(topic: Ams) -> None:
    file = topic.folder / "data"
    file.write_bytes(b"\xff\x00")
    assert topic("publish", "t", "--file", file).status == 0
    assert pulled(topic) == [b"\xff\x00"]


def test_each_line_is_a_message_the_last_without_its_end_too(topic: Ams) -> None:
    published = topic("publish", "t", "--lines", "-a", "from=lines", stdin=b"a\n\nb\nc")
    assert published.output.split() == ["0", "1", "2", "3"]
    assert pulled(topic) == [b"a", b"", b"b", b"c"]


def test_many_lines_of_a_file_keep_their_order(topic: Ams) -> None:
    lines = [f"line {number}" for number in range(2500)]
    file = topic.folder / "lines"
    file.write_text("\n".join(lines) + "\n")
    published = topic("publish", "t", "--lines", "--file", file)
    assert published.output.split() == [str(number) for number in range(2500)]
    assert pulled(topic, "--max", "1000") == [line.encode() for line in lines[:1000]]


def test_a_line_is_published_while_the_writer_pauses(topic: Ams) -> None:
    with topic.start("publish", "t", "--lines") as publisher:
        assert publisher.stdin
        assert publisher.stdout
        publisher.stdin.write(b"now\n")
        publisher.stdin.flush()
        assert publisher.stdout.readline() == b"0\n"
        publisher.stdin.write(b"and later\n")
        publisher.stdin.close()
        assert publisher.stdout.readline() == b"1\n"
    assert publisher.returncode == 0


def test_pull_acknowledges_only_if_told(three: Ams) -> None:
    assert pulled(three, "--max", "2") == [b"first", b"second"]
    assert pulled(three, "--max", "2", "--ack") == [b"first", b"second"]
    assert pulled(three) == [b"third"]


def test_an_empty_subscription_gives_nothing(topic: Ams) -> None:
    shown = topic("pull", "s", "--ack")
    assert (shown.status, shown.output, shown.errors) == (0, "", "")
    assert topic("pull", "s", "--json").json() == {"receivedMessages": []}


def test_wait_returns_with_the_first_message(topic: Ams) -> None:
    with topic.start("pull", "s", "--wait") as waiting:
        topic("publish", "t", "awaited")
        output, errors = waiting.communicate(timeout=20)
    assert waiting.returncode == 0, errors
    assert b"awaited" in output


def test_follow_shows_and_acknowledges_until_ctrl_c(three: Ams) -> None:
    with three.start("pull", "s", "--follow") as following:
        assert following.stdout
        seen = [following.stdout.readline().strip() for _ in range(6)][1::2]
        assert seen == [text.encode() for text in TEXTS]
        three("publish", "t", "fourth")
        following.stdout.readline()
        assert following.stdout.readline() == b"  fourth\n"
        following.send_signal(signal.SIGINT)
        _, errors = following.communicate(timeout=20)
    assert (following.returncode, errors) == (130, b"")
    assert three("subscription", "offsets", "s", "--json").json()["current"] >= 3


def test_follow_prints_one_json_line_a_message_and_ends_at_max(three: Ams) -> None:
    shown = three("pull", "s", "--follow", "--json", "--max", "2")
    assert shown.status == 0
    assert [json.loads(line)["message"]["messageId"] for line in shown.output.splitlines()] == [
        "0",
        "1",
    ]
    assert pulled(three) == [b"third"]


def test_control_characters_of_a_message_do_not_reach_the_reader(topic: Ams) -> None:
    topic("publish", "t", "\x1b[31mred\x07\nnext", "-a", "k=\x1b]0;title\x07")
    shown = topic("pull", "s").output
    assert "\x1b" not in shown
    assert "\\x1b[31mred\\x07\n  next" in shown


def test_a_reader_that_goes_away_ends_the_command_quietly(topic: Ams) -> None:
    topic("publish", "t", "--lines", stdin=b"x" * 100_000 + b"\n" + b"y" * 100_000)
    with topic.start("pull", "s", "--ack") as pull:
        assert pull.stdout
        pull.stdout.read(10)
        pull.stdout.close()
        assert pull.stderr
        assert pull.stderr.read() == b""
    assert pull.returncode == 1
    assert pulled(topic)[0].startswith(b"x"), "what was not shown is not acknowledged"


@pytest.mark.parametrize(
    "arguments",
    [
        ["publish", "t"],
        ["publish", "t", "text", "--lines"],
        ["publish", "t", "text", "--file", "x"],
        ["publish", "t", "text", "-a", "novalue"],
        ["publish", "t", "--file", "/does/not/exist"],
        ["publish"],
        ["pull", "s", "--max", "0"],
        ["pull", "s", "--follow", "--no-ack"],
        ["pull", "not/a/name"],
        ["pull", "s:acknowledge"],
    ],
)
def test_wrong_use_is_status_2(ams: Ams, arguments: list[str]) -> None:
    result = ams(*arguments)
    assert result.status == 2
    assert result.output == ""
    assert "Traceback" not in result.errors


def test_what_the_server_refuses_is_its_message_and_status_1(ams: Ams) -> None:
    for command in (["publish", "nowhere", "x"], ["pull", "nowhere"]):
        result = ams(*command)
        what = "Topic" if command[0] == "publish" else "Subscription"
        assert (result.status, result.output) == (1, "")
        assert result.errors == f"Error: {what} doesn't exist\n"
