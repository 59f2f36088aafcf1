"""The section of the settings that AuthN reads."""

import re
from ipaddress import ip_network

from pydantic import Field, SecretStr, field_validator

from ams.service.settings_sections import (
    DATABASE_SCHEMES,
    MAX_PORT,
    Section,
    check_fernet_keys,
    check_scheme,
)

#: What a path template has in place of the user's id; there may be one for the access key, too.
IDENTIFIER_PLACEHOLDER = "{{identifier}}"
ACCESS_KEY_PLACEHOLDER = "{{access_key}}"

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def _check_issuer(issuer: str) -> str:
    """Returns the URL of an issuer; what it signs is told apart from it by a `#`."""
    check_scheme(issuer, ("https",))
    if "#" in issuer or "?" in issuer:
        raise ValueError("must have no # and no ?")
    return issuer


class AuthnSettings(Section):
    """AuthN: where it listens, which certificates it believes, and how it gets tokens."""

    host: str = Field("0.0.0.0", description="Address of the listener, which is HTTPS always.")
    port: int = Field(8443, ge=1, le=MAX_PORT, description="Port of the listener.")
    certificate: str = Field(
        "", description="PEM file with the service's certificate, followed by its chain."
    )
    certificate_key: str = Field(
        "", description="PEM file with the private key of the service's certificate."
    )
    service_token: SecretStr = Field(
        SecretStr(""),
        description="The token of AuthN's operators; whoever has it may do anything. AuthN needs"
        " one.",
    )
    # Not shown by repr(): it may hold a password.
    database_url: str = Field(
        "sqlite:///var/lib/ams/authn.db",
        repr=False,
        description="Where service types, auth methods and bindings are kept, as `url` in"
        " `[database]`.",
    )
    token_keys: list[SecretStr] = Field(
        default_factory=list,
        description="Fernet keys that keep the secrets of auth methods: the first encrypts, all"
        " decrypt. AuthN needs at least one. In an environment variable: separated by commas.",
    )
    certificate_authorities: str = Field(
        "/etc/grid-security/certificates",
        description="Folder with the PEM files of the authorities whose certificates are believed.",
    )
    trust_unknown_cas: bool = Field(
        False,
        description="Whether certificates of any authority, and of none, are believed: then anyone"
        " can have a certificate in anybody's name. For tests only.",
    )
    verify_certificate: bool = Field(
        True,
        description="Whether a certificate is looked up in its authority's list of revoked ones.",
    )
    client_cert_host_verification: bool = Field(
        False,
        description="Whether a certificate must be one for the host that it comes from, by the"
        " reverse lookup of its address.",
    )
    supported_service_types: list[str] = Field(
        default=["ams", "web-api", "custom"], description="What a service type's `type` may be."
    )
    supported_auth_types: list[str] = Field(
        default=["x509", "oidc"], description="What a service type's `auth_types` may be."
    )
    supported_auth_methods: list[str] = Field(
        default=["api-key", "headers"], description="What a service type's `auth_method` may be."
    )
    service_types_paths: dict[str, str] = Field(
        default={
            "ams": "/v1/users:byUUID/{{identifier}}",
            "web-api": "/api/v2/admin/users:byID/{{identifier}}?export=flat",
        },
        description="By `type`: the path that a user's token is read from. `{{identifier}}` stands"
        " for the binding's unique key, `{{access_key}}` for the secret of an auth method"
        " `api-key`.",
    )
    service_types_retrieval_fields: dict[str, str] = Field(
        default={"ams": "token", "web-api": "api_key"},
        description="By `type`: the member of the answer that holds the token.",
    )
    verify_ssl: bool = Field(
        True, description="Whether the certificates of the services behind AuthN are verified."
    )
    ca_file: str = Field(
        "",
        description="PEM file of the authorities trusted for these services; empty for those of the"
        " system.",
    )
    retrieval_seconds: float = Field(
        8.0, gt=0, description="Longest wait for a token from a service, in seconds."
    )
    certificate_header: str = Field(
        "",
        description="Header in which a proxy that ends TLS sends the client's certificate, as"
        " URL-encoded PEM or as Base64 of DER; empty for none.",
    )
    certificate_proxies: list[str] = Field(
        default_factory=list,
        description="Networks of the proxies that are believed to have checked the certificate in"
        " `certificate_header`, and whose `X-Forwarded-For` counts. Anybody else's header is"
        " ignored. In an environment variable: separated by commas.",
    )
    issuer: str = Field(
        "",
        description="What the signed tokens that AuthN gives name as their issuer: its own"
        " `https://` URL, such as `https://authn.example.org:8443`; empty for none: then it gives"
        " no signed tokens. All AuthN processes of one database have the same.",
    )
    token_seconds: int = Field(
        900, ge=1, le=86_400, description="How long a signed token is valid, in seconds."
    )
    signing_key_seconds: int = Field(
        86_400,
        ge=600,
        description="How long a key signs tokens before another one takes over, in seconds.",
    )
    oidc_issuers: dict[str, str] = Field(
        default_factory=dict,
        description="OpenID Connect providers whose access tokens are accepted in place of a"
        " certificate: by URL, as its tokens name it, the audience that they must be for. That"
        " must not be a client's id: ID tokens are for those.",
    )
    header_seconds: float = Field(
        5.0,
        gt=0,
        description="Longest time for a TLS handshake, and for the headers of a request, in"
        " seconds.",
    )
    answer_seconds: float = Field(15.0, gt=0, description="Longest time for an answer, in seconds.")
    idle_seconds: float = Field(
        60.0, gt=0, description="How long an idle connection is kept open, in seconds."
    )
    max_connections: int = Field(
        1000,
        ge=1,
        description="Open connections of a process at most; those that wait for a handshake or a"
        " request make room for new ones.",
    )
    workers: int = Field(
        1, ge=1, description="Processes that share the listener; about one for each core."
    )
    drain_seconds: float = Field(
        0.0,
        ge=0,
        description="How long `/readyz` says no before the listener closes, in seconds.",
    )
    stop_seconds: float = Field(
        15.0, ge=0, description="Longest wait for running requests when stopping, in seconds."
    )

    @field_validator("database_url")
    @classmethod
    def _url_has_a_known_scheme(cls, url: str) -> str:
        return check_scheme(url, DATABASE_SCHEMES)

    @field_validator("token_keys")
    @classmethod
    def _keys_are_fernet_keys(cls, keys: list[SecretStr]) -> list[SecretStr]:
        return check_fernet_keys(keys)

    @field_validator("service_types_paths")
    @classmethod
    def _paths_begin_with_a_slash(cls, paths: dict[str, str]) -> dict[str, str]:
        for kind, path in paths.items():
            if not path.startswith("/") or path.startswith("//"):
                raise ValueError(f"{kind}: must begin with one slash")
            if IDENTIFIER_PLACEHOLDER not in path:
                raise ValueError(f"{kind}: must have {IDENTIFIER_PLACEHOLDER}")
        return paths

    @field_validator("certificate_proxies")
    @classmethod
    def _proxies_are_networks(cls, networks: list[str]) -> list[str]:
        for network in networks:
            ip_network(network)
        return networks

    @field_validator("issuer")
    @classmethod
    def _issuer_is_a_url(cls, issuer: str) -> str:
        return _check_issuer(issuer) if issuer else issuer

    @field_validator("oidc_issuers")
    @classmethod
    def _oidc_issuers_have_an_audience(cls, issuers: dict[str, str]) -> dict[str, str]:
        for issuer, audience in issuers.items():
            _check_issuer(issuer)
            if not audience:
                raise ValueError(f"{issuer}: needs an audience")
        return issuers

    @field_validator("certificate_header")
    @classmethod
    def _header_is_a_name(cls, name: str) -> str:
        if name and not _HEADER_NAME.fullmatch(name):
            raise ValueError("is no name of a header")
        return name
