"""What commands print: tables for people, JSON for programs.

Text for people has no control characters: what others have published must not steer a terminal.
"""

import re
import sys
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import typer

if TYPE_CHECKING:
    from ams.client import Message

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_EXCEPT_LINES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def clean(text: str) -> str:
    r"""Text for one line: control characters are shown as `\x1b`."""
    return _CONTROL.sub(_visible, text)


def clean_lines(text: str) -> str:
    """Text for several lines: as `clean`, but line ends and tabs stay."""
    return _CONTROL_EXCEPT_LINES.sub(_visible, text)


def _visible(match: re.Match[str]) -> str:
    return f"\\x{ord(match[0]):02x}"


def print_json(value: object) -> None:
    """Prints one JSON document; `value` is what msgspec can encode."""
    import msgspec

    document = msgspec.json.format(msgspec.json.encode(value), indent=2)
    sys.stdout.write(document.decode() + "\n")
    sys.stdout.flush()


def print_json_line(value: object) -> None:
    """Prints one JSON document on a line of its own, at once."""
    import msgspec

    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


def print_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    nothing: str,
    numbers: Collection[str] = (),
) -> None:
    """Prints a table. Outside of a terminal its lines are as long as they need to be.

    Args:
        columns: titles of the columns.
        rows: a cell for each of them.
        nothing: what is said, beside the output, if there are no rows.
        numbers: titles of the columns that are aligned on the right.
    """
    if not rows:
        typer.echo(nothing, err=True)
        return
    cleaned = [[clean(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _print_rich_table(columns, cleaned, numbers)
        return
    lines = [columns, *cleaned]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [
            cell.rjust(width) if title in numbers else cell.ljust(width)
            for title, cell, width in zip(columns, line, widths, strict=True)
        ]
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def _print_rich_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: Collection[str]
) -> None:
    # Late: rich takes long to import, and a command whose output is piped does not need it.
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        justify: Literal["left", "right"] = "right" if column in numbers else "left"
        table.add_column(column, overflow="fold", justify=justify)
    for row in rows:
        table.add_row(*row)
    Console(highlight=False, markup=False, emoji=False).print(table)


def print_fields(fields: Sequence[tuple[str, str]]) -> None:
    """Prints one thing, a named value a line; empty values are left out."""
    width = max(len(name) for name, _ in fields)
    for name, value in fields:
        if value:
            typer.secho(f"{name:<{width}}  ", dim=True, nl=False)
            typer.echo(clean(value))


def print_message(message: "Message") -> None:
    """Prints a message for people: id, time, attributes, and data below them."""
    attributes = "  ".join(
        f"{clean(key)}={clean(value)}" for key, value in sorted(message.attributes.items())
    )
    typer.secho(message.message_id, bold=True, nl=False)
    typer.secho(f"  {clean(message.publish_time)}", dim=True, nl=False)
    typer.echo(f"  {attributes}" if attributes else "")
    data, note = _readable(message)
    if note:
        typer.secho(f"  ({note})", dim=True)
    for line in data.splitlines():
        typer.echo(f"  {line}")
    sys.stdout.flush()


def _readable(message: "Message") -> tuple[str, str]:
    """A message's data as text, and a note if it is not simply that."""
    try:
        data = message.data
    except ValueError:
        return clean_lines(message.encoded_data), "published as it is, not in base64"
    try:
        return clean_lines(data.decode()), "" if data else "no data"
    except UnicodeDecodeError:
        return message.encoded_data, f"{len(data)} bytes that are not text, in base64"


def format_time(when: datetime) -> str:
    """A time as the API writes it."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def to_the_second(time: str) -> str:
    """A time of the API without a fraction of a second; none stays none."""
    return f"{time.rstrip('Z').partition('.')[0]}Z" if time else ""
