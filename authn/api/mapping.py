"""From a certificate to a token (contract: authn 4)."""

from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from ams.service.http import Request
from ams.service.logs import get_logger
from ams.service.token_box import TokenKeyError
from authn.api.auth_methods import opened
from authn.api.client_certificate import Shown, shown_by
from authn.api.parts import Parts
from authn.api.service_types import require_host
from authn.errors import CertificateRefused, InternalFailure, Unsupported, UnusableRequest
from authn.rendering import pretty, time_text
from authn.store import auth_methods, bindings, service_types
from authn.store.records import X509, AuthMethod, Binding, ServiceType
from authn.x509 import fields
from authn.x509.refusals import Refusal
from authn.x509.subject import auth_identifier

_BAD_REQUEST: Final = 400
_FORBIDDEN: Final = 403

log = get_logger()


async def map_certificate(parts: Parts, request: Request, service_type: str, host: str) -> bytes:
    """Give the token of the user that the client's certificate is bound to (4.2)."""
    try:
        shown = await verified(parts, request)
        service, method, binding = await find(parts, shown.certificate, service_type, host)
    except Refusal as refusal:
        raise answer_to(refusal) from refusal
    request.ctx.requester = binding.name
    token = await retrieve(parts, service, method, binding)
    await keep_books(parts, binding, nameless=names_no_host(shown.certificate))
    return pretty({"token": token})


async def verified(parts: Parts, request: Request) -> Shown:
    """The certificate that a client has shown, if nothing is wrong with it.

    Raises:
        NoCertificate: it has shown none.
        Refusal: something is.
    """
    shown = shown_by(request, parts.settings.authn)
    verification = await parts.verifier.verify(shown.certificate, shown.sent, address=shown.address)
    if verification.refusal is not None:
        raise verification.refusal
    return shown


async def find(
    parts: Parts, certificate: x509.Certificate, service_type: str, host: str
) -> tuple[ServiceType, AuthMethod, Binding]:
    """What a certificate is bound to, and how the host is asked (4.2, steps 3 to 7).

    Raises:
        NotFound, Unsupported: there is no such thing.
        Refusal: the certificate's subject is not clear.
    """
    async with parts.store.reading():
        service = await service_for(service_type, host, X509)
        method = await auth_methods.get(service, host)
        identifier = auth_identifier(certificate)
        binding = await bindings.of_identity(service, host, X509, identifier)
    return service, method, binding


async def service_for(service_type: str, host: str, auth_type: str) -> ServiceType:
    """The service type whose host lets clients in by an auth type (4.2, steps 3 to 5).

    Raises:
        NotFound, Unsupported: there is none.
    """
    service = await service_types.get(service_type)
    if auth_type not in service.auth_types:
        raise Unsupported("Auth type", auth_type, service.auth_types)
    require_host(service, host)
    return service


async def retrieve(parts: Parts, service: ServiceType, method: AuthMethod, binding: Binding) -> str:
    """The token of a binding's user (4.2, step 8).

    Raises:
        InternalFailure: there is none to be had.
    """
    try:
        secret = opened(parts.box, method)
    except TokenKeyError as error:
        log.error("the secret of an auth method can't be used", error=str(error))
        raise InternalFailure("Backend error") from None
    return await parts.retriever.token(service.type, method, secret, binding.unique_key)


def names_no_host(certificate: x509.Certificate) -> bool:
    """Whether a certificate has no subject alternative names of any kind (4.2, step 9)."""
    try:
        certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    except x509.ExtensionNotFound:
        return True
    except fields.UNREADABLE:
        return False  # There may be some, in a form that can't be read.
    return False


async def keep_books(parts: Parts, binding: Binding, *, nameless: bool = False) -> None:
    """Remembers the use of a binding; who has a token gets it even if that fails.

    Args:
        parts: of AuthN.
        binding: that was used.
        nameless: whether by a certificate that names no hosts.
    """
    if not nameless and time_text(binding.last_auth) == time_text(datetime.now(UTC)):
        return  # It would be noted as it is.

    async def work() -> None:
        await bindings.note_use(binding)
        if nameless:
            await bindings.note_missing_ip_san(binding)

    try:
        await parts.store.write(work)
    except Exception as error:  # Whatever it is, it is no reason to refuse.
        log.error("the use of a binding was not noted", binding=binding.name, exc_info=error)


def answer_to(refusal: Refusal) -> CertificateRefused | UnusableRequest | InternalFailure:
    """What a client is told of a refusal, and operators in the log."""
    log.warning("certificate refused", reason=refusal.message, detail=refusal.detail)
    match refusal.http_status:
        case 400:
            return UnusableRequest(refusal.message)
        case 403:
            return CertificateRefused(refusal.message)
        case _:
            return InternalFailure(refusal.message.removeprefix("Internal Error: "))
