"""What was published to topics that are no more."""

from collections import Counter
from collections.abc import Sequence, Set
from datetime import date

from ams.messages.log import MessageLog
from ams.metadata import inventory
from ams.metadata.store import Store
from metrics.pacing import read_gently

_FIRST_DAY = date(1970, 1, 1)


class DeletedTopics:
    """What was published to topics that were deleted: it stays part of their projects' sums.

    It does not change any more once a topic has been gone for a while, so it is remembered.
    """

    def __init__(self, store: Store, log: MessageLog) -> None:
        self._store = store
        self._log = log
        self._seen: frozenset[str] = frozenset()
        # Messages ever, and those of a day.
        self._known: dict[str, tuple[int, int, date]] = {}

    async def add(self, day: date, messages: Counter[str], today: Counter[str]) -> Set[str]:
        """Adds what was published to deleted topics to the sums of their projects.

        Args:
            day: today (UTC).
            messages: all messages by project.
            today: those of this day.

        Returns:
            The uuids of the deleted topics.

        Raises:
            Unavailable: a store does not answer.
        """
        projects = await inventory.retired_topics(self._store)
        unknown = [uuid for uuid in projects if uuid not in self._known]
        ever = await self._published(unknown, _FIRST_DAY, day)
        now = await self._published(unknown, day, day)
        read = {
            uuid: (first, second, day)
            for uuid, first, second in zip(unknown, ever, now, strict=True)
        }
        for uuid, project in projects.items():
            total, of_day, counted_on = self._known.get(uuid) or read[uuid]
            messages[project] += total
            if counted_on == day:
                today[project] += of_day
        # One that has just been deleted may have a publish that was on its way.
        self._known = {uuid: found for uuid, found in self._known.items() if uuid in projects}
        self._known |= {uuid: found for uuid, found in read.items() if uuid in self._seen}
        self._seen = frozenset(projects)
        return self._seen

    async def _published(self, topics: Sequence[str], first: date, last: date) -> list[int]:
        found = await read_gently(
            topics, lambda some: self._log.published_between(some, first, last)
        )
        return [each or 0 for each in found]
