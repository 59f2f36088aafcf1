"""What the users of endpoints may publish to, in the two forms of the import."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from ams.cli.authn.gocdb.configuration import Configuration
from ams.cli.authn.gocdb.endpoint import BadEntry, Endpoint, dashed
from ams.cli.authn.gocdb.report import Change, Report
from ams.cli.authn.gocdb.users import found
from ams.client import Client
from ams.client.call import checked_name

#: Time that a subscription has for acknowledging, in seconds (contract: authn 7.6).
ACK_DEADLINE_SECONDS: Final = 100


class Publishing(Protocol):
    """Says who may publish where."""

    def check(self, endpoint: Endpoint) -> None:
        """Checks that there can be a topic for an endpoint.

        Raises:
            BadEntry: what it would be named after is missing.
            InvalidName: no topic can have its name.
        """

    def allow(self, endpoint: Endpoint, user: str) -> None:
        """Notes, or does, that the user of an endpoint may publish."""

    def finish(self, service_type: str) -> None:
        """Does what was noted for the endpoints of a service type."""


class TopicOfType:
    """All endpoints of a service type publish to its topic, which is there (contract: 7.5)."""

    def __init__(self, configuration: Configuration, client: Client, report: Report) -> None:
        self._project = configuration.project
        self._client = client
        self._report = report
        self._users: defaultdict[str, set[str]] = defaultdict(set)

    def check(self, endpoint: Endpoint) -> None:
        checked_name("topic", dashed(endpoint.service_type))

    def allow(self, endpoint: Endpoint, user: str) -> None:
        self._users[endpoint.service_type].add(user)

    def finish(self, service_type: str) -> None:
        users = self._users.pop(service_type, None)
        if users:
            topic, topics = dashed(service_type), self._client.topics
            allowed = topics.acl(self._project, topic)
            _extend(
                self._report,
                f"topic {topic}",
                allowed,
                users,
                lambda names: topics.modify_acl(self._project, topic, names),
            )


class TopicOfEndpoint:
    """Each endpoint has a topic and a subscription of its own (contract: 7.6)."""

    def __init__(self, configuration: Configuration, client: Client, report: Report) -> None:
        self._project = configuration.project
        self._consumer = configuration.consumer
        self._client = client
        self._report = report

    def check(self, endpoint: Endpoint) -> None:
        if not endpoint.primary_key.strip():
            raise BadEntry("it has no PRIMARY_KEY")
        checked_name("topic", endpoint.resource)

    def allow(self, endpoint: Endpoint, user: str) -> None:
        self._topic(endpoint.resource, user)
        self._subscription(endpoint.resource)

    def finish(self, service_type: str) -> None:
        pass

    def _topic(self, name: str, user: str) -> None:
        project, topics = self._project, self._client.topics
        allowed = found(lambda: topics.acl(project, name))
        if allowed is None:
            self._report.change(
                Change("create", "topic", name), lambda: topics.create(project, name)
            )
        _extend(
            self._report,
            f"topic {name}",
            allowed or (),
            [user],
            lambda names: topics.modify_acl(project, name, names),
        )

    def _subscription(self, name: str) -> None:
        project, subscriptions = self._project, self._client.subscriptions
        allowed = found(lambda: subscriptions.acl(project, name))
        if allowed is None:
            self._report.change(
                Change("create", "subscription", name),
                lambda: subscriptions.create(
                    project, name, name, ack_deadline_seconds=ACK_DEADLINE_SECONDS
                ),
            )
        _extend(
            self._report,
            f"subscription {name}",
            allowed or (),
            [self._consumer],
            lambda names: subscriptions.modify_acl(project, name, names),
        )


def _extend(
    report: Report,
    resource: str,
    allowed: tuple[str, ...],
    users: Iterable[str],
    modify: Callable[[list[str]], None],
) -> None:
    """Adds users to an access list; those who are in it stay."""
    missing = sorted(set(users).difference(allowed))
    if missing:
        kind, _, name = resource.partition(" ")
        report.change(
            Change("allow", kind, name, ", ".join(missing)), lambda: modify([*allowed, *missing])
        )
