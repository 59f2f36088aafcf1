"""Looking at the messages of a topic without consuming them."""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Final, Literal, TypedDict

import msgspec
from msgspec import Meta

from ams.api import answers, formats
from ams.api.calls import Call
from ams.api.operations import TOPIC, Parameter, operation
from ams.messages.entries import Message
from ams.messages.log import Run
from ams.metadata import audit, subscriptions, topics
from ams.service.errors import Forbidden, InvalidArgument, NotFound

#: Messages of an answer, if the caller says nothing else.
USUAL_LIMIT: Final = 10
#: Most conditions on the attributes.
MAX_CONDITIONS: Final = 10

OFFSET: Final = Parameter("offset", "Where to begin; what is gone is left out.")
TIME: Final = Parameter("time", "The time to begin at, such as `2026-01-02T03:04:05.678Z`.")
LIMIT: Final = Parameter(
    "limit", f"Most messages, up to what one pull may get; by default {USUAL_LIMIT}."
)
ATTRIBUTE: Final = Parameter(
    "attribute",
    "`key`: only messages with this attribute; `key=value`: with this value. Of several conditions"
    " all must hold. As many messages are looked at as one pull may get; `nextOffset` goes on.",
    is_list=True,
)

_BAD_OFFSET: Final = "Invalid offset (needs a number)"
_BAD_LIMIT: Final = "Invalid limit (needs a number from 1)"
_BOTH: Final = "Give an offset or a time, not both"
_TOO_MANY: Final = f"Too many attribute conditions ({MAX_CONDITIONS} at most)"

_NUMBER: Final = re.compile(r"[0-9]{1,15}")
_DECODE: Final = msgspec.json.Decoder(Message).decode


class Peeked(answers.Answer, rename="camel"):
    """Some messages of a topic, in their order.

    All from `firstOffset` to before `nextOffset` were looked at.
    """

    messages: list[answers.Message]
    first_offset: int
    next_offset: Annotated[int, Meta(description="Where to go on; `end` if all was looked at.")]
    oldest: Annotated[int, Meta(description="Offset of the oldest message kept.")]
    end: Annotated[int, Meta(description="Offset that the next message gets.")]


class _Start(TypedDict, total=False):
    """Where to begin, as `MessageLog.peek` takes it."""

    offset: int
    time: int
    last: Literal[True]


@operation(
    "topics:peek",
    "GET",
    f"{TOPIC}/messages",
    query=[OFFSET, TIME, LIMIT, ATTRIBUTE],
    errors=[
        NotFound("Topic"),
        Forbidden(),
        *map(InvalidArgument, (_BOTH, _BAD_OFFSET, formats.BAD_TIME, _BAD_LIMIT, _TOO_MANY)),
    ],
    is_audited=True,
)
async def peek(call: Call) -> Peeked:
    """Look at messages of a topic, at the last ones unless told where to begin.

    No subscription notices. Consumers must be on the access list of one of the topic's
    subscriptions. It leaves an entry in the audit trail.
    """
    store, log, settings = call.broker.store, call.broker.log, call.broker.settings.messages
    topic = await topics.get(store, call.project.id, call.names["topic"])
    call.require_listed(await subscriptions.consumers_of(store, topic))
    start, limit, conditions = _start(call), _limit(call), _conditions(call)
    runs, (bounds,) = await asyncio.gather(
        log.peek(
            topic.uuid,
            **start,
            most=settings.pull_max_messages if conditions else limit,
            most_bytes=settings.pull_max_bytes,
        ),
        log.topic_statistics([topic.uuid]),
    )
    answer = _answer(runs, bounds.end, bounds.oldest)
    if conditions:
        _select(answer, conditions, limit, from_the_end="last" in start)
    # Before anybody sees them: what can't be put on record is not shown.
    audit.note(offset=answer.first_offset, messages=len(answer.messages))
    await audit.add(store)
    return answer


def _start(call: Call) -> _Start:
    offset, time = call.argument(OFFSET), call.argument(TIME)
    if offset and time:
        raise InvalidArgument(_BOTH)
    if offset:
        if _NUMBER.fullmatch(offset) is None:
            raise InvalidArgument(_BAD_OFFSET)
        return {"offset": int(offset)}
    if time:
        return {"time": formats.microseconds_at(time)}
    return {"last": True}


def _limit(call: Call) -> int:
    text = call.argument(LIMIT) or str(USUAL_LIMIT)
    if _NUMBER.fullmatch(text) is None or int(text) < 1:
        raise InvalidArgument(_BAD_LIMIT)
    return min(int(text), call.broker.settings.messages.pull_max_messages)


def _conditions(call: Call) -> Sequence[tuple[str, str | None]]:
    """Attributes that a message must have, each with its value if that counts."""
    texts = call.arguments(ATTRIBUTE)
    if len(texts) > MAX_CONDITIONS:
        raise InvalidArgument(_TOO_MANY)
    parts = (text.partition("=") for text in texts if text)
    return [(key, value if separator else None) for key, separator, value in parts]


def _answer(runs: Sequence[Run], end: int, oldest: int) -> Peeked:
    """All messages that were read. There are none only at the end."""
    messages = list(_messages(runs))
    first = int(messages[0].message_id) if messages else end
    next_ = first + len(messages)
    # The bounds are of a moment later.
    return Peeked(messages, first, next_, min(oldest, first), max(end, next_))


def _messages(runs: Sequence[Run]) -> Iterator[answers.Message]:
    for run in runs:
        published = formats.publish_time_text(run.time)
        for offset, json in enumerate(run.messages, run.offset):
            stored = _DECODE(json)
            yield answers.Message(stored.data, str(offset), published, stored.attributes)


def _select(
    answer: Peeked,
    conditions: Sequence[tuple[str, str | None]],
    limit: int,
    *,
    from_the_end: bool,
) -> None:
    """Leaves the first, or the last, messages that meet the conditions."""
    found = [message for message in answer.messages if _meets(message.attributes, conditions)]
    answer.messages = found[-limit:] if from_the_end else found[:limit]
    if len(found) <= limit:
        return
    if from_the_end:
        answer.first_offset = int(answer.messages[0].message_id)
    else:
        answer.next_offset = int(answer.messages[-1].message_id) + 1


def _meets(attributes: Mapping[str, str], conditions: Sequence[tuple[str, str | None]]) -> bool:
    return all(
        key in attributes and (value is None or attributes[key] == value)
        for key, value in conditions
    )
