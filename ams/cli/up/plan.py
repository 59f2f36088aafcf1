"""What one run of `ams up` needs to know, and what a first start makes."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ams.cli.credentials import Authn, Broker, Exporter
from ams.cli.failure import CommandFailed
from ams.cli.private_file import write_private
from ams.cli.settings_file import read_settings
from ams.cli.up import console
from ams.cli.up.authn import SERVICE_TYPE, hosts_of
from ams.cli.up.data_folder import DataFolder, Ports
from ams.cli.up.ports import FreePorts
from ams.cli.up.redis_server import RedisServer, find_redis_server
from ams.service.authn_settings import AuthnSettings
from ams.service.environment import variable_name
from ams.service.settings import Settings
from ams.service.settings_sections import PushSettings
from ams.service.tls import DevelopmentCertificates, ensure_development_ca

#: What users may have the broker connect to: what they run on this machine.
LOOPBACK: Final = ("127.0.0.0/8", "::1/128")
#: Where AuthN publishes the keys that it signs tokens with.
KEYS_PATH: Final = "/.well-known/jwks.json"


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run needs to know; ports and URLs are those of this run.

    Attributes:
        push: where the worker that pushes tells how it is; empty if there is none.
    """

    folder: DataFolder
    settings: Settings
    redis_server: RedisServer
    certificates: DevelopmentCertificates
    broker: Broker
    authn: Authn | None
    exporter: Exporter | None
    push: str
    environment: dict[str, str]


def make_plan(folder: DataFolder, ports: Ports) -> Plan:
    """Makes what a first start makes, and works out what is to run.

    Args:
        folder: the data folder.
        ports: that were asked for.

    Raises:
        CommandFailed: something that is needed is not there, or a port is taken.
    """
    with FreePorts() as free:
        return _plan(folder, ports, free)


def _plan(folder: DataFolder, ports: Ports, free: FreePorts) -> Plan:
    redis_server = find_redis_server()
    certificates = ensure_development_ca(folder.certificates, [socket.gethostname()])
    _trust_clients(folder.client_authorities, certificates.ca)
    folder.make_settings(certificates, ports)
    settings = read_settings(folder.settings_file)
    server = settings.server
    if not settings.auth.service_token.get_secret_value():
        raise CommandFailed(f"{folder.settings_file}: auth.service_token: `ams up` needs one")
    if settings.database.url != folder.database_url:
        console.warn("settings", "database.url is not that of this folder, and is not used")
    http = free.choose(server.http_host, server.http_port, ports.http, "--http-port")
    https = free.choose(server.https_host, server.https_port, ports.https, "--https-port")
    if not (http or https):
        raise CommandFailed(f"{folder.settings_file}: the broker has no port to listen on")
    broker = Broker(
        http=f"http://{_reachable(server.http_host)}:{http}" if http else "",
        https=f"https://{_reachable(server.https_host)}:{https}" if https else "",
    )
    listens = settings.exporter
    port = free.choose(listens.http_host, listens.http_port, ports.exporter, "--exporter-port")
    exporter = Exporter(f"http://{_reachable(listens.http_host)}:{port}") if port else None
    changes = {
        ("server", "http_port"): str(http),
        ("server", "https_port"): str(https),
        ("exporter", "http_port"): str(port),
        ("redis", "url"): folder.redis_url,
        ("database", "url"): folder.database_url,
    }
    if not Path(server.certificate).exists():
        # The folder was moved; its certificates have moved along.
        changes["server", "certificate"] = str(certificates.certificate)
        changes["server", "certificate_key"] = str(certificates.key)
    push = _plan_push(settings.push, free)
    if push:
        changes["push", "port"] = push.rpartition(":")[2]
    authn = _plan_authn(settings.authn, ports.authn, broker, free)
    if authn:
        changes |= _authn_changes(folder, settings.authn, certificates)
        changes["authn", "port"] = authn.https.rpartition(":")[2]
        changes |= _trust_authn(settings, authn, broker, certificates.ca)
    if "allow_private_addresses" not in settings.outgoing.model_fields_set:
        changes["outgoing", "allow_private_addresses"] = ",".join(LOOPBACK)
    if not settings.outgoing.ca_file:
        changes["outgoing", "ca_file"] = str(certificates.ca)
    environment = {
        **os.environ,
        **{variable_name(*key): value for key, value in changes.items()},
    }
    return Plan(
        folder, settings, redis_server, certificates, broker, authn, exporter, push, environment
    )


def _trust_clients(authorities: Path, ca: Path) -> None:
    """Has AuthN believe certificates of the development CA."""
    authorities.mkdir(mode=0o700, exist_ok=True)
    file = authorities / ca.name
    if not file.exists() or file.read_bytes() != ca.read_bytes():
        write_private(file, ca.read_text())


def _plan_push(settings: PushSettings, free: FreePorts) -> str:
    """Where the worker that pushes tells how it is, at any free port; empty if there is none."""
    if not (settings.enabled and settings.worker_token.get_secret_value()):
        console.say("Messages are not pushed: push.enabled or push.worker_token is not set.")
        return ""
    return f"http://{_reachable(settings.host)}:{free.choose(settings.host, 0, 0, 'push.port')}"


def _plan_authn(
    settings: AuthnSettings, port: int | None, broker: Broker, free: FreePorts
) -> Authn | None:
    """Where AuthN will be; None if it can't run."""
    token = settings.service_token.get_secret_value()
    if not token or not broker.https:
        why = "the broker has no HTTPS" if token else "authn.service_token is not set"
        console.say(f"AuthN is not started: {why}.")
        return None
    chosen = free.choose(settings.host, settings.port, port, "--authn-port")
    return Authn(f"https://{_reachable(settings.host)}:{chosen}", token)


def _authn_changes(
    folder: DataFolder, settings: AuthnSettings, certificates: DevelopmentCertificates
) -> dict[tuple[str, str], str]:
    """What differs from the settings: the database always, and files if the folder was moved."""
    changes = {("authn", "database_url"): folder.authn_database_url}
    files = {
        "certificate": certificates.certificate,
        "certificate_key": certificates.key,
        "certificate_authorities": folder.client_authorities,
        "ca_file": certificates.ca,
    }
    for name, path in files.items():
        if not Path(getattr(settings, name)).exists():
            changes["authn", name] = str(path)
    return changes


def _trust_authn(
    settings: Settings, authn: Authn, broker: Broker, ca: Path
) -> dict[tuple[str, str], str]:
    """Has AuthN sign tokens, and the broker accept them, besides those of others."""
    issuer = settings.authn.issuer or authn.https
    issuers = {**settings.auth.jwt_issuers, issuer: f"{authn.https}{KEYS_PATH}"}
    audiences = [f"{SERVICE_TYPE}/{host}" for host in hosts_of(broker)]
    changes = {
        ("authn", "issuer"): issuer,
        ("auth", "jwt_issuers"): ",".join(f"{name}={url}" for name, url in issuers.items()),
        ("auth", "jwt_audiences"): ",".join([*settings.auth.jwt_audiences, *audiences]),
    }
    if not settings.auth.jwt_ca_file:
        changes["auth", "jwt_ca_file"] = str(ca)
    return changes


def _reachable(host: str) -> str:
    """An address to connect to, for one to listen on, as it stands in a URL."""
    if host in ("", "0.0.0.0", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
