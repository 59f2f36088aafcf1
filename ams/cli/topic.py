"""`ams topic`: makes, shows, changes and removes topics."""

from typing import TYPE_CHECKING, Annotated

import typer

from ams.cli import acl as access
from ams.cli import listing, units
from ams.cli.confirm import Yes, confirm
from ams.cli.failure import CommandFailed, Exit
from ams.cli.history import topic_history
from ams.cli.metrics import show_topic_metrics
from ams.cli.names import TopicName as Name
from ams.cli.output import format_time, print_fields, print_json, print_table
from ams.cli.peek import peek
from ams.cli.previews import DryRun, show_preview
from ams.cli.purge import purge_topic
from ams.cli.session import Session, with_session

if TYPE_CHECKING:
    from ams.client import Topic, TopicLoss

app = typer.Typer(help="Make, show, change and remove topics.", no_args_is_help=True)

RetentionTime = Annotated[
    str,
    typer.Option(
        metavar="TIME",
        help="How long it keeps messages: 12h, 7d; 0 for no limit.",
        show_default="the broker's",
    ),
]
RetentionSize = Annotated[
    str,
    typer.Option(
        metavar="BYTES",
        help="How much it keeps: 500M, 2G; 0 for no limit.",
        show_default="the broker's",
    ),
]


@app.command("create")
@with_session
def create(
    session: Session,
    name: Name,
    retention: RetentionTime = "",
    retention_bytes: RetentionSize = "",
) -> None:
    """Create a topic."""
    seconds, size = _retention(retention, retention_bytes)
    with session.client() as client:
        topic = client.topics.create(
            session.project, name, retention_seconds=seconds, retention_bytes=size
        )
    _show(session, topic)


@app.command("list")
@with_session
def list_all(
    session: Session,
    full: listing.Full = False,
    sort: listing.TopicSort = "",
    descending: listing.Descending = False,
    name_has: listing.Filter = "",
) -> None:
    """List the topics of a project, newest first unless they are sorted."""
    counters = listing.TOPIC_COUNTERS
    order = listing.order(sort, counters, descending=descending)
    full = listing.is_full(full, sort, counters)
    with session.client() as client:
        found = client.topics.list(session.project, full=full, order_by=order, name_has=name_has)
        topics = list(found)
    if session.json:
        print_json({"topics": topics})
        return
    if full:
        listing.print_full_topics(topics)
        return
    print_table(
        ["TOPIC", "CREATED", "KEEPS"],
        [[topic.short_name, format_time(topic.created_on), _keeps(topic)] for topic in topics],
        nothing="No topics.",
    )


@app.command("show")
@with_session
def show(session: Session, name: Name) -> None:
    """Show a topic."""
    with session.client() as client:
        _show(session, client.topics.show(session.project, name))


@app.command("subscriptions")
@with_session
def subscriptions(session: Session, name: Name) -> None:
    """List the subscriptions to a topic, oldest first."""
    with session.client() as client:
        names = client.topics.subscriptions(session.project, name)
    if session.json:
        print_json({"subscriptions": names})
        return
    print_table(
        ["SUBSCRIPTION"],
        [[each.rpartition("/")[2]] for each in names],
        nothing="No subscriptions.",
    )


@app.command("metrics")
@with_session
def metrics(session: Session, name: Name) -> None:
    """Show how much is published to a topic, in all and a day, and how fast."""
    with session.client() as client:
        show_topic_metrics(session, client.topics.metrics(session.project, name))


@app.command("delete")
@with_session
def delete(session: Session, name: Name, yes: Yes = False, dry_run: DryRun = False) -> None:
    """Delete a topic and its messages; its subscriptions stay."""
    if dry_run:
        with session.client() as client:
            _show_loss(session, client.topics.preview_delete(session.project, name))
        return
    confirm(f"Delete topic {name} and its messages?", yes=yes)
    with session.client() as client:
        client.topics.delete(session.project, name)
    session.report(f"Deleted topic {name}.")


@app.command("retention")
@with_session
def retention(
    session: Session,
    name: Name,
    retention: RetentionTime = "",
    retention_bytes: RetentionSize = "",
) -> None:
    """Change how long a topic keeps messages, and how many.

    What you don't give goes back to the broker's default.
    """
    seconds, size = _retention(retention, retention_bytes)
    with session.client() as client:
        client.topics.modify_retention(session.project, name, seconds=seconds, size=size)
        _show(session, client.topics.show(session.project, name))


@app.command("acl")
@with_session
def acl(
    session: Session,
    name: Name,
    to: access.Set = None,
    add: access.Add = None,
    remove: access.Remove = None,
    clear: access.Clear = False,
) -> None:
    """Show, or change and show, the users who may publish to a topic."""
    with session.client() as client:
        users = access.changed_acl(
            lambda: client.topics.acl(session.project, name),
            to=to,
            add=add,
            remove=remove,
            clear=clear,
        )
        if users is not None:
            client.topics.modify_acl(session.project, name, users)
        access.show_acl(session, client.topics.acl(session.project, name))


@app.command("schema")
@with_session
def schema(
    session: Session,
    name: Name,
    attach: Annotated[
        str,
        typer.Option(metavar="SCHEMA", help="Take only what fits this one.", show_default=False),
    ] = "",
    detach: Annotated[bool, typer.Option("--detach", help="Take any message.")] = False,
) -> None:
    """Say what a topic's messages must look like."""
    if bool(attach) == detach:
        raise CommandFailed("give either --attach SCHEMA or --detach", Exit.USAGE)
    with session.client() as client:
        if attach:
            client.topics.attach_schema(session.project, name, attach)
        else:
            client.topics.detach_schema(session.project, name)
        _show(session, client.topics.show(session.project, name))


def _show_loss(session: Session, loss: "TopicLoss") -> None:
    size = units.format_size(loss.bytes)
    show_preview(
        session,
        loss,
        [
            ("messages deleted", f"{units.format_number(loss.messages)}, {size}"),
            ("subscriptions without a topic", units.format_number(loss.subscriptions)),
            ("places on access lists", units.format_number(loss.acl_entries)),
        ],
    )


def _retention(time: str, size: str) -> tuple[int | None, int | None]:
    return (
        units.seconds("--retention", time) if time else None,
        units.size("--retention-bytes", size) if size else None,
    )


def _keeps(topic: "Topic") -> str:
    limits = []
    if topic.retention_duration:
        seconds = int(topic.retention_duration.removesuffix("s"))
        limits.append(units.format_seconds(seconds) if seconds else "for ever")
    if topic.retention_bytes:
        size = int(topic.retention_bytes)
        limits.append(units.format_size(size) if size else "any size")
    return ", ".join(limits) or "default"


def _show(session: Session, topic: "Topic") -> None:
    if session.json:
        print_json(topic)
        return
    print_fields(
        [
            ("topic", topic.short_name),
            ("full name", topic.name),
            ("created", format_time(topic.created_on)),
            ("keeps", _keeps(topic)),
            ("schema", topic.schema),
        ]
    )


app.command("peek")(peek)
app.command("history")(topic_history)
app.command("purge")(purge_topic)
