"""How lists of topics and subscriptions are asked for, and shown in full."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ams.cli.failure import CommandFailed, Exit
from ams.cli.output import print_table, to_the_second
from ams.cli.units import format_age, format_number, format_size

if TYPE_CHECKING:
    from ams.client import Subscription, Topic

#: What any list can be sorted by.
_COLUMNS = ("name", "created")
#: What full lists can be sorted by.
TOPIC_COUNTERS = (
    "messages",
    "bytes",
    "storedMessages",
    "storedBytes",
    "publishRate",
    "lastPublish",
    "subscriptions",
)
SUBSCRIPTION_COUNTERS = (
    "backlog",
    "oldestUnacknowledgedSeconds",
    "lastPull",
    "lastAcknowledgement",
    "deliveredMessages",
    "deliveredBytes",
    "consumptionRate",
)

Full = Annotated[bool, typer.Option("--full", help="Show how they fare.")]
Descending = Annotated[bool, typer.Option("--descending", help="Sort downwards.")]
Filter = Annotated[
    str,
    typer.Option(
        "--filter", metavar="TEXT", help="Only those with this in their name.", show_default=False
    ),
]
TopicSort = Annotated[
    str,
    typer.Option(
        "--sort",
        metavar="BY",
        help=f"Sort by {', '.join(_COLUMNS)}; in full by {', '.join(TOPIC_COUNTERS)}.",
        show_default="newest first",
    ),
]
SubscriptionSort = Annotated[
    str,
    typer.Option(
        "--sort",
        metavar="BY",
        help=f"Sort by {', '.join(_COLUMNS)}; in full by {', '.join(SUBSCRIPTION_COUNTERS)}.",
        show_default="newest first",
    ),
]


def order(by: str, counters: Sequence[str], *, descending: bool) -> str:
    """What sorts a list, as the API takes it.

    Raises:
        CommandFailed: lists are not sorted by that.
    """
    if not by:
        if descending:
            raise CommandFailed("--descending needs --sort", Exit.USAGE)
        return ""
    choices = (*_COLUMNS, *counters)
    if by not in choices:
        raise CommandFailed(f"--sort {by}: choose one of {', '.join(choices)}", Exit.USAGE)
    return f"{by} desc" if descending else by


def is_full(full: bool, by: str, counters: Sequence[str]) -> bool:
    """Whether a list is shown in full: what sorts it is shown, too."""
    return full or by in counters


def print_full_topics(topics: Sequence["Topic"]) -> None:
    """Prints topics and how they fare."""
    print_table(
        ["TOPIC", "STORED", "SIZE", "PUBLISHED", "RATE", "SUBSCRIPTIONS", "LAST PUBLISH"],
        [
            [
                topic.short_name,
                format_number(statistics.stored_messages),
                format_size(statistics.stored_bytes),
                format_number(statistics.messages),
                f"{format_number(statistics.publish_rate)}/s",
                format_number(statistics.subscriptions),
                to_the_second(statistics.last_publish),
            ]
            for topic in topics
            if (statistics := topic.statistics)
        ],
        nothing="No topics.",
        numbers=["STORED", "SIZE", "PUBLISHED", "RATE", "SUBSCRIPTIONS"],
    )


def print_full_subscriptions(subscriptions: Sequence["Subscription"]) -> None:
    """Prints subscriptions and how they fare."""
    print_table(
        [
            "SUBSCRIPTION",
            "TOPIC",
            "BACKLOG",
            "OLDEST",
            "DELIVERED",
            "RATE",
            "LAST PULL",
            "LAST ACKNOWLEDGEMENT",
            "PUSH",
        ],
        [
            [
                subscription.short_name,
                subscription.topic_short_name,
                format_number(statistics.backlog),
                "" if age is None else format_age(age),
                format_number(statistics.delivered_messages),
                f"{format_number(statistics.consumption_rate)}/s",
                to_the_second(statistics.last_pull),
                to_the_second(statistics.last_acknowledgement),
                statistics.push_state,
            ]
            for subscription in subscriptions
            if (statistics := subscription.statistics)
            for age in (statistics.oldest_unacknowledged_seconds,)
        ],
        nothing="No subscriptions.",
        numbers=["BACKLOG", "OLDEST", "DELIVERED", "RATE"],
    )
