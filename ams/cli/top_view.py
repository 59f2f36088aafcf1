"""What `ams top` shows: two tables, once or again and again."""

import time
from collections.abc import Callable, Sequence
from typing import Literal

from rich.console import Console, ConsoleDimensions, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ams.cli.busy import Busy, BusySubscription, BusyTopic, Look
from ams.cli.output import clean, print_table, to_the_second
from ams.cli.units import format_age, format_number, format_size
from ams.client import ClientError, ConnectionFailed, ServiceError

#: Lines of a screen that are no rows: heading, titles and blanks.
FRAME_LINES = 6
#: Answers of a broker that may be better next time: a project may be deleted while it is looked at.
PASSING = frozenset({404, 502, 503, 504})

TOPIC_COLUMNS = ("PROJECT", "TOPIC", "RATE", "MESSAGES", "STORED", "SIZE", "LAST PUBLISH")
SUBSCRIPTION_COLUMNS = (
    "PROJECT",
    "SUBSCRIPTION",
    "TOPIC",
    "BACKLOG",
    "OLDEST",
    "RATE",
    "LAST PULL",
    "PUSH",
)
NUMBERS = frozenset({"RATE", "MESSAGES", "STORED", "SIZE", "BACKLOG", "OLDEST"})
#: Columns whose cells may be cut, down to so many characters; of a number, a part is another one.
NAMES = frozenset({"PROJECT", "TOPIC", "SUBSCRIPTION"})
SHORTEST_NAME = 12
#: What a narrow terminal does without, the first one first.
SPARE_OF_TOPICS = ("LAST PUBLISH", "STORED", "SIZE", "MESSAGES", "PROJECT")
SPARE_OF_SUBSCRIPTIONS = ("LAST PULL", "PUSH", "TOPIC", "PROJECT", "RATE", "OLDEST")
#: Between two columns.
GAP = 2


def print_busy(busy: Busy) -> None:
    """Prints both tables once, in full."""
    topics = [_topic_row(each) for each in busy.topics]
    print_table(TOPIC_COLUMNS, topics, nothing="No topics.", numbers=NUMBERS)
    print()
    subscriptions = [_subscription_row(each) for each in busy.subscriptions]
    print_table(SUBSCRIPTION_COLUMNS, subscriptions, nothing="No subscriptions.", numbers=NUMBERS)


def show(look: Callable[[], Look], interval: float, url: str) -> None:
    """Shows both tables on the whole screen, as much of them as fits, until it is interrupted.

    A broker that is away for a while is waited for.

    Args:
        look: looks at everything.
        interval: seconds from one look to the next.
        url: of the broker.

    Raises:
        ClientError: the broker refuses.
    """
    console = Console(highlight=False, markup=False, emoji=False)
    before, busy = look(), None
    note = "looking ..."
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(_screen(busy, url, note, console.size), refresh=True)
            time.sleep(interval)
            try:
                now = look()
            except ClientError as error:
                if not _passes(error):
                    raise
                note = f"waiting: {error}"
            else:
                before, busy = now, now.since(before)
                note = f"rates of {busy.seconds:.1f} s"


def _passes(error: ClientError) -> bool:
    return isinstance(error, ConnectionFailed) or (
        isinstance(error, ServiceError) and error.code in PASSING
    )


def _screen(busy: Busy | None, url: str, note: str, size: ConsoleDimensions) -> Group:
    heading = Text.assemble(
        ("ams top  ", "bold"),
        f"{clean(url)}  ",
        (clean(note), "dim"),
        no_wrap=True,
        overflow="ellipsis",
    )
    if busy is None:
        return Group(heading)
    rows = max(1, (size.height - FRAME_LINES) // 2)
    topics = [_topic_row(each) for each in busy.topics[:rows]]
    subscriptions = [_subscription_row(each) for each in busy.subscriptions[:rows]]
    return Group(
        heading,
        Text(""),
        _table(TOPIC_COLUMNS, topics, SPARE_OF_TOPICS, size.width),
        Text(""),
        _table(SUBSCRIPTION_COLUMNS, subscriptions, SPARE_OF_SUBSCRIPTIONS, size.width),
    )


def _table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], spare: Sequence[str], width: int
) -> Table:
    """A table of the columns that there is room for."""
    cells = dict(zip(columns, zip(*(map(clean, row) for row in rows), strict=True), strict=False))
    cells = {column: cells.get(column, ()) for column in columns}
    for column in spare:
        if sum(_least_width(*each) + GAP for each in cells.items()) - GAP > width:
            del cells[column]
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), expand=True)
    for column in cells:
        justify: Literal["left", "right"] = "right" if column in NUMBERS else "left"
        # Names have no blanks, so that they are cut, not wrapped.
        table.add_column(column, justify=justify, no_wrap=column not in NAMES, overflow="ellipsis")
    for row in zip(*cells.values(), strict=True):
        table.add_row(*row)
    return table


def _least_width(column: str, cells: Sequence[str]) -> int:
    """How many characters a column needs."""
    width = max(map(len, (column, *cells)))
    return min(width, max(SHORTEST_NAME, len(column))) if column in NAMES else width


def _topic_row(topic: BusyTopic) -> list[str]:
    return [
        topic.project,
        topic.topic,
        f"{format_number(topic.rate)}/s",
        format_number(topic.messages),
        format_number(topic.stored_messages),
        format_size(topic.stored_bytes),
        to_the_second(topic.last_publish),
    ]


def _subscription_row(each: BusySubscription) -> list[str]:
    age = each.oldest_unacknowledged_seconds
    return [
        each.project,
        each.subscription,
        each.topic,
        format_number(each.backlog),
        "" if age is None else format_age(age),
        f"{format_number(each.rate)}/s",
        to_the_second(each.last_pull),
        each.push_state,
    ]
