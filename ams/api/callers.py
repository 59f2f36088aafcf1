"""Who sends a request, by the token that it carries (contract: decision 1, ams-core 1.3)."""

from typing import NamedTuple

from ams.api.broker import Broker
from ams.api.query import query_values
from ams.auth import access
from ams.auth.tokens import digest
from ams.metadata.records import Caller
from ams.service.errors import Unauthorized
from ams.service.http import Request


class Presented(NamedTuple):
    """A token as the client sent it; `text` is empty if there is none.

    `is_signed` tells that it is one of AuthN's, not a user's own.
    """

    text: str
    is_signed: bool = False


def presented_token(broker: Broker, request: Request) -> Presented:
    """The token of a request."""
    option = broker.settings.auth.auth_option
    if option != "key":
        token = request.headers.get("x-api-key", "")
        if token:
            return Presented(token)
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        token = value.strip()
        if token and scheme.lower() == "bearer":
            return Presented(token, broker.bearer_tokens.take(token))
    if option != "header":
        return Presented(next(iter(query_values(request, "key")), ""))
    return Presented("")


async def known_caller(broker: Broker, request: Request) -> Caller | None:
    """The user whose token the request carries, or None. Not the service token's holder."""
    token = presented_token(broker, request)
    return await _user(broker, token, digest(token.text)) if token.text else None


async def required_caller(broker: Broker, request: Request) -> Caller:
    """The user whose token the request carries, or the holder of the service token.

    Raises:
        Unauthorized: It carries none, or nobody's.
        Unavailable: Whose it is can't be found out now.
    """
    token = presented_token(broker, request)
    if not token.text:
        raise Unauthorized
    token_digest = digest(token.text)
    if broker.service_token.matches(token_digest):
        return access.SERVICE_CALLER
    caller = await _user(broker, token, token_digest)
    if caller is None:
        raise Unauthorized
    return caller


async def _user(broker: Broker, token: Presented, token_digest: str) -> Caller | None:
    catalog = broker.catalog
    caller: Caller | None
    if token.is_signed:
        uuid = await broker.bearer_tokens.user(token.text, token_digest)
        if uuid is None:
            return None
        caller = catalog.user_cached(uuid) or await catalog.user(uuid)
    else:
        caller = catalog.caller_cached(token_digest) or await catalog.caller(token_digest)
    if caller is not None:
        broker.token_use.note(caller)
    return caller
