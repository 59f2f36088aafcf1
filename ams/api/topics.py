"""Topics (contract: ams-core 3)."""

import re
from collections.abc import Mapping
from typing import Final

from ams.api import answers, formats
from ams.api.bodies import decode_map
from ams.api.calls import Call
from ams.auth import access
from ams.metadata import subscriptions, topics
from ams.service.errors import BadRequest, InvalidArgument, NotFound

_DURATION: Final = re.compile(r"([0-9]{1,9})s")
_SCHEMA: Final = re.compile(r"projects/([^/]+)/schemas/[^/]+")
_BYTES: Final = re.compile(r"[0-9]{1,15}")


async def create(call: Call) -> bytes:
    """PUT /v1/projects/{project}/topics/{topic} (contract: ams-core 3.2).

    The body may be empty. `messageRetentionDuration` (`"604800s"`) and `messageRetentionBytes`
    give the topic a retention of its own; 0 is no limit.
    """
    body = await call.body()
    texts = decode_map(body, BadRequest()) if body else {}
    _refuse_schema(call, texts.get("schema", ""))
    seconds, size = _retention(texts)
    record = await topics.create(
        call.broker.store,
        call.project,
        call.names["topic"],
        retention_seconds=seconds,
        retention_bytes=size,
    )
    return answers.encode(answers.topic(record))


async def modify_retention(call: Call) -> bytes:
    """POST /v1/projects/{project}/topics/{topic}:modifyRetention.

    Body as in creation; what is absent goes back to the settings' default.
    """
    seconds, size = _retention(decode_map(await call.body(), BadRequest()))
    store = call.broker.store
    record = await topics.get(store, call.project.id, call.names["topic"])
    await topics.set_retention(store, record, retention_seconds=seconds, retention_bytes=size)
    return b""


def _refuse_schema(call: Call, reference: str) -> None:
    """No project has schemas, so no reference to one is right (contract: ams-core 3.2, O-12)."""
    if not reference:
        return
    match = _SCHEMA.fullmatch(reference)
    if match is None or match[1] != call.project.name:
        raise InvalidArgument("wrong schema name declaration")
    raise NotFound("Schema")


def _retention(texts: Mapping[str, str]) -> tuple[int | None, int | None]:
    seconds = size = None
    if duration := texts.get("messageRetentionDuration"):
        match = _DURATION.fullmatch(duration)
        if match is None:
            raise InvalidArgument("Invalid messageRetentionDuration (needs seconds, as in 604800s)")
        seconds = int(match[1])
    if text := texts.get("messageRetentionBytes"):
        if _BYTES.fullmatch(text) is None:
            raise InvalidArgument("Invalid messageRetentionBytes (needs a number of bytes)")
        size = int(text)
    return seconds, size


async def show(call: Call) -> bytes:
    """GET /v1/projects/{project}/topics/{topic} (contract: ams-core 3.3)."""
    record = await topics.get(call.broker.store, call.project.id, call.names["topic"])
    return answers.encode(answers.topic(record))


async def list_topics(call: Call) -> bytes:
    """GET /v1/projects/{project}/topics (contract: ams-core 3.4)."""
    size = formats.page_size(call.argument("pageSize"))
    page = await topics.list_page(
        call.broker.store,
        call.project.id,
        page_size=size,
        from_id=formats.page_start(call.argument("pageToken")),
        acl_user_id=access.topics_of(call.caller, call.roles),
    )
    items = [answers.topic(record) for record in page.items]
    return answers.page("topics", items, page.next_id, page.total)


async def delete(call: Call) -> bytes:
    """DELETE /v1/projects/{project}/topics/{topic} (contract: ams-core 3.5)."""
    store = call.broker.store
    await topics.delete(store, await topics.get(store, call.project.id, call.names["topic"]))
    return b""


async def list_subscriptions(call: Call) -> bytes:
    """GET /v1/projects/{project}/topics/{topic}/subscriptions (contract: ams-core 3.10)."""
    store = call.broker.store
    record = await topics.get(store, call.project.id, call.names["topic"])
    names = await subscriptions.names_of_topic(store, record)
    references = [answers.subscription_reference(call.project.name, name) for name in names]
    return answers.encode({"subscriptions": references})
