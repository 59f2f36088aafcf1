"""The API's requests about the audit trail."""

from ams.client.call import Call, Listing, Repeat, answer, page_query, project_path
from ams.client.objects import AuditEntry, AuditPage

_page = answer(AuditPage)


def page(
    project: str = "",
    page_size: int = 0,
    page_token: str = "",
    *,
    actor: str = "",
    action: str = "",
    resource: str = "",
    since: str = "",
    until: str = "",
) -> Call[AuditPage]:
    """Some changes, newest first: of a project, or of the whole service if none is given.

    Args:
        project: name of the project.
        page_size: most entries of the page; 0 for what the broker likes.
        page_token: `next_page_token` of the page before.
        actor: only what this user did.
        action: only this route, such as `topics:create`.
        resource: only what was done to this, such as `/projects/P/topics/T`; `*` at its end stands
            for anything.
        since: only what was done then or later, such as `2026-01-02T03:04:05Z`.
        until: only what was done before that time.
    """
    query = page_query(
        page_size,
        page_token,
        actor=actor,
        action=action,
        resource=resource,
        since=since,
        until=until,
    )
    path = f"{project_path(project)}/audit" if project else "/v1/audit"
    return Call("GET", path, _page, Repeat.SAFE, query=query)


def list_all(
    project: str = "",
    *,
    actor: str = "",
    action: str = "",
    resource: str = "",
    since: str = "",
    until: str = "",
) -> Listing[AuditEntry]:
    """All changes that fit, newest first, asked for page by page."""
    return Listing(
        lambda token: page(
            project,
            page_token=token,
            actor=actor,
            action=action,
            resource=resource,
            since=since,
            until=until,
        )
    )
