"""A real Prometheus in a temporary folder and on a free port of this machine, and promtool."""

import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import httpx

from tests.processes import ChildProcess
from tests.servers import MissingPart, Server

#: How long an answer may take, in seconds.
TIMEOUT_SECONDS = 5.0

#: A JSON object. Any: the values are of many types.
Object = dict[str, Any]


def program(name: str) -> Path:
    """`prometheus` or `promtool` of this machine.

    Raises:
        MissingPart: it is not there.
    """
    found = shutil.which(name)
    if found is None:
        raise MissingPart(f"no {name} found; run scripts/system-packages --for test")
    return Path(found)


class Prometheus(Server):
    """A Prometheus with the configuration that is in `configuration` when it starts."""

    def __init__(self) -> None:
        super().__init__("prometheus")
        self.configuration = self.folder / "prometheus.yml"
        self._client = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", timeout=TIMEOUT_SECONDS, trust_env=False
        )
        self.process = ChildProcess(
            self.name,
            [
                program("prometheus"),
                f"--config.file={self.configuration}",
                f"--storage.tsdb.path={self.folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
                "--log.level=warn",
            ],
            self.folder,
        )

    def answers(self) -> bool:
        try:
            return self._client.get("/-/ready").is_success
        except httpx.TransportError:
            return False

    def close(self) -> None:
        """Ends it and removes its data."""
        self._client.close()
        super().close()

    def reload(self) -> None:
        """Has it read its configuration again; that takes it a moment."""
        self.process.signal(signal.SIGHUP)

    def query(self, expression: str) -> list[Object]:
        """The samples that an expression has now.

        Raises:
            AssertionError: it is none.
        """
        result: list[Object] = self._get("query", query=expression)["result"]
        return result

    def firing(self) -> set[str]:
        """Names of the alerts that fire."""
        return {
            alert["labels"]["alertname"]
            for alert in self._get("alerts")["alerts"]
            if alert["state"] == "firing"
        }

    def rules(self) -> list[Object]:
        """All rules, as it understands them."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def _get(self, what: str, **parameters: str) -> Object:
        answer = self._client.get(f"/api/v1/{what}", params=parameters)
        assert answer.is_success, answer.text
        data: Object = answer.json()["data"]
        return data


def promtool(*arguments: str | Path) -> str:
    """What promtool prints.

    Raises:
        AssertionError: it says that something is wrong.
    """
    command = [program("promtool"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
