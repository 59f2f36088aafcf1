"""`ams up` from start to stop, and what it keeps from one run to the next."""

import os
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.command import Ams
from tests.cli.data_folder import Up
from tests.eventually import eventually_sync
from tests.processes import free_port


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    """An `ams up` of the test's own, not started."""
    with Up(tmp_path) as up:
        yield up


def publish(up: Up, text: str) -> str:
    """Publishes to the demo topic, and returns the id."""
    published = Ams(up.folder)("publish", "demo-topic", text)
    assert published.status == 0, published.errors
    return published.output.strip()


def pulled(up: Up) -> str:
    shown = Ams(up.folder)("pull", "demo-sub")
    assert shown.status == 0, shown.errors
    return shown.output


def token_by_certificate(up: Up) -> str:
    """The token that the development CA's client gets from AuthN."""
    return str(asked_of_authn(up, "GET", "authx509")["token"])


def asked_of_authn(up: Up, method: str, verb: str) -> dict[str, object]:
    """What AuthN answers to the development CA's client."""
    credentials = up.credentials()
    context = ssl.create_default_context(cafile=credentials["ca"])
    context.load_cert_chain(credentials["client"]["certificate"], credentials["client"]["key"])
    url = f"{credentials['authn']['https']}/v1/service-types/ams/hosts/127.0.0.1:{verb}"
    answer = httpx.request(method, url, verify=context, trust_env=False)
    assert answer.is_success, answer.text
    answered: dict[str, object] = answer.json()
    return answered


