"""What clients may say about push delivery, and what becomes of it (contract: ams-core 7.1-7.4)."""

from dataclasses import replace
from typing import Final

from msgspec import field

from ams.api import answers
from ams.api.bodies import Body
from ams.auth.tokens import new_token
from ams.metadata import audit
from ams.metadata.records import PushConfig
from ams.service.errors import InvalidArgument
from ams.service.outgoing import AddressRefused, checked_url
from ams.service.token_box import TokenBox

HTTP_ENDPOINT: Final = "http_endpoint"
MATTERMOST: Final = "mattermost"
AUTOGEN: Final = "autogen"
DISABLED: Final = "disabled"
LINEAR: Final = "linear"
SLOWSTART: Final = "slowstart"

#: Wait after a failure where the client says nothing else, milliseconds.
DEFAULT_PERIOD: Final = 3000

MALFORMED: Final = "Invalid Subscription Arguments"
_BAD_ENDPOINT: Final = "Push endpoint should be addressed by a valid https url"
_BAD_HEADER: Final = "Authorization header type can only be of 'autogen' or 'disabled' type"
_NO_MATTERMOST: Final = "Field mattermostUrl cannot be empty"
_BAD_MATTERMOST: Final = "Field mattermostUrl should be a valid http or https url"
_BAD_TYPE: Final = "Push configuration type can only be of 'http_endpoint' or 'mattermost'"
_BAD_RETRY: Final = "Retry policy can only be of 'linear' or 'slowstart' type"
_TOO_LONG: Final = "A text of the push configuration is too long"

#: How settings may be refused.
ERRORS: Final = tuple(
    InvalidArgument(message)
    for message in (
        *(_BAD_ENDPOINT, _BAD_HEADER, _NO_MATTERMOST, _BAD_MATTERMOST, _BAD_TYPE, _BAD_RETRY),
        _TOO_LONG,
    )
)

_INT64: Final = range(-(2**63), 2**63)


class AuthorizationHeaderBody(Body, rename="camel"):
    """What a push delivery sends as `Authorization`: `autogen`, or `disabled` for nothing."""

    type: str = ""
    value: str = ""


class RetryPolicyBody(Body, rename="camel"):
    """When a push delivery is tried again: `linear` or `slowstart`; `period` in milliseconds."""

    type: str = ""
    period: int = 0


class PushConfigBody(Body, rename="camel"):
    """Where messages are to be pushed to; all zero is the same as absent."""

    type: str = ""
    push_endpoint: str = ""
    max_messages: int = 0
    authorization_header: AuthorizationHeaderBody = field(default_factory=AuthorizationHeaderBody)
    retry_policy: RetryPolicyBody = field(default_factory=RetryPolicyBody)
    verification_hash: str = ""
    verified: bool = False
    mattermost_url: str = ""
    mattermost_username: str = ""
    mattermost_channel: str = ""
    base64_decode: bool = False


NOTHING: Final = PushConfigBody()


def check_numbers(body: PushConfigBody) -> None:
    """Refuses numbers that no other implementation could read."""
    if body.max_messages not in _INT64 or body.retry_policy.period not in _INT64:
        raise InvalidArgument(MALFORMED)


def check_new(body: PushConfigBody) -> None:
    """Raises what is wrong first, in the order of creation (contract: ams-core 7.2)."""
    _check_receiver(body)
    _check_retry_policy(body)


def check_changed(body: PushConfigBody) -> None:
    """Raises what is wrong first, in the order of a change (contract: ams-core 7.4)."""
    _check_retry_policy(body)
    _check_receiver(body)


def _check_receiver(body: PushConfigBody) -> None:
    match _type(body):
        case "http_endpoint":
            _check_url(body.push_endpoint, ("https",), _BAD_ENDPOINT)
            if body.authorization_header.type not in ("", AUTOGEN, DISABLED):
                raise InvalidArgument(_BAD_HEADER)
        case "mattermost":
            if not body.mattermost_url:
                raise InvalidArgument(_NO_MATTERMOST)
            _check_url(body.mattermost_url, ("https", "http"), _BAD_MATTERMOST)  # contract: O-53
        case _:
            raise InvalidArgument(_BAD_TYPE)


def _check_url(url: str, schemes: tuple[str, ...], fault: str) -> None:
    try:
        checked_url(url, schemes)
    except AddressRefused as error:
        raise InvalidArgument(fault) from error


