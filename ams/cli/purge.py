"""`ams topic purge` and `ams subscription purge`: get rid of messages."""

from ams.cli.confirm import Yes, confirm
from ams.cli.names import SubscriptionName, TopicName
from ams.cli.output import print_json
from ams.cli.previews import DryRun, show_preview
from ams.cli.session import Session, with_session
from ams.cli.units import format_number, format_size


@with_session
def purge_topic(
    session: Session, name: TopicName, yes: Yes = False, dry_run: DryRun = False
) -> None:
    """Remove all messages of a topic; ids go on from there."""
    project = session.project
    if dry_run:
        with session.client() as client:
            preview = client.topics.preview_purge(project, name)
        removed = f"{format_number(preview.messages)}, {format_size(preview.bytes)}"
        show_preview(session, preview, [("messages removed", removed)])
        return
    confirm(f"Remove all messages of topic {name}?", yes=yes)
    with session.client() as client:
        done = client.topics.purge(project, name)
    if session.json:
        print_json(done)
        return
    session.report(f"Messages removed from topic {name}: {format_number(done.messages)}.")


@with_session
def purge_subscription(
    session: Session, name: SubscriptionName, yes: Yes = False, dry_run: DryRun = False
) -> None:
    """Skip all messages that a subscription has not acknowledged."""
    project = session.project
    if dry_run:
        with session.client() as client:
            preview = client.subscriptions.preview_purge(project, name)
        skipped = format_number(preview.skipped)
        show_preview(session, preview, [("messages skipped", skipped)])
        return
    confirm(f"Skip all messages that subscription {name} has not acknowledged?", yes=yes)
    with session.client() as client:
        done = client.subscriptions.purge(project, name)
    if session.json:
        print_json(done)
        return
    session.report(f"Messages skipped by subscription {name}: {format_number(done.skipped)}.")
