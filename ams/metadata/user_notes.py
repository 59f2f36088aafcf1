"""What the audit trail says of changes of users.

Names and rights are told; of other texts only which ones, because what they say is personal.
"""

from __future__ import annotations

from dataclasses import asdict

from ams.metadata import audit
from ams.metadata.records import UserFields, UserRecord

_NO_FIELDS = UserFields()


def note_texts(after: UserFields, before: UserFields = _NO_FIELDS) -> None:
    """Note which texts are new."""
    old = asdict(before)
    fields = [key for key, text in asdict(after).items() if text != old[key]]
    if fields:
        audit.note(fields=fields)


def note_user(after: UserRecord, before: UserRecord | None = None) -> None:
    """Note what is new about a user who was just made, or changed; their lists as a whole."""
    note_texts(after.fields, _NO_FIELDS if before is None else before.fields)
    if before is not None and after.name != before.name:
        audit.note(name=after.name)
    projects = _roles_by_project(after)
    if projects != ({} if before is None else _roles_by_project(before)):
        audit.note(projects=projects)
    if after.service_roles != (() if before is None else before.service_roles):
        audit.note(service_roles=list(after.service_roles))


def _roles_by_project(user: UserRecord) -> dict[str, list[str]]:
    return {place.project: list(place.roles) for place in user.projects}
