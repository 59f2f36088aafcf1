"""What the audit trail says of every route that changes something, or shows messages."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from ams.api.app import OPERATIONS
from tests.api.client import Object, Project, create_user, data_of, new_name, object_in, secrets
from tests.node import SERVICE_TOKEN, Node

#: What clients send that has no place in a trail.
SENT_SECRET: Final = "sent-by-a-client-0123456789"
ADDRESS: Final = "secret.address@example.org"


class Step(NamedTuple):
    """A change, and what the trail is to say of it; names in braces are the story's."""

    action: str
    request: str
    body: Object | None = None
    detail: Object = {}  # noqa: RUF012 - nobody changes it
    #: Which part of the answer is called what from then on.
    names: Mapping[str, str] = {}
    #: What the entry is about, if not the path of the request without its verb.
    resource: str = ""


_PROJECT: Final = "/projects/{project}"
_TOPIC: Final = f"{_PROJECT}/topics/t"
_READER: Final = f"{_PROJECT}/subscriptions/s"
_SCHEMA: Final = f"{_PROJECT}/schemas/sc"
_MEMBER: Final = f"{_PROJECT}/members/{{member}}"
_USER: Final = "/users/{user}"
_REGISTRATIONS: Final = "/registrations"

#: Every route that changes something, in an order in which all of them succeed.
STORY: Final = [
    Step(
        "projects:create",
        f"POST {_PROJECT}",
        {"description": "d", "created_by": SENT_SECRET},
        {"fields": ["description"]},
    ),
    Step(
        "users:create",
        f"POST {_USER}",
        {
            "email": ADDRESS,
            "first_name": "First",
            "token": SENT_SECRET,
            "authorization": SENT_SECRET,
            "service_roles": ["consumer"],
            "projects": [{"project": "{project}", "roles": ["publisher"]}],
        },
        {
            "fields": ["email", "first_name"],
            "projects": {"{project}": ["publisher"]},
            "service_roles": ["consumer"],
        },
    ),
    Step(
        "users:update",
        f"PUT {_USER}",
        # The address and the service roles are those that are there already.
        {
            "email": ADDRESS,
            "first_name": "",
            "last_name": "Last",
            "service_roles": ["consumer"],
            "projects": [{"project": "{project}", "roles": ["publisher", "consumer"]}],
        },
        {"fields": ["last_name"], "projects": {"{project}": ["publisher", "consumer"]}},
    ),
    Step("users:update", f"PUT {_USER}", {"service_roles": []}, {"service_roles": []}),
    Step("users:update", f"PUT {_USER}", {"name": "{renamed}"}, {"name": "{renamed}"}),
    Step("users:refreshToken", "POST /users/{renamed}:refreshToken"),
    Step(
        "projects:createUser",
        f"POST {_MEMBER}",
        {
            "email": ADDRESS,
            "first_name": "ignored",
            "projects": [{"project": "{project}", "roles": ["consumer"]}],
        },
        {"fields": ["email"], "projects": {"{project}": ["consumer"]}},
    ),
    Step(
        "projects:updateUser",
        f"PUT {_MEMBER}",
        {"projects": [{"project": "{project}", "roles": ["publisher", "consumer"]}]},
        {"roles": ["publisher", "consumer"]},
    ),
    Step(
        "projects:removeUser",
        f"POST {_MEMBER}:remove",
        detail={"removed_roles": ["publisher", "consumer"]},
    ),
    Step(
        "projects:addUser", f"POST {_MEMBER}:add", {"roles": ["consumer"]}, {"roles": ["consumer"]}
    ),
    Step(
        "registrations:newUser",
        f"POST {_REGISTRATIONS}",
        {"name": "{accepted}", "email": ADDRESS, "activation_token": SENT_SECRET},
        {"name": "{accepted}", "fields": ["email"]},
        {"uuid": "first"},
        f"{_REGISTRATIONS}/{{first}}",
    ),
    Step(
        "registrations:acceptNewUser",
        f"POST {_REGISTRATIONS}/{{first}}:accept",
        detail={"name": "{accepted}"},
    ),
    Step(
        "registrations:newUser",
        f"POST {_REGISTRATIONS}",
        {"name": "{declined}"},
        {"name": "{declined}"},
        {"uuid": "second"},
        f"{_REGISTRATIONS}/{{second}}",
    ),
    Step(
        "registrations:declineNewUser",
        f"POST {_REGISTRATIONS}/{{second}}:decline",
        {"comment": "who?"},
        {"name": "{declined}", "comment": "who?"},
    ),
    Step(
        "registrations:delete",
        f"DELETE {_REGISTRATIONS}/{{second}}",
        detail={"name": "{declined}", "status": "declined"},
    ),
    Step(
        "schemas:create",
        f"POST {_SCHEMA}",
        {"type": "JSON", "schema": {"type": "object"}},
        {"type": "json", "fields": ["schema"]},
    ),
    Step(
        "schemas:update",
        f"PUT {_SCHEMA}",
        {"type": "json", "schema": {"type": "string"}, "attributesSchema": {"type": "object"}},
        {"fields": ["schema", "attributesSchema"]},
    ),
    Step(
        "schemas:update",
        f"PUT {_SCHEMA}",
        {
            "name": "projects/{project}/schemas/sc2",
            "type": "avro",
            "schema": {"type": "string"},
            "attributesSchema": {},
        },
        {"name": "sc2", "type": "avro", "fields": ["attributesSchema"]},
    ),
    Step(
        "topics:create",
        f"PUT {_TOPIC}",
        {"schema": "projects/{project}/schemas/sc2", "messageRetentionDuration": "60s"},
        {"schema": "projects/{project}/schemas/sc2", "messageRetentionDuration": "60s"},
    ),
    Step(
        "topics:attachSchema",
        f"POST {_TOPIC}:attachSchema",
        {"schema": "projects/{project}/schemas/sc2"},
        {"schema": "projects/{project}/schemas/sc2"},
    ),
    Step("topics:detachSchema", f"POST {_TOPIC}:detachSchema", detail={"schema": None}),
    Step(
        "topics:modifyRetention",
        f"POST {_TOPIC}:modifyRetention",
        {"messageRetentionBytes": "500"},
        {"messageRetentionDuration": None, "messageRetentionBytes": "500"},
    ),
    Step(
        "topics:modifyAcl",
        f"POST {_TOPIC}:modifyAcl",
        {"authorized_users": ["{renamed}", "{member}"]},
        {"authorized_users": ["{renamed}", "{member}"]},
    ),
    Step(
        "subscriptions:create",
        f"PUT {_READER}",
        {"topic": "projects/{project}/topics/t"},
        {"topic": "projects/{project}/topics/t", "ackDeadlineSeconds": 10},
    ),
    Step(
        "subscriptions:modifyAcl",
        f"POST {_READER}:modifyAcl",
        {"authorized_users": []},
        {"authorized_users": []},
    ),
    Step(
        "subscriptions:modifyAckDeadline",
        f"POST {_READER}:modifyAckDeadline",
        {"ackDeadlineSeconds": 5},
        {"ackDeadlineSeconds": 5},
    ),
    Step("topics:peek", f"GET {_TOPIC}/messages", detail={"offset": 0, "messages": 1}),
    Step("subscriptions:purge", f"POST {_READER}:purge", detail={"skipped": 1}),
    Step(
        "subscriptions:modifyOffset", f"POST {_READER}:modifyOffset", {"offset": 0}, {"offset": 0}
    ),
    Step("topics:purge", f"POST {_TOPIC}:purge", detail={"messages": 1, "bytes": 44}),
    Step("subscriptions:delete", f"DELETE {_READER}"),
    Step("topics:delete", f"DELETE {_TOPIC}"),
    Step("schemas:delete", f"DELETE {_PROJECT}/schemas/sc2"),
    Step("users:delete", "DELETE /users/{renamed}"),
    Step(
        "projects:update",
        f"PUT {_PROJECT}",
        {"name": "{moved}", "description": "d"},
        {"name": "{moved}"},
    ),
    Step(
        "projects:update",
        "PUT /projects/{moved}",
        {"description": "e"},
        {"fields": ["description"]},
    ),
    Step(
        "projects:delete",
        "DELETE /projects/{moved}",
        detail={"topics": 0, "subscriptions": 0, "members": 1},
    ),
]


