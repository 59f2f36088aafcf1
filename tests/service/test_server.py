"""Starting and stopping a service, alone and with workers."""

import asyncio
import os
import resource
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, ExitStack
from functools import partial
from pathlib import Path
from typing import Protocol

import httpx
import pytest
import pytest_asyncio

from tests.certificates import Certificates
from tests.eventually import eventually
from tests.processes import free_port
from tests.service.service import TOPIC, Service, error, read_answer

OLD_TLS = ssl.TLSVersion.TLSv1_1
#: Files more than the tests have open that a process may, if it does not ask for more.
FEW_FILES = 128


class StartService(Protocol):
    """Starts the sample service with some environment variables."""

    def __call__(self, **variables: str) -> Awaitable[Service]: ...


@pytest_asyncio.fixture
async def start(tmp_path: Path) -> AsyncIterator[StartService]:
    """Services that end with the test."""
    with ExitStack() as closing:

        async def start_one(**variables: str) -> Service:
            service = Service(tmp_path, **variables)
            closing.callback(service.process.kill)
            return await service.start()

        yield start_one


@pytest_asyncio.fixture(scope="module")
async def impatient(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    service = Service(tmp_path_factory.mktemp("impatient"), SAMPLE_IMPATIENT="1")
    yield await service.start()
    service.process.kill()


async def refuses(service: Service, within: float = 10.0) -> None:
    """Waits until nobody listens any more."""

    async def refused() -> bool:
        try:
            async with service.connection():
                return False
        except ConnectionRefusedError:
            return True

    await eventually(refused, within=within)


async def ended(service: Service, within: float = 10.0) -> int | None:
    await eventually(lambda: service.process.exit_code is not None, within=within)
    return service.process.exit_code


@pytest.mark.parametrize(
    ("number", "workers"), [(signal.SIGTERM, "1"), (signal.SIGINT, "1"), (signal.SIGTERM, "2")]
)
async def test_running_request_is_finished_before_the_service_stops(
    start: StartService, number: signal.Signals, workers: str
) -> None:
    service = await start(AMS_SERVER__WORKERS=workers)
    request = asyncio.create_task(service.get("/v1/sleep/1"))
    await service.line(msg="sleeping")
    service.process.signal(number)
    reply = await request
    assert (reply.status, reply.body) == (200, b'"slept"')
    assert reply.headers["connection"] == "close"
    assert await ended(service) == 0
    assert service.lines(msg="let go of everything")
    assert service.lines(level="error") == []


async def test_waiting_requests_are_answered_when_the_service_stops(start: StartService) -> None:
    service = await start(AMS_SERVER__DRAIN_SECONDS="0.5")
    request = asyncio.create_task(service.get("/v1/wait"))
    await service.line(msg="waiting")
    service.process.signal(signal.SIGTERM)
    assert (await request).body == b'"drained"'
    assert await ended(service) == 0


async def test_draining_service_is_not_ready_but_answers(start: StartService) -> None:
    service = await start(AMS_SERVER__DRAIN_SECONDS="30")
    assert (await service.get("/readyz")).json() == {"status": "ok", "checks": {"store": "ok"}}
    service.process.signal(signal.SIGTERM)
    await service.line(msg="stopping")
    reply = await service.get("/readyz")
    assert (reply.status, reply.json()["status"]) == (503, "draining")
    assert (await service.get("/v1/state")).status == 200
    # A second signal means: now.
    service.process.signal(signal.SIGTERM)
    assert await ended(service) == 0


async def test_idle_connections_are_closed_when_the_service_stops(start: StartService) -> None:
    service = await start()
    async with service.connection() as (used, writer), service.connection() as (fresh, _):
        writer.write(b"GET /v1/state HTTP/1.1\r\n\r\n")
        assert (await read_answer(used)).headers["connection"] == "keep-alive"
        service.process.signal(signal.SIGTERM)
        assert await asyncio.wait_for(used.read(), 10) == b""
        assert await asyncio.wait_for(fresh.read(), 10) == b""
        assert await ended(service) == 0


async def test_request_that_does_not_end_is_cut_off(start: StartService) -> None:
    service = await start(AMS_SERVER__STOP_SECONDS="0.3")
    request = asyncio.create_task(service.get("/v1/sleep/60"))
    await service.line(msg="sleeping")
    service.process.signal(signal.SIGTERM)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await request
    assert await ended(service) == 0
    assert (await service.line(msg="requests cut off"))["count"] == 1
    assert (await service.line(type="request_log", path="/v1/sleep/60"))["status_code"] == 499


async def test_client_of_a_bad_request_is_not_waited_for_long(impatient: Service) -> None:
    """Also if it is like the one before on its connection."""
    good, bad = (
        f"POST {path} HTTP/1.1\r\nContent-Length: 5\r\n\r\n".encode()
        for path in (f"{TOPIC}:publish", "no-path")
    )
    async with impatient.client as client:

        async def there_are(number: int) -> bool:
            page = (await client.get("/metrics")).text
            return f"\nams_open_connections {number}.0\n" in page

        async with impatient.connection() as (reader, writer):
            writer.write(good + b"hello")
            assert (await read_answer(reader)).status == 200
            await eventually(partial(there_are, 2))
            writer.write(bad)
            assert (await read_answer(reader)).status == 400
            await eventually(partial(there_are, 1))


@pytest.mark.parametrize(
    "beginning",
    [
        b"GET /v1/st",
        b"GET /v1/state HTTP/1.1\r\nHost: h\r\n",
        b"POST /v1/projects/P/topics/T:publish HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf",
    ],
)
async def test_client_that_stops_sending_is_told_so(impatient: Service, beginning: bytes) -> None:
    answer = await impatient.send(beginning)
    assert (answer.status, answer.headers["connection"]) == (408, "close")
    assert answer.json() == error(408, "Request Timeout", "TIMEOUT")


async def test_not_ready_while_a_store_is_away(start: StartService, tmp_path: Path) -> None:
    store = tmp_path / "store"
    service = await start(SAMPLE_STORE=str(store))
    reply = await service.get("/readyz")
    assert (reply.status, reply.json()) == (
        503,
        {"status": "unavailable", "checks": {"store": "Store is away"}},
    )
    store.touch()
    assert (await service.get("/readyz")).status == 200


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_port_in_use_is_told_in_one_line(
    start: StartService, tmp_path: Path, workers: str
) -> None:
    first = await start(AMS_SERVER__WORKERS=workers)
    folder = tmp_path / "second"
    folder.mkdir()
    second = Service(folder, AMS_SERVER__HTTP_PORT=str(first.port), AMS_SERVER__WORKERS=workers)
    second.process.start()
    assert await ended(second) == 1
    (line,) = second.lines()
    assert line["msg"] == (
        f"can't start: server.http_port: can't listen on http://127.0.0.1:{first.port}:"
        " Address already in use"
    )
    assert (await first.get("/healthz")).status == 200


@pytest.mark.parametrize(
    ("variable", "message", "workers"),
    [
        ("SAMPLE_REFUSES", "can't start: Store is away", "1"),
        ("SAMPLE_REFUSES", "can't start: Store is away", "2"),
        ("SAMPLE_BREAKS", "can't start", "1"),
    ],
)
async def test_service_that_can_not_start_ends(
    tmp_path: Path, variable: str, message: str, workers: str
) -> None:
    service = Service(tmp_path, AMS_SERVER__WORKERS=workers, **{variable: "1"})
    service.process.start()
    assert await ended(service) == 1
    line = await service.line(msg=message)
    assert ("exception" in line) == (variable == "SAMPLE_BREAKS")
    assert service.lines(msg="let go of everything")


async def test_service_without_a_listener_does_not_start(tmp_path: Path) -> None:
    service = Service(tmp_path, AMS_SERVER__HTTP_PORT="0")
    service.process.start()
    assert await ended(service) == 1
    assert "neither http_port nor https_port" in service.lines()[0]["msg"]


async def test_one_process_serves_both_listeners(
    start: StartService, certificates: Certificates
) -> None:
    port = free_port()
    service = await start(
        AMS_SERVER__HTTPS_HOST="127.0.0.1",
        AMS_SERVER__HTTPS_PORT=str(port),
        AMS_SERVER__CERTIFICATE=str(certificates.certificate),
        AMS_SERVER__CERTIFICATE_KEY=str(certificates.key),
    )
    tls = ssl.create_default_context(cafile=certificates.ca)
    async with httpx.AsyncClient(verify=tls, trust_env=False) as client:
        secure = (await client.get(f"https://localhost:{port}/v1/state")).json()
        assert secure == (await client.get(f"{service.url}/v1/state")).json()
        large = await client.get(f"https://localhost:{port}/v1/big/5000000")
        assert len(large.content) == 5_000_000
    assert service.process.terminate() == 0


def only(version: ssl.TLSVersion, ca: Path) -> ssl.SSLContext:
    """A client that speaks one version of TLS."""
    tls = ssl.create_default_context(cafile=ca)
    tls.minimum_version = tls.maximum_version = version
    tls.set_ciphers("DEFAULT:@SECLEVEL=0")  # Else OpenSSL would not try the old one at all.
    return tls


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
async def test_old_tls_is_refused(start: StartService, certificates: Certificates) -> None:
    port = free_port()
    await start(
        AMS_SERVER__HTTPS_HOST="127.0.0.1",
        AMS_SERVER__HTTPS_PORT=str(port),
        AMS_SERVER__CERTIFICATE=str(certificates.certificate),
        AMS_SERVER__CERTIFICATE_KEY=str(certificates.key),
    )
    new, old = (only(version, certificates.ca) for version in (ssl.TLSVersion.TLSv1_2, OLD_TLS))
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=new)
    writer.close()
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection("127.0.0.1", port, ssl=old)


