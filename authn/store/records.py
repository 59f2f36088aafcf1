"""What is kept, as the rest of AuthN sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

#: The auth methods that there are (contract: authn 2).
API_KEY = "api-key"
HEADERS = "headers"

#: The auth types of certificates, and of access tokens of OpenID Connect.
X509 = "x509"
OIDC = "oidc"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceType:
    """A kind of service, and the hosts that it runs on (contract: authn 2)."""

    id: int
    uuid: str
    name: str
    hosts: tuple[str, ...]
    auth_types: tuple[str, ...]
    auth_method: str
    type: str
    created_on: datetime | None
    updated_on: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthMethod:
    """How AuthN shows a host who it is (contract: authn 3.1).

    `secret_ciphertext` is what `sealed` made of the access key or the headers.
    """

    id: int
    uuid: str
    service_id: int
    service_uuid: str
    host: str
    port: int
    type: str
    secret_ciphertext: str
    created_on: datetime | None
    updated_on: datetime | None


@dataclass(frozen=True, slots=True)
class Secret:
    """What an auth method shows: an access key, or headers."""

    access_key: str = ""
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Which user of a host somebody is (contract: authn 3.7)."""

    id: int
    uuid: str
    name: str
    service_id: int
    service_uuid: str
    host: str
    auth_identifier: str
    auth_type: str
    unique_key: str
    created_on: datetime | None
    updated_on: datetime | None
    last_auth: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key that tokens are signed with, from a time on until that of the next number.

    `public_key` is JSON as it is published, `secret_ciphertext` what `TokenBox` made of the private
    key. `token_seconds` is the longest life of a token that it may have signed.
    """

    number: int
    public_key: str
    secret_ciphertext: str
    token_seconds: int
    signs_from: datetime
