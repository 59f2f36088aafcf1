"""The sections of the settings file: their keys, defaults and limits."""

import base64
import binascii
from ipaddress import ip_network
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

REDIS_SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "redis+cluster")
DATABASE_SCHEMES = ("sqlite", "mysql")
#: Length of a decoded Fernet key, in bytes.
FERNET_KEY_BYTES = 32

#: The highest port there is.
MAX_PORT = 65_535


class Section(BaseModel):
    """A table of the settings file. Input is never repeated in errors: it may be a secret."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True
    )


def check_scheme(url: str, schemes: tuple[str, ...]) -> str:
    """Returns a URL that has one of these schemes.

    Raises:
        ValueError: it has another one.
    """
    if url.partition("://")[0] not in schemes or "://" not in url:
        raise ValueError("must start with " + ", ".join(f"{scheme}://" for scheme in schemes))
    return url


def check_fernet_keys(keys: list[SecretStr]) -> list[SecretStr]:
    """Returns keys of which each is a Fernet key.

    Raises:
        ValueError: one is not; the error does not show it.
    """
    for position, key in enumerate(keys, start=1):
        try:
            length = len(base64.urlsafe_b64decode(key.get_secret_value()))
        except (binascii.Error, ValueError):
            length = 0
        if length != FERNET_KEY_BYTES:
            raise ValueError(f"key {position} is not a Fernet key (32 bytes in URL-safe base64)")
    return keys


class ServerSettings(Section):
    """Where the broker listens, and how it stops."""

    http_host: str = Field("127.0.0.1", description="Address of the plain HTTP listener.")
    http_port: int = Field(
        8080, ge=0, le=MAX_PORT, description="Port of the plain HTTP listener; 0 for none."
    )
    https_host: str = Field("0.0.0.0", description="Address of the HTTPS listener.")
    https_port: int = Field(
        0, ge=0, le=MAX_PORT, description="Port of the HTTPS listener; 0 for none."
    )
    certificate: str = Field(
        "", description="PEM file with the server's certificate, followed by its chain."
    )
    certificate_key: str = Field(
        "", description="PEM file with the private key of the server's certificate."
    )
    workers: int = Field(
        1, ge=1, description="Processes that share the listeners; about one for each core."
    )
    proxy_hostname: str = Field(
        "",
        description="Host name under which clients reach the service, where that is a load"
        " balancer; empty for the one of this machine.",
    )
    trusted_proxies: list[str] = Field(
        default_factory=list,
        description="Networks of the load balancers whose `X-Forwarded-For` is believed, such as"
        " `10.0.0.0/24`. In an environment variable: separated by commas.",
    )
    max_request_bytes: int = Field(
        67_108_864,
        ge=1024,
        description="Longest request body that is accepted, in bytes. A process holds"
        " as many bytes as four of them at a time; what does not fit gets 503.",
    )
    drain_seconds: float = Field(
        0.0,
        ge=0,
        description="How long `/readyz` says no before the listeners close, in seconds: the time"
        " that a load balancer needs to notice.",
    )
    stop_seconds: float = Field(
        15.0, ge=0, description="Longest wait for running requests when stopping, in seconds."
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies_are_networks(cls, networks: list[str]) -> list[str]:
        for network in networks:
            ip_network(network)
        return networks

    @model_validator(mode="after")
    def _https_has_a_certificate(self) -> Self:
        if self.https_port and not (self.certificate and self.certificate_key):
            raise ValueError("https_port needs both certificate and certificate_key")
        return self


class RedisSettings(Section):
    """The Redis that holds the messages."""

    # Not shown by repr(): it may hold a password.
    url: str = Field(
        "redis://127.0.0.1:6379/0",
        repr=False,
        description="Where Redis is: `redis://host:port/db`, `rediss://` for TLS,"
        " `unix:///path?db=0`, `redis+sentinel://host:port,host:port/name/db` or"
        " `redis+cluster://host:port,host:port`; each may hold `user:password@`.",
    )
    timeout_seconds: float = Field(
        3.0, gt=0, description="Longest wait for a connection or an answer, in seconds."
    )
    ca_file: str = Field(
        "", description="PEM file of the CAs trusted for TLS; empty for those of the system."
    )
    username: str = Field("", description="User name, if the URL has none.")
    password: str = Field("", repr=False, description="Password, if the URL has none.")

    @field_validator("url")
    @classmethod
    def _url_has_a_known_scheme(cls, url: str) -> str:
        return check_scheme(url, REDIS_SCHEMES)


class DatabaseSettings(Section):
    """The database that holds projects, users, topics and subscriptions."""

    # Not shown by repr(): it may hold a password.
    url: str = Field(
        "sqlite:///var/lib/ams/ams.db",
        repr=False,
        description="Where the database is: `mysql://user:password@host:3306/name` for MySQL or"
        " MariaDB, `sqlite:///path/of/file` for one machine.",
    )
    pool_size: int = Field(8, ge=1, description="Connections that a process keeps at most.")
    timeout_seconds: float = Field(
        4.0, gt=0, description="Longest wait for a connection or an answer, in seconds."
    )

    @field_validator("url")
    @classmethod
    def _url_has_a_known_scheme(cls, url: str) -> str:
        return check_scheme(url, DATABASE_SCHEMES)


class MessagesSettings(Section):
    """What is promised about messages, and the limits of publishing and pulling."""

    durability: Literal["fsync", "replicated", "memory"] = Field(
        "fsync",
        description="When a publish is answered: once Redis has it on disk (`fsync`), also on its"
        " replicas (`replicated`), or in memory only (`memory`). The broker refuses to start if"
        " the settings of Redis don't give it.",
    )
    replicas: int = Field(
        1, ge=1, description="Replicas that must have a message; for `replicated` only."
    )
    replica_timeout_seconds: float = Field(
        1.0, gt=0, description="Longest wait for the replicas, in seconds."
    )
    max_message_bytes: int = Field(
        10_485_760, ge=1, description="Largest message that is accepted, in bytes."
    )
    pull_wait_seconds: float = Field(
        5.0, ge=0, description="How long a pull waits for a first message, in seconds."
    )
    pull_max_messages: int = Field(1000, ge=1, description="Most messages that one pull returns.")
    pull_max_bytes: int = Field(
        33_554_432,
        ge=1,
        description="Longest answer of one pull, in bytes, which pulls at the same moment share; a"
        " first message is always returned.",
    )
    recent_bytes: int = Field(
        16_777_216,
        ge=0,
        description="How much memory a process uses for messages that were pulled more than once,"
        " in bytes: other subscriptions of the topic may want the same. 0 for none.",
    )
    retention_seconds: int = Field(
        604_800,
        ge=0,
        description="How long a topic keeps messages, in seconds, if the topic says nothing else;"
        " 0 for no limit.",
    )
    retention_bytes: int = Field(
        0,
        ge=0,
        description="How much a topic keeps, in bytes, if the topic says nothing else; 0 for no"
        " limit.",
    )


class AuthSettings(Section):
    """Who may call, and how tokens are kept."""

    auth_option: Literal["both", "header", "key"] = Field(
        "both",
        description="Where a token is looked for: the headers `x-api-key` and `Authorization:"
        " Bearer` (`header`), the query parameter `key` (`key`), or first the headers and then the"
        " query (`both`).",
    )
    service_token: SecretStr = Field(
        SecretStr(""), description="A token that may do anything; empty for none."
    )
    token_keys: list[SecretStr] = Field(
        default_factory=list,
        description="Fernet keys that keep stored tokens secret: the first encrypts, all decrypt."
        " The broker needs at least one. In an environment variable: separated by commas.",
    )
    per_resource_auth: bool = Field(
        True, description="Whether a topic's and a subscription's own lists of users count."
    )
    consumer_acl_everywhere: bool = Field(
        True,
        description="Whether a subscription's list of users counts for all that a consumer does"
        " with it, rather than for pulling only.",
    )
    jwt_issuers: dict[str, str] = Field(
        default_factory=dict,
        description="AuthN services whose signed tokens are accepted as `Authorization: Bearer`:"
        " by `issuer` of their settings, the `https://` URL of their keys, which ends in"
        " `/.well-known/jwks.json`. Private addresses are allowed.",
    )
    jwt_audiences: list[str] = Field(
        default_factory=list,
        description="Whom a signed token must be for: service type and host by which AuthN knows"
        " this broker, such as `ams/broker.example.org`; one of several is enough. In an"
        " environment variable: separated by commas.",
    )
    jwt_ca_file: str = Field(
        "",
        description="PEM file of CAs that are trusted for these AuthN services, besides those of"
        " the system.",
    )

    @field_validator("jwt_issuers")
    @classmethod
    def _keys_are_at_https_urls(cls, issuers: dict[str, str]) -> dict[str, str]:
        for url in issuers.values():
            check_scheme(url, ("https",))
        return issuers

    @model_validator(mode="after")
    def _signed_tokens_have_an_audience(self) -> Self:
        if self.jwt_issuers and not self.jwt_audiences:
            raise ValueError("jwt_issuers needs jwt_audiences")
        return self

    @field_validator("token_keys")
    @classmethod
    def _keys_are_fernet_keys(cls, keys: list[SecretStr]) -> list[SecretStr]:
        return check_fernet_keys(keys)


class PushSettings(Section):
    """Delivery of messages to receivers that subscriptions name."""

    enabled: bool = Field(False, description="Whether subscriptions may have messages pushed.")
    worker_token: SecretStr = Field(
        SecretStr(""),
        description="Token of the user in whose name messages are pushed: one with the service role"
        " `push_worker`. Needed if push is enabled.",
    )
    host: str = Field(
        "127.0.0.1", description="Address at which `ams push` tells how it is, over plain HTTP."
    )
    port: int = Field(
        8090,
        ge=1,
        le=MAX_PORT,
        description="Port of the same; every `ams push` of a machine needs one of its own.",
    )
    workers: int = Field(
        1, ge=1, description="Processes that one `ams push` runs; about one for each core."
    )
    lease_seconds: float = Field(
        5.0,
        ge=1,
        le=60,
        description="How long a worker that says nothing is taken for alive, in seconds. Then the"
        " others take over what it pushes.",
    )
    stop_seconds: float = Field(
        15.0, ge=0, description="Longest wait for running requests when stopping, in seconds."
    )

    @property
    def drain_seconds(self) -> float:
        """No load balancer needs to notice."""
        return 0.0


class OutgoingSettings(Section):
    """Requests to addresses that users name, such as those that messages are pushed to."""

    allow_private_addresses: list[str] = Field(
        default_factory=list,
        description="Networks that users may have the service connect to, though they are not"
        " public, such as `127.0.0.0/8`. In an environment variable: separated by commas.",
    )
    ca_file: str = Field(
        "", description="PEM file of CAs that are trusted besides those of the system."
    )
    connect_timeout_seconds: float = Field(
        5.0, gt=0, description="Longest wait for a connection, in seconds."
    )
    timeout_seconds: float = Field(
        30.0, gt=0, description="Longest time for a whole request, in seconds."
    )

    @field_validator("allow_private_addresses")
    @classmethod
    def _addresses_are_networks(cls, networks: list[str]) -> list[str]:
        for network in networks:
            ip_network(network)
        return networks


class AuditSettings(Section):
    """The record of who changed what."""

    retention_days: int = Field(
        400, ge=0, le=36_500, description="How long its entries are kept, in days; 0 for no limit."
    )


class MetricsSettings(Section):
    """Who may read `/metrics`, which every service has."""

    token: SecretStr = Field(
        SecretStr(""),
        description="What readers must send as `Authorization: Bearer ...`. If it is empty, only"
        " clients on the same machine may read, and none for whom a proxy speaks.",
    )


class ExporterSettings(Section):
    """The exporter, which tells Prometheus of the platform as a whole."""

    http_host: str = Field("127.0.0.1", description="Address to listen on, by plain HTTP.")
    http_port: int = Field(
        9180, ge=0, le=MAX_PORT, description="Port to listen on; 0 for none: there is no exporter."
    )
    max_labels: int = Field(
        20_000,
        ge=0,
        description="How many topics have figures of their own, and as many subscriptions,"
        " projects and certificates; the oldest have. `ams_exporter_left_out` tells how many have"
        " none.",
    )
    keep_seconds: float = Field(
        5.0,
        ge=0,
        description="How long figures are told again before new ones are read, in seconds, however"
        " many ask.",
    )
    collect_seconds: float = Field(
        9.0,
        gt=0,
        description="Longest time for reading figures, in seconds; what was not read by then is"
        " missing, and `ams_up` says so. Prometheus waits for 10 s if it is not told otherwise.",
    )


class LogSettings(Section):
    """What is logged. Logs are JSON lines on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is logged."
    )
    requests: bool = Field(True, description="Whether each request is logged.")
