"""Which broker a command talks to, and as whom."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.cli.command import Ams
from tests.cli.data_folder import Up
from tests.eventually import eventually_sync
from tests.processes import free_port


class Recorder(ThreadingHTTPServer):
    """A server that refuses everything, and notes the tokens it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Refusal)
        self.requests: list[tuple[str, str | None]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Refusal(BaseHTTPRequestHandler):
    server: Recorder

    def do_GET(self) -> None:
        self.server.requests.append((self.path, self.headers["x-api-key"]))
        body = b'{"error":{"code":418,"message":"recorded","status":"TEAPOT"}}'
        self.send_response(418)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with Recorder() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def asked(
    ams: Ams, recorder: Recorder, *options: str, **environment: str
) -> tuple[str, str | None]:
    """The path and the token of the request that `ams topic list` sends."""
    result = ams("topic", "list", *options, environment=environment)
    assert (result.status, result.errors) == (1, "Error: recorded\n")
    return recorder.requests.pop()


def write_profiles(ams: Ams, text: str, mode: int = 0o600) -> None:
    ams.profiles.parent.mkdir(parents=True, exist_ok=True)
    ams.profiles.write_text(text)
    ams.profiles.chmod(mode)


def test_options_win_over_the_environment(alone: Ams, recorder: Recorder) -> None:
    environment = {"AMS_URL": recorder.url, "AMS_TOKEN": "env", "AMS_PROJECT": "p"}
    path = "/v1/projects/{}/topics?pageSize=500".format
    assert asked(alone, recorder, **environment) == (path("p"), "env")
    options = ["--token", "option", "--project", "q"]
    assert asked(alone, recorder, *options, **environment) == (path("q"), "option")


def test_a_profile_gives_what_is_not_given_otherwise(alone: Ams, recorder: Recorder) -> None:
    write_profiles(
        alone,
        f"""
        [default]
        url = "{recorder.url}"
        token = "of-default"
        project = "p"
        [other]
        url = "{recorder.url}"
        token = "of-other"
        """,
    )
    assert asked(alone, recorder)[1] == "of-default"
    other = ("--profile", "other", "--project", "p")
    assert asked(alone, recorder, *other)[1] == "of-other"
    assert asked(alone, recorder, "--project", "p", AMS_PROFILE="other")[1] == "of-other"
    assert asked(alone, recorder, *other, "--token", "mine")[1] == "mine"
    missing = alone("topic", "list", "--profile", "third")
    assert (missing.status, "no profile 'third'" in missing.errors) == (2, True)


def test_a_stored_token_goes_to_its_own_broker_only(alone: Ams, recorder: Recorder) -> None:
    write_profiles(alone, '[default]\nurl = "http://127.0.0.1:1"\ntoken = "secret"\nproject = "p"')
    assert asked(alone, recorder, "--url", recorder.url)[1] is None


def test_a_profile_that_others_may_read_is_warned_about(alone: Ams, recorder: Recorder) -> None:
    write_profiles(alone, f'[default]\nurl = "{recorder.url}"\nproject = "p"', mode=0o640)
    assert f"chmod 600 {alone.profiles}" in alone("topic", "list").errors


@pytest.mark.parametrize(
    "text", ["not toml", "[default]\nport = 1", '[default]\nhost = "x"', 'default = "x"']
)
def test_a_wrong_profile_is_refused_with_its_place(alone: Ams, text: str) -> None:
    write_profiles(alone, text)
    result = alone("topic", "list")
    assert result.status == 2
    assert str(alone.profiles) in result.errors


def test_without_any_broker_the_ways_to_name_one_are_told(alone: Ams) -> None:
    result = alone("topic", "list")
    assert result.status == 2
    for way in ("--url", "AMS_URL", str(alone.profiles), "ams up"):
        assert way in result.errors


def test_a_broker_that_is_not_there_is_status_3(alone: Ams) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    result = alone("topic", "list", "--url", url, "--project", "p")
    assert result.status == 3
    assert result.errors == f"Error: Can't reach {url}: Connection refused\n"


def test_a_certificate_of_an_unknown_ca_is_status_3(alone: Ams, up: Up) -> None:
    url = up.credentials()["broker"]["https"]
    result = alone("status", "--url", url)
    assert result.status == 3
    assert "certificate verify failed" in result.errors
    assert alone("status", "--url", url, "--ca", up.data / "tls" / "ca.pem").status == 0
    assert alone("status", "--url", url, "--ca", up.data / "missing").status == 2
    assert alone("status", "--url", "nonsense").status == 2


def test_a_missing_token_is_pointed_out(alone: Ams, up: Up) -> None:
    url = up.credentials()["broker"]["http"]
    result = alone("topic", "list", "--url", url, "--project", "demo")
    assert result.status == 1
    assert result.errors.startswith("Error: Unauthorized (no token was given")


def test_beside_a_data_folder_nothing_has_to_be_given(tmp_path: Path, up: Up) -> None:
    beside = Ams(tmp_path)
    (tmp_path / "ams-data").symlink_to(up.data)
    assert beside("publish", "demo-topic", "beside").status == 0
    assert beside("pull", "demo-sub").status == 0
    assert beside("topic", "show", "demo-topic").status == 0


def test_the_demo_users_act_on_the_demo_and_the_admin_on_all_else(
    tmp_path: Path, ams: Ams, up: Up
) -> None:
    demo = Ams(tmp_path, AMS_DATA=str(up.data))
    demo("publish", "demo-topic", "who")
    demo("pull", "demo-sub")
    ams("topic", "create", "t")
    ams("publish", "t", "who")
    project = ams.environment["AMS_PROJECT"]
    # Lines of requests are written a moment after their answers, in the order of these.
    eventually_sync(lambda: ("topics:publish", project) in _requesters(up))
    requesters = _requesters(up)
    names = {
        user["uuid"]: user["name"]
        for user in demo("user", "list", "--all", "--json").json()["users"]
    }
    assert names[requesters["topics:publish", "demo"]] == "demo-publisher"
    assert names[requesters["subscriptions:pull", "demo"]] == "demo-consumer"
    assert names[requesters["topics:publish", project]] == "admin"


def _requesters(up: Up) -> dict[tuple[str, str], str]:
    """Who, by the log, has done what in which project."""
    written, _, _ = up.log("broker").rpartition("\n")
    return {
        (line["action"], line["path"].split("/")[3]): line["requester"]
        for line in map(_json, written.splitlines())
        if line["type"] == "request_log"
        and line["requester"]
        and line["path"].startswith("/v1/projects/")
    }


def _json(line: str) -> dict[str, str]:
    fields: dict[str, str] = json.loads(line)
    return fields


def test_credentials_that_can_not_be_read_are_named(alone: Ams) -> None:
    data = alone.folder / "ams-data"
    data.mkdir()
    (data / "credentials.json").write_text("{}")
    result = alone("topic", "list")
    assert result.status == 1
    assert "ams-data/credentials.json" in result.errors
    result = alone("topic", "list", "--data", "elsewhere")
    assert (result.status, "elsewhere" in result.errors) == (2, True)
    assert alone("topic", "list", "--data", "x", "--profile", "y").status == 2
