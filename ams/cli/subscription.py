"""`ams subscription`: makes, shows, changes and removes subscriptions."""

from typing import TYPE_CHECKING, Annotated

import typer

from ams.cli import acl as access
from ams.cli import listing, units
from ams.cli import push_options as options
from ams.cli.confirm import Yes, confirm
from ams.cli.failure import CommandFailed, Exit
from ams.cli.history import subscription_history
from ams.cli.metrics import show_subscription_metrics
from ams.cli.names import SubscriptionName as Name
from ams.cli.output import format_time, print_fields, print_json, print_table
from ams.cli.previews import DryRun, show_preview
from ams.cli.purge import purge_subscription
from ams.cli.push_options import Given, Retry
from ams.cli.session import Session, with_session

if TYPE_CHECKING:
    from ams.client import Movement, Offsets, PushConfig, PushStatistics, Subscription

app = typer.Typer(help="Make, show, change and remove subscriptions.", no_args_is_help=True)


@app.command("create")
@with_session
def create(
    session: Session,
    name: Name,
    topic: Annotated[str, typer.Argument(help="Topic to subscribe to.", show_default=False)],
    ack_deadline: Annotated[
        int | None,
        typer.Option(
            help="Seconds there are for acknowledging.", min=1, show_default="the broker's"
        ),
    ] = None,
    endpoint: options.Endpoint = "",
    mattermost: options.Mattermost = "",
    username: options.MattermostUsername = "",
    channel: options.MattermostChannel = "",
    max_messages: options.MaxMessages = None,
    retry: options.RetryPolicy = Retry.LINEAR,
    period: options.Period = None,
    header: options.Header = None,
    decode: options.Decode = False,
) -> None:
    """Create a subscription, which gets what is published to a topic from now on."""
    push = Given(
        endpoint, mattermost, username, channel, max_messages, retry, period, header, decode
    ).config()
    with session.client() as client:
        subscription = client.subscriptions.create(
            session.project, name, topic, ack_deadline_seconds=ack_deadline or 0, push=push
        )
    _show(session, subscription)


@app.command("list")
@with_session
def list_all(
    session: Session,
    full: listing.Full = False,
    sort: listing.SubscriptionSort = "",
    descending: listing.Descending = False,
    name_has: listing.Filter = "",
) -> None:
    """List the subscriptions of a project, newest first unless they are sorted."""
    counters = listing.SUBSCRIPTION_COUNTERS
    order = listing.order(sort, counters, descending=descending)
    full = listing.is_full(full, sort, counters)
    with session.client() as client:
        found = client.subscriptions.list(
            session.project, full=full, order_by=order, name_has=name_has
        )
        subscriptions = list(found)
    if session.json:
        print_json({"subscriptions": subscriptions})
        return
    if full:
        listing.print_full_subscriptions(subscriptions)
        return
    print_table(
        ["SUBSCRIPTION", "TOPIC", "DEADLINE", "CREATED"],
        [
            [
                subscription.short_name,
                subscription.topic_short_name,
                f"{subscription.ack_deadline_seconds}s",
                format_time(subscription.created_on),
            ]
            for subscription in subscriptions
        ],
        nothing="No subscriptions.",
        numbers=["DEADLINE"],
    )


@app.command("show")
@with_session
def show(session: Session, name: Name) -> None:
    """Show a subscription."""
    with session.client() as client:
        _show(session, client.subscriptions.show(session.project, name))


@app.command("metrics")
@with_session
def metrics(session: Session, name: Name) -> None:
    """Show how much is consumed from a subscription, and how fast."""
    with session.client() as client:
        show_subscription_metrics(session, client.subscriptions.metrics(session.project, name))


@app.command("delete")
@with_session
def delete(session: Session, name: Name, yes: Yes = False, dry_run: DryRun = False) -> None:
    """Delete a subscription."""
    if dry_run:
        with session.client() as client:
            loss = client.subscriptions.preview_delete(session.project, name)
        numbers = [
            ("messages not acknowledged", units.format_number(loss.backlog)),
            ("places on access lists", units.format_number(loss.acl_entries)),
        ]
        show_preview(session, loss, numbers)
        return
    confirm(f"Delete subscription {name}?", yes=yes)
    with session.client() as client:
        client.subscriptions.delete(session.project, name)
    session.report(f"Deleted subscription {name}.")


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
    """Show, or change and show, the users who may consume from a subscription."""
    with session.client() as client:
        users = access.changed_acl(
            lambda: client.subscriptions.acl(session.project, name),
            to=to,
            add=add,
            remove=remove,
            clear=clear,
        )
        if users is not None:
            client.subscriptions.modify_acl(session.project, name, users)
        access.show_acl(session, client.subscriptions.acl(session.project, name))


@app.command("offsets")
@with_session
def offsets(session: Session, name: Name) -> None:
    """Show where a subscription stands in its topic."""
    with session.client() as client:
        _show_offsets(session, client.subscriptions.offsets(session.project, name))


