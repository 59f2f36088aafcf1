"""What happens to a certificate, step by step, without a client that shows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509

from ams.service.errors import ServiceError
from ams.service.settings import Settings
from authn.api.lifecycle import Lifecycle
from authn.api.mapping import find, retrieve
from authn.api.parts import Parts
from authn.retrieval import BackendFailure
from authn.x509.refusals import Refusal
from authn.x509.subject import auth_identifier
from authn.x509.verification import Outcome, Step


@dataclass(frozen=True, slots=True)
class Explained:
    """All steps in their order, and whether a token comes out."""

    steps: tuple[Step, ...]
    gets_token: bool


async def explain(
    settings: Settings,
    certificate: x509.Certificate,
    sent: Sequence[x509.Certificate],
    service_type: str,
    host: str,
    *,
    address: str | None = None,
) -> Explained:
    """Does with a certificate what AuthN with these settings would do.

    Nothing is noted of it, neither on the binding nor elsewhere.

    Args:
        settings: of AuthN.
        certificate: a client's.
        sent: what the client would send along.
        service_type: name of the service type.
        host: that the token would be for.
        address: that the client would come from; None if that is not to be looked at.

    Raises:
        SettingsError, DatabaseError: AuthN would not start with these settings.
        ServiceError: the database can't be reached.
    """
    lifecycle = Lifecycle(settings)
    try:
        await lifecycle.start()
        verification = await lifecycle.parts.verifier.verify(certificate, sent, address=address)
        steps = [*verification.steps, _subject(certificate)]
        if all(step.outcome is not Outcome.FAILED for step in steps):
            steps += await _mapping(lifecycle.parts, certificate, service_type, host)
    finally:
        await lifecycle.stop()
    return Explained(tuple(steps), steps[-1] == Step("token", Outcome.PASSED))


def _subject(certificate: x509.Certificate) -> Step:
    try:
        return Step("subject", Outcome.PASSED, auth_identifier(certificate))
    except Refusal as refusal:
        return Step("subject", Outcome.FAILED, refusal.message)


async def _mapping(
    parts: Parts, certificate: x509.Certificate, service_type: str, host: str
) -> list[Step]:
    try:
        service, method, binding = await find(parts, certificate, service_type, host)
    except ServiceError as error:
        return [Step("binding", Outcome.FAILED, error.message)]
    bound = Step("binding", Outcome.PASSED, f"{binding.name}, user {binding.unique_key}")
    try:
        await retrieve(parts, service, method, binding)
    except BackendFailure as failure:
        return [bound, Step("token", Outcome.FAILED, f"{host}:{method.port}: {failure.reason}")]
    except ServiceError as error:
        return [bound, Step("token", Outcome.FAILED, error.message)]
    return [bound, Step("token", Outcome.PASSED)]
