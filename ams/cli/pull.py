"""`ams pull`: shows the messages of a subscription."""

import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ams.cli.failure import CommandFailed, Exit
from ams.cli.output import print_json, print_json_line, print_message
from ams.cli.session import Session, with_session

if TYPE_CHECKING:
    from ams.client import Client, ReceivedMessage

#: Most messages without --follow, unless --max says otherwise.
DEFAULT_MOST = 10
#: Most messages of one request with --follow.
FOLLOW_BATCH = 100
#: Least time between two requests that found nothing, in seconds.
IDLE_SECONDS = 1.0

_HTTP_TIMEOUT = 408


@with_session
def pull(
    session: Session,
    subscription: Annotated[
        str, typer.Argument(help="Subscription to pull from.", show_default=False)
    ],
    most: Annotated[
        int | None,
        typer.Option(
            "--max",
            "-n",
            min=1,
            help="Most messages to show.",
            show_default=f"{DEFAULT_MOST}; no limit with --follow",
        ),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until there is a message.")] = False,
    acknowledge: Annotated[
        bool | None,
        typer.Option(
            "--ack/--no-ack",
            help="Acknowledge what is shown, so that it does not come again.",
            show_default="no-ack; ack with --follow",
        ),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on until Ctrl-C; acknowledges what it has shown.")
    ] = False,
) -> None:
    """Show the next messages of a subscription.

    They are not acknowledged unless you say --ack: the same ones come again.
    """
    if follow and acknowledge is False:
        raise CommandFailed(
            "--follow can't go on without acknowledging: leave out --no-ack", Exit.USAGE
        )
    project = session.project
    with session.client(subscription=subscription) as client:
        if follow:
            show = print_json_line if session.json else _show
            _follow(_Puller(client, project, subscription, wait=True), most, show)
            return
        puller = _Puller(client, project, subscription, wait=wait)
        fetch = puller.until_some if wait else puller.next
        messages = fetch(most or DEFAULT_MOST)
        _print(messages, as_json=session.json)
        if acknowledge:
            puller.acknowledge(messages)
        elif messages and sys.stderr.isatty():
            typer.secho("Not acknowledged: add --ack to go on with the next.", dim=True, err=True)


def _show(received: "ReceivedMessage") -> None:
    print_message(received.message)


class _Puller:
    """Pulls from one subscription."""

    def __init__(self, client: "Client", project: str, subscription: str, *, wait: bool) -> None:
        self._subscriptions = client.subscriptions
        self._project = project
        self._subscription = subscription
        self._wait = wait

    def next(self, most: int) -> "tuple[ReceivedMessage, ...]":
        """The next messages, if there are any."""
        return self._subscriptions.pull(self._project, self._subscription, most, wait=self._wait)

    def until_some(self, most: int) -> "tuple[ReceivedMessage, ...]":
        """The next messages; waits for them as long as it takes."""
        while True:
            started = time.monotonic()
            if messages := self.next(most):
                return messages
            # A broker may be set up to answer at once.
            time.sleep(max(0.0, started + IDLE_SECONDS - time.monotonic()))

    def acknowledge(self, messages: "Sequence[ReceivedMessage]") -> None:
        """Marks messages as done."""
        if messages:
            ids = [received.ack_id for received in messages]
            self._subscriptions.acknowledge(self._project, self._subscription, ids)


def _follow(puller: _Puller, most: int | None, show: "Callable[[ReceivedMessage], None]") -> None:
    """Shows messages as they come, and acknowledges each batch after it was shown."""
    from ams.client import ServiceError

    shown = 0
    while most is None or shown < most:
        batch = FOLLOW_BATCH if most is None else min(FOLLOW_BATCH, most - shown)
        messages = puller.until_some(batch)
        for received in messages:
            show(received)
        shown += len(messages)
        try:
            puller.acknowledge(messages)
        except ServiceError as error:
            # Whoever reads our output was slow. The messages come again, which beats losing them.
            if error.code != _HTTP_TIMEOUT:
                raise
            typer.echo("Warning: too late to acknowledge; these messages come again", err=True)


def _print(messages: "Sequence[ReceivedMessage]", *, as_json: bool) -> None:
    if as_json:
        print_json({"receivedMessages": messages})
        return
    for received in messages:
        _show(received)
    if not messages and sys.stderr.isatty():
        typer.secho("No messages.", dim=True, err=True)
