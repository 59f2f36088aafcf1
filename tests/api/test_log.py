"""What the broker must not log (contract: decision 18). Runs after all other tests of the API."""

import json

from tests.api.bare import exchange, head
from tests.api.client import Project, data_of, object_in, secrets
from tests.eventually import eventually
from tests.node import Node


def revealed(log: str) -> list[str]:
    """What the log has of that which nobody may read there."""
    return [secret for secret in secrets if secret in log]


async def test_neither_tokens_nor_messages_are_logged(queue: Project) -> None:
    token = (await queue.user("project_admin")).token
    unknown, text = "token-of-nobody-0123456789", "a text that is nobody's business"
    data = data_of(text)
    secrets.update({token, unknown, text, data})
    body = {"messages": [{"data": data, "attributes": {text: text}}]}
    bad = json.dumps(body).encode()[:-1]
    publish = f"/v1/projects/{queue.name}/topics/t:publish"
    object_in(await queue.request("POST", "/topics/t:publish", json=body, token=token))
    for presented in (token, unknown):
        for headers, query in (
            ({"x-api-key": presented}, ""),
            ({"x-api-key": "", "authorization": f"Bearer {presented}"}, ""),
            ({"x-api-key": ""}, f"?key={presented}"),
        ):
            for path in (publish, f"/v1//projects/{queue.name}", "/v1/users/profile", "/v1/no"):
                for method in ("GET", "POST", "OPTIONS", "BREW"):
                    sent = {**headers, "Content-Length": len(bad)}
                    await exchange(queue.node, head(method, f"{path}{query}", sent) + bad)
    pulled = await queue.pull("s", 5)
    assert [message["message"]["data"] for message in pulled] == [data]
    headers = {"X-Request-Id": "last-request-of-the-test"}
    await queue.node.client.get("/v1/version", headers=headers)
    await eventually(lambda: "last-request-of-the-test" in queue.node.log())
    assert revealed(queue.node.log()) == []


async def test_everything_logged_is_a_line_of_json_and_none_is_a_fault_of_ours(node: Node) -> None:
    written, _, _ = node.log().rpartition("\n")
    lines = [json.loads(line) for line in written.splitlines()]
    assert [line for line in lines if line["level"] in ("error", "critical")] == []
