"""`ams authn`: service types, bindings, and what a certificate would get."""

from pathlib import Path

import pytest

from tests.cli.command import Ams
from tests.cli.data_folder import Up

SUBJECT = "CN=ams-development-client,O=AMS development"


@pytest.fixture
def admin(tmp_path: Path, up: Up) -> Ams:
    """The command in another folder, with the credentials of an `ams up`."""
    return Ams(tmp_path, AMS_DATA=str(up.data))


def check(ams: Ams, up: Up, certificate: Path | str, *options: str) -> list[str]:
    """What `ams authn check` prints, without its exit status."""
    result = ams("authn", "check", certificate, "--config", up.data / "ams.toml", *options)
    lines = result.output.splitlines()
    assert result.status == (0 if lines[-1:] == ["It gets a token."] else 1), result.errors
    return lines


def test_service_types_and_bindings_are_listed(admin: Ams) -> None:
    assert admin("authn", "service-types").output.splitlines() == [
        "SERVICE TYPE  TYPE  AUTH TYPES  AUTH METHOD  HOSTS",
        "ams           ams   x509        headers      127.0.0.1, localhost",
    ]
    (service,) = admin("authn", "service-types", "--json").json()["service_types"]
    listed = admin("authn", "bindings", "--json").json()["bindings"]
    assert {each["service_uuid"] for each in listed} == {service["uuid"]}
    header, *lines = admin("authn", "bindings", "--host", "localhost").output.splitlines()
    assert header.split() == ["BINDING", "HOST", "IDENTIFIER", "USER", "LAST", "USED"]
    (line,) = lines
    assert line.startswith("demo-publisher@localhost  localhost  ")


def test_a_certificate_is_bound_and_unbound(admin: Ams, up: Up) -> None:
    certificate = str(up.data / "tls" / "server.pem")
    options = ("--host", "localhost", "--user", "some-uuid", "--certificate", certificate)
    bound = admin("authn", "bind", "new", *options, "--json").json()
    assert bound["auth_identifier"] == "CN=localhost,O=AMS development"
    assert (bound["host"], bound["unique_key"]) == ("localhost", "some-uuid")
    again = admin("authn", "bind", "new", *options)
    message = f"binding object with auth_identifier: {bound['auth_identifier']} already exists"
    assert (again.status, again.errors) == (1, f"Error: {message}\n")
    assert admin("authn", "unbind", "new").output == "Removed binding new.\n"
    gone = admin("authn", "unbind", "new")
    assert (gone.status, gone.errors) == (1, "Error: Binding was not found\n")


def test_a_binding_by_its_subject_is_shown(admin: Ams) -> None:
    shown = admin(
        "authn", "bind", "other", "--host", "127.0.0.1", "--user", "u", "--identifier", "CN=x,C=GR"
    )
    assert shown.output.split() == [
        *("binding", "other", "host", "127.0.0.1"),
        *("identifier", "CN=x,C=GR", "user", "u"),
    ]
    assert admin("authn", "unbind", "other", "--json").output == "{}\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give either --identifier or --certificate"),
        (["--identifier", "x", "--certificate", "y"], "give either --identifier or --certificate"),
        (["--certificate", "none.pem"], "none.pem can't be read: No such file or directory"),
        (["--identifier", "x"], "which host? Give --host: one of 127.0.0.1, localhost"),
    ],
)
def test_what_is_missing_to_bind_is_said(admin: Ams, options: list[str], message: str) -> None:
    refused = admin("authn", "bind", "x", "--user", "u", *options)
    assert (refused.status, refused.errors) == (2, f"Error: {message}\n")


def test_without_an_authn_or_a_token_it_is_wrong_use(alone: Ams, up: Up) -> None:
    refused = alone("authn", "bindings")
    assert refused.status == 2
    assert refused.errors.startswith("Error: which AuthN? Give --url and --token")
    url = up.credentials()["authn"]["https"]
    assert alone("authn", "bindings", "--url", url).errors == (
        "Error: no token was given: use --token or AMS_AUTHN_TOKEN\n"
    )
    refused = alone("authn", "bindings", "--url", url, "--token", "x")
    assert refused.status == 3, "its authority is unknown"
    assert alone("authn", "bindings", "--url", "http://x", "--token", "x").status == 2
    ca = up.credentials()["ca"]
    refused = alone("authn", "bindings", "--url", url, "--token", "x", "--ca", ca)
    assert (refused.status, refused.errors) == (1, "Error: Wrong Credentials\n")


def test_a_stored_token_goes_to_its_own_authn_only(admin: Ams, up: Up) -> None:
    refused = admin("authn", "bindings", "--url", "https://127.0.0.1:9")
    assert (refused.status, refused.errors) == (
        2,
        "Error: no token was given: use --token or AMS_AUTHN_TOKEN\n",
    )


def test_check_shows_each_step_to_a_token(admin: Ams, up: Up) -> None:
    lines = check(admin, up, up.credentials()["client"]["certificate"], "--host", "127.0.0.1")
    assert [line.split()[:2] for line in lines[:-1]] == [
        ["host", "skipped"],
        ["expiry", "passed"],
        ["activation", "passed"],
        ["chain", "passed"],
        ["revocation", "skipped"],
        ["subject", "passed"],
        ["binding", "passed"],
        ["token", "passed"],
    ]
    assert lines[5].endswith(SUBJECT)
    assert "demo-publisher@127.0.0.1, user " in lines[6]
    assert lines[-1] == "It gets a token."
    token = up.credentials()["demo"]["publisher"]["token"]
    assert token not in "\n".join(lines)


def test_check_leaves_no_trace(admin: Ams, up: Up) -> None:
    before = admin("authn", "bindings").output
    check(admin, up, up.credentials()["client"]["certificate"], "--host", "localhost")
    assert admin("authn", "bindings").output == before


def test_check_says_where_it_ends(admin: Ams, up: Up) -> None:
    lines = check(admin, up, up.data / "tls" / "server.pem", "--host", "localhost")
    assert lines[3].split(maxsplit=2) == [
        "chain",
        "failed",
        "Your certificate is invalid. It is not for clients",
    ]
    assert lines[-1] == "It gets no token."
    client = up.credentials()["client"]["certificate"]
    for options, reason in (
        (["--host", "none"], "Host was not found"),
        (["--host", "localhost", "--service-type", "none"], "Service-type was not found"),
    ):
        *_, binding, last = check(admin, up, client, *options)
        assert binding.split(maxsplit=2) == ["binding", "failed", reason]
        assert last == "It gets no token."
    result = admin(
        *("authn", "check", client, "--config", up.data / "ams.toml", "--host", "none", "--json")
    )
    assert result.status == 1
    assert '"gets_token": false' in result.output


def test_check_of_what_is_no_certificate_is_wrong_use(admin: Ams, up: Up) -> None:
    config = up.data / "ams.toml"
    refused = admin("authn", "check", config, "--config", config, "--host", "x")
    assert (refused.status, refused.errors) == (
        2,
        f"Error: {config} holds no certificate in PEM form\n",
    )


def test_a_settings_file_before_the_subcommand_is_wrong_use(alone: Ams) -> None:
    refused = alone("authn", "--config", "x", "bindings")
    assert (refused.status, refused.errors) == (2, "Error: give --config after bindings\n")
