"""The part of the settings that stands in environment variables: `AMS_<SECTION>__<KEY>`."""

import difflib
import os
from collections.abc import Iterable
from typing import Any, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

#: What the name of every overriding variable starts with.
VARIABLE_PREFIX = "AMS_"
#: Stands between section and key in the name of a variable.
VARIABLE_DELIMITER = "__"


class EnvironmentSource(PydanticBaseSettingsSource):
    """What the environment says, decoded to the types of the settings, over what `base` says.

    It takes the place of whole keys: pydantic would mix two tables, and so leave no way to take
    something out of one.
    """

    def __init__(self, settings_cls: type[BaseSettings], base: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        self._base = base

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The values of one section in the environment."""
        prefix = variable_name(field_name, "")
        keys = section_type(self.settings_cls, field_name).model_fields
        values: dict[str, object] = {}
        for name, text in os.environ.items():
            if name.startswith(prefix) and name == name.upper():
                key = name.removeprefix(prefix).lower()
                values[key] = _decode(text, keys[key].annotation) if key in keys else text
        return values, field_name, True

    def __call__(self) -> dict[str, Any]:
        """The values of all sections."""
        sections = dict(self._base())
        for name, field in self.settings_cls.model_fields.items():
            if values := self.get_field_value(field, name)[0]:
                section = sections.get(name, {})
                sections[name] = {**section, **values} if isinstance(section, dict) else values
        return sections


def variable_name(section: str, key: str) -> str:
    """Name of the variable that overrides a key of a section."""
    return f"{VARIABLE_PREFIX}{section}{VARIABLE_DELIMITER}{key}".upper()


def section_type(settings: type[BaseSettings], name: str) -> type[BaseModel]:
    """The model of a section."""
    section = settings.model_fields[name].annotation
    if not (isinstance(section, type) and issubclass(section, BaseModel)):
        raise TypeError(f"setting {name} is not a section")
    return section


def unknown_variables(settings: type[BaseSettings]) -> list[str]:
    """A line for each variable that looks like a setting and belongs to no section.

    Unknown keys of a section are left to validation, which sees them too.
    """
    prefixes = tuple(variable_name(section, "") for section in settings.model_fields)
    known = [
        variable_name(section, key)
        for section in settings.model_fields
        for key in section_type(settings, section).model_fields
    ]
    return [
        f"environment variable {name}: {unknown('setting', name, known)}"
        for name in sorted(os.environ)
        if name.startswith(VARIABLE_PREFIX)
        and VARIABLE_DELIMITER in name
        and not (name == name.upper() and name.startswith(prefixes))
    ]


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Says that a name is unknown, with the known one that comes close."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"unknown {what}" + (f"; did you mean {close[0]}?" if close else "")


def _decode(text: str, annotation: object) -> object:
    """What the text stands for; the text itself, for validation to refuse, if it doesn't fit."""
    if get_origin(annotation) is list:
        return [item.strip() for item in text.split(",") if item.strip()]
    if get_origin(annotation) is dict:
        pairs = [item.partition("=") for item in text.split(",") if item.strip()]
        return {key.strip(): value.strip() for key, _, value in pairs}
    if annotation not in (bool, int, float):
        return text
    try:
        return TypeAdapter[object](annotation).validate_strings(text)
    except ValidationError:
        return text
