"""`make bench`: one broker worker against references in the same run; prints ratios.

Ratios hold across machines where rates don't. Everything runs on this machine, so Redis and wrk
take their share of the cores from the broker as they would nowhere else.
"""

import asyncio
import base64
import json
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import httpx
from redis.asyncio import Redis

from tests.bench.load import PAIRS, Load, Ratios, compare
from tests.bench.processor import Metered
from tests.bench.push import lateness
from tests.bench.scraping import Scraper, cost_of
from tests.certificates import make_certificates
from tests.eventually import eventually, eventually_sync
from tests.exporter import exporter_on
from tests.node import Node
from tests.processes import ChildProcess, free_port
from tests.servers import FSYNC, RedisServer, installed_redis

#: Base64 of 768 bytes: a message of 1 KB.
DATA = "QUJD" * 256
PROJECT = "bench"
TOPICS = 10_000
BATCH = 100
#: Properties of the schema that messages are checked by.
PROPERTIES = 20
#: What a topic keeps. Without a limit the log soon has more gigabytes than there is room for, and
#: the last rounds measure nothing but that.
RETENTION_BYTES = 64 * 1024 * 1024
#: Messages stored to see what one takes.
MESSAGES = 3000
#: From one scrape of Prometheus to the next, as it is set up (metrics/prometheus.yml).
SCRAPE_SECONDS = 15
#: How often each round trip is measured; the median counts.
SAMPLES = 300


@dataclass(frozen=True)
class Figure:
    """One line of the result: what was measured, the ratio, and what it should be."""

    name: str
    value: float
    goal: float
    at_least: bool
    note: str = ""

    @classmethod
    def of(cls, name: str, ratios: Ratios, goal: float, *notes: object) -> Self:
        """What should be at least so much, the median of pairs of runs."""
        note = ", ".join(map(str, (ratios, *notes)))
        return cls(name, ratios.median, goal, at_least=True, note=note)

    def __str__(self) -> str:
        sign, good = (
            ("≥", self.value >= self.goal) if self.at_least else ("≤", self.value <= self.goal)
        )
        verdict = "ok" if good else "MISSED"
        note = f"   ({self.note})" if self.note else ""
        return f"{self.name:<66} {self.value:6.2f}   {sign} {self.goal:<5} {verdict}{note}"


def body(messages: int) -> bytes:
    """What a publisher sends."""
    message = {"attributes": {"source": "bench"}, "data": DATA}
    return json.dumps({"messages": [message] * messages}).encode()


def redis_server() -> RedisServer:
    """A Redis as operators are told to have it (docs/operations.md)."""
    return RedisServer(
        installed_redis(),
        auto_aof_rewrite_min_size="512mb",
        rdbcompression="no",
        stream_node_max_bytes="16384",
        **FSYNC,
    )


