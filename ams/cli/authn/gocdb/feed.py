"""Asking the configuration database, page by page, over TLS."""

import time
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

import httpx

from ams.cli.authn.gocdb.configuration import Configuration
from ams.cli.authn.gocdb.document import MOST_ELEMENTS, UnreadableDocument, read_document
from ams.cli.failure import CommandFailed, Exit
from ams.client.connection import tls_context

#: Longest page, in bytes.
MOST_BYTES: Final = 16 * 1024 * 1024
#: Most pages of a list.
MOST_PAGES: Final = 500
#: Longest time for all pages of a list, in seconds.
LIST_SECONDS: Final = 300.0
#: Longest wait for the next bytes, in seconds.
TIMEOUT_SECONDS: Final = 30.0

#: What is read of an endpoint, and of a site.
ENDPOINT_FIELDS: Final = (
    "SERVICE_TYPE",
    "HOSTDN",
    "HOSTNAME",
    "SITENAME",
    "IN_PRODUCTION",
    "PRIMARY_KEY",
)
SITE_FIELDS: Final = ("PRODUCTION_INFRASTRUCTURE", "CERTIFICATION_STATUS", "CONTACT_EMAIL")

Element = Mapping[str, str]


class FeedFailed(Exception):
    """The configuration database does not answer as it should."""


class Feed:
    """The configuration database.

    with Feed(configuration) as feed:
        feed.endpoints("eu.egi.cloud.accounting")
    """

    def __init__(self, configuration: Configuration) -> None:
        """Connects to nothing yet.

        Raises:
            CommandFailed: a file that the configuration names can't be used.
        """
        self._configuration = configuration
        try:
            tls = tls_context("https", configuration.feed_ca or None)
            if configuration.certificate:
                # Without the function OpenSSL would ask for a password at the terminal.
                files = configuration.certificate, configuration.certificate_key
                tls.load_cert_chain(*files, password=lambda: "")
        except (OSError, ValueError) as error:
            raise CommandFailed(
                f"goc_db_ca, cert or cert_key can't be used: {error}", Exit.USAGE
            ) from error
        # What is sent packed could be small on the wire and endless here.
        headers = {"Accept-Encoding": "identity"}
        self._client = httpx.Client(verify=tls, headers=headers, timeout=TIMEOUT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.close()

    def endpoints(self, service_type: str) -> list[Element]:
        """All endpoints of a service type.

        Raises:
            FeedFailed: there is no whole list.
        """
        url = self._configuration.endpoints_url.replace("{{service-type}}", _quoted(service_type))
        return self._list(url, "SERVICE_ENDPOINT", ENDPOINT_FIELDS)

    def site(self, name: str) -> Element:
        """A site.

        Raises:
            FeedFailed: it is not told.
        """
        url = self._configuration.site_url.replace("{{sitename}}", _quoted(name))
        found = self._list(url, "SITE", SITE_FIELDS)
        if not found:
            raise FeedFailed("there is no such site")
        return found[0]

    def _list(self, url: str, element: str, fields: Collection[str]) -> list[Element]:
        deadline = time.monotonic() + LIST_SECONDS
        page = _url(url)
        found: list[Element] = []
        for _ in range(MOST_PAGES):
            try:
                document = read_document(self._get(page, deadline), element, fields)
            except UnreadableDocument as error:
                raise FeedFailed(f"its answer can't be used: {error}") from error
            found += document.elements
            if len(found) > MOST_ELEMENTS:
                break
            if not document.next_page or not document.elements:
                return found
            page = _next(page, document.next_page)
        raise FeedFailed(f"the list has more than {MOST_PAGES} pages or {MOST_ELEMENTS} entries")

    def _get(self, url: httpx.URL, deadline: float) -> bytes:
        body = bytearray()
        try:
            with self._client.stream("GET", url) as response:
                if response.status_code != httpx.codes.OK:
                    raise FeedFailed(f"it answers with HTTP status {response.status_code}")
                for chunk in response.iter_raw():
                    body += chunk
                    if len(body) > MOST_BYTES:
                        raise FeedFailed(f"a page has more than {MOST_BYTES} bytes")
                    if time.monotonic() > deadline:
                        raise FeedFailed(f"the list takes longer than {LIST_SECONDS:g} seconds")
        except httpx.HTTPError as error:
            raise FeedFailed(f"it can't be reached: {error}") from error
        return bytes(body)


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _next(page: httpx.URL, reference: str) -> httpx.URL:
    """Where a list goes on: on the same host, which alone was meant to see our certificate."""
    following = page.join(_url(reference))
    if _origin(following) != _origin(page):
        raise FeedFailed("the list goes on at another host")
    return following


def _url(text: str) -> httpx.URL:
    try:
        return httpx.URL(text)
    except httpx.InvalidURL as error:
        raise FeedFailed(f"a URL is none: {error}") from error


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