def named(template: object, names: Mapping[str, str]) -> object:
    """A value with the names of the story in place of those in braces."""
    if isinstance(template, str):
        return template.format_map(names)
    if isinstance(template, list):
        return [named(each, names) for each in template]
    if isinstance(template, dict):
        return {named(key, names): named(value, names) for key, value in template.items()}
    return template


def tokens_in(answer: object) -> Iterator[str]:
    """All tokens of an answer."""
    if isinstance(answer, dict):
        for key, value in answer.items():
            if key in ("token", "activation_token"):
                yield value
            yield from tokens_in(value)


def test_the_story_has_every_route_that_changes_something() -> None:
    audited = {each.name for each in OPERATIONS if each.is_audited}
    # These need a broker that pushes: test_push_effects.py.
    pushing = {"subscriptions:modifyPushConfig", "subscriptions:verifyPushEndpoint"}
    assert {step.action for step in STORY} == audited - pushing
    others = {each.name for each in OPERATIONS if each.method != "GET" and not each.is_audited}
    assert others == {
        "topics:publish",
        "subscriptions:pull",
        "subscriptions:acknowledge",
        "schemas:validateMessage",
    }


async def test_every_change_is_recorded_with_what_it_changed_and_no_secret(node: Node) -> None:
    """Who, what, to which thing, from where, in which request; one entry each."""
    admin = await create_user(node, service_roles=["service_admin"])
    known = ("project", "moved", "user", "renamed", "member", "accepted", "declined")
    names = {name: new_name(name) for name in known}
    story = new_name("story")
    hidden = {admin.token, SERVICE_TOKEN, SENT_SECRET, ADDRESS}
    expected = []
    for number, step in enumerate(STORY):
        if step.action == "topics:peek":
            await Project(node, names["project"]).publish("t", "a message of the story")
        method, path = step.request.format_map(names).split(" ")
        answer = await node.request(
            method,
            f"/v1{path}",
            token=None,
            headers={"Authorization": f"Bearer {admin.token}", "X-Request-Id": f"{story}-{number}"},
            **({} if step.body is None else {"json": named(step.body, names)}),
        )
        assert answer.status_code == 200, (step.action, answer.text)
        told = answer.json() if answer.content else {}
        hidden.update(tokens_in(told))
        names.update({name: told[key] for key, name in step.names.items()})
        expected.append(
            {
                "actor": admin.name,
                "actorUuid": admin.uuid,
                "action": step.action,
                "resource": step.resource.format_map(names) or path.partition(":")[0],
                "source": "127.0.0.1",
                "traceId": f"{story}-{number}",
                "detail": named(step.detail, names),
            }
        )
    secrets.update(hidden - {ADDRESS})
    answer = await node.request("GET", "/v1/audit", params={"actor": admin.name})
    found = object_in(answer)["entries"][::-1]
    for entry in found:
        assert entry.pop("time")
    assert found == expected
    assert not [secret for secret in hidden if secret in answer.text]
    assert data_of("a message of the story") not in answer.text
    for name in (names["member"], names["accepted"], admin.name):
        await node.request("DELETE", f"/v1/users/{name}")
    await node.request("DELETE", f"/v1/registrations/{names['first']}")