class Bench:
    """The servers under load, and one method a figure."""

    def __init__(self, node: Node, redis: RedisServer, reference: str) -> None:
        self.node = node
        self.redis = redis
        self.reference = reference
        self._many = False

    def publish(self, messages: int, topic: str = "one", topics: int = 0) -> Load:
        """Publishing so many messages a request."""
        url = f"{self.node.http}/v1/projects/{PROJECT}/topics/{topic}:publish"
        return Load(url, body(messages), self.node.service_token, topics)

    def parse(self, messages: int) -> Load:
        """The reference parsing the same body."""
        return Load(f"{self.reference}/v1/projects/{PROJECT}/topics/one:publish", body(messages))

    def pull(self) -> Load:
        """Pulling the same 100 messages again and again: nothing is acknowledged."""
        url = f"{self.node.http}/v1/projects/{PROJECT}/subscriptions/one:pull"
        request = {"maxMessages": str(BATCH), "returnImmediately": "true"}
        return Load(url, json.dumps(request).encode(), self.node.service_token)

    async def prepare(self) -> None:
        """Makes a project with one topic and subscription."""
        await self.call("POST", f"/v1/projects/{PROJECT}", {})
        await self.make_topic("one")

    async def make_topic(self, name: str) -> None:
        """Makes a topic and a subscription of the same name."""
        await self.call("PUT", f"/v1/projects/{PROJECT}/topics/{name}")
        topic = {"topic": f"projects/{PROJECT}/topics/{name}"}
        await self.call("PUT", f"/v1/projects/{PROJECT}/subscriptions/{name}", topic)

    async def call(self, method: str, path: str, json: object = None) -> httpx.Response:
        """A request that must succeed."""
        answer = await self.node.request(method, path, json=json)
        answer.raise_for_status()
        return answer

    async def one_message(self) -> Figure:
        """A publish of one message against parsing its body."""
        ratios = compare(self.publish(1).rate, self.parse(1).rate)
        return Figure.of("publish, one 1 KB message / bare handler", ratios, 0.6)

    async def batches(self) -> Figure:
        """A publish of a batch against parsing its body."""
        ratios = compare(self.publish(BATCH).rate, self.parse(BATCH).rate)
        return Figure.of("publish, batch of 100 / bare handler", ratios, 0.6)

    async def pulling(self) -> Figure:
        """Messages a second out against messages a second in; each is read many times."""
        ratios = compare(self.pull().rate, self.publish(BATCH).rate)
        return Figure.of("pull of 100 / publish of 100", ratios, 2.0)

    async def reading(self) -> Figure:
        """The same where each pull reads its messages from Redis: they are on their way to one."""
        with tempfile.TemporaryDirectory(prefix="ams-") as name:
            messages = {**self.node.settings["messages"], "recent_bytes": 0}
            sections = {**self.node.settings, "messages": messages, "server": {}}
            node = Node(Path(name), make_certificates(Path(name)), sections)
            try:
                await node.start()
                pull = replace(self.pull(), url=self.pull().url.replace(self.node.http, node.http))
                ratios = compare(pull.rate, self.publish(BATCH).rate)
            finally:
                await node.close()
        name = "pull of 100, none of them kept in memory / publish of 100"
        return Figure.of(name, ratios, 2.0)

    async def schema(self) -> Figure:
        """A publish of a batch that fits a schema against one that nobody checks."""
        properties = {f"p{number}": {"type": "string"} for number in range(PROPERTIES)}
        body = {
            "type": "json",
            "schema": {"type": "object", "properties": properties, "required": [*properties]},
        }
        await self.call("POST", f"/v1/projects/{PROJECT}/schemas/bench", body)
        for name in ("checked", "unchecked"):
            await self.make_topic(name)
        reference = {"schema": f"projects/{PROJECT}/schemas/bench"}
        await self.call("POST", f"/v1/projects/{PROJECT}/topics/checked:attachSchema", reference)
        text = json.dumps(dict.fromkeys(properties, "x" * 26))
        message = {"data": base64.b64encode(text.encode()).decode()}
        batch = json.dumps({"messages": [message] * BATCH}).encode()

        def publish(topic: str) -> float:
            return replace(self.publish(BATCH, topic), body=batch).rate()

        ratios = compare(lambda: publish("checked"), lambda: publish("unchecked"))
        return Figure.of("batch of 100, with a schema / without", ratios, 0.5)

    async def memory(self) -> Figure:
        """Memory that Redis takes for a log, against the size of its messages."""
        async with Redis.from_url(self.redis.url) as redis:
            others = {key async for key in redis.scan_iter("ams:*:log")}
            await self.make_topic("memory")
            for _ in range(MESSAGES):  # One by one: none shares an entry with another.
                await self.publish_one("memory")
            logs = {key async for key in redis.scan_iter("ams:*:log")} - others
            used = await redis.memory_usage(logs.pop(), samples=0) or 0
        size = len(DATA) + len("source") + len("bench")
        value = used / (MESSAGES * size)
        return Figure("memory in Redis / size of a 1 KB message", value, 1.25, at_least=False)

    async def waiting(self) -> Figure:
        """From a publish's answer to the waiting pull's, against an empty request."""
        await self.make_topic("waiting")
        loop = asyncio.get_running_loop()
        late, empty = [], []
        pull = f"/v1/projects/{PROJECT}/subscriptions/waiting:pull"
        ack = f"/v1/projects/{PROJECT}/subscriptions/waiting:acknowledge"
        async with httpx.AsyncClient(base_url=self.reference, trust_env=False) as reference:
            for _ in range(SAMPLES):
                start = time.perf_counter()
                (await reference.get("/")).raise_for_status()
                empty.append(time.perf_counter() - start)
                received: asyncio.Future[tuple[float, str]] = loop.create_future()

                async def receive(result: asyncio.Future[tuple[float, str]] = received) -> None:
                    answer = await self.call("POST", pull, {"returnImmediately": "false"})
                    at = time.perf_counter()
                    result.set_result((at, answer.json()["receivedMessages"][0]["ackId"]))

                task = asyncio.create_task(receive())
                await eventually(self._one_waits)
                await self.node.request(
                    "POST", f"/v1/projects/{PROJECT}/topics/waiting:publish", content=body(1)
                )
                published = time.perf_counter()
                at, ack_id = await received
                await task
                late.append(max(0.0, at - published))
                await self.call("POST", ack, {"ackIds": [ack_id]})
        value = statistics.median(late) / statistics.median(empty)
        return Figure("waiting pull / empty request, medians", value, 3.0, at_least=False)

    async def _one_waits(self) -> bool:
        text = (await self.node.request("GET", "/metrics")).text
        return "ams_waiting_pulls 1.0" in text

    async def pushing(self) -> Figure:
        """From a publish's answer to the receiver, against an empty request to that receiver."""
        late, empty = await lateness(self.redis, SAMPLES, DATA)
        name = f"pushed message / empty request ({empty * 1000:.1f} ms), medians"
        return Figure(name, late / empty, 5.0, at_least=False)

    async def scraping(self) -> Figure:
        """Publishing while Prometheus asks the broker each second, against nobody asking it."""
        scraper = Scraper(f"{self.node.http}/metrics", 1.0)
        ratios = cost_of(scraper, self.publish(1))
        name = "publish, broker scraped each second / not scraped"
        return Figure.of(name, ratios, 0.98, scraper)

    async def exporting(self) -> Figure:
        """Publishing while the exporter is asked about 10,000 topics, against nobody asking it."""
        name = "publish, exporter scraped each 15 s / not, 10,000 topics"
        return await self._cost_of_exporter(name, SCRAPE_SECONDS, SCRAPE_SECONDS)

    async def exporting_always(self) -> Figure:
        """The same while it reads all the time: what publishers see during a scrape.

        Here it takes a processor from broker, Redis and load, which it would not elsewhere.
        """
        name = "publish, exporter scraped without a pause / not, 10,000 topics"
        return await self._cost_of_exporter(name, 0.0)

    async def _cost_of_exporter(self, name: str, interval: float, *seconds: int) -> Figure:
        await self.make_many_topics()
        with (
            tempfile.TemporaryDirectory(prefix="ams-") as folder,
            exporter_on(Path(folder), self.node.config) as exporter,
        ):
            scraper = Scraper(f"{exporter.url}/metrics", interval)
            ratios = cost_of(scraper, self.publish(1), *seconds)
        return Figure.of(name, ratios, 0.95, scraper)

    async def make_many_topics(self) -> None:
        """Makes 10,000 topics with a subscription and a message each, unless they are there."""
        if self._many:
            return
        await self.for_all_topics(self.make_topic)
        # A first message each: what is measured is the traffic, not the first look-up.
        await self.for_all_topics(self.publish_one)
        self._many = True

    async def for_all_topics(self, work: Callable[[str], Awaitable[None]]) -> None:
        """Does something with each of many topics, some at a time."""
        names = iter([f"turn-{number}" for number in range(TOPICS)])

        async def run() -> None:
            for name in names:
                await work(name)

        await asyncio.gather(*(run() for _ in range(8)))

    async def publish_one(self, topic: str) -> None:
        """Publishes one message."""
        path = f"/v1/projects/{PROJECT}/topics/{topic}:publish"
        (await self.node.request("POST", path, content=body(1))).raise_for_status()

    async def among_topics(self) -> Figure:
        """One topic that has 10,000 beside it, against the same before they are made.

        What is done to all of them each minute takes part: the second runs take longer than that.
        These are no turns, so a machine that becomes slower or faster meanwhile counts, too.
        """
        publish = self.publish(1)
        publish.rate()
        alone = statistics.median([publish.rate() for _ in range(PAIRS)])
        await self.make_many_topics()
        ratios = Ratios([publish.rate() / alone for _ in range(3 * PAIRS)])
        return Figure.of("publish to one of 10,000 topics / to the only one", ratios, 0.9)

    async def many_topics(self) -> Figure:
        """10,000 topics by turns against one, and what both take of the worker's processor.

        What the machine and Redis have to do with it, the same with a bare handler tells.
        """
        await self.make_many_topics()
        many, one = (
            Metered(self.publish(1, "turn-TURN", topics), self.node.process.pid)
            for topics in (TOPICS, 1)
        )
        ratios = compare(many.rate, one.rate)
        cost = f"of the worker's time {one.cost / many.cost:.2f}"
        bare = f"a bare handler's to Redis streams {self._many_streams().median:.2f}"
        return Figure.of("publish to 10,000 topics / to one", ratios, 0.9, cost, bare)

    def _many_streams(self) -> Ratios:
        with tempfile.TemporaryDirectory(prefix="ams-") as name, redis_server() as redis:
            port = free_port()
            command = [sys.executable, "-m", "tests.bench.streams", str(port), str(redis.port)]
            process = ChildProcess("streams", command, Path(name))
            process.start()
            try:
                with socket.socket() as probe:
                    eventually_sync(lambda: probe.connect_ex(("127.0.0.1", port)) == 0)
                url = f"http://127.0.0.1:{port}/publish?turn-TURN"
                many, one = (Load(url, body(1), topics=topics) for topics in (TOPICS, 1))
                return compare(many.rate, one.rate)
            finally:
                process.kill()


