"""Users and registrations, as the API sends them (see `objects.py`)."""

from datetime import datetime

from msgspec import Struct


class ProjectRoles(Struct, frozen=True):
    """A user's roles in one project, and the topics and subscriptions whose lists have the user."""

    project: str
    roles: tuple[str, ...] | None = None
    topics: tuple[str, ...] = ()
    subscriptions: tuple[str, ...] = ()


class User(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A user; what the caller may not see is empty, and `service_roles` may be None for none.

    When the token was last used is known to about a minute; None if it never was.
    """

    uuid: str
    projects: tuple[ProjectRoles, ...] = ()
    name: str
    first_name: str = ""
    last_name: str = ""
    organization: str = ""
    description: str = ""
    token: str = ""
    token_last_used: datetime | None = None
    email: str
    service_roles: tuple[str, ...] | None
    created_on: datetime
    modified_on: datetime
    created_by: str = ""


class UserPage(Struct, frozen=True, rename="camel"):
    """Some users, newest first; an empty `next_page_token` ends the list."""

    users: tuple[User, ...]
    next_page_token: str
    total_size: int

    @property
    def items(self) -> tuple[User, ...]:
        """What the page holds."""
        return self.users


class Registration(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A request to become a user.

    Attributes:
        uuid: its identity; that of the user will be another one.
        status: `pending`, `accepted` or `declined`.
        activation_token: a secret that is known as long as the request is pending.
        modified_by: name of who accepted or declined it; empty for the service token.
        modified_at: when that was; None while it is pending.
    """

    uuid: str
    name: str
    first_name: str
    last_name: str
    organization: str
    description: str
    email: str
    status: str
    decline_comment: str = ""
    activation_token: str = ""
    registered_at: datetime
    modified_by: str = ""
    modified_at: datetime | None = None


class RegistrationList(Struct, frozen=True):
    """Registrations, oldest first."""

    user_registrations: tuple[Registration, ...]
