"""The user and the binding of an endpoint (contract: authn 7.5, steps 6 to 10)."""

from collections.abc import Callable
from typing import Final, TypeVar

from ams.cli.authn.admin import Admin, Refused
from ams.cli.authn.gocdb.configuration import Configuration
from ams.cli.authn.gocdb.contacts import Contacts
from ams.cli.authn.gocdb.endpoint import BadEntry, Endpoint
from ams.cli.authn.gocdb.report import Change, Report
from ams.client import Client, ServiceError

_NOT_FOUND: Final = 404

T = TypeVar("T")


class Users:
    """Makes users and bindings where there are none; looks before each step."""

    def __init__(
        self,
        configuration: Configuration,
        client: Client,
        admin: Admin,
        contacts: Contacts,
        report: Report,
    ) -> None:
        self._configuration = configuration
        self._client = client
        self._admin = admin
        self._contacts = contacts
        self._report = report
        self._by_identifier: dict[str, str] = {}

    def user_of(self, endpoint: Endpoint, identifier: str) -> str:
        """Name of the user that a certificate is bound to, a member of the project from now on.

        Raises:
            BadEntry: the user or the binding is somebody else's.
            ServiceError: the broker refuses something.
            Refused: AuthN does.
        """
        if identifier in self._by_identifier:
            return self._by_identifier[identifier]
        where = self._configuration.service_type, self._configuration.service_host
        binding = found(lambda: self._admin.binding_of(*where, identifier))
        if binding:
            user = str(binding["name"])
            self._join(user)
        else:
            user = endpoint.user
            if user in self._by_identifier.values():
                raise BadEntry(f"another entry, with another subject, is {user} too")
            self._bind(user, identifier, self._create(user, endpoint.site))
        self._by_identifier[identifier] = user
        return user

    def _join(self, user: str) -> None:
        """Makes a user a member, if it is none (step 10)."""
        project, role = self._configuration.project, self._configuration.role
        if found(lambda: self._client.members.show(project, user)) is None:
            self._report.change(
                Change("add", "member", user, f"as {role}"),
                lambda: self._client.members.add(project, user, [role]),
            )

    def _create(self, user: str, site: str) -> str:
        """Makes a user who is a member, if there is none (step 7); returns the uuid.

        In a dry run there is none of a user who would be made.
        """
        project, role = self._configuration.project, self._configuration.role
        member = found(lambda: self._client.members.show(project, user))
        if member is None:
            email = self._contacts.of(site)
            member = self._report.change(
                Change("create", "user", user, email),
                lambda: self._client.members.create(project, user, roles=[role], email=email),
            )
        return member.uuid if member else ""

    def _bind(self, name: str, identifier: str, uuid: str) -> None:
        """Makes the binding, or has an earlier one know the subject (steps 8 and 9)."""
        body = {
            "service_uuid": self._configuration.service_uuid,
            "host": self._configuration.service_host,
            "auth_type": "x509",
        }
        binding = found(lambda: self._admin.binding(name))
        if binding is None:
            whole = {**body, "auth_identifier": identifier, "unique_key": uuid}
            self._report.change(
                Change("create", "binding", name, identifier),
                lambda: self._admin.bind(name, whole),
            )
            return
        if any(binding[member] != value for member, value in body.items()):
            raise BadEntry(f"the binding {name} is for another service")
        changes = {"auth_identifier": identifier}
        if uuid and binding["unique_key"] != uuid:
            # That was a user of the same name, who is no more.
            changes["unique_key"] = uuid
        self._report.change(
            Change("update", "binding", name, identifier),
            lambda: self._admin.update_binding(name, changes),
        )


def found(ask: Callable[[], T]) -> T | None:
    """The answer of the broker or of AuthN; None if it is that there is no such thing."""
    try:
        return ask()
    except (Refused, ServiceError) as error:
        if error.code != _NOT_FOUND:
            raise
        return None
