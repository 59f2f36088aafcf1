"""`ams top`: which topics and subscriptions are busy, and which fall behind, as it goes on."""

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from ams.cli.busy import Look, look_at
from ams.cli.output import print_json
from ams.cli.session import Session, with_session

if TYPE_CHECKING:
    from ams.client import Client

#: Seconds from one look to the next, unless an option says otherwise.
INTERVAL_SECONDS = 2.0


@with_session
def top(
    session: Session,
    interval: Annotated[
        float, typer.Option(min=0.1, help="Seconds from one look to the next.")
    ] = INTERVAL_SECONDS,
    once: Annotated[
        bool, typer.Option("--once", help="Print once what went on during one interval.")
    ] = False,
    everywhere: Annotated[bool, typer.Option("--all", help="Of all projects, not of one.")] = False,
) -> None:
    """Show topics by their rate and subscriptions by their backlog, live until Ctrl-C.

    Those of --project, or of all projects with --all or if no project is known.
    """
    with session.client() as client:

        def look() -> Look:
            # Each time: projects come and go.
            return look_at(client, _projects(session, client, everywhere=everywhere))

        if session.json or once or not _can_move():
            _print_once(session, look, interval)
            return
        # Late: rich takes long to import.
        from ams.cli.top_view import show

        with suppress(KeyboardInterrupt):
            show(look, interval, session.target.url)


def _can_move() -> bool:
    """Whether the output is a terminal that can show one thing in the place of another."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("", "dumb", "unknown")


def _print_once(session: Session, look: Callable[[], Look], interval: float) -> None:
    before = look()
    time.sleep(interval)
    busy = look().since(before)
    if session.json:
        print_json(busy)
        return
    from ams.cli.top_view import print_busy

    print_busy(busy)


def _projects(session: Session, client: "Client", *, everywhere: bool) -> list[str]:
    if session.target.project and not everywhere:
        return [session.target.project]
    return [project.name for project in client.projects.list()]
