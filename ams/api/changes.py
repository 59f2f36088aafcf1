"""What follows a committed change: the log and the other nodes are told."""

from collections.abc import Sequence

from ams.messages.log import MessageLog
from ams.metadata import announcements
from ams.metadata.records import Change
from ams.service.broadcast import Broadcast
from ams.service.errors import ServiceError
from ams.service.logs import get_logger


async def apply_to_log(log: MessageLog, changes: Sequence[Change]) -> None:
    """Raises the epochs of what changed in the log, and drops what is gone. Safe to repeat."""
    for change in changes:
        match change:
            case Change(kind="topic", uuid=uuid, epoch=None):
                await log.drop(uuid)
            case Change(kind="retired_topic", uuid=uuid, epoch=None):
                await log.drop_days(uuid)
            case Change(kind="topic", uuid=uuid, epoch=int(epoch)):
                await log.raise_topic_epoch(uuid, epoch)
            case Change(kind="subscription", uuid=uuid, topic_uuid=str(topic), epoch=None):
                await log.drop_subscription(topic, uuid)
            case Change(kind="subscription", uuid=uuid, topic_uuid=str(topic), epoch=int(epoch)):
                await log.raise_subscription_epoch(topic, uuid, epoch)


async def announce(log: MessageLog, broadcast: Broadcast, changes: list[Change]) -> None:
    """Tells the log, then the other nodes. The change itself is committed and stands.

    What does not reach Redis now is not lost: every node reads the table of changes, and the
    epochs travel with the metadata.
    """
    try:
        await apply_to_log(log, changes)
        await broadcast.publish(announcements.CHANNEL, announcements.encode(changes))
    except ServiceError as error:
        get_logger().warning(
            "A change could not be announced; other nodes will find it in the database",
            error=error.message,
        )
