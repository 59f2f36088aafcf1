"""Worker processes, and subscriptions for them."""

from typing import Any, Self

import httpx

from ams.service.settings_sections import PushSettings
from tests.api.client import Object, Project, assert_empty
from tests.eventually import eventually
from tests.node import START_SECONDS, Node, clean_environment
from tests.processes import ChildProcess, free_port
from tests.push.endpoints import Endpoint, Endpoints

#: How long workers count as alive that have said so, in seconds, where nobody says something else.
DEFAULT_LEASE_SECONDS = PushSettings().lease_seconds


class PushWorker:
    """`ams push` on the settings of a node, but for how long it counts as alive."""

    def __init__(self, node: Node, lease_seconds: float = DEFAULT_LEASE_SECONDS) -> None:
        self.port = free_port()
        settings = {"PORT": str(self.port), "LEASE_SECONDS": str(lease_seconds)}
        self.process = ChildProcess(
            f"push-{self.port}",
            node.command("push"),
            node.folder,
            environment={
                **clean_environment(),
                **{f"AMS_PUSH__{name}": value for name, value in settings.items()},
            },
            death_signal="TERM",
        )

    async def start(self) -> Self:
        """Runs it; returns once it says that it is ready."""
        self.process.start()
        await eventually(self._is_ready_or_gone, within=START_SECONDS)
        assert self.process.running, self.process.log()
        return self

    async def ask(self, path: str) -> httpx.Response:
        """Asks it for its health."""
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.get(f"http://127.0.0.1:{self.port}{path}")

    async def driven(self) -> int:
        """How many subscriptions it pushes."""
        lines = (await self.ask("/metrics")).text.splitlines()
        (line,) = [line for line in lines if line.startswith("ams_push_subscriptions ")]
        return int(float(line.rpartition(" ")[2]))

    async def _is_ready_or_gone(self) -> bool:
        if not self.process.running:
            return True
        try:
            return (await self.ask("/readyz")).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


async def push_to(
    project: Project,
    endpoints: Endpoints,
    endpoint: Endpoint,
    name: str = "s",
    topic: str = "t",
    **config: Any,  # noqa: ANN401 (fields of a pushConfig)
) -> Object:
    """Makes a subscription that is pushed to an endpoint, and verifies this."""
    wanted = {"type": "http_endpoint", "pushEndpoint": endpoint.url, **config}
    made = await project.subscription(name, topic, pushConfig=wanted)
    endpoints.hash = made["pushConfig"]["verificationHash"]
    path = f"/subscriptions/{name}:verifyPushEndpoint"
    assert_empty(await project.request("POST", path))
    return made


async def shown(project: Project, name: str = "s") -> Object:
    """A subscription as it is shown."""
    answer = await project.request("GET", f"/subscriptions/{name}")
    assert answer.status_code == httpx.codes.OK, answer.text
    found: Object = answer.json()
    return found
