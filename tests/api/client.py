"""A project of a test's own, and short ways to use it."""

import base64
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Self

import httpx

from tests.node import SERVICE_TOKEN, Node

JSON: Final = "application/json; charset=utf-8"
FORBIDDEN: Final = "Access to this resource is forbidden"

#: A JSON object. Any: the values of an answer are of many types.
Object = dict[str, Any]

#: Tokens and data of messages that the broker was given or gave out; none may be in its log.
secrets: Final[set[str]] = {SERVICE_TOKEN}

#: What the error envelope says for a code, if a test says nothing else (contract: ams-core 1.12).
_STATUS: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    408: "TIMEOUT",
    409: "CONFLICT",
    413: "INVALID_ARGUMENT",
    500: "INTERNAL_SERVER_ERROR",
}


def new_name(prefix: str) -> str:
    """A name that no other test has."""
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def _number(message: Object) -> str:
    number: str = message["message"]["messageId"]
    return number


def data_of(text: str) -> str:
    """A text as publishers send it."""
    return base64.b64encode(text.encode()).decode()


def assert_error(
    answer: httpx.Response, code: int, message: str, status: str | None = None
) -> None:
    """The answer is this error, and nothing else (contract: ams-core 1.11, O-8)."""
    error = {"code": code, "message": message, "status": status or _STATUS[code]}
    assert (answer.status_code, answer.json()) == (code, {"error": error})
    assert answer.headers["content-type"] == JSON


def assert_empty(answer: httpx.Response) -> None:
    """The answer is a success without a body (contract: ams-core 1.10)."""
    assert (answer.status_code, answer.content) == (HTTPStatus.OK, b"")
    assert answer.headers["content-type"] == JSON


def object_in(answer: httpx.Response) -> Object:
    """The JSON object of a success."""
    assert answer.status_code == HTTPStatus.OK, answer.text
    assert answer.headers["content-type"] == JSON
    found = answer.json()
    assert isinstance(found, dict)
    return found


@dataclass(frozen=True, slots=True)
class User:
    """A user, and the token to call with."""

    name: str
    uuid: str
    token: str


async def create_user(
    node: Node,
    *,
    projects: Mapping[str, Sequence[str]] | None = None,
    service_roles: Sequence[str] = (),
    creator: str = SERVICE_TOKEN,
) -> User:
    """Makes a user with roles in projects, by name, and everywhere."""
    name = new_name("user")
    body = {
        "projects": [{"project": p, "roles": list(r)} for p, r in (projects or {}).items()],
        "service_roles": list(service_roles),
    }
    made = object_in(await node.request("POST", f"/v1/users/{name}", json=body, token=creator))
    secrets.add(made["token"])
    return User(name, made["uuid"], made["token"])


class Project:
    """A project with nothing in it.

    await project.topic("t")
    await project.subscription("s", topic="t")
    await project.publish("t", "one", "two")
    await project.pull("s", 10)
    """

    def __init__(self, node: Node, name: str) -> None:
        self.node = node
        self.name = name
        self._users: list[User] = []

    @classmethod
    async def create(cls, node: Node) -> Self:
        project = cls(node, new_name("project"))
        object_in(await project.request("POST", json={}))
        return project

    async def remove(self) -> None:
        """Removes the project, if a test has not done it, and its users."""
        await self.request("DELETE")
        for user in self._users:
            await self.node.request("DELETE", f"/v1/users/{user.name}")

    async def request(
        self,
        method: str,
        path: str = "",
        *,
        token: str | None = SERVICE_TOKEN,
        **request: Any,  # noqa: ANN401 (handed to httpx: json, content, params, ...)
    ) -> httpx.Response:
        """Sends a request to a path below the project's own."""
        return await self.node.request(
            method, f"/v1/projects/{self.name}{path}", token=token, **request
        )

    async def user(self, *roles: str, service_roles: Sequence[str] = ()) -> User:
        """Makes a user with these roles in the project; without any, one who is no member."""
        projects = {self.name: roles} if roles else {}
        user = await create_user(self.node, projects=projects, service_roles=service_roles)
        self._users.append(user)
        return user

    async def topic(self, name: str = "t", **body: str) -> Object:
        return object_in(await self.request("PUT", f"/topics/{name}", json=body))

    async def subscription(self, name: str = "s", topic: str = "t", **body: object) -> Object:
        body = {"topic": f"projects/{self.name}/topics/{topic}", **body}
        return object_in(await self.request("PUT", f"/subscriptions/{name}", json=body))

    async def allow(self, resource: str, *users: User) -> None:
        """Makes these the users of the access list of `topics/t` or `subscriptions/s`."""
        names = {"authorized_users": [user.name for user in users]}
        assert_empty(await self.request("POST", f"/{resource}:modifyAcl", json=names))

    async def publish(self, topic: str, *texts: str) -> list[str]:
        """Publishes a message for each text; returns their ids."""
        messages = [{"data": data_of(text)} for text in texts]
        return await self.publish_messages(topic, *messages)

    async def publish_messages(self, topic: str, *messages: Object) -> list[str]:
        secrets.update(m["data"] for m in messages if len(m.get("data", "")) >= 16)
        answer = await self.request("POST", f"/topics/{topic}:publish", json={"messages": messages})
        ids: list[str] = object_in(answer)["messageIds"]
        return ids

    async def pull(self, subscription: str, most: int = 1) -> list[Object]:
        """The next messages, as they are answered."""
        body = {"maxMessages": str(most), "returnImmediately": "true"}
        answer = await self.request("POST", f"/subscriptions/{subscription}:pull", json=body)
        messages: list[Object] = object_in(answer)["receivedMessages"]
        return messages

    async def acknowledge(self, subscription: str, *numbers: int | str) -> httpx.Response:
        """Acknowledges messages by the numbers that end their ids."""
        ids = [f"projects/{self.name}/subscriptions/{subscription}:{n}" for n in numbers]
        return await self.request(
            "POST", f"/subscriptions/{subscription}:acknowledge", json={"ackIds": ids}
        )

    async def read(self, subscription: str, most: int) -> list[str]:
        """Pulls and acknowledges; returns the data."""
        messages = await self.pull(subscription, most)
        if messages:
            assert object_in(await self.acknowledge(subscription, _number(messages[-1]))) == {}
        return [message["message"]["data"] for message in messages]

    async def offsets(self, subscription: str = "s") -> Object:
        return object_in(await self.request("GET", f"/subscriptions/{subscription}:offsets"))
