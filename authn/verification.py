"""What AuthN asks of whoever checks certificates."""

from dataclasses import dataclass
from typing import Protocol

from cryptography import x509


@dataclass(frozen=True, slots=True)
class Shown:
    """A certificate that somebody has shown, and proven to hold the key of.

    Args:
        certificate: the leaf.
        address: IP address that it came from.
        proxied: whether a proxy has ended the TLS, so that ours has not checked the chain.
    """

    certificate: x509.Certificate
    address: str
    proxied: bool


class Verifier(Protocol):
    """Checks a certificate as the settings want it (contract: authn 4.2, step 2)."""

    async def verify(self, shown: Shown) -> None:
        """Returns if the certificate counts.

        Raises:
            Refusal: it does not; see `authn.x509.refusals`.
        """
