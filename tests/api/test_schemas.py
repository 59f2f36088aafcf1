"""Schemas of topics (contract: ams-core 3.2, 3.8, 3.9, 8)."""

import base64
import json

import pytest

from tests.api.client import Object, Project, assert_empty, assert_error, data_of, object_in
from tests.eventually import eventually
from tests.node import Node
from tests.schemas.attacks import BRANCHING, nested

READING = {
    "type": "object",
    "properties": {"value": {"type": "number"}},
    "required": ["value"],
}
ATTRIBUTES = {
    "properties": {"site": {"enum": ["A", "B"]}},
    "required": ["site"],
    "additionalProperties": False,
}
AVRO = {"type": "record", "name": "r", "fields": [{"name": "n", "type": "int"}]}


async def create(project: Project, name: str = "sc", **body: object) -> Object:
    body = body or {"type": "json", "schema": READING}
    return object_in(await project.request("POST", f"/schemas/{name}", json=body))


async def attach(project: Project, schema: str = "sc") -> None:
    body = {"schema": f"projects/{project.name}/schemas/{schema}"}
    assert_empty(await project.request("POST", "/topics/t:attachSchema", json=body))


async def refused(project: Project, *messages: Object) -> str:
    """Why a publish to `t` is refused; nothing of it is stored."""
    before = await project.offsets()
    answer = await project.request("POST", "/topics/t:publish", json={"messages": messages})
    message: str = answer.json()["error"]["message"]
    assert_error(answer, 400, message)
    assert await project.offsets() == before
    return message


def reading(**values: object) -> str:
    return data_of(json.dumps(values))


async def test_a_schema_is_created_shown_listed_changed_and_deleted(project: Project) -> None:
    made = await create(project, type="JSON", schema=READING)
    assert made == {
        "uuid": made["uuid"],
        "name": f"projects/{project.name}/schemas/sc",
        "type": "json",
        "schema": READING,
    }
    other = await create(project, "other", type="avro", schema=AVRO)
    assert object_in(await project.request("GET", "/schemas/sc")) == made
    # There is no paging (contract: ams-core 8.3, 1.14).
    for path in ("/schemas", "/schemas?pageSize=1", "/schemas?pageSize=x&pageToken=x"):
        assert object_in(await project.request("GET", path)) == {"schemas": [made, other]}
    renamed = {"name": f"projects/{project.name}/schemas/new"}
    changed = object_in(await project.request("PUT", "/schemas/sc", json=renamed))
    assert changed == {**made, **renamed}
    assert_empty(await project.request("DELETE", "/schemas/new"))
    assert_error(await project.request("GET", "/schemas/new"), 404, "Schema doesn't exist")


async def test_a_schema_for_attributes_alone_needs_no_type(queue: Project) -> None:
    """Contract: decision 14."""
    made = await create(queue, attributesSchema=ATTRIBUTES)
    assert (made["type"], made["schema"], made["attributesSchema"]) == ("", None, ATTRIBUTES)
    await attach(queue)
    await queue.publish_messages("t", {"data": "not base64!", "attributes": {"site": "A"}})
    why = await refused(queue, {"data": "", "attributes": {"site": "C"}})
    assert why.startswith("Message 0 attributes are not valid,site: ")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "Invalid Schema Arguments"),
        (b"{", "Invalid Schema Arguments"),
        (b'{"type": 1}', "Invalid Schema Arguments"),
        (b'{"type": "json", "schema": []}', "Invalid Schema Arguments"),
        (b'{"type": "json", "schema": "{}"}', "Invalid Schema Arguments"),
        (b'{"type": "json", "schema": true}', "Invalid Schema Arguments"),
        (b'{"schema": {}}', "Schema type can only be 'json' or 'avro'"),
        (
            b'{"schema": {}, "attributesSchema": {}}',
            "Schema type can only be 'json' or 'avro'",
        ),
        (b'{"type": "xml", "schema": {}}', "Schema type can only be 'json' or 'avro'"),
        (b'{"type": "json"}', "schema is invalid"),
        (b'{"type": "avro", "schema": null}', "schema is invalid"),
        (b'{"type": "json", "schema": {"properties": 5}}', "properties must be of type object"),
        (b'{"type": "avro", "schema": {"type": "unknown"}}', 'unknown type name: "unknown"'),
    ],
)
async def test_what_is_no_schema_is_refused(project: Project, body: bytes, message: str) -> None:
    """Contract: ams-core 8.2, O-40."""
    assert_error(await project.request("POST", "/schemas/sc", content=body), 400, message)