async def test_certificate_that_can_not_be_read_is_told(tmp_path: Path) -> None:
    service = Service(
        tmp_path,
        AMS_SERVER__HTTPS_PORT=str(free_port()),
        AMS_SERVER__CERTIFICATE="/nothing/server.pem",
        AMS_SERVER__CERTIFICATE_KEY="/nothing/server.key",
    )
    service.process.start()
    assert await ended(service) == 1
    (line,) = service.lines()
    assert line["msg"] == "can't start: server.certificate: /nothing/server.pem can't be read"


#: Requests after which each worker has had one, or it would be a miracle.
ASKED = 40


async def pids(service: Service) -> set[int]:
    """Processes that answer, each asked on many connections."""
    replies = await asyncio.gather(*(service.get("/v1/state") for _ in range(ASKED)))
    return {reply.json()["pid"] for reply in replies}


async def test_workers_share_a_listener(start: StartService) -> None:
    service = await start(AMS_SERVER__WORKERS="2")
    await eventually(lambda: len(service.lines(msg="listening")) == 2)
    answering = await pids(service)
    assert len(answering) == 2
    assert service.process.pid not in answering
    assert service.process.terminate() == 0
    for pid in answering:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_worker_that_is_killed_is_replaced(start: StartService) -> None:
    service = await start(AMS_SERVER__WORKERS="2")
    await eventually(lambda: len(service.lines(msg="listening")) == 2)
    killed, other = await pids(service)
    os.kill(killed, signal.SIGKILL)
    await eventually(lambda: len(service.lines(msg="listening")) == 3)
    # Whoever came in between was kept waiting, not turned away.
    replaced = await pids(service)
    assert other in replaced
    assert killed not in replaced
    assert len(replaced) == 2
    assert "was killed by SIGKILL" in service.lines(level="error")[0]["msg"]
    assert service.process.terminate() == 0


