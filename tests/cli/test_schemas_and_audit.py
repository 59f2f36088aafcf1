"""`ams schema`, `ams topic schema` and `ams audit`."""

import json

from tests.cli.command import Ams

READING = {"type": "object", "required": ["value"]}
SITE = {"required": ["site"]}


def write(ams: Ams, name: str, content: object) -> str:
    path = ams.folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def test_a_schema_is_made_attached_changed_and_removed(ams: Ams) -> None:
    file, attributes = write(ams, "reading.json", READING), write(ams, "site.json", SITE)
    made = ams("schema", "create", "reading", "--type", "json", "--file", file, "--json").json()
    assert (made["type"], made["schema"]) == ("json", READING)
    assert "reading" in ams("schema", "list").output
    assert ams("topic", "create", "t").status == 0
    shown = ams("topic", "schema", "t", "--attach", "reading")
    assert made["name"] in shown.output
    refused = ams("publish", "t", "no JSON")
    assert (refused.status, refused.errors[:7]) == (1, "Error: ")
    assert "Message 0 data is not valid JSON format" in refused.errors
    assert ams("publish", "t", '{"value": 1}').output == "0\n"
    changed = ams("schema", "update", "reading", "--attributes", attributes, "--json").json()
    assert (changed["schema"], changed["attributesSchema"]) == (READING, SITE)
    assert "site is required" in ams("publish", "t", '{"value": 1}').errors
    assert ams("publish", "t", '{"value": 1}', "--attribute", "site=A").status == 0
    assert ams("topic", "schema", "t", "--detach").status == 0
    assert ams("publish", "t", "no JSON").status == 0
    assert ams("schema", "delete", "reading", "--yes").status == 0
    assert ams("schema", "show", "reading").errors == "Error: Schema doesn't exist\n"


def test_a_message_is_tried_from_standard_input(ams: Ams) -> None:
    file = write(ams, "reading.json", READING)
    ams("schema", "create", "reading", "--type", "json", "--file", file)
    assert (
        ams("schema", "validate", "reading", stdin=b'{"value": 1}').output == "The message fits.\n"
    )
    refused = ams("schema", "validate", "reading", stdin=b"{}")
    assert refused.errors == "Error: Message 0 data is not valid,(root): value is required\n"
    file = write(ams, "avro.json", {"type": "string"})
    ams("schema", "create", "text", "--type", "avro", "--file", file)
    assert ams("schema", "validate", "text", stdin=b"\x02a").status == 0


def test_a_file_that_holds_no_definition_is_named(ams: Ams) -> None:
    for content in ("no JSON", "[]"):
        file = write(ams, "bad.json", content)
        result = ams("schema", "create", "s", "--type", "json", "--file", file)
        assert (result.status, file in result.errors) == (2, True)
    result = ams("schema", "create", "s", "--type", "json", "--file", "missing.json")
    assert (result.status, "missing.json" in result.errors) == (2, True)
    assert ams("topic", "schema", "t").status == 2


def test_the_trail_of_a_project_is_shown_and_filtered(ams: Ams) -> None:
    ams("topic", "create", "one")
    ams("topic", "create", "two")
    entries = ams("audit", "--json").json()["entries"]
    assert [entry["action"] for entry in entries] == [
        "topics:create",
        "topics:create",
        "projects:create",
    ]
    project = ams.environment["AMS_PROJECT"]
    resource = f"/projects/{project}/topics/one"
    shown = ams("audit", "--resource", resource, "--actor", "admin").output.splitlines()
    assert len(shown) == 2
    assert resource in shown[1]
    assert len(ams("audit", "--max", "1", "--action", "topics:create").output.splitlines()) == 2
    everywhere = ams("audit", "--all", "--resource", f"/projects/{project}*", "--json").json()
    assert everywhere["entries"] == entries
