"""The configuration file: the format of the ARGO scripts (contract: authn 7.5)."""

from pathlib import Path

import pytest

from ams.cli.authn.gocdb.configuration import Configuration, read_configuration
from ams.cli.failure import CommandFailed, Exit
from tests.cli.command import Ams

#: As it comes with the scripts.
TEMPLATE = """\
[AMS]
ams_project: EGI-ACCOUNTING
goc_db_host: https://goc.egi.eu/gocdbpi/public/?method=get_service_endpoint&service_type={{service-type}}
service-types: gLite-APEL, eu.egi.cloud.accounting, eu.egi.storage.accounting
users_role: publisher
cert: /etc/grid-security/hostcert.pem
cert_key: /etc/grid-security/hostkey.pem
ams_token: secret%20token
ams_host: ams.example.org
ams_email: operators@example.org

[AUTHN]
authn_token: other%(secret
authn_host: authn.example.org:8443/prefix
service_uuid: 4d0d28d4-5d3c-4d5b-a9a3-8a3b8f3d5a61
service_host: ams.example.org

[LOGS]
syslog_socket: /dev/log
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "import.cfg"
    file.write_text(text)
    file.chmod(0o600)
    return file


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(CommandFailed) as refused:
        read_configuration(write(folder, text), per_site=False)
    assert refused.value.exit_status == Exit.USAGE
    assert "secret" not in str(refused.value)
    return str(refused.value)


def read(folder: Path, text: str = TEMPLATE) -> Configuration:
    return read_configuration(write(folder, text), per_site=False)


def test_a_file_of_the_scripts_is_read_as_it_is(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert found.service_types == (
        "gLite-APEL",
        "eu.egi.cloud.accounting",
        "eu.egi.storage.accounting",
    )
    assert (found.broker_url, found.broker_token) == ("https://ams.example.org", "secret%20token")
    assert found.authn_url == "https://authn.example.org:8443/prefix"
    assert found.authn_token == "other%(secret"
    assert "secret" not in repr(found)


def test_the_documented_file_is_read(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "authn.md").read_text()
    found = read(tmp_path, page.partition("```ini\n")[2].partition("```")[0])
    assert (found.service_types[1], found.service_host) == (
        "eu.egi.cloud.accounting",
        "broker.example.org",
    )
    assert found.broker_token == found.service_uuid == "..."


def test_what_the_scripts_had_fixed_is_the_default(tmp_path: Path) -> None:
    """Contract: 8 D8."""
    found = read(tmp_path)
    assert found.service_type == "ams"
    site = "https://goc.egi.eu/gocdbpi/public/?method=get_site&sitename={{sitename}}"
    assert found.site_url == site


@pytest.mark.parametrize(
    "key",
    [
        "ams_project",
        "goc_db_host",
        "service-types",
        "ams_token",
        "ams_host",
        "ams_email",
        "authn_token",
        "authn_host",
        "service_uuid",
        "service_host",
    ],
)
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    text = "\n".join(line for line in TEMPLATE.splitlines() if not line.startswith(f"{key}:"))
    assert refusal(tmp_path, text).endswith(f"{key} is missing")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("https://goc.egi.eu", "http://goc.egi.eu", "goc_db_host is no https:// URL with {{serv"),
        ("{{service-type}}", "x", "goc_db_host is no https:// URL with {{service-type}} in it"),
        ("ams_host: ", "ams_host: http://", "ams_host is no host"),
        ("cert_key:", "no_key:", "cert and cert_key go together"),
        ("service-types: gLite-APEL,", "service-types: , ,\nx =", "service-types names none"),
        ("ams_token:", "ams_token", "is no INI file: line 8 is wrong"),
        ("[AMS]", "ams_token = secret", "is no INI file: line 1 is wrong"),
        ("ams_email:", "ams_token:", "is no INI file: line 10 is wrong"),
    ],
)
def test_a_wrong_file_is_told_without_its_tokens(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    assert reason in refusal(tmp_path, TEMPLATE.replace(old, new))


def test_a_file_that_others_may_read_is_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, TEMPLATE).chmod(0o640)
    read_configuration(tmp_path / "import.cfg", per_site=False)
    assert "other users may read the tokens" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ([], "ams-create-users-gocdb.cfg"),
        (["--per-site"], "ams-create-users-cloud-info.cfg"),
    ],
)
def test_without_a_file_that_of_the_scripts_is_looked_for(
    alone: Ams, option: list[str], name: str
) -> None:
    """Contract: 7.5, 7.6."""
    result = alone("authn", "import-gocdb", *option)
    assert result.status == 2
    assert f"/etc/argo-api-authn/conf.d/{name} can't be read" in result.errors


@pytest.fixture
def alone(tmp_path: Path) -> Ams:
    return Ams(tmp_path)
