"""The list of a project's topics (contract: ams-core 3.4), and how they fare."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Final, NamedTuple

from msgspec import Meta

from ams.api import answers, fields, formats, listing
from ams.api.answers import Answer
from ams.api.calls import Call
from ams.api.operations import PROJECT, operation
from ams.auth import access
from ams.messages.statistics import TopicStatistics as LogStatistics
from ams.metadata import counts, topics
from ams.metadata.records import TopicSummary


class TopicNumbers(NamedTuple):
    """What the full view shows of a topic."""

    log: LogStatistics
    subscriptions: int


class TopicStatistics(Answer, rename="camel"):
    """How a topic fares."""

    messages: Annotated[int, Meta(description="Ever published.")]
    bytes: Annotated[int, Meta(description="Of their `data`, as they were sent.")]
    stored_messages: Annotated[int, Meta(description="Kept now.")]
    stored_bytes: Annotated[int, Meta(description="Of what is kept, as it is stored.")]
    publish_rate: Annotated[
        float, Meta(description="Messages per second between the last two publishes.")
    ]
    subscriptions: int
    last_publish: fields.Time = ""

    @classmethod
    def of(cls, numbers: TopicNumbers) -> "TopicStatistics":
        log = numbers.log
        return cls(
            messages=log.messages,
            bytes=log.bytes,
            stored_messages=log.stored_messages,
            stored_bytes=log.stored_bytes,
            publish_rate=log.rate,
            subscriptions=numbers.subscriptions,
            last_publish=formats.event_time_text(log.last_publish),
        )


class ListedTopic(answers.Topic):
    """A topic; in the full view with its statistics."""

    statistics: TopicStatistics | None = None


class Topics(Answer, rename="camel"):
    """A page of topics (contract: ams-core 3.4)."""

    topics: list[ListedTopic]
    next_page_token: fields.NextPageToken
    total_size: fields.TotalSize


_COUNTERS: Final[Mapping[str, Callable[[TopicNumbers], float]]] = {
    "messages": lambda numbers: numbers.log.messages,
    "bytes": lambda numbers: numbers.log.bytes,
    "storedMessages": lambda numbers: numbers.log.stored_messages,
    "storedBytes": lambda numbers: numbers.log.stored_bytes,
    "publishRate": lambda numbers: numbers.log.rate,
    "lastPublish": lambda numbers: numbers.log.last_publish or 0,
    "subscriptions": lambda numbers: numbers.subscriptions,
}


async def _measure(call: Call, records: Sequence[TopicSummary]) -> list[TopicNumbers]:
    found = await call.broker.log.topic_statistics([topic.uuid for topic in records])
    attached = await counts.subscriptions_to(call.broker.store, [topic.id for topic in records])
    return [
        TopicNumbers(statistics, attached.get(topic.id, 0))
        for topic, statistics in zip(records, found, strict=True)
    ]


LISTING: Final = listing.Listing(topics.list_page, _measure, _COUNTERS)


@operation(
    "topics:list",
    "GET",
    f"{PROJECT}/topics",
    query=LISTING.query,
    errors=listing.ERRORS,
)
async def list_topics(call: Call) -> Topics:
    """List a project's topics, newest first; publishers see theirs (contract: ams-core 3.4)."""
    found = await LISTING.page(call, access.topics_of(call.caller, call.roles))
    items = []
    for record, numbers in found.items:
        item = ListedTopic.of(record)
        if numbers is not None:
            item.statistics = TopicStatistics.of(numbers)
        items.append(item)
    return Topics(items, found.next_page_token, found.total)
