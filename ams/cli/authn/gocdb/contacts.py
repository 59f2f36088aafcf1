"""Whom to write to about the users of a site."""

from typing import Final

from ams.cli.authn.gocdb.feed import Feed, FeedFailed
from ams.cli.authn.gocdb.report import Report

_CERTIFIED: Final = ("Certified", "Uncertified")
#: Longest address, in characters, as the broker has it.
MOST_CHARACTERS: Final = 255


class Contacts:
    """The sites' contacts; each site is asked for once, whatever comes of it."""

    def __init__(self, feed: Feed, fallback: str, report: Report) -> None:
        """`fallback` is the address for sites without one that counts; `report` gets to know."""
        self._feed = feed
        self._fallback = fallback
        self._report = report
        self._known: dict[str, str] = {}

    def of(self, site: str) -> str:
        """The address for a site (contract: authn 7.5, step 4; 8 D5)."""
        if site not in self._known:
            try:
                self._known[site] = self._ask(site)
            except FeedFailed as error:
                self._report.fallback_contacts[site] = str(error)
                self._known[site] = self._fallback
        return self._known[site]

    def _ask(self, site: str) -> str:
        fields = self._feed.site(site)
        if fields.get("PRODUCTION_INFRASTRUCTURE") != "Production":
            raise FeedFailed("it is not of the production infrastructure")
        if fields.get("CERTIFICATION_STATUS") not in _CERTIFIED:
            raise FeedFailed("it is neither certified nor uncertified")
        address = fields.get("CONTACT_EMAIL", "").strip()
        if not address or len(address) > MOST_CHARACTERS or not address.isprintable():
            raise FeedFailed("it has no contact e-mail that can be used")
        return address
