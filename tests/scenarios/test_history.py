"""A broker records how its topics and subscriptions fare."""

import base64
from http import HTTPStatus

from redis import Redis

from ams.messages.history import ROUNDS
from tests.conftest import StartNode
from tests.eventually import eventually


async def test_a_broker_samples_its_topics_and_subscriptions(start_node: StartNode) -> None:
    node = await start_node()
    data = base64.b64encode(b"a").decode()
    for method, path, body in (
        ("POST", "/v1/projects/p", {}),
        ("PUT", "/v1/projects/p/topics/t", {}),
        ("PUT", "/v1/projects/p/subscriptions/s", {"topic": "projects/p/topics/t"}),
        ("POST", "/v1/projects/p/topics/t:publish", {"messages": [{"data": data}]}),
        ("POST", "/v1/projects/p/subscriptions/s:pull", {"maxMessages": "1"}),
    ):
        answer = await node.request(method, path, json=body)
        assert answer.status_code == HTTPStatus.OK, answer.text
    with Redis.from_url(str(node.settings["redis"]["url"])) as redis:
        # Its next round is due when a minute begins, or when it starts and nobody has had one.
        node.kill()
        redis.delete(ROUNDS)
        await node.start()
        await eventually(lambda: redis.hexists(ROUNDS, "done"))
        kinds = sorted(key.split(b":")[2] for key in redis.scan_iter("ams:{*}:hour*"))
        assert kinds == [b"hour", b"hour"]
        assert len([*redis.scan_iter("ams:{*}:hour:*")]) == 1
    assert node.terminate() == 0
