"""AuthN from start to stop, and with its database away."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from ams.service.database import DatabaseError
from ams.service.settings import SettingsError, load_settings
from authn.api.lifecycle import Lifecycle
from tests.authn import der
from tests.authn.authority import Authority
from tests.authn.conftest import StartAuthn
from tests.authn.make import make_mapping, make_service_type
from tests.authn.node import Authn, assert_authn_error
from tests.authn.target import Answer, Target
from tests.certificates import Certificates
from tests.eventually import eventually
from tests.mariadb import MariaDB


def refusal(authn: Authn) -> str:
    """What AuthN, which does not start, says."""
    done = subprocess.run(
        authn.command("serve"),
        cwd=authn.folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode in (1, 2), done.stderr
    return done.stderr


@pytest.fixture
def unstarted(tmp_path: Path, certificates: Certificates, authority: Authority) -> Authn:
    return Authn(tmp_path, certificates, authority, {})


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"service_token": ""}, "authn.service_token: AuthN needs one"),
        ({"token_keys": []}, "authn.token_keys: AuthN needs at least one key"),
        ({"certificate": ""}, "authn.certificate: AuthN needs one"),
        ({"certificate_key": "/none"}, "authn.certificate_key: /none can't be read"),
        ({"ca_file": "/none"}, "authn.ca_file: /none holds no certificates"),
        ({"database_url": "sqlite://relative"}, "authn.database_url: a file is written"),
        ({"database_url": "postgres://x"}, "authn.database_url: must start with sqlite://"),
        ({"certificate_header": "X-C"}, "authn.certificate_proxies: "),
        ({"certificate_header": "X C"}, "authn.certificate_header: is no name of a header"),
        ({"certificate_proxies": ["10.0.0.1/8"]}, "authn.certificate_proxies: "),
        ({"service_types_paths": {"ams": "users"}}, "ams: must begin with one slash"),
        ({"service_types_paths": {"ams": "/users"}}, "ams: must have {{identifier}}"),
        ({"issuer": "http://x"}, "authn.issuer: must start with https://"),
        ({"issuer": "https://x#"}, "authn.issuer: must have no # and no ?"),
        ({"oidc_issuers": {"x": "a"}}, "authn.oidc_issuers: must start with https://"),
        ({"oidc_issuers": {"https://x?a": "a"}}, "authn.oidc_issuers: must have no # and no ?"),
        ({"oidc_issuers": {"https://x": ""}}, "authn.oidc_issuers: https://x: needs an audience"),
    ],
)
async def test_settings_that_do_not_suffice_are_named(
    tmp_path: Path,
    certificates: Certificates,
    authority: Authority,
    settings: dict[str, object],
    why: str,
) -> None:
    authn = Authn(tmp_path, certificates, authority, settings)
    with pytest.raises((SettingsError, DatabaseError)) as refused:
        Lifecycle(load_settings(authn.config)).endpoints()
    assert why in str(refused.value)


async def test_it_does_not_start_without_a_database_of_its_version(unstarted: Authn) -> None:
    said = refusal(unstarted)
    assert "run `ams authn migrate`" in said
    assert "Traceback" not in said


async def test_a_port_in_use_is_named(unstarted: Authn) -> None:
    unstarted.migrate()
    with socket.create_server(("127.0.0.1", int(str(unstarted.settings["port"])))):
        assert f"authn.port: can't listen on {unstarted.url}" in refusal(unstarted)


def nobody_listens(authn: Authn) -> bool:
    try:
        socket.create_connection(("127.0.0.1", int(str(authn.settings["port"])))).close()
    except ConnectionRefusedError:
        return True
    return False


async def test_on_sigterm_it_finishes_what_runs_and_exits_with_0(
    start_authn: StartAuthn, authority: Authority, certificates: Certificates, name: str
) -> None:
    authn = await start_authn(verify_certificate=False)
    held = threading.Event()
    with Target(certificates) as target:
        target.answer = Answer(pause=held)
        await make_mapping(authn, name, f"CN={name}", target.port)
        mapping = asyncio.create_task(authn.map(authority.issue(der.name(("CN", name))), name))
        await eventually(lambda: target.asked)
        authn.process.signal(signal.SIGTERM)
        await eventually(lambda: nobody_listens(authn))
        held.set()
        assert (await mapping).json() == {"token": "the-token"}
        assert await asyncio.to_thread(authn.process.terminate) == 0
    assert '"level":"error"' not in authn.log()


async def test_several_processes_share_the_listener_and_a_killed_one_is_replaced(
    start_authn: StartAuthn, name: str
) -> None:
    authn = await start_authn(workers=2)
    await make_service_type(authn, name)
    children = Path(f"/proc/{authn.process.pid}/task/{authn.process.pid}/children")
    await eventually(lambda: len(children.read_text().split()) == 2)
    killed = await eventually(lambda: children.read_text().split()[0])
    os.kill(int(killed), signal.SIGKILL)
    await eventually(lambda: "was killed by SIGKILL" in authn.log())

    async def answers() -> bool:
        with contextlib.suppress(Exception):
            async with authn.client_with(None) as client:
                return (await client.get("/readyz")).is_success
        return False

    await eventually(answers)
    assert await asyncio.to_thread(authn.process.terminate) == 0


async def test_with_the_database_away_it_is_500_and_not_ready_until_it_is_back(
    start_authn: StartAuthn, mariadb: MariaDB, name: str
) -> None:
    """Contract: 1.4."""
    authn = await start_authn(database_url=mariadb.create_database())
    await make_service_type(authn, name)
    mariadb.process.kill()
    try:
        answer = await authn.request("GET", f"/v1/service-types/{name}")
        message = "Database Error: Database is unavailable, try again later"
        assert_authn_error(answer, 500, "INTERNAL SERVER ERROR", message)
        assert (await authn.client.get("/readyz")).status_code == 503
        assert (await authn.client.get("/v1/health")).is_success
    finally:
        mariadb.start()

    async def is_back() -> bool:
        return (await authn.request("GET", f"/v1/service-types/{name}")).is_success

    await eventually(is_back)
