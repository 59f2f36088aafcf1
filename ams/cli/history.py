"""`ams topic history` and `ams subscription history`: how they fared, step by step."""

from typing import Annotated

import typer

from ams.cli.names import SubscriptionName, TopicName
from ams.cli.output import print_json, print_table
from ams.cli.session import Session, with_session
from ams.cli.units import format_number

Window = Annotated[str, typer.Option(help="How far back: 1h, 24h or 7d.")]

#: What is shown of what is not known.
_UNKNOWN = "-"


@with_session
def topic_history(session: Session, name: TopicName, window: Window = "1h") -> None:
    """Show what was published to a topic, and how much it kept, step by step."""
    with session.client() as client:
        history = client.topics.history(session.project, name, window)
    if session.json:
        print_json(history)
        return
    numbers = ["PUBLISHED", "A SECOND", "STORED"]
    print_table(
        ["UNTIL", *numbers],
        [
            [point.time, _shown(point.published), _shown(point.rate), _shown(point.stored)]
            for point in history.points
        ],
        nothing="No history.",
        numbers=numbers,
    )


@with_session
def subscription_history(session: Session, name: SubscriptionName, window: Window = "1h") -> None:
    """Show what was pulled from a subscription, and how much was left, step by step."""
    with session.client() as client:
        history = client.subscriptions.history(session.project, name, window)
    if session.json:
        print_json(history)
        return
    numbers = ["DELIVERED", "A SECOND", "BACKLOG"]
    print_table(
        ["UNTIL", *numbers],
        [
            [point.time, _shown(point.delivered), _shown(point.rate), _shown(point.backlog)]
            for point in history.points
        ],
        nothing="No history: the subscription has no topic.",
        numbers=numbers,
    )


def _shown(number: float | None) -> str:
    return _UNKNOWN if number is None else format_number(number)
