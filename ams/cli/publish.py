"""`ams publish`: sends messages to a topic."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from ams.cli.failure import CommandFailed, Exit
from ams.cli.output import print_json
from ams.cli.session import Session, with_session

if TYPE_CHECKING:
    from ams.client import Client

#: Most messages of one request with --lines.
BATCH_MESSAGES = 1000
#: Input that is read at once with --lines, in bytes; one request has about as much.
READ_BYTES = 1 << 20


@with_session
def publish(
    session: Session,
    topic: Annotated[str, typer.Argument(help="Topic to publish to.", show_default=False)],
    text: Annotated[
        str | None,
        typer.Argument(help="Data of the message; - reads standard input.", show_default=False),
    ] = None,
    attribute: Annotated[
        list[str] | None,
        typer.Option(
            "--attribute", "-a", metavar="KEY=VALUE", help="An attribute; may be repeated."
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="File with the data, of any kind.", show_default=False),
    ] = None,
    lines: Annotated[
        bool,
        typer.Option("--lines", help="Publish each line of standard input, or of --file."),
    ] = False,
) -> None:
    """Publish a message, or many, and print their ids."""
    attributes = dict(_pair(item) for item in attribute or [])
    if (text is not None) + (file is not None) + (lines and file is None) > 1:
        raise CommandFailed("give only one of TEXT, --file and --lines", Exit.USAGE)
    if text is None and file is None and not lines and not attributes:
        raise CommandFailed(
            "nothing to publish: give TEXT, - for standard input, --file, --lines or --attribute",
            Exit.USAGE,
        )
    batches = _lines(file) if lines else iter([[_data(text, file)]])
    project = session.project
    with session.client(topic=topic) as client:
        _print_ids(_published(client, project, topic, batches, attributes), as_json=session.json)


def _published(
    client: "Client",
    project: str,
    topic: str,
    batches: Iterable[list[bytes]],
    attributes: dict[str, str],
) -> Iterator[tuple[str, ...]]:
    from ams.client import OutgoingMessage

    for batch in batches:
        messages = [OutgoingMessage(data, attributes) for data in batch]
        yield client.topics.publish(project, topic, messages)


def _print_ids(batches: Iterator[tuple[str, ...]], *, as_json: bool) -> None:
    if as_json:
        print_json({"messageIds": [message_id for ids in batches for message_id in ids]})
        return
    for ids in batches:
        sys.stdout.writelines(f"{message_id}\n" for message_id in ids)
        sys.stdout.flush()


def _pair(item: str) -> tuple[str, str]:
    key, separator, value = item.partition("=")
    if not separator:
        raise CommandFailed(f"--attribute {item}: write KEY=VALUE", Exit.USAGE)
    try:
        item.encode()
    except UnicodeEncodeError as error:
        raise CommandFailed(f"--attribute {key}: is not UTF-8 text", Exit.USAGE) from error
    return key, value


def _data(text: str | None, file: Path | None) -> bytes:
    if file:
        try:
            return file.read_bytes()
        except OSError as error:
            raise CommandFailed(f"{file} can't be read: {error.strerror}", Exit.USAGE) from error
    if text == "-":
        return sys.stdin.buffer.read()
    # As it was typed, also if it is not UTF-8.
    return os.fsencode(text or "")


def _lines(file: Path | None) -> Iterator[list[bytes]]:
    """Lines without their ends, as many at a time as are there: a slow writer need not wait."""
    try:
        stream = file.open("rb") if file else nullcontext(sys.stdin.buffer)
    except OSError as error:
        raise CommandFailed(f"{file} can't be read: {error.strerror}", Exit.USAGE) from error
    with stream as source:
        for lines in _available_lines(source):
            for start in range(0, len(lines), BATCH_MESSAGES):
                yield lines[start : start + BATCH_MESSAGES]


def _available_lines(source: BinaryIO) -> Iterator[list[bytes]]:
    rest: list[bytes] = []
    while piece := os.read(source.fileno(), READ_BYTES):
        whole, newline, last = piece.rpartition(b"\n")
        if newline:
            yield b"".join([*rest, whole]).split(b"\n")
            rest = []
        rest.append(last)
    if unended := b"".join(rest):
        yield [unended]