async def test_workers_do_not_outlive_their_parent(start: StartService) -> None:
    service = await start(AMS_SERVER__WORKERS="2")
    await eventually(lambda: len(service.lines(msg="listening")) == 2)
    os.kill(service.process.pid, signal.SIGKILL)
    await refuses(service)


async def test_metrics_are_those_of_all_workers(start: StartService) -> None:
    service = await start(AMS_SERVER__WORKERS="2")
    await eventually(lambda: len(service.lines(msg="listening")) == 2)
    assert len(await pids(service)) == 2
    for _ in range(5):  # Whoever answers.
        assert f"sample_states_total {ASKED}.0" in (await service.get("/metrics")).body.decode()


async def test_lines_of_workers_are_whole(start: StartService) -> None:
    """They write to one file."""
    service = await start(AMS_SERVER__WORKERS="2")
    await asyncio.gather(*(pids(service) for _ in range(5)))
    assert service.process.terminate() == 0
    assert len(service.lines(type="request_log", path="/v1/state")) == 5 * ASKED


async def test_service_whose_log_nobody_reads_goes_on(tmp_path: Path) -> None:
    """A pipe that is full must not stop the event loop."""
    service = Service(tmp_path)
    read_end, write_end = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *service.process.command, env=service.process.environment, stderr=write_end
    )
    try:
        await eventually(service.answers)
        async with service.connection() as (reader, writer):
            for _ in range(600):  # Each logs 200 bytes and more; a pipe holds 64 KiB.
                writer.write(b"GET /v1/state HTTP/1.1\r\n\r\n")
                assert (await read_answer(reader)).status == 200
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 10) == 0
    finally:
        if process.returncode is None:
            process.kill()
        os.close(read_end)
        os.close(write_end)


async def test_service_listens_on_ipv6(start: StartService) -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    service = await start(AMS_SERVER__HTTP_HOST="::")
    reader, writer = await asyncio.open_connection("::1", service.port)
    writer.write(b"GET /v1/empty HTTP/1.1\r\n\r\n")
    assert (await read_answer(reader)).status == 200
    writer.close()


def open_files() -> int:
    """How many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_connections_are_as_many_as_the_system_allows(start: StartService) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # The limit is handed down by this process, which has many open itself by now.
    few = open_files() + FEW_FILES
    resource.setrlimit(resource.RLIMIT_NOFILE, (few, hard))
    try:
        service = await start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    async with AsyncExitStack() as idle:
        for _ in range(2 * few):
            await idle.enter_async_context(service.connection())
        assert (await service.get("/healthz")).status == 200
