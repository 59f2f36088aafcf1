"""An issuer of signed tokens: a stand-in for AuthN, and for OpenID providers, that bends."""

import json
from collections.abc import Sequence
from typing import Any, Self

import httpx

from tests.authn.target import Answer, Target
from tests.certificates import Certificates
from tests.node import Node
from tests.signing import Signer, claims_for

AUDIENCE = "ams/broker.example.org"
KEYS_PATH = "/.well-known/jwks.json"
DISCOVERY_PATH = "/.well-known/openid-configuration"


class IssuerStandIn:
    """Publishes the keys of `signers`; `signer` is the first of them.

    with IssuerStandIn(certificates) as issuer:
        node = await start_node(auth=issuer.settings)
        issuer.token(user.uuid)
    """

    def __init__(self, certificates: Certificates, signers: Sequence[Signer] = ()) -> None:
        self._target = Target(certificates)
        self._ca = str(certificates.ca)
        self.signers = list(signers) or [Signer("key-1")]
        self.publish()

    @property
    def name(self) -> str:
        """Also the URL that it is at."""
        return f"https://127.0.0.1:{self._target.port}"

    @property
    def signer(self) -> Signer:
        return self.signers[0]

    @property
    def settings(self) -> dict[str, object]:
        """What a broker that trusts it has in `[auth]`."""
        return {
            "jwt_issuers": {self.name: self.name + KEYS_PATH},
            "jwt_audiences": [AUDIENCE, "ams/other-name.example.org"],
            "jwt_ca_file": self._ca,
        }

    @property
    def times_asked(self) -> int:
        """How often anybody has asked for the keys."""
        return len(self._target.asked)

    def publish(self) -> None:
        """Shows the keys from now on."""
        self._target.says({"keys": [signer.public for signer in self.signers]})
        discovery = {"issuer": self.name, "jwks_uri": self.name + KEYS_PATH}
        self._target.by_path[DISCOVERY_PATH] = Answer(json.dumps(discovery).encode())

    def fail(self) -> None:
        """Has no answer from now on."""
        self._target.answer = Answer(b"out of order", 500)
        self._target.by_path.clear()

    def claims(self, subject: str, **others: object) -> dict[str, Any]:
        return claims_for(self.name, AUDIENCE, subject, **others)

    def token(self, subject: str, **others: object) -> str:
        """A token for a user; `others` are claims."""
        return self.signer.token(self.claims(subject, **others))

    def __enter__(self) -> Self:
        self._target.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._target.__exit__()


async def asked_with(node: Node, token: str, path: str = "/v1/users/profile") -> httpx.Response:
    """What a broker answers to who comes with a bearer token."""
    headers = {"Authorization": f"Bearer {token}"}
    return await node.request("GET", path, token=None, headers=headers)
