"""Signed tokens, for certificates and for access tokens; and the keys that they are signed with."""

from typing import Final

from ams.service.http import Request
from ams.service.responses import Response
from authn.api.access_tokens import identifier_of
from authn.api.mapping import answer_to, keep_books, names_no_host, service_for, verified
from authn.api.parts import Parts
from authn.errors import NotFound
from authn.rendering import pretty
from authn.store import bindings
from authn.store.records import OIDC, X509
from authn.x509.refusals import Refusal
from authn.x509.subject import auth_identifier

#: Nobody on the way keeps a token.
_NOT_STORED: Final = {"Cache-Control": "no-store"}
#: How long anybody may go by the keys that they got, in seconds; see `authn.key_ring`.
_KEPT: Final = {"Cache-Control": "max-age=300"}


async def issue(parts: Parts, request: Request, service_type: str, host: str) -> Response:
    """Give a signed token for the user that the client is bound to (RFC 6749, 5.1).

    Who sends an access token is its owner, whatever certificate comes with it.
    """
    _require_issuing(parts)
    nameless = False
    if "authorization" in request.headers:
        auth_type, identifier = OIDC, await identifier_of(parts, request)
    else:
        auth_type = X509
        try:
            certificate = (await verified(parts, request)).certificate
            identifier = auth_identifier(certificate)
        except Refusal as refusal:
            raise answer_to(refusal) from refusal
        nameless = names_no_host(certificate)
    async with parts.store.reading():
        service = await service_for(service_type, host, auth_type)
        binding = await bindings.of_identity(service, host, auth_type, identifier)
    request.ctx.requester = binding.name
    token = await parts.token_issuer.issue(service, binding)
    await keep_books(parts, binding, nameless=nameless)
    answer = {
        "access_token": token.text,
        "token_type": "Bearer",
        "expires_in": token.seconds,
    }
    return Response(pretty(answer), headers=_NOT_STORED)


async def list_keys(parts: Parts, request: Request) -> Response:
    """Show the public keys that tokens are signed with (RFC 7517)."""
    _require_issuing(parts)
    return Response(await parts.token_issuer.keys.published(), headers=_KEPT)


def _require_issuing(parts: Parts) -> None:
    if not parts.token_issuer.issues:
        raise NotFound("Issuer")
