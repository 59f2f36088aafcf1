"""An endpoint of the configuration database, and what things are named after it."""

from dataclasses import dataclass
from typing import Final, Self

from ams.cli.authn.gocdb.feed import Element

#: Longest text of a field, in bytes: with all of it in the URL of one request, that still passes.
MOST_BYTES: Final = 1024


class BadEntry(Exception):
    """This entry can't be imported; others can."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint as it is told; what is not told is empty."""

    service_type: str
    host: str
    site: str
    subject: str
    primary_key: str
    in_production: bool

    @classmethod
    def of(cls, fields: Element) -> Self:
        """Reads the fields of an element."""
        return cls(
            service_type=fields.get("SERVICE_TYPE", ""),
            host=fields.get("HOSTNAME", ""),
            site=fields.get("SITENAME", ""),
            subject=fields.get("HOSTDN", ""),
            primary_key=fields.get("PRIMARY_KEY", ""),
            in_production=fields.get("IN_PRODUCTION") == "Y",
        )

    @property
    def label(self) -> str:
        """What people know it by."""
        return f"{self.host or '(no host)'} of {self.site or '(no site)'}"

    @property
    def user(self) -> str:
        """Name of its user and of its binding (contract: authn 7.5, step 2)."""
        return "---".join(map(dashed, (self.service_type, self.host, self.site)))

    @property
    def resource(self) -> str:
        """Name of the topic and of the subscription of its own (contract: authn 7.6)."""
        key = "".join(self.primary_key.split())
        return f"SITE_{dashed(self.site)}_ENDPOINT_{key}"

    def check(self, service_type: str) -> None:
        """Checks what things are named after.

        Raises:
            BadEntry: something of it is missing, too long, or of a service type not asked for.
        """
        if self.service_type != service_type:
            raise BadEntry(f"it is of the service type {self.service_type or '(none)'}")
        for name, value in (("HOSTNAME", self.host), ("SITENAME", self.site)):
            if not value:
                raise BadEntry(f"it has no {name}")
        for value in (self.host, self.site, self.subject, self.primary_key):
            if len(value.encode("utf-8", "replace")) > MOST_BYTES:
                raise BadEntry(f"a field has more than {MOST_BYTES} bytes")


def dashed(name: str) -> str:
    """A name that a topic or a user can have, for those with dots."""
    return name.replace(".", "-")
