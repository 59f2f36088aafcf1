"""Opening and closing what an AuthN process holds."""

from pathlib import Path

from ams.service.listeners import Endpoint
from ams.service.outgoing import Outgoing
from ams.service.settings import Settings, SettingsError
from ams.service.token_box import TokenBox
from authn.api.parts import Parts, ServiceToken
from authn.issued_tokens import TokenIssuer
from authn.key_ring import KeyRing
from authn.openid import AccessTokens
from authn.retrieval import Retriever
from authn.store.store import Store
from authn.x509.crl_cache import CrlCache
from authn.x509.handshake import listener_context
from authn.x509.hosts import SystemResolver
from authn.x509.revocation import Revocation
from authn.x509.trust_store import TrustStore
from authn.x509.verification import Policy, Verifier


class Lifecycle:
    """Wires the parts together; `start` connects them, `stop` lets go of them.

    Raises:
        SettingsError: the settings don't suffice for AuthN.
    """

    def __init__(self, settings: Settings) -> None:
        own = settings.authn
        faults = [
            f"authn.{name}: AuthN needs {what}"
            for name, value, what in (
                ("service_token", own.service_token.get_secret_value(), "one"),
                ("token_keys", own.token_keys, "at least one key"),
                ("certificate", own.certificate, "one"),
                ("certificate_key", own.certificate_key, "the key of its certificate"),
            )
            if not value
        ]
        if own.certificate_header and not own.certificate_proxies:
            faults.append("authn.certificate_proxies: whose `certificate_header` is to count?")
        if faults:
            raise SettingsError(faults)
        self._settings = own
        self._authorities = TrustStore(Path(own.certificate_authorities))
        self._outgoing = Outgoing(settings.outgoing)
        self._crls = CrlCache(self._outgoing)
        self._resolver = SystemResolver()
        policy = Policy(
            verify_certificate=own.verify_certificate,
            trust_unknown_cas=own.trust_unknown_cas,
            client_cert_host_verification=own.client_cert_host_verification,
        )
        store = Store(own)
        box = TokenBox((key.get_secret_value() for key in own.token_keys), "authn.token_keys")
        self.parts = Parts(
            settings=settings,
            store=store,
            box=box,
            service_token=ServiceToken(own.service_token.get_secret_value()),
            verifier=Verifier(policy, self._authorities, Revocation(self._crls), self._resolver),
            retriever=Retriever(own),
            access_tokens=AccessTokens(self._outgoing, own.oidc_issuers),
            token_issuer=TokenIssuer(KeyRing(store, box, own), own),
        )

    def endpoints(self) -> list[Endpoint]:
        """Where AuthN listens.

        Raises:
            SettingsError: a certificate can't be used.
        """
        own = self._settings
        context = listener_context(
            Path(own.certificate),
            Path(own.certificate_key),
            self._authorities,
            trust_unknown_cas=own.trust_unknown_cas,
        )
        return [Endpoint("https", "authn.port", own.host, own.port, context)]

    async def start(self) -> None:
        """Refuses to go on with a database of another version, or of others' keys."""
        await self.parts.store.open()
        await self.parts.store.check_version()
        if self.parts.token_issuer.issues:
            await self.parts.token_issuer.keys.check()

    async def stop(self) -> None:
        """Lets go of everything."""
        await self.parts.access_tokens.close()
        await self._crls.close()
        await self._outgoing.close()
        self._resolver.close()
        await self.parts.retriever.close()
        await self.parts.store.close()
