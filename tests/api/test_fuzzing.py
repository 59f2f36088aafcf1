"""Generated requests to every route of the OpenAPI document: no fault, no undocumented answer."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ams.api.app import OPERATIONS
from ams.api.openapi import document
from ams.api.operations import Operation
from tests.api.client import Project, new_name, object_in
from tests.certificates import Certificates
from tests.node import SERVICE_TOKEN, Node
from tests.push_worker import WORKER_TOKEN, add_push_worker
from tests.servers import FSYNC, RedisServer

#: Requests to each route that fit the document, and as many that don't.
EXAMPLES: Final = 15
#: Longest wait for an answer, in seconds.
PATIENCE_SECONDS: Final = 20
#: The contract's faults of a client that are answered as ours (contract: O-31).
ACK_FAULTS: Final = {"no ack pending", "wrong ack"}

#: All that can be tried: a route that takes nothing can't get anything wrong.
TRIES: Final = [
    pytest.param(each, mode, id=f"{each.name}-{mode.value}")
    for each in OPERATIONS
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or each.body or each.query or "<" in each.path
]

# Any: what a case says of its parts is checked in no other place.
AnyCase = Case[Any]

SCHEMA: Final = schemathesis.openapi.from_dict(document(OPERATIONS))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def fuzzed(
    redis_binary: Path, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Node]:
    """A broker that nobody else uses."""
    folder = tmp_path_factory.mktemp("fuzzed")
    with RedisServer(redis_binary, **FSYNC) as redis:
        sections: dict[str, dict[str, object]] = {
            "redis": {"url": redis.url},
            "database": {"url": f"sqlite://{folder}/ams.db"},
            "messages": {"pull_wait_seconds": 0.1},
            "push": {"enabled": True, "worker_token": WORKER_TOKEN},
        }
        node = Node(folder, certificates, sections)
        try:
            node.migrate()
            await add_push_worker(node)
            yield await node.start()
            assert (await node.client.get("/healthz")).status_code == httpx.codes.OK
            assert "unexpected error" not in node.log()
        finally:
            await node.close()


@pytest.mark.parametrize(("operation", "mode"), TRIES)
async def test_no_request_is_our_fault_or_gets_an_undocumented_answer(
    fuzzed: Node, operation: Operation, mode: GenerationMode
) -> None:
    project = await Project.create(fuzzed)
    await project.topic("t")
    await project.subscription("s", "t")
    user = await project.user("publisher")
    schema = {"type": "json", "schema": {"type": "object"}}
    await project.request("POST", "/schemas/sc", json=schema)
    names = {
        "project": project.name,
        "topic": "t",
        "subscription": "s",
        "user": user.name,
        "schema": "sc",
        "token": user.token,
        "uuid": user.uuid,
    }
    if "registrations" in operation.path:
        body = {"name": new_name("user")}
        made = await fuzzed.request("POST", "/v1/registrations", json=body)
        names["uuid"] = object_in(made)["uuid"]
    path = re.sub(r"<(\w+)>", r"{\1}", operation.full_path)
    strategy = SCHEMA[path][operation.method].as_strategy(generation_mode=mode)

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(case=strategy, known=st.integers(0, 3))
    def send(case: AnyCase, known: int) -> None:
        if known:  # Most of the time to what exists: otherwise nearly all would be a 404.
            case.path_parameters.update(
                {k: v for k, v in names.items() if k in case.path_parameters}
            )
        answer = case.call(
            base_url=fuzzed.http, headers={"x-api-key": SERVICE_TOKEN}, timeout=PATIENCE_SECONDS
        )
        checks = [status_code_conformance, content_type_conformance]
        empties = operation.answer is None or operation.may_be_empty
        if answer.status_code == httpx.codes.OK and empties and not answer.content:
            # A document can't say that a body is there now and then.
            assert case.query.get("dryRun") != "true"
        else:
            checks.append(response_schema_conformance)
        case.validate_response(answer, checks=checks)
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            assert answer.json()["error"]["message"] in ACK_FAULTS

    await asyncio.to_thread(send)
