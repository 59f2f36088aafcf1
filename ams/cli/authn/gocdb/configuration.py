"""The configuration file: the format of the ARGO scripts (contract: authn 7.5)."""

from configparser import (
    ConfigParser,
    DuplicateOptionError,
    Error,
    MissingSectionHeaderError,
    ParsingError,
)
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import typer

from ams.cli.failure import CommandFailed, Exit
from ams.cli.private_file import readable_by_others

#: Where it is looked for, by form of the import.
FILES: Final = {
    False: Path("/etc/argo-api-authn/conf.d/ams-create-users-gocdb.cfg"),
    True: Path("/etc/argo-api-authn/conf.d/ams-create-users-cloud-info.cfg"),
}
#: Where sites are asked for unless the file says otherwise.
SITE_URL: Final = "https://goc.egi.eu/gocdbpi/public/?method=get_site&sitename={{sitename}}"
#: What the service type of brokers is called unless the file says otherwise.
SERVICE_TYPE: Final = "ams"
ROLE: Final = "publisher"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What is imported, from where, and to where. URLs are `https://`, files paths or empty."""

    endpoints_url: str
    site_url: str
    feed_ca: str
    certificate: str
    certificate_key: str
    service_types: tuple[str, ...]
    project: str
    role: str
    consumer: str
    fallback_email: str
    broker_url: str
    broker_token: str = field(repr=False)
    broker_ca: str
    authn_url: str
    authn_token: str = field(repr=False)
    authn_ca: str
    service_type: str
    service_uuid: str
    service_host: str


def read_configuration(file: Path, *, per_site: bool) -> Configuration:
    """Reads a file. Warns if others may read the tokens in it.

    Args:
        file: where it is.
        per_site: whether it is for topics and subscriptions of each endpoint's own.

    Raises:
        CommandFailed: it can't be read, or lacks something; no token is shown.
    """
    # Interpolation would read meaning into a token's percent signs.
    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandFailed(f"{file} can't be read: {error.strerror}", Exit.USAGE) from error
    except (Error, UnicodeDecodeError) as error:
        raise CommandFailed(f"{file} is no INI file{_place(error)}", Exit.USAGE) from None
    if readable_by_others(file):
        typer.echo(
            f"Warning: other users may read the tokens in {file}; run: chmod 600 {file}", err=True
        )
    return _Reader(parser, file).configuration(per_site=per_site)


def _place(error: Exception) -> str:
    """Where it is wrong; the errors' own texts have whole lines, which may be tokens."""
    match error:
        case MissingSectionHeaderError(lineno=line) | DuplicateOptionError(lineno=line):
            return f": line {line} is wrong"
        case ParsingError(errors=[(line, _), *_]):
            return f": line {line} is wrong"
    return ""


class _Reader:
    def __init__(self, parser: ConfigParser, file: Path) -> None:
        self._parser = parser
        self._file = file

    def configuration(self, *, per_site: bool) -> Configuration:
        certificate, key = self._text("AMS", "cert", ""), self._text("AMS", "cert_key", "")
        if bool(certificate) != bool(key):
            raise self._wrong("[AMS] cert and cert_key go together")
        return Configuration(
            endpoints_url=self._template("goc_db_host", "{{service-type}}"),
            site_url=self._template("goc_db_site_host", "{{sitename}}", SITE_URL),
            feed_ca=self._text("AMS", "goc_db_ca", ""),
            certificate=certificate,
            certificate_key=key,
            service_types=self._service_types(),
            project=self._text("AMS", "ams_project"),
            role=self._text("AMS", "users_role", ROLE),
            consumer=self._text("AMS", "ams_consumer") if per_site else "",
            fallback_email=self._text("AMS", "ams_email"),
            broker_url=self._service("AMS", "ams_host"),
            broker_token=self._text("AMS", "ams_token"),
            broker_ca=self._text("AMS", "ams_ca", ""),
            authn_url=self._service("AUTHN", "authn_host"),
            authn_token=self._text("AUTHN", "authn_token"),
            authn_ca=self._text("AUTHN", "authn_ca", ""),
            service_type=self._text("AUTHN", "service_type", SERVICE_TYPE),
            service_uuid=self._text("AUTHN", "service_uuid"),
            service_host=self._text("AUTHN", "service_host"),
        )

    def _text(self, section: str, key: str, default: str | None = None) -> str:
        """A value; without a default it must be there."""
        value = self._parser.get(section, key, fallback="") or default
        if value is None:
            raise self._wrong(f"[{section}] {key} is missing")
        return value

    def _service_types(self) -> tuple[str, ...]:
        names = ("".join(each.split()) for each in self._text("AMS", "service-types").split(","))
        found = tuple(dict.fromkeys(filter(None, names)))
        if not found:
            raise self._wrong("[AMS] service-types names none")
        return found

    def _template(self, key: str, variable: str, default: str | None = None) -> str:
        url = self._text("AMS", key, default)
        if not url.startswith("https://") or variable not in url:
            raise self._wrong(f"[AMS] {key} is no https:// URL with {variable} in it")
        return url

    def _service(self, section: str, key: str) -> str:
        """URL of a service that is given by host, with or without port and prefix."""
        host = self._text(section, key).removeprefix("https://").rstrip("/")
        if not host or "://" in host:
            raise self._wrong(f"[{section}] {key} is no host: HOST or HOST:PORT, always https")
        return f"https://{host}"

    def _wrong(self, what: str) -> CommandFailed:
        return CommandFailed(f"{self._file}: {what}", Exit.USAGE)
