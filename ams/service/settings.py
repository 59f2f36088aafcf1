"""All settings of AMS: one TOML file, every key of which an environment variable can override.

`AMS_SERVER__HTTP_PORT=8081` overrides key `http_port` of section `[server]`. Whatever matches no
setting, in the file or in the environment, is refused: a setting with a typing error must not be
taken for its default.
"""

import os
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from ams.service.authn_settings import AuthnSettings
from ams.service.environment import (
    EnvironmentSource,
    section_type,
    unknown,
    unknown_variables,
    variable_name,
)
from ams.service.settings_sections import (
    AuditSettings,
    AuthSettings,
    DatabaseSettings,
    ExporterSettings,
    LogSettings,
    MessagesSettings,
    MetricsSettings,
    OutgoingSettings,
    PushSettings,
    RedisSettings,
    ServerSettings,
)

#: Read if neither an option nor $AMS_CONFIG names a file; it need not exist.
DEFAULT_FILE = Path("/etc/ams/ams.toml")
#: Names the settings file if no option does.
FILE_VARIABLE = "AMS_CONFIG"


class SettingsError(Exception):
    """The settings can't be used; `faults` has one line for each thing that is wrong."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


class Settings(BaseSettings):
    """All settings. Made by `load_settings`; built directly, it is defaults and environment."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    server: ServerSettings = Field(default_factory=ServerSettings)
    redis: RedisSettings = Field(default_factory=RedisSettings)
    database: DatabaseSettings = Field(default_factory=DatabaseSettings)
    messages: MessagesSettings = Field(default_factory=MessagesSettings)
    auth: AuthSettings = Field(default_factory=AuthSettings)
    push: PushSettings = Field(default_factory=PushSettings)
    outgoing: OutgoingSettings = Field(default_factory=OutgoingSettings)
    audit: AuditSettings = Field(default_factory=AuditSettings)
    authn: AuthnSettings = Field(default_factory=AuthnSettings)
    metrics: MetricsSettings = Field(default_factory=MetricsSettings)
    exporter: ExporterSettings = Field(default_factory=ExporterSettings)
    log: LogSettings = Field(default_factory=LogSettings)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment comes before the arguments, which are what the file says."""
        return (EnvironmentSource(settings_cls, init_settings),)


def load_settings(path: Path | None = None) -> Settings:
    """Reads the settings from `path`, else $AMS_CONFIG, else `DEFAULT_FILE`, else the defaults.

    Environment variables override what the file says.

    Raises:
        SettingsError: something in the file or in the environment is unknown or wrong.
    """
    file = path or _file_of_the_environment() or DEFAULT_FILE
    values, faults = _read_file(file)
    faults += unknown_variables(Settings)
    try:
        settings = Settings(**values)
    except ValidationError as error:
        faults += [
            _describe(fault["loc"], fault["type"], fault["msg"], file)
            for fault in error.errors(include_url=False, include_input=False)
        ]
    if faults:
        raise SettingsError(faults)
    return settings


def _file_of_the_environment() -> Path | None:
    named = os.environ.get(FILE_VARIABLE)
    return Path(named) if named else None


def _read_file(file: Path) -> tuple[dict[str, Any], list[str]]:
    """The file's known sections, and what is wrong with its sections."""
    sections: dict[str, Any] = {}
    faults: list[str] = []
    for name, values in _parse_file(file).items():
        if name not in Settings.model_fields:
            faults.append(f"{file}: {name}: {unknown('section', name, Settings.model_fields)}")
        elif not isinstance(values, dict):
            faults.append(f"{file}: {name}: is a section: write [{name}]")
        else:
            sections[name] = values
    return sections, faults


def _parse_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if file == DEFAULT_FILE:
            return {}
        raise SettingsError([f"{file}: can't be read: {error.strerror}"]) from error
    except OSError as error:
        raise SettingsError([f"{file}: can't be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise SettingsError([f"{file}: is not UTF-8 text"]) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([f"{file}: is not valid TOML: {error}"]) from error


def _describe(loc: tuple[int | str, ...], kind: str, message: str, file: Path) -> str:
    """One line for a fault that validation found: where it stands, which setting, and why."""
    section, keys = str(loc[0]), [str(part) for part in loc[1:]]
    variable = variable_name(section, keys[0]) if keys else ""
    if variable in os.environ:
        source = f"environment variable {variable}"
    else:
        # What is wrong with a section as a whole may come from both.
        source = str(file) if keys else f"{file} or environment"
    if kind == "extra_forbidden":
        why = unknown("key", keys[0], section_type(Settings, section).model_fields)
    else:
        why = message.removeprefix("Value error, ")
    return f"{source}: {'.'.join([section, *keys])}: {why}"