async def test_text_behind_a_definition_is_ignored(project: Project) -> None:
    """Contract: ams-core 1.9."""
    body = b'{"TYPE": "json", "schema": {}} and so on'
    assert (await project.request("POST", "/schemas/sc", content=body)).status_code == 200


async def test_a_taken_name_comes_before_a_bad_definition(project: Project) -> None:
    await create(project)
    answer = await project.request("POST", "/schemas/sc", json={"type": "xml"})
    assert_error(answer, 409, "Schema already exists", "ALREADY_EXISTS")


async def test_a_schema_is_never_fetched_from_elsewhere(project: Project) -> None:
    """Contract: O-41."""
    body = {"type": "json", "schema": {"$ref": "http://127.0.0.1:1/schema"}}
    answer = await project.request("POST", "/schemas/sc", json=body)
    assert answer.status_code == 400
    assert "only references within the schema" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("other", "wrong schema name declaration"),
        ("projects/elsewhere/schemas/new", "wrong schema name declaration"),
        ("projects/{}/schemas/", "wrong schema name declaration"),
        ("projects/{}/schemas/a b", "Invalid schema name"),
    ],
)
async def test_a_schema_gets_no_name_that_is_none(
    project: Project, name: str, message: str
) -> None:
    """Contract: ams-core 8.4, O-7."""
    await create(project)
    body = {"name": name.format(project.name)}
    assert_error(await project.request("PUT", "/schemas/sc", json=body), 400, message)


async def test_an_update_checks_what_there_will_be(project: Project) -> None:
    await create(project)
    await create(project, "taken")
    name = f"projects/{project.name}/schemas/taken"

    async def update(body: object) -> object:
        return await project.request("PUT", "/schemas/sc", json=body)

    missing = await project.request("PUT", "/schemas/none", content=b"")
    assert_error(missing, 404, "Schema doesn't exist")
    empty = await project.request("PUT", "/schemas/sc", content=b"")
    assert_error(empty, 400, "Invalid Schema Arguments")
    taken = await project.request("PUT", "/schemas/sc", json={"name": name})
    assert_error(taken, 409, "Schema already exists", "ALREADY_EXISTS")
    # Only the type: the definition that is there must be one of this type, too.
    avro = await project.request("PUT", "/schemas/sc", json={"type": "avro"})
    assert avro.status_code == 400
    nothing = object_in(await project.request("PUT", "/schemas/sc", json={}))
    assert nothing["schema"] == READING
    same = object_in(await project.request("PUT", "/schemas/sc", json={"schema": {}}))
    assert same["schema"] == READING


@pytest.mark.parametrize("more", [{}, {"schema": {"type": "object"}}])
async def test_an_update_to_no_known_type_is_refused(project: Project, more: Object) -> None:
    """Contract: ams-core 8.4."""
    await create(project)
    answer = await project.request("PUT", "/schemas/sc", json={"type": "xml", **more})
    assert_error(answer, 400, "Schema type can only be 'json' or 'avro'")


async def test_an_update_may_say_what_is_so_already(project: Project) -> None:
    """Contract: ams-core 8.4: the type in any letter case, and what follows it is ignored (1.9)."""
    made = await create(project)
    body = json.dumps({"name": made["name"], "type": "JSON", "uuid": "x"}).encode() + b" and more"
    assert object_in(await project.request("PUT", "/schemas/sc", content=body)) == made


async def test_a_publish_that_does_not_fit_names_message_place_and_reason(queue: Project) -> None:
    """Contract: ams-core 8.9."""
    await create(queue)
    await attach(queue)
    good = {"data": reading(value=1)}
    await queue.publish_messages("t", good)
    assert await refused(queue, good, {"data": reading()}) == (
        "Message 1 data is not valid,(root): value is required"
    )
    assert await refused(queue, {"data": reading(value="x")}) == (
        "Message 0 data is not valid,value: Invalid type. Expected: number, given: string"
    )
    assert (await refused(queue, {"data": "?"})).startswith(
        "Message 0 is not in valid base64 enocding,"
    )
    assert (await refused(queue, {"data": data_of("{")})).startswith(
        "Message 0 data is not valid JSON format,"
    )


