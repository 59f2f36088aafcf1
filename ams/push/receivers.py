"""Sending a batch to the receiver of a subscription (contract: push 5, 6)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import msgspec

from ams.messages.records import Run
from ams.metadata.records import PushConfig, SubscriptionRecord
from ams.push import payload
from ams.service.outgoing import (
    AddressRefused,
    Answer,
    Outgoing,
    OutgoingError,
    TooLong,
    checked_url,
)
from ams.service.token_box import TokenBox, TokenKeyError

#: By what an HTTP endpoint says that it has got a batch (contract: push 5.3); Mattermost by 200.
ACCEPTED: Final = frozenset({200, 201, 204, 102})
#: What URLs may begin with; those of HTTP endpoints with the first alone.
_SCHEMES: Final = ("https", "http")
#: Answers that may say when to come again.
_LATER: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})

#: What is read of an answer's body, in bytes, and how much of it is shown, in characters.
READ_BYTES: Final = 4096
SHOWN_CHARACTERS: Final = 200

_URL: Final = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\s]+")
_SECONDS: Final = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request.

    Args:
        accepted: whether the receiver has got the batch for good.
        why: if not, in our own words.
        said: what the receiver said to it, without what may be secret.
        wait: seconds after which the receiver wants to be asked again, if it said so.
    """

    accepted: bool
    why: str = ""
    said: str = ""
    wait: float | None = None

    @property
    def detail(self) -> str:
        """Why it was not accepted, as those may read who may see the subscription."""
        return f"{self.why}: {self.said}" if self.said else self.why


class _MattermostError(msgspec.Struct):
    message: str = ""
    detailed_error: str = ""


def host_of(push: PushConfig) -> str:
    """Where requests go, for limits of one host."""
    try:
        return checked_url(push.push_endpoint or push.mattermost_url, _SCHEMES).netloc.decode()
    except AddressRefused:
        return ""  # No request goes anywhere.


class Receivers:
    """Sends batches.

    Args:
        outgoing: by which requests leave.
        token_box: that has encrypted what they are authorised by.
    """

    def __init__(self, outgoing: Outgoing, token_box: TokenBox) -> None:
        self._outgoing = outgoing
        self._token_box = token_box

    async def send(self, subscription: SubscriptionRecord, runs: Sequence[Run]) -> Outcome:
        """Sends one batch in one request; never raises."""
        push = subscription.push
        assert push is not None
        try:
            if push.type == "mattermost":
                return await self._post(push, runs)
            name = f"projects/{subscription.project}/subscriptions/{subscription.name}"
            return await self._push(push, payload.http_body(push, name, runs))
        except OutgoingError as error:
            return Outcome(False, error.reason)
        except TokenKeyError:
            return Outcome(False, "the authorization header can't be read")

    async def _push(self, push: PushConfig, body: bytes) -> Outcome:
        headers = {"Content-Type": "application/json"}
        if push.authorization_ciphertext:
            headers["Authorization"] = self._token_box.decrypt(push.authorization_ciphertext)
        answer = await self._fetch(push.push_endpoint, ("https",), headers, body)
        if answer.status in ACCEPTED:
            return Outcome(True)
        return _refused(answer, answer.body)

    async def _post(self, push: PushConfig, runs: Sequence[Run]) -> Outcome:
        headers = {"Content-Type": "application/json"}
        body = payload.mattermost_body(push, runs)
        answer = await self._fetch(push.mattermost_url, _SCHEMES, headers, body)
        if answer.status == HTTPStatus.OK:
            return Outcome(True)
        try:
            error = msgspec.json.decode(answer.body, type=_MattermostError)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _refused(answer, answer.body)
        parts = [part for part in (error.message, error.detailed_error) if part]
        return _refused(answer, ".".join(parts).encode("utf-8", "replace"))

    async def _fetch(
        self, url: str, schemes: tuple[str, ...], headers: dict[str, str], body: bytes
    ) -> Answer:
        try:
            return await self._outgoing.fetch(
                "POST", url, schemes=schemes, headers=headers, content=body, max_bytes=READ_BYTES
            )
        except TooLong as error:
            return error.answer


def _refused(answer: Answer, said: bytes) -> Outcome:
    wait = _wait(answer.headers.get("retry-after", "")) if answer.status in _LATER else None
    return Outcome(False, f"HTTP status {answer.status}", shown(said), wait)


def shown(said: bytes) -> str:
    """The beginning of what a receiver said, on one line and without URLs, which may be secrets."""
    text = _URL.sub("(URL)", said.decode("utf-8", "replace"))
    return _UNPRINTABLE.sub(" ", text).strip()[:SHOWN_CHARACTERS]


def _wait(retry_after: str) -> float | None:
    """Seconds that a receiver wants to be left alone; None if it does not say so clearly."""
    if _SECONDS.fullmatch(retry_after):
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