async def main() -> int:
    """Measures everything, or what the arguments name."""
    with tempfile.TemporaryDirectory(prefix="ams-") as name:
        folder = Path(name)
        port = free_port()
        reference = ChildProcess(
            "reference", [sys.executable, "-m", "tests.bench.reference", str(port)], folder
        )
        with redis_server() as redis:
            sections: dict[str, dict[str, object]] = {
                "redis": {"url": redis.url},
                "database": {"url": f"sqlite://{folder}/ams.db"},
                "messages": {"retention_bytes": RETENTION_BYTES},
            }
            node = Node(folder, make_certificates(folder), sections)
            node.migrate()
            reference.start()
            try:
                await node.start()
                bench = Bench(node, redis, f"http://127.0.0.1:{port}")
                await bench.prepare()
                figures: list[Callable[[], Awaitable[Figure]]] = [
                    bench.one_message,
                    bench.batches,
                    bench.pulling,
                    bench.reading,
                    bench.schema,
                    bench.waiting,
                    bench.pushing,
                    bench.memory,
                    bench.among_topics,  # Before others that need 10,000 topics.
                    bench.scraping,
                    bench.many_topics,
                    bench.exporting,
                    bench.exporting_always,
                ]
                for figure in figures:
                    if not sys.argv[1:] or figure.__name__ in sys.argv[1:]:
                        print(await figure(), flush=True)
            finally:
                reference.kill()
                await node.close()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