def _check_retry_policy(body: PushConfigBody) -> None:
    if body.retry_policy.type not in ("", LINEAR, SLOWSTART):
        raise InvalidArgument(_BAD_RETRY)


def _type(body: PushConfigBody) -> str:
    """What it pushes to; an endpoint alone says it, too (contract: O-36)."""
    return body.type or (HTTP_ENDPOINT if body.push_endpoint else "")


def note(body: PushConfigBody) -> None:
    """Says in the audit trail what is asked for, but no secret: paths may be some."""
    kind = _type(body)
    url = body.push_endpoint if kind == HTTP_ENDPOINT else body.mattermost_url
    location = checked_url(url, ("https", "http"))
    audit.note(push=kind, receiver=f"{location.scheme}://{location.netloc.decode()}")


def new(body: PushConfigBody, box: TokenBox) -> PushConfig:
    """The settings of a new subscription, from a checked body (contract: ams-core 7.3)."""
    if _type(body) == MATTERMOST:
        return _mattermost(body)
    return _http_endpoint(body, None, box)


def changed(body: PushConfigBody, before: PushConfig | None, box: TokenBox) -> PushConfig:
    """The settings that replace those `before`, from a checked body (contract: ams-core 7.4)."""
    if _type(body) == MATTERMOST:
        return replace(_mattermost(body), authorization_type=AUTOGEN)
    return _http_endpoint(body, before, box)


def _mattermost(body: PushConfigBody) -> PushConfig:
    retry_type, retry_period = _retry(body)
    return PushConfig(
        type=MATTERMOST,
        max_messages=1,
        retry_type=retry_type,
        retry_period=retry_period,
        verified=True,
        mattermost_url=body.mattermost_url,
        mattermost_username=body.mattermost_username,
        mattermost_channel=body.mattermost_channel,
        base64_decode=body.base64_decode,
    )


def _http_endpoint(body: PushConfigBody, before: PushConfig | None, box: TokenBox) -> PushConfig:
    retry_type, retry_period = _retry(body)
    header_type, header_value = _header(body.authorization_header.type, before, box)
    known = before if before is not None and before.push_endpoint == body.push_endpoint else None
    return PushConfig(
        type=HTTP_ENDPOINT,
        push_endpoint=body.push_endpoint,
        # A negative number is 1 (contract: O-34).
        max_messages=max(1, body.max_messages or (before.max_messages if before else 0)),
        authorization_type=header_type,
        authorization_ciphertext=header_value,
        retry_type=retry_type,
        retry_period=retry_period,
        verification_hash=known.verification_hash if known else new_token(),
        verified=known.verified if known else False,
        base64_decode=body.base64_decode,
    )


def _retry(body: PushConfigBody) -> tuple[str, int]:
    policy = body.retry_policy
    if policy.type == SLOWSTART:
        return SLOWSTART, 0
    return LINEAR, policy.period if policy.period > 0 else DEFAULT_PERIOD


def _header(wanted: str, before: PushConfig | None, box: TokenBox) -> tuple[str, str]:
    """Type and ciphertext of the header's value (contract: ams-core 7.4, O-56)."""
    kind = wanted or (before.authorization_type or DISABLED if before else AUTOGEN)
    if kind == DISABLED:
        return DISABLED, ""
    if before is not None and before.authorization_ciphertext and not wanted:
        return AUTOGEN, before.authorization_ciphertext
    return AUTOGEN, box.encrypt(new_token())


def shown(push: PushConfig | None, box: TokenBox) -> answers.PushConfig:
    """The settings as they are answered (contract: ams-core 4.2, O-54)."""
    if push is None:
        return answers.NO_PUSH
    value = push.authorization_ciphertext
    return answers.PushConfig(
        type=push.type,
        push_endpoint=push.push_endpoint,
        max_messages=push.max_messages,
        authorization_header=answers.AuthorizationHeader(
            type=push.authorization_type, value=box.decrypt(value) if value else ""
        ),
        retry_policy=answers.RetryPolicy(type=push.retry_type, period=push.retry_period),
        verification_hash=push.verification_hash,
        verified=push.verified,
        mattermost_url=push.mattermost_url,
        mattermost_username=push.mattermost_username,
        mattermost_channel=push.mattermost_channel,
        base64_decode=push.base64_decode,
    )