def called_with_signed_token(up: Up) -> object:
    """Who the broker takes for the development CA's client, by a token that AuthN signs."""
    token = asked_of_authn(up, "POST", "issue")["access_token"]
    url = f"{up.credentials()['broker']['http']}/v1/users/profile"
    answer = httpx.get(url, headers={"Authorization": f"Bearer {token}"}, trust_env=False)
    assert answer.is_success, answer.text
    return answer.json()["name"]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_first_start_makes_all_that_is_needed_for_a_first_message(up: Up) -> None:
    up.start()
    credentials = up.credentials()
    assert set(credentials) == {
        "ca",
        "broker",
        "service_token",
        "admin",
        "demo",
        "authn",
        "client",
        "exporter",
    }
    assert set(credentials["broker"]) == {"http", "https"}
    assert set(credentials["authn"]) == {"https", "service_token"}
    assert set(credentials["client"]) == {"certificate", "key"}
    demo = credentials["demo"]
    assert (demo["project"], demo["topic"], demo["subscription"]) == (
        "demo",
        "demo-topic",
        "demo-sub",
    )
    users = [credentials["admin"], demo["publisher"], demo["consumer"]]
    assert all(set(user) == {"name", "token"} for user in users)
    services = [credentials["service_token"], credentials["authn"]["service_token"]]
    tokens = [*services, *(user["token"] for user in users)]
    assert len(set(tokens)) == 5
    assert mode(up.data) == 0o700
    for file in (
        "credentials.json",
        "ams.toml",
        "ams.db",
        "authn.db",
        "logs/broker.log",
        "logs/authn.log",
        "logs/push.log",
        "tls/ca.key",
        "tls/client.key",
    ):
        assert mode(up.data / file) & 0o077 == 0, file
    written = up.output + up.log("broker") + up.log("authn") + up.log("push")
    assert not any(token in written for token in tokens)
    lines = [line.strip() for line in up.output.splitlines() if "demo-" in line]
    program = f"{sys.executable} -m ams"
    commands = [line.removeprefix(program).split()[0] for line in lines]
    assert commands == ["publish", "pull", "pull", "publish"]
    assert credentials["broker"]["http"] in up.output
    assert credentials["broker"]["https"] in up.output
    assert credentials["authn"]["https"] in up.output
    assert f"{credentials['broker']['http']}/docs " in up.output
    assert f"{credentials['exporter']['http']}/metrics " in up.output
    page = httpx.get(f"{credentials['exporter']['http']}/metrics", trust_env=False).text
    assert 'ams_topic_messages_total{project="demo",topic="demo-topic"} 0' in page
    assert "\x1b" not in up.output
    assert httpx.get(
        f"{credentials['broker']['https']}/v1/version",
        verify=ssl.create_default_context(cafile=credentials["ca"]),
        trust_env=False,
    ).is_success


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_printed_commands_publish_by_a_certificate(up: Up) -> None:
    up.start()
    get_token = next(line for line in up.output.splitlines() if "TOKEN=$(" in line)
    script = get_token + "\n" + next(line for line in up.output.splitlines() if '"$TOKEN"' in line)
    done = subprocess.run(
        ["sh", "-ec", script], cwd=up.folder, capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout == "0\n"
    assert "Hello again" in pulled(up)


def test_ctrl_c_stops_all_in_order_and_the_next_start_finds_everything(up: Up) -> None:
    up.start()
    before = up.credentials()
    assert publish(up, "kept") == "0"
    up.process.signal(signal.SIGINT)
    assert up.end() == 0
    assert up.left() == {}
    assert "error" not in up.log("broker"), "the broker has ended before Redis"
    up.start()
    assert up.credentials() == before
    assert "kept" in pulled(up)
    assert publish(up, "next") == "1"
    assert up.process.terminate() == 0
    assert up.left() == {}


def test_a_child_that_is_killed_is_reported_and_started_again(up: Up) -> None:
    up.start()
    publish(up, "kept")
    for name, word in (
        ("broker", " ams serve "),
        ("redis", "redis-server"),
        ("authn", " authn "),
        ("push", " ams push "),
    ):
        os.kill(up.pid_of(word), signal.SIGKILL)
        eventually_sync(lambda name=name: f"{name}  was killed by SIGKILL" in up.output)  # type: ignore[misc]
        eventually_sync(up.ready, within=20)
    assert "kept" in pulled(up)
    assert up.process.terminate() == 0
    assert up.left() == {}


def test_a_broker_that_dies_time_and_again_takes_all_down(up: Up) -> None:
    up.start()
    killed = set()
    while up.process.running:
        broker = next((pid for pid, line in up.left().items() if " ams serve " in line), 0)
        if broker and broker not in killed:
            killed.add(broker)
            os.kill(broker, signal.SIGKILL)
        eventually_sync(
            lambda: (
                not up.process.running or any(" ams serve " in line for line in up.left().values())
            )
        )
    assert up.process.exit_code == 1
    # Starting all may take so long that the first did not die quickly.
    assert len(killed) in (5, 6)
    assert up.last_line.startswith("Error: broker was killed by SIGKILL time and again")
    assert str(up.data / "logs" / "broker.log") in up.last_line
    assert up.left() == {}


def test_killing_ams_up_leaves_nothing_behind_and_loses_nothing(up: Up) -> None:
    up.start()
    publish(up, "kept")
    up.process.signal(signal.SIGKILL)
    assert up.end() == -signal.SIGKILL
    eventually_sync(lambda: not up.left())
    up.start()
    assert "kept" in pulled(up)


@pytest.mark.parametrize("milestone", ["ams.toml", "redis.sock", "ams.db", "logs/broker.log"])
def test_a_first_start_that_was_cut_short_is_completed_by_the_next(up: Up, milestone: str) -> None:
    up.begin()
    eventually_sync((up.data / milestone).exists)
    up.process.signal(signal.SIGKILL)
    up.end()
    assert not (up.data / "credentials.json").exists()
    up.start()
    assert publish(up, "whole") == "0"
    assert "whole" in pulled(up)


def test_what_an_operator_changed_stays_so(up: Up) -> None:
    up.start()
    ams = Ams(up.folder)
    assert ams("topic", "delete", "demo-topic").status == 0
    token = ams("user", "refresh-token", "demo-consumer", "--json").json()["token"]
    assert ams("authn", "unbind", "demo-publisher@127.0.0.1").status == 0
    up.process.terminate()
    settings = up.data / "ams.toml"
    text = settings.read_text().replace("[auth]", '[log]\nlevel = "debug"\n\n[auth]')
    settings.write_text(text)
    up.start()
    assert settings.read_text() == text
    assert up.credentials()["demo"]["consumer"]["token"] == token
    assert ams("topic", "show", "demo-topic").errors == "Error: Topic doesn't exist\n"
    bindings = ams("authn", "bindings", "--json").json()["bindings"]
    assert [binding["name"] for binding in bindings] == ["demo-publisher@localhost"]


def test_a_folder_can_be_moved(up: Up) -> None:
    up.start()
    publish(up, "moved along")
    up.process.terminate()
    moved = up.folder / ("x" * 100) / "y"
    moved.mkdir(parents=True)
    up.data.rename(moved / "ams-data")
    up.data = moved / "ams-data"
    up.start("--data", str(up.data))
    shown = Ams(up.folder)("pull", "demo-sub", "--data", up.data)
    assert "moved along" in shown.output, shown.errors
    assert token_by_certificate(up)
    assert f"pull --data {up.data} demo-sub" in up.output


def test_any_free_port_will_do(up: Up) -> None:
    """Also where another start has had other ones."""
    for text in ("somewhere", "elsewhere"):
        up.start("--http-port", "0", "--https-port", "0", "--authn-port", "0")
        publish(up, text)
        publisher = up.credentials()["demo"]["publisher"]
        assert token_by_certificate(up) == publisher["token"]
        assert called_with_signed_token(up) == publisher["name"]
        up.process.terminate()


def test_without_tokens_for_them_authn_and_push_are_not_run(up: Up) -> None:
    """As in a folder of an earlier version."""
    up.begin()
    settings = up.data / "ams.toml"
    eventually_sync(settings.exists)
    up.process.signal(signal.SIGKILL)
    up.end()
    settings.write_text(settings.read_text().partition("[push]")[0])
    up.start()
    assert "AuthN is not started: authn.service_token is not set." in up.output
    assert up.credentials()["authn"] is None
    assert "Messages are not pushed: push.enabled or push.worker_token is not set." in up.output
    assert not any(
        word in command for command in up.left().values() for word in (" authn ", " push ")
    )
    assert publish(up, "all the same") == "0"


def test_redis_comes_from_the_wheel_where_no_other_is_installed(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    # What the tests themselves start processes with.
    if setpriv := shutil.which("setpriv"):
        (programs / "setpriv").symlink_to(setpriv)
    with Up(tmp_path, PATH=str(programs)) as up:
        up.start()
        assert "version=6.2" in up.log("redis")
        publish(up, "hello")
        assert up.process.terminate() == 0


@pytest.mark.parametrize("option", ["--http-port", "--https-port", "--authn-port"])
def test_a_port_in_use_is_one_clear_line(tmp_path: Path, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, Up(tmp_path) as up:
        port = taken.getsockname()[1]
        assert up.begin(option, str(port)).end() == 1
        assert up.output == (
            f"Error: port {port} of 127.0.0.1 is in use; choose another by {option}\n"
        )
        assert up.left() == {}


def test_one_port_for_two_services_is_one_clear_line(up: Up) -> None:
    port = str(free_port())
    assert up.begin("--http-port", port, "--authn-port", port).end() == 1
    assert up.output == (
        f"Error: port {port} of 127.0.0.1 is in use; choose another by --authn-port\n"
    )
    assert up.left() == {}


def test_a_second_ams_up_on_a_folder_says_so(up: Up) -> None:
    up.start()
    first = up.process
    assert up.begin().end() == 1
    assert up.output == f"Error: another `ams up` (process {first.pid}) runs on {up.data}\n"
    assert up.ready()
    up.process = first


def test_a_folder_of_something_else_is_left_alone(up: Up) -> None:
    up.data.mkdir()
    (up.data / "thesis").write_text("")
    assert up.begin().end() == 1
    assert up.output == f"Error: {up.data} is not empty, and is no data folder of `ams up`\n"
    assert [file.name for file in up.data.iterdir()] == ["thesis"]


def test_messages_of_a_newer_redis_are_not_given_to_an_older_one(up: Up) -> None:
    up.start()
    up.process.terminate()
    (up.data / "redis" / "version").write_text("99.1\n")
    assert up.begin().end() == 1
    assert "were written by Redis 99.1" in up.last_line
    assert up.left() == {}


def test_a_long_log_is_put_aside_at_the_start(up: Up) -> None:
    up.data.mkdir()
    (up.data / "lock").touch()
    logs = up.data / "logs"
    logs.mkdir()
    with (logs / "broker.log").open("wb") as stream:
        stream.truncate(11 << 20)
    up.start()
    assert (logs / "broker.log.1").stat().st_size == 11 << 20
    assert (logs / "broker.log").stat().st_size < 1 << 20


def test_a_broker_that_can_not_start_ends_all_with_its_own_reason(up: Up) -> None:
    up.start()
    up.process.terminate()
    settings = up.data / "ams.toml"
    settings.write_text(settings.read_text().replace("token_keys = [", "token_keys = [] #"))
    assert up.begin().end() == 1
    assert "token_keys" in up.last_line
    assert up.left() == {}
