"""From an access token of OpenID Connect to a user's own token."""

from ams.service.http import Request
from ams.service.logs import get_logger
from ams.service.signed_tokens import TokenRefused
from authn.api.mapping import keep_books, retrieve, service_for
from authn.api.parts import Parts
from authn.errors import TokenNotAccepted
from authn.rendering import pretty
from authn.store import auth_methods, bindings
from authn.store.records import OIDC

log = get_logger()


async def map_access_token(parts: Parts, request: Request, service_type: str, host: str) -> bytes:
    """Give the token of the user that the owner of the client's access token is bound to."""
    identifier = await identifier_of(parts, request)
    async with parts.store.reading():
        service = await service_for(service_type, host, OIDC)
        method = await auth_methods.get(service, host)
        binding = await bindings.of_identity(service, host, OIDC, identifier)
    request.ctx.requester = binding.name
    token = await retrieve(parts, service, method, binding)
    await keep_books(parts, binding)
    return pretty({"token": token})


async def identifier_of(parts: Parts, request: Request) -> str:
    """Whose access token a request carries, as bindings have it.

    Raises:
        TokenNotAccepted: it carries none that counts.
        Unavailable: the provider does not answer.
    """
    values = request.headers.getall("authorization", [])
    scheme, _, token = (values[0] if len(values) == 1 else "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise TokenNotAccepted("No access token provided")
    try:
        return await parts.access_tokens.identifier(token.strip())
    except TokenRefused as refused:
        log.warning("access token refused", reason=str(refused))
        raise TokenNotAccepted(f"Your access token is refused: {refused}") from None