@app.command("seek")
@with_session
def seek(
    session: Session,
    name: Name,
    offset: Annotated[
        int | None,
        typer.Option(min=0, help="Go to the message with this id.", show_default=False),
    ] = None,
    time: Annotated[
        str,
        typer.Option(
            help="Go to the first message published at or after this time, such as"
            " 2026-11-23T10:30:00Z; UTC if it has no zone.",
            show_default=False,
        ),
    ] = "",
    start: Annotated[bool, typer.Option("--start", help="Go to the oldest message.")] = False,
    end: Annotated[
        bool, typer.Option("--end", help="Go to the end: only what is published from now on.")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Choose the next message of a subscription: go back to see some again, or skip some."""
    if (offset is not None) + bool(time) + start + end != 1:
        raise CommandFailed("give one of --offset, --time, --start and --end", Exit.USAGE)
    when = units.instant("--time", time) if time else None
    project = session.project
    with session.client() as client:
        if when:
            offset = client.subscriptions.time_to_offset(project, name, when)
        elif offset is None:
            known = client.subscriptions.offsets(project, name)
            offset = known.min if start else known.max
        if dry_run:
            _show_movement(
                session, client.subscriptions.preview_modify_offset(project, name, offset)
            )
            return
        client.subscriptions.modify_offset(project, name, offset)
        _show_offsets(session, client.subscriptions.offsets(project, name))


@app.command("ack-deadline")
@with_session
def ack_deadline(
    session: Session,
    name: Name,
    seconds: Annotated[int, typer.Argument(min=0, max=600, help="From 0 to 600 seconds.")],
) -> None:
    """Change the time there is for acknowledging."""
    with session.client() as client:
        client.subscriptions.modify_ack_deadline(session.project, name, seconds)
        _show(session, client.subscriptions.show(session.project, name))


def _show_movement(session: Session, movement: "Movement") -> None:
    show_preview(
        session,
        movement,
        [
            ("messages skipped", units.format_number(movement.skipped)),
            ("messages delivered again", units.format_number(movement.replayed)),
        ],
    )


@app.command("modify-push")
@with_session
def modify_push(
    session: Session,
    name: Name,
    endpoint: options.Endpoint = "",
    mattermost: options.Mattermost = "",
    username: options.MattermostUsername = "",
    channel: options.MattermostChannel = "",
    max_messages: options.MaxMessages = None,
    retry: options.RetryPolicy = Retry.LINEAR,
    period: options.Period = None,
    header: options.Header = None,
    decode: options.Decode = False,
    off: Annotated[bool, typer.Option("--off", help="Have messages pulled again.")] = False,
) -> None:
    """Change where the messages of a subscription are pushed; what is not said is the default."""
    push = Given(
        endpoint, mattermost, username, channel, max_messages, retry, period, header, decode
    ).config()
    if off == (push is not None):
        raise CommandFailed("give one of --push-endpoint, --mattermost-url and --off", Exit.USAGE)
    with session.client() as client:
        client.subscriptions.modify_push_config(session.project, name, push)
        _show(session, client.subscriptions.show(session.project, name))


@app.command("verify-push")
@with_session
def verify_push(session: Session, name: Name) -> None:
    """Have the broker ask an endpoint for the verification hash, and begin to push to it."""
    with session.client() as client:
        client.subscriptions.verify_push_endpoint(session.project, name)
        _show(session, client.subscriptions.show(session.project, name))


def _show(session: Session, subscription: "Subscription") -> None:
    if session.json:
        print_json(subscription)
        return
    push = subscription.push_config
    print_fields(
        [
            ("subscription", subscription.short_name),
            ("full name", subscription.name),
            ("topic", subscription.topic_short_name),
            ("deadline", f"{subscription.ack_deadline_seconds}s"),
            ("created", format_time(subscription.created_on)),
            ("pushed to", push.push_endpoint or push.mattermost_url),
            ("verified", ("yes" if push.verified else "no") if push.type else ""),
            ("to verify", _verification(push)),
            ("at a time", f"{push.max_messages} messages" if push.type else ""),
            ("authorization", push.authorization_header.value or push.authorization_header.type),
            ("retries", _retries(push)),
            ("push status", subscription.push_status),
            *_push_fields(subscription.push_statistics),
        ]
    )


def _push_fields(statistics: "PushStatistics | None") -> list[tuple[str, str]]:
    if statistics is None:
        return []
    latency, ago = statistics.latency_seconds, statistics.seconds_since_success
    return [
        ("delivered", f"{statistics.messages} messages in {statistics.deliveries} requests"),
        ("failed", f"{statistics.failures} requests, {statistics.retries} retries"),
        ("latency", "" if latency is None else f"{latency * 1000:.0f} ms"),
        ("last success", "" if ago is None else f"{ago:.0f} s ago"),
    ]


def _verification(push: "PushConfig") -> str:
    """What the endpoint has to do."""
    if not push.type or push.verified:
        return ""
    return f"answer GET /ams_verification_hash with {push.verification_hash}"


def _retries(push: "PushConfig") -> str:
    policy = push.retry_policy
    return f"{policy.type}, {policy.period} ms" if policy.period else policy.type


def _show_offsets(session: Session, offsets: "Offsets") -> None:
    if session.json:
        print_json(offsets)
        return
    print_fields(
        [
            ("next", str(offsets.current)),
            ("oldest", str(offsets.min)),
            ("end", str(offsets.max)),
            ("waiting", str(max(0, offsets.max - max(offsets.current, offsets.min)))),
        ]
    )


app.command("history")(subscription_history)
app.command("purge")(purge_subscription)