async def test_avro_messages_are_checked(queue: Project) -> None:
    """Contract: ams-core 8.8, O-42."""
    await create(queue, type="avro", schema=AVRO)
    await attach(queue)
    await queue.publish_messages("t", {"data": base64.b64encode(b"\x02 and more").decode()})
    assert (await refused(queue, {"data": ""})).startswith("Message 0 is not valid.")


async def test_topics_follow_their_schema_at_once(two_nodes: tuple[Node, Node]) -> None:
    """Contract: ams-core 8.4, 8.5; on every node, for the very next request."""
    first, second = await Project.create(two_nodes[0]), Project(two_nodes[1], "")
    second.name = first.name
    await first.topic("t")
    await first.subscription("s", "t")
    await create(first)
    bad = {"messages": [{"data": reading(value="x")}]}
    assert (await second.request("POST", "/topics/t:publish", json=bad)).status_code == 200
    await attach(first)
    assert (await second.request("POST", "/topics/t:publish", json=bad)).status_code == 400
    lax = {"schema": {"type": "object"}}
    object_in(await first.request("PUT", "/schemas/sc", json=lax))
    assert (await second.request("POST", "/topics/t:publish", json=bad)).status_code == 200
    object_in(await first.request("PUT", "/schemas/sc", json={"schema": READING}))
    assert (await second.request("POST", "/topics/t:publish", json=bad)).status_code == 400
    renamed = {"name": f"projects/{first.name}/schemas/new"}
    object_in(await first.request("PUT", "/schemas/sc", json=renamed))
    shown = object_in(await second.request("GET", "/topics/t"))
    assert shown["schema"] == renamed["name"]
    assert object_in(await second.request("GET", "/topics"))["topics"] == [shown]
    assert_empty(await first.request("DELETE", "/schemas/new"))
    assert (await second.request("POST", "/topics/t:publish", json=bad)).status_code == 200
    assert "schema" not in object_in(await second.request("GET", "/topics/t"))
    await first.remove()


async def test_a_topic_is_created_with_a_schema_or_gets_one_or_loses_it(project: Project) -> None:
    await create(project)
    reference = f"projects/{project.name}/schemas/sc"
    assert (await project.topic("t", schema=reference))["schema"] == reference
    assert_empty(await project.request("POST", "/topics/t:detachSchema", content=b"junk"))
    assert "schema" not in object_in(await project.request("GET", "/topics/t"))
    assert_empty(await project.request("POST", "/topics/t:detachSchema"))
    await attach(project)
    assert object_in(await project.request("GET", "/topics/t"))["schema"] == reference


@pytest.mark.parametrize("path", ["/topics/new", "/topics/t:attachSchema"])
@pytest.mark.parametrize(
    ("reference", "code", "message"),
    [
        ("sc", 400, "wrong schema name declaration"),
        ("/projects/{}/schemas/sc", 400, "wrong schema name declaration"),
        ("projects/{}/topics/sc", 400, "wrong schema name declaration"),
        ("projects/elsewhere/schemas/sc", 400, "wrong schema name declaration"),
        ("projects/{}/schemas/", 400, "wrong schema name declaration"),
        ("projects/{}/schemas/none", 404, "Schema doesn't exist"),
    ],
)
async def test_a_reference_must_be_to_a_schema_of_the_project(
    queue: Project, path: str, reference: str, code: int, message: str
) -> None:
    """Contract: ams-core 3.2, O-12, O-13."""
    await create(queue)
    body = {"schema": reference.format(queue.name)}
    method = "POST" if ":" in path else "PUT"
    assert_error(await queue.request(method, path, json=body), code, message)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"schema": ""}'])
async def test_attaching_nothing_is_refused(queue: Project, body: bytes) -> None:
    """Contract: O-17."""
    answer = await queue.request("POST", "/topics/t:attachSchema", content=body)
    assert_error(answer, 400, "wrong schema name declaration")


async def test_attaching_checks_the_topic_first(project: Project) -> None:
    for verb in ("attachSchema", "detachSchema"):
        answer = await project.request("POST", f"/topics/none:{verb}", content=b"[")
        assert_error(answer, 404, "Topic doesn't exist")