async def test_a_detail_that_is_too_long_loses_its_largest_parts_only(project: Project) -> None:
    user = await project.user()
    roles = ["consumer"] * 2000
    body = {
        "name": new_name("renamed"),
        "service_roles": ["consumer"],
        "projects": [{"project": project.name, "roles": roles}],
    }
    object_in(await project.node.request("PUT", f"/v1/users/{user.name}", json=body))
    query = {"resource": f"/users/{user.name}", "action": "users:update"}
    (entry,) = object_in(await project.node.request("GET", "/v1/audit", params=query))["entries"]
    assert entry["detail"] == {
        "name": body["name"],
        "service_roles": ["consumer"],
        "left_out": ["projects"],
    }
    await project.node.request("DELETE", f"/v1/users/{body['name']}")


async def test_the_life_of_a_registration_is_found_by_its_resource(node: Node) -> None:
    name = new_name("user")
    asked = object_in(await node.request("POST", "/v1/registrations", json={"name": name}))
    secrets.add(asked["activation_token"])
    await node.request("POST", f"/v1/registrations/{asked['uuid']}:decline")
    await node.request("DELETE", f"/v1/registrations/{asked['uuid']}")
    query = {"resource": f"/registrations/{asked['uuid']}"}
    trail = object_in(await node.request("GET", "/v1/audit", params=query))["entries"]
    assert [(entry["action"], entry["detail"]["name"]) for entry in trail] == [
        ("registrations:delete", name),
        ("registrations:declineNewUser", name),
        ("registrations:newUser", name),
    ]
