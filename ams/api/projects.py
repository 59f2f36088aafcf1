"""Projects (contract: ams-core 2)."""

from typing import Annotated, Final

from msgspec import Meta

from ams.api import answers, fields, previews
from ams.api.bodies import Body
from ams.api.calls import Call
from ams.api.operations import PROJECT, BodyKind, operation
from ams.metadata import projects
from ams.service.errors import AlreadyExists, BadRequest, InvalidArgument
from ams.service.routes import NAME


class ProjectBody(Body):
    """A project as its creator wants it; its name is in the path."""

    name: fields.ServerText = ""
    description: Annotated[str, Meta(examples=["Readings of the north field"])] = ""
    created_on: fields.ServerText = ""
    modified_on: fields.ServerText = ""
    created_by: fields.ServerText = ""


CREATION: Final = BodyKind(ProjectBody, InvalidArgument("Invalid Project Arguments"))
UPDATE: Final = BodyKind(ProjectBody, BadRequest())


@operation("projects:list", "GET", "/v1/projects")
async def list_projects(call: Call) -> answers.Projects:
    """List all projects, oldest first (contract: ams-core 2.2, O-10)."""
    records = await projects.list_all(call.broker.store)
    return answers.Projects([answers.Project.of(record) for record in records])


@operation("projects:show", "GET", PROJECT)
async def show(call: Call) -> answers.Project:
    """Show a project (contract: ams-core 2.3)."""
    return answers.Project.of(await projects.get(call.broker.store, call.project.name))


@operation("projects:create", "POST", PROJECT, body=CREATION, errors=[AlreadyExists("Project")])
async def create(call: Call) -> answers.Project:
    """Create a project (contract: ams-core 2.4)."""
    body = await call.read(CREATION)
    record = await projects.create(
        call.broker.store,
        call.names["project"],
        description=body.description,
        created_by_id=call.caller.user_id,
    )
    return answers.Project.of(record)


@operation(
    "projects:update",
    "PUT",
    PROJECT,
    body=UPDATE,
    errors=[InvalidArgument("invalid project name change, name already exists")],
)
async def update(call: Call) -> answers.Project:
    """Rename a project, or describe it anew; what is empty stays (contract: ams-core 2.5, O-7)."""
    body = await call.read(UPDATE)
    if body.name and NAME.fullmatch(body.name) is None:
        raise InvalidArgument("Invalid project name")
    record = await projects.update(
        call.broker.store, call.project.id, name=body.name, description=body.description
    )
    return answers.Project.of(record)


@operation("projects:delete", "DELETE", PROJECT, preview=previews.project)
async def delete(call: Call) -> None:
    """Delete a project with all that is in it, messages included (contract: decision 17)."""
    await projects.delete(call.broker.store, call.project.id)