async def test_a_message_can_be_tried(project: Project) -> None:
    """Contract: ams-core 8.6."""
    await create(project)
    await create(project, "avro", type="avro", schema=AVRO)

    async def attempt(schema: str, body: bytes) -> object:
        answer = await project.request("POST", f"/schemas/{schema}:validate", content=body)
        found = answer.json()
        return found.get("message") or found["error"]["message"]

    valid = "Message validated successfully"
    assert await attempt("sc", b'{"value": 1} and more') == valid
    assert await attempt("sc", b"{}") == "Message 0 data is not valid,(root): value is required"
    assert await attempt("sc", b"") == "Message 0 data is not valid JSON format,EOF"
    assert await attempt("avro", b'{"data": "Ag=="}') == valid
    assert await attempt("avro", b"{}") == "Invalid Schema Payload Arguments"
    assert await attempt("avro", b'{"data": 1}') == "Invalid Request Body"
    assert await attempt("none", b"{}") == "Schema doesn't exist"


@pytest.mark.parametrize(
    ("body", "message", "status"),
    [
        (b"", "Invalid Request Body", "BAD_REQUEST"),
        (b"[]", "Invalid Request Body", "BAD_REQUEST"),
        (b'{"data": ""} x', "Invalid Request Body", "BAD_REQUEST"),
        (b'{"data": "Ag==", "other": 1}', "Invalid Request Body", "BAD_REQUEST"),
        (b"null", "Invalid Schema Payload Arguments", "INVALID_ARGUMENT"),
        (b'{"Data": "Ag=="}', "Invalid Schema Payload Arguments", "INVALID_ARGUMENT"),
    ],
)
async def test_what_holds_no_avro_data_is_refused(
    project: Project, body: bytes, message: str, status: str
) -> None:
    """Contract: ams-core 8.6, 1.9: names count in their letter case, and all values are texts."""
    await create(project, type="avro", schema=AVRO)
    answer = await project.request("POST", "/schemas/sc:validate", content=body)
    assert_error(answer, 400, message, status)


async def test_avro_data_without_bytes_is_tried_as_it_is_published(project: Project) -> None:
    """Contract: ams-core 8.6, 8.9: it is there, though empty, and may be a value."""
    await create(project, type="avro", schema=AVRO)
    await create(project, "nothing", type="avro", schema={"type": "null"})
    object_in(await project.request("POST", "/schemas/nothing:validate", json={"data": ""}))
    answer = await project.request("POST", "/schemas/sc:validate", json={"data": ""})
    message: str = answer.json()["error"]["message"]
    assert_error(answer, 400, message)
    assert message.startswith("Message 0 is not valid.")


async def test_a_schema_that_takes_too_long_stops_nobody_else(queue: Project) -> None:
    await create(queue, type="json", schema=BRANCHING)
    await attach(queue)
    deep = data_of(json.dumps(nested(40)))
    assert await refused(queue, {"data": deep}) == "Message validation took too long"
    await queue.topic("free")
    assert await queue.publish("free", "x") == ["0"]
    await eventually(lambda: "message validation was cut off" in queue.node.log())


async def test_what_a_schema_makes_its_process_say_is_in_no_log(queue: Project) -> None:
    """It may run out of memory, and would say so in words that are no line of JSON."""
    known = queue.node.log().count("\n")
    await create(queue, type="json", schema=BRANCHING)
    await attach(queue)
    for _ in range(3):
        await refused(queue, {"data": data_of(json.dumps(nested(40)))})
    written, _, _ = queue.node.log().rpartition("\n")
    for line in written.splitlines()[known:]:
        assert json.loads(line)


async def test_changes_of_schemas_are_on_record(queue: Project) -> None:
    await create(queue)
    await attach(queue)
    await queue.request("PUT", "/schemas/sc", json={"schema": {"type": "array"}})
    await queue.request("POST", "/topics/t:detachSchema")
    await queue.request("DELETE", "/schemas/sc")
    entries = object_in(await queue.request("GET", "/audit", params={"pageSize": 5}))["entries"]
    assert [entry["action"] for entry in entries] == [
        "schemas:delete",
        "topics:detachSchema",
        "schemas:update",
        "topics:attachSchema",
        "schemas:create",
    ]
