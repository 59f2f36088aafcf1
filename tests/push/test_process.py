"""`ams push` as a process: when it starts, what it tells, how it ends."""

import subprocess

import httpx

from tests.eventually import eventually
from tests.node import SERVICE_TOKEN
from tests.push.conftest import Pushing
from tests.push_worker import WORKER_TOKEN


def refused(pushing: Pushing, **environment: str) -> tuple[int, str]:
    """Exit status and output of one that does not start."""
    done = subprocess.run(
        pushing.node.command("push"),
        env=environment,
        cwd=pushing.node.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_it_does_not_start_where_nothing_is_to_be_pushed(pushing: Pushing) -> None:
    status, output = refused(pushing, AMS_PUSH__ENABLED="false")
    assert status == 2
    assert "push.enabled: is false" in output


async def test_it_tells_how_it_is_and_no_secret(pushing: Pushing) -> None:
    worker = await pushing.add_worker()
    assert (await worker.ask("/healthz")).json() == {"status": "ok"}
    ready = {"status": "ok", "checks": {"redis": "ok", "database": "ok"}}
    assert (await worker.ask("/readyz")).json() == ready
    pushing.redis.pause()
    try:
        assert (await worker.ask("/readyz")).status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert (await worker.ask("/healthz")).status_code == httpx.codes.OK
    finally:
        pushing.redis.resume()
    await eventually(lambda: _is_ready(worker.port))
    assert worker.process.terminate() == 0
    log = worker.process.log()
    assert not any(token in log for token in (WORKER_TOKEN, SERVICE_TOKEN))


async def _is_ready(port: int) -> bool:
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(f"http://127.0.0.1:{port}/readyz")).is_success


async def test_two_on_one_port_are_refused(pushing: Pushing) -> None:
    worker = await pushing.add_worker()
    status, output = refused(pushing, AMS_PUSH__PORT=str(worker.port))
    assert status == 1
    assert "push.port: can't listen" in output
