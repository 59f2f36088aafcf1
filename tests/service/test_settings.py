"""One settings file and the environment; whatever is wrong in them is named and refused."""

import contextlib
import os
import tomllib
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from ams.service import settings as settings_module
from ams.service.settings import Settings, SettingsError, load_settings
from ams.service.settings_reference import render_markdown, render_toml
from ams.service.settings_sections import Section

DOCS = Path(__file__).parents[2] / "docs"
SECRET = "hunter2"


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith("AMS_"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(settings_module, "DEFAULT_FILE", tmp_path / "default.toml")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ams.toml"


def faults(file: Path | None = None) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as refusal:
        load_settings(file)
    assert str(refusal.value) == "\n".join(refusal.value.faults)
    return refusal.value.faults


def test_without_file_and_environment_the_defaults_hold() -> None:
    settings = load_settings()
    assert settings == Settings()
    assert settings.server.http_port == 8080
    assert settings.redis.url == "redis://127.0.0.1:6379/0"
    assert settings.messages.durability == "fsync"


def test_the_file_says_what_the_defaults_do_not(file: Path) -> None:
    keys = [Fernet.generate_key().decode() for _ in range(2)]
    file.write_text(f"""
        [server]
        http_port = 0
        stop_seconds = 3
        [auth]
        service_token = "{SECRET}"
        token_keys = ["{keys[0]}", "{keys[1]}"]
        [log]
        requests = false
    """)
    settings = load_settings(file)
    assert (settings.server.http_port, settings.server.stop_seconds) == (0, 3.0)
    assert settings.server.http_host == "127.0.0.1"
    assert settings.auth.service_token.get_secret_value() == SECRET
    assert [key.get_secret_value() for key in settings.auth.token_keys] == keys
    assert settings.log.requests is False


def test_the_option_comes_before_ams_config_and_this_before_the_default_file(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def level(value: str) -> str:
        return f'[log]\nlevel = "{value}"\n'

    (tmp_path / "default.toml").write_text(level("debug"))
    assert load_settings().log.level == "debug"

    (tmp_path / "environment.toml").write_text(level("warning"))
    monkeypatch.setenv("AMS_CONFIG", str(tmp_path / "environment.toml"))
    assert load_settings().log.level == "warning"

    file.write_text(level("error"))
    assert load_settings(file).log.level == "error"


def test_the_environment_overrides_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [Fernet.generate_key().decode() for _ in range(2)]
    file.write_text('[server]\nhttp_port = 1\nhttp_host = "::1"\n[auth]\ntoken_keys = []\n')
    monkeypatch.setenv("AMS_SERVER__HTTP_PORT", "8081")
    monkeypatch.setenv("AMS_DATABASE__TIMEOUT_SECONDS", "1.5")
    monkeypatch.setenv("AMS_LOG__REQUESTS", "false")
    monkeypatch.setenv("AMS_AUTH__TOKEN_KEYS", ", ".join(keys))
    settings = load_settings(file)
    assert (settings.server.http_port, settings.server.http_host) == (8081, "::1")
    assert settings.database.timeout_seconds == 1.5
    assert settings.log.requests is False
    assert [key.get_secret_value() for key in settings.auth.token_keys] == keys


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[sever]\nhttp_port = 1", "sever: unknown section; did you mean server?"),
        ("http_port = 1", "http_port: unknown section"),
        ("server = 1", "server: is a section: write [server]"),
        ("[server]\nhttp_prt = 1", "server.http_prt: unknown key; did you mean http_port?"),
        ("[server]\nzzz = 1", "server.zzz: unknown key"),
        ('[server]\nhttp_port = "1"', "server.http_port: Input should be a valid integer"),
        ("[server]\nhttp_port = true", "server.http_port: Input should be a valid integer"),
        (
            "[server]\nhttp_port = 65536",
            "server.http_port: Input should be less than or equal to 65535",
        ),
        (
            "[redis]\ntimeout_seconds = nan",
            "redis.timeout_seconds: Input should be a finite number",
        ),
        ("[log]\nrequests = 1", "log.requests: Input should be a valid boolean"),
        (
            '[log]\nlevel = "loud"',
            "log.level: Input should be 'debug', 'info', 'warning' or 'error'",
        ),
        ("[auth]\ntoken_keys = [1]", "auth.token_keys.0: Input should be a valid string"),
        (
            '[auth]\njwt_issuers = { i = "http://x" }',
            "auth.jwt_issuers: must start with https://",
        ),
        (
            '[database]\nurl = "postgres://x"',
            "database.url: must start with sqlite://, mysql://",
        ),
    ],
)
def test_what_is_wrong_in_the_file_is_named(file: Path, text: str, fault: str) -> None:
    file.write_text(text)
    assert faults(file) == (f"{file}: {fault}",)


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("AMS_SEVER__HTTP_PORT", "1", "unknown setting; did you mean AMS_SERVER__HTTP_PORT?"),
        ("AMS_X__Y", "1", "unknown setting"),
        ("AMS_log__level", "info", "unknown setting"),
        ("AMS_SERVER__HTTP_PRT", "1", "server.http_prt: unknown key; did you mean http_port?"),
        ("AMS_SERVER__HTTP_PORT", "x", "server.http_port: Input should be a valid integer"),
        ("AMS_LOG__REQUESTS", "", "log.requests: Input should be a valid boolean"),
        ("AMS_AUTH__TOKEN_KEYS", "x", "auth.token_keys: key 1 is not a Fernet key (32 bytes in"),
    ],
)
def test_what_is_wrong_in_the_environment_is_named(
    file: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, fault: str
) -> None:
    file.write_text("[server]\nhttp_port = 1\n")
    monkeypatch.setenv(name, value)
    (found,) = faults(file)
    assert found.startswith(f"environment variable {name}: {fault}")


