"""The import: endpoint by endpoint, so that what is wrong with one stops no other."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ams.cli.authn.admin import Admin, Refused
from ams.cli.authn.gocdb.configuration import Configuration
from ams.cli.authn.gocdb.contacts import Contacts
from ams.cli.authn.gocdb.endpoint import BadEntry, Endpoint, dashed
from ams.cli.authn.gocdb.feed import Feed, FeedFailed
from ams.cli.authn.gocdb.identifier import BadSubject, auth_identifier
from ams.cli.authn.gocdb.progress import Bars
from ams.cli.authn.gocdb.publishing import Publishing, TopicOfEndpoint, TopicOfType
from ams.cli.authn.gocdb.report import Failure, Report, Skipped
from ams.cli.authn.gocdb.users import Users
from ams.cli.failure import CommandFailed, Exit
from ams.client import (
    Client,
    InvalidName,
    ServiceError,
    UnexpectedAnswer,
)

#: The token is wrong: so it is for all other entries, too.
_UNAUTHORIZED: Final = 401


class Importer:
    """Imports the endpoints of the configured service types."""

    def __init__(
        self,
        configuration: Configuration,
        feed: Feed,
        client: Client,
        admin: Admin,
        report: Report,
    ) -> None:
        """`report` gets all that happens; if it is a dry run, nothing is changed."""
        self._configuration = configuration
        self._feed = feed
        self._client = client
        self._admin = admin
        self._report = report
        contacts = Contacts(feed, configuration.fallback_email, report)
        self._users = Users(configuration, client, admin, contacts, report)
        form = TopicOfEndpoint if configuration.consumer else TopicOfType
        self._publishing: Publishing = form(configuration, client, report)

    def check(self) -> None:
        """Checks that what the configuration names is there.

        Raises:
            CommandFailed: AuthN has another service type or host, or somebody refuses to tell.
            ClientError: the broker can't be reached.
        """
        try:
            self._client.projects.show(self._configuration.project)
            service = self._admin.service_type(self._configuration.service_type)
        except (ServiceError, Refused) as error:
            raise CommandFailed(_told(error)) from error
        if service["uuid"] != self._configuration.service_uuid:
            raise CommandFailed(
                f"service_uuid is not that of the service type {service['name']}", Exit.USAGE
            )
        if self._configuration.service_host not in service["hosts"]:
            raise CommandFailed(
                f"service_host is no host of the service type {service['name']}", Exit.USAGE
            )

    def run(self, bars: Bars) -> None:
        """Imports everything.

        Raises:
            ClientError: the broker can't be reached.
            CommandFailed: AuthN can't be reached, or somebody refuses the token.
        """
        for service_type in self._configuration.service_types:
            with self._reporting(f"service type {service_type}"):
                endpoints = [Endpoint.of(each) for each in self._feed.endpoints(service_type)]
                for endpoint in bars.over(service_type, endpoints):
                    with self._reporting(f"{service_type}, {endpoint.label}"):
                        self._import(endpoint, service_type)
            with self._reporting(f"topic {dashed(service_type)}"):
                self._publishing.finish(service_type)

    def _import(self, endpoint: Endpoint, service_type: str) -> None:
        self._report.endpoints += 1
        skipped = Skipped(service_type, endpoint.host)
        if not endpoint.subject.strip():
            self._report.without_subject.append(skipped)
            return
        if not endpoint.in_production:
            self._report.not_in_production.append(skipped)
            return
        endpoint.check(service_type)
        self._publishing.check(endpoint)
        identifier = auth_identifier(endpoint.subject)
        self._publishing.allow(endpoint, self._users.user_of(endpoint, identifier))

    @contextmanager
    def _reporting(self, what: str) -> Iterator[None]:
        """Notes what goes wrong, unless everything else would, too."""
        try:
            yield
        except FeedFailed as error:
            self._fail(what, f"the configuration database: {error}")
        except (BadEntry, BadSubject, InvalidName) as error:
            self._fail(what, str(error))
        except (ServiceError, Refused) as error:
            if error.code == _UNAUTHORIZED:
                raise CommandFailed(_told(error)) from error
            self._fail(what, _told(error))
        except UnexpectedAnswer as error:
            self._fail(what, str(error))

    def _fail(self, what: str, reason: str) -> None:
        self._report.failures.append(Failure(what, reason))


def _told(error: ServiceError | Refused) -> str:
    """What is wrong, and who says so."""
    return f"{'AuthN' if isinstance(error, Refused) else 'the broker'}: {error}"
