"""How users are shown, alone and in lists (contract: ams-users-metrics 2.4, 4)."""

from dataclasses import replace
from typing import Final

from ams.api import answers, formats
from ams.api.calls import Call
from ams.api.operations import PAGE_SIZE, PAGE_TOKEN, Parameter
from ams.auth.access import is_privileged
from ams.metadata import users
from ams.metadata.records import UserRecord

DETAILS: Final = Parameter("details", "`true` shows each user's projects, too.")
#: The published client's name for the page token (contract: ams-users-metrics 14 #28).
OTHER_PAGE_TOKEN: Final = Parameter("nextPageToken", "Another name of `pageToken`.")
PAGE_QUERY: Final = (DETAILS, PAGE_SIZE, PAGE_TOKEN, OTHER_PAGE_TOKEN)


def full_view(call: Call, record: UserRecord) -> answers.User:
    """All of a user, token included."""
    return answers.User.of(record, call.broker.token_box.decrypt(record.token_ciphertext))


def view(call: Call, record: UserRecord, project_id: int | None) -> answers.User:
    """What the caller may see of a user: all, or what they are in this project.

    Only a privileged caller sees the token, the creator, and roles elsewhere.
    """
    if is_privileged(call.caller):
        return full_view(call, record)
    here = tuple(place for place in record.projects if place.project_id == project_id)
    return answers.User.of(replace(record, projects=here, service_roles=(), created_by=None), "")


async def page(call: Call, project_id: int | None) -> answers.Users:
    """The page that the query asks for, of a project's members or of all users, newest first."""
    size = formats.page_size(call.argument(PAGE_SIZE))
    token = call.argument(PAGE_TOKEN) or call.argument(OTHER_PAGE_TOKEN)
    found = await users.list_page(
        call.broker.store,
        page_size=size,
        from_id=formats.page_start(token),
        project_id=project_id,
        details=call.argument(DETAILS).lower() == "true",
    )
    items = [view(call, record, project_id) for record in found.items]
    return answers.Users(items, formats.page_token(found.next_id), found.total)
