"""Projects (contract: ams-core 2)."""

from ams.api import answers
from ams.api.bodies import Body, decode
from ams.api.calls import Call
from ams.metadata import projects
from ams.service.errors import InvalidArgument


class ProjectBody(Body):
    """Body of a project's creation; all but the description is type-checked and ignored."""

    name: str = ""
    description: str = ""
    created_on: str = ""
    modified_on: str = ""
    created_by: str = ""


async def list_projects(call: Call) -> bytes:
    """GET /v1/projects (contract: ams-core 2.2, O-10)."""
    records = await projects.list_all(call.broker.store)
    return answers.encode({"projects": [answers.project(record) for record in records]})


async def show(call: Call) -> bytes:
    """GET /v1/projects/{project} (contract: ams-core 2.3)."""
    record = await projects.get(call.broker.store, call.project.name)
    return answers.encode(answers.project(record))


async def create(call: Call) -> bytes:
    """POST /v1/projects/{project} (contract: ams-core 2.4)."""
    body = decode(await call.body(), ProjectBody, InvalidArgument("Invalid Project Arguments"))
    record = await projects.create(
        call.broker.store,
        call.names["project"],
        description=body.description,
        created_by_id=call.caller.user_id,
    )
    return answers.encode(answers.project(record))


async def delete(call: Call) -> bytes:
    """DELETE /v1/projects/{project}, with all that is in it (contract: decision 17)."""
    await projects.delete(call.broker.store, call.project.id)
    return b""
