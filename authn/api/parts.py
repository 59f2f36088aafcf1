"""What the handlers work with. One per process."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from ams.service.http import Request
from ams.service.settings import Settings
from ams.service.token_box import TokenBox
from authn.errors import WrongCredentials
from authn.issued_tokens import TokenIssuer
from authn.openid import AccessTokens
from authn.retrieval import Retriever
from authn.store.store import Store
from authn.x509.verification import Verifier

#: Also accepted, beside the query parameter `key` (contract: authn 8 B14).
_TOKEN_HEADER: Final = "x-api-key"


class ServiceToken:
    """The token of the settings, which makes its holder an operator."""

    def __init__(self, token: str) -> None:
        self._digest = _digest(token)

    def came_with(self, request: Request) -> bool:
        """Whether a request has it; found out in a time that does not depend on how close."""
        given = request.args.get("key") or request.headers.get(_TOKEN_HEADER, "")
        return hmac.compare_digest(_digest(given), self._digest)

    def require(self, request: Request) -> None:
        """Refuse a request that does not have it.

        Raises:
            WrongCredentials: It has not.
        """
        if not self.came_with(request):
            raise WrongCredentials


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a running AuthN."""

    settings: Settings
    store: Store
    box: TokenBox
    service_token: ServiceToken
    verifier: Verifier
    retriever: Retriever
    access_tokens: AccessTokens
    token_issuer: TokenIssuer


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
