"""All checks of a client's certificate, in the contract's order (authn 4.2), each with its outcome.

verifier = Verifier(Policy(), store, Revocation(crls), SystemResolver())
verification = await verifier.verify(certificate, sent, address="192.0.2.7")
if verification.refusal:
    raise verification.refusal
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, TypeAlias

from cryptography import x509

from authn.x509.hosts import Resolver, check_host
from authn.x509.refusals import Expired, NotActive, Refusal
from authn.x509.revocation import Revocation
from authn.x509.trust_store import TrustStore

_EARLIER_FAILED: Final = "an earlier check failed"


class Outcome(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Step:
    """A check: `host`, `expiry`, `activation`, `chain` or `revocation`.

    `reason` is what the client reads of a failure, or why the check was skipped.
    """

    name: str
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    """All checks in their order. `refusal` is what to answer; None if the certificate is good."""

    steps: tuple[Step, ...]
    refusal: Refusal | None


@dataclass(frozen=True, slots=True)
class Policy:
    """What is checked; the names are those of the reference's settings (contract: authn 7.3).

    Args:
        verify_certificate: everything is. If not, only that a trusted authority vouches for it.
        trust_unknown_cas: without `verify_certificate` nothing is checked at all. With it, this
            leaves to these checks what would else end the handshake, and they are no laxer.
        client_cert_host_verification: the host too; only with `verify_certificate`.
    """

    verify_certificate: bool = True
    trust_unknown_cas: bool = False
    client_cert_host_verification: bool = False


_Check: TypeAlias = Callable[["_Examination"], Awaitable[None]]


class Verifier:
    """Checks certificates.

    Args:
        policy: what is checked.
        store: the trusted authorities.
        revocation: looks into lists of revoked certificates.
        resolver: looks up names of hosts.
        clock: the time.
    """

    def __init__(
        self,
        policy: Policy,
        store: TrustStore,
        revocation: Revocation,
        resolver: Resolver,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._policy = policy
        self._store = store
        self._revocation = revocation
        self._resolver = resolver
        self._clock = clock

    async def verify(
        self,
        certificate: x509.Certificate,
        sent: Sequence[x509.Certificate] = (),
        *,
        address: str | None = None,
    ) -> Verification:
        """Checks until one check fails.

        Args:
            certificate: a client's.
            sent: what it sent along.
            address: the IP address it comes from; None if it comes from nowhere.
        """
        examination = _Examination(certificate, sent, address, self._clock())
        steps: list[Step] = []
        refusal: Refusal | None = None
        for name, skipped, check in self._checks(address):
            if refusal or skipped:
                steps.append(Step(name, Outcome.SKIPPED, _EARLIER_FAILED if refusal else skipped))
                continue
            try:
                await check(examination)
            except Refusal as failure:
                refusal = failure
                steps.append(Step(name, Outcome.FAILED, failure.message))
            else:
                steps.append(Step(name, Outcome.PASSED))
        return Verification(tuple(steps), refusal)

    def _checks(self, address: str | None) -> Sequence[tuple[str, str, _Check]]:
        """Name, why it is skipped, and the check itself."""
        policy = self._policy
        verified = "" if policy.verify_certificate else "verify_certificate is off"
        vouched = verified if policy.trust_unknown_cas else ""
        at_host = verified
        if not policy.client_cert_host_verification:
            at_host = "client_cert_host_verification is off"
        elif address is None:
            at_host = "there is no address"
        return (
            ("host", at_host, self._check_host),
            ("expiry", vouched, self._check_expiry),
            ("activation", vouched, self._check_activation),
            ("chain", vouched, self._check_chain),
            ("revocation", verified, self._check_revocation),
        )

    async def _check_host(self, examination: "_Examination") -> None:
        await check_host(examination.certificate, examination.address or "", self._resolver)

    async def _check_expiry(self, examination: "_Examination") -> None:
        if examination.now > examination.certificate.not_valid_after_utc:
            raise Expired

    async def _check_activation(self, examination: "_Examination") -> None:
        if examination.now < examination.certificate.not_valid_before_utc:
            raise NotActive

    async def _check_chain(self, examination: "_Examination") -> None:
        examination.chain = self._store.chain(
            examination.certificate, examination.sent, now=examination.now
        )

    async def _check_revocation(self, examination: "_Examination") -> None:
        await self._revocation.check(examination.chain)


@dataclass(slots=True)
class _Examination:
    """What the checks need; the chain is there once it has been found."""

    certificate: x509.Certificate
    sent: Sequence[x509.Certificate]
    address: str | None
    now: datetime
    chain: Sequence[x509.Certificate] = ()