def test_tables_and_lists_may_stand_in_the_environment(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text('[auth]\njwt_issuers = { "https://a" = "https://a/keys" }\n')
    assert faults(file) == (f"{file} or environment: auth: jwt_issuers needs jwt_audiences",)
    monkeypatch.setenv("AMS_AUTH__JWT_ISSUERS", "https://b:1=https://b:1/keys, https://c=https://d")
    monkeypatch.setenv("AMS_AUTH__JWT_AUDIENCES", "ams/b, ams/c")
    monkeypatch.setenv("AMS_AUTHN__OIDC_ISSUERS", "https://p:2/realms/r=https://authn")
    settings = load_settings(file)
    assert settings.auth.jwt_issuers == {
        "https://b:1": "https://b:1/keys",
        "https://c": "https://d",
    }
    assert settings.auth.jwt_audiences == ["ams/b", "ams/c"]
    assert settings.authn.oidc_issuers == {"https://p:2/realms/r": "https://authn"}


def test_other_variables_may_start_with_ams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMS_TOKEN", "1")
    assert load_settings() == Settings()


def test_all_faults_are_told_at_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('[serve]\n[server]\nhttp_port = "1"\n[redis]\nurll = ""\n')
    monkeypatch.setenv("AMS_LOG__LEVEL", "x")
    monkeypatch.setenv("AMS_NO__SUCH", "x")
    assert len(faults(file)) == 5


def test_secrets_are_not_echoed(file: Path) -> None:
    file.write_text(f"""
        [redis]
        url = "http://user:{SECRET}@host"
        password = ["{SECRET}"]
        unknown = "{SECRET}"
        [database]
        url = ["mysql://user:{SECRET}@host/db"]
        [auth]
        service_token = ["{SECRET}"]
        token_keys = ["{SECRET}"]
        [messages]
        durability = "{SECRET}"
    """)
    with pytest.raises(SettingsError) as refusal:
        load_settings(file)
    assert len(refusal.value.faults) == 7
    assert SECRET not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


def test_secrets_are_not_shown_by_repr(file: Path) -> None:
    file.write_text(f"""
        [redis]
        url = "redis://user:{SECRET}@host"
        password = "{SECRET}"
        [database]
        url = "mysql://user:{SECRET}@host/db"
        [auth]
        service_token = "{SECRET}"
    """)
    assert SECRET not in repr(load_settings(file))


@pytest.mark.parametrize("given", ["certificate = 'c.pem'", "certificate_key = 'c.key'", ""])
def test_https_needs_certificate_and_key(file: Path, given: str) -> None:
    file.write_text(f"[server]\nhttps_port = 8443\n{given}\n")
    (fault,) = faults(file)
    assert fault == (
        f"{file} or environment: server: https_port needs both certificate and certificate_key"
    )


def test_a_file_that_was_asked_for_must_exist(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults(file) == (f"{file}: can't be read: No such file or directory",)
    monkeypatch.setenv("AMS_CONFIG", str(file))
    assert faults() == (f"{file}: can't be read: No such file or directory",)


def test_a_folder_is_no_settings_file(tmp_path: Path) -> None:
    assert faults(tmp_path) == (f"{tmp_path}: can't be read: Is a directory",)


def test_broken_toml_is_refused_with_its_line(file: Path) -> None:
    file.write_text("[server]\nhttp_port = 1\nhttp_host 127.0.0.1\n")
    (fault,) = faults(file)
    assert fault.startswith(f"{file}: is not valid TOML: ")
    assert "line 3" in fault


def test_a_file_that_is_not_text_is_refused(file: Path) -> None:
    file.write_bytes(b"\xff\xfe\x00")
    assert faults(file) == (f"{file}: is not UTF-8 text",)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    file = settings_module.DEFAULT_FILE
    file.write_text(text, encoding="utf-8", newline="")
    with contextlib.suppress(SettingsError):
        load_settings(file)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().server.http_port = 1  # type: ignore[misc]  # read-only, yes


def test_every_key_has_a_description() -> None:
    for section in Settings.model_fields.values():
        model = section.annotation
        assert isinstance(model, type)
        assert issubclass(model, Section)
        for key, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{key}"


def test_the_page_about_settings_is_up_to_date() -> None:
    """`make docs` writes it."""
    assert (DOCS / "settings.md").read_text() == render_markdown()


def test_the_file_to_start_from_says_the_defaults(file: Path) -> None:
    template = render_toml()
    file.write_text(template)
    assert load_settings(file) == Settings()

    # Every default, once the comment sign before the key is gone, is what the key has anyway.
    lines = [
        line[1:] if line[:1] == "#" and line[:2] != "# " else line for line in template.split("\n")
    ]
    file.write_text("\n".join(lines))
    assert load_settings(file) == Settings()
    sections = tomllib.loads(file.read_text())
    assert {name: set(keys) for name, keys in sections.items()} == {
        name: set(section) for name, section in Settings().model_dump().items()
    }
