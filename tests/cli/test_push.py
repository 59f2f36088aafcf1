"""Push settings by the command."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import Ams
from tests.cli.data_folder import Up
from tests.node import Node

ENDPOINT = "https://receiver.example.org/"


@pytest.fixture
def pushing(tmp_path: Path, push_node: Node) -> Iterator[Ams]:
    """The command as the admin of a broker that pushes, in a project with topic t."""
    project = f"cli-{uuid.uuid4().hex[:8]}"
    ams = Ams(
        tmp_path,
        AMS_URL=push_node.http,
        AMS_TOKEN=push_node.service_token,
        AMS_PROJECT=project,
    )
    assert ams("project", "create", project).status == 0
    assert ams("topic", "create", "t").status == 0
    yield ams
    ams("project", "delete", project, "--yes")


def test_a_subscription_is_made_with_push_shown_changed_and_pulled_again(pushing: Ams) -> None:
    options = ["--push-endpoint", ENDPOINT, "--max-messages", "7", "--retry-period", "500"]
    made = pushing("subscription", "create", "s", "t", *options, "--decode", "--json").json()
    config = made["pushConfig"]
    assert (config["pushEndpoint"], config["maxMessages"], config["base64Decode"]) == (
        ENDPOINT,
        7,
        True,
    )
    assert config["retryPolicy"] == {"type": "linear", "period": 500}
    shown = pushing("subscription", "show", "s").output
    for text in (ENDPOINT, config["verificationHash"], config["authorizationHeader"]["value"]):
        assert text in shown
    options = ["--push-endpoint", ENDPOINT, "--retry", "slowstart", "--authorization", "disabled"]
    changed = pushing("subscription", "modify-push", "s", *options, "--json").json()
    assert changed["pushConfig"] == {
        **config,
        "authorizationHeader": {"type": "disabled"},
        "retryPolicy": {"type": "slowstart"},
        "base64Decode": False,
    }
    options = ["--mattermost-url", "https://chat.example.org/hook", "--mattermost-channel", "c"]
    shown = pushing("subscription", "modify-push", "s", *options).output
    assert "Push server is currently unavailable" in shown
    pulled = pushing("subscription", "modify-push", "s", "--off", "--json").json()
    assert pulled["pushConfig"]["type"] == ""
    assert "push" not in pushing("subscription", "show", "s").output
    assert "nobody" in pushing("status").output


def test_an_endpoint_that_is_not_there_is_not_verified(pushing: Ams) -> None:
    pushing("subscription", "create", "s", "t", "--push-endpoint", "https://127.0.0.1:1/")
    refused = pushing("subscription", "verify-push", "s")
    assert (refused.status, refused.errors) == (
        1,
        "Error: Endpoint verification failed.the address is not allowed\n",
    )


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--off", "--push-endpoint", ENDPOINT],
        ["--push-endpoint", ENDPOINT, "--mattermost-url", ENDPOINT],
        ["--off", "--decode"],
        ["--max-messages", "7"],
        ["--push-endpoint", ENDPOINT, "--retry", "never"],
    ],
)
def test_options_that_do_not_fit_each_other_are_refused(alone: Ams, options: list[str]) -> None:
    refused = alone(
        *("subscription", "modify-push", "s", *options),
        *("--url", "http://127.0.0.1:1", "--token", "x", "--project", "p"),
    )
    assert refused.status == 2


def test_up_lets_users_push_to_what_runs_on_this_machine(up: Up) -> None:
    environment = Path(f"/proc/{up.pid_of(' ams serve ')}/environ").read_text().split("\0")
    assert "AMS_OUTGOING__ALLOW_PRIVATE_ADDRESSES=127.0.0.0/8,::1/128" in environment
    assert f"AMS_OUTGOING__CA_FILE={up.credentials()['ca']}" in environment
