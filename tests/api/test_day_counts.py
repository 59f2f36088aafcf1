"""The daily counts of a topic's messages live as long as its project."""

from pathlib import Path

from tests.api.client import Project, assert_empty, new_name
from tests.conftest import StartNode
from tests.servers import FSYNC, RedisServer


async def test_they_outlive_the_topic_and_go_with_the_project(
    start_node: StartNode, redis_binary: Path
) -> None:
    """Contract: ams-users-metrics 8.1, 14 number 36."""
    with RedisServer(redis_binary, **FSYNC) as redis:
        node = await start_node(redis={"url": redis.url})
        project = Project(node, new_name("project"))
        await node.request("POST", f"/v1/projects/{project.name}", json={})
        for text in ("one", "two"):
            await project.topic("t")
            await project.publish("t", text)
            assert_empty(await project.request("DELETE", "/topics/t"))
        await project.topic("live")
        await project.publish("live", "three")
        counted = list(redis.client().scan_iter("ams:*:days"))
        assert [list(redis.client().hgetall(key).values()) for key in counted] == [[b"1"]] * 2
        assert_empty(await project.request("DELETE"))
        assert list(redis.client().scan_iter("ams:*:days")) == []
        await node.close()
