"""What is sent to a receiver (contract: push 4.2, 5.2, 6)."""

import binascii
import codecs
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from ams.messages.entries import Message
from ams.messages.publish_time import publish_time_text
from ams.messages.records import Run
from ams.metadata.records import PushConfig

#: Name of the way in which bytes that are no UTF-8 are put into a text.
_EACH_BYTE: Final = "ams.push.each_byte"

#: How much longer data can get that is decoded: four characters are three bytes, and each of them
#: takes six in JSON if it has to be escaped.
DECODED_GROWTH: Final = 4.5

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_decode_message: Final = msgspec.json.Decoder(Message).decode


class PushedMessage(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True, gc=False):
    """A message as a receiver gets it."""

    message_id: str
    attributes: dict[str, str] = {}
    data: str
    publish_time: str


class Item(msgspec.Struct, gc=False):
    """A message, and whose it is: `projects/P/subscriptions/S` (decision 11)."""

    message: PushedMessage
    subscription: str


class Items(msgspec.Struct, gc=False):
    """What a receiver gets that takes more than one message at a time."""

    messages: list[Item]


class Post(msgspec.Struct, omit_defaults=True, gc=False):
    """What Mattermost gets (contract: push 6)."""

    text: str
    username: str = ""
    channel: str = ""


def most_bytes(push: PushConfig, size: int) -> int:
    """How long the data of messages can get in a body, given the bytes that are stored of them."""
    return round(size * DECODED_GROWTH) if push.base64_decode else size


def http_body(push: PushConfig, subscription: str, runs: Sequence[Run]) -> bytes:
    """The body for an HTTP endpoint; its shape depends on the settings, not on the messages.

    Args:
        push: the settings.
        subscription: its full name.
        runs: what to send, at least one message.
    """
    items = [Item(message, subscription) for message in _messages(push, runs)]
    return _encode(items[0] if push.max_messages == 1 else Items(items))


def mattermost_body(push: PushConfig, runs: Sequence[Run]) -> bytes:
    """The body for Mattermost, of the first message."""
    text = next(_messages(push, runs)).data
    return _encode(Post(text, push.mattermost_username, push.mattermost_channel))


def _messages(push: PushConfig, runs: Sequence[Run]) -> Iterator[PushedMessage]:
    for run in runs:
        published = publish_time_text(run.time)
        for offset, json in enumerate(run.messages, run.offset):
            message = _decode_message(json)
            data = decoded(message.data) if push.base64_decode else message.data
            yield PushedMessage(
                message_id=str(offset),
                attributes=message.attributes,
                data=data,
                publish_time=published,
            )


def decoded(data: str) -> str:
    """Data without its base64; what is none is left as it is.

    Line breaks in it don't count, and each byte that is no UTF-8 becomes a U+FFFD (contract: push
    4.2).
    """
    try:
        content = binascii.a2b_base64(data.replace("\r", "").replace("\n", ""), strict_mode=True)
    except ValueError:
        return data
    return content.decode("utf-8", _EACH_BYTE)


def _replace_each_byte(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return "\ufffd" * (error.end - error.start), error.end


codecs.register_error(_EACH_BYTE, _replace_each_byte)
