"""The settings as their readers see them: a page of the documentation, and a file to start from.

Both are made from the model, so that no setting can be missing. `make docs` writes the page.
"""

import json
from collections.abc import Iterator
from textwrap import wrap
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from ams.service.environment import section_type, variable_name
from ams.service.settings import DEFAULT_FILE, FILE_VARIABLE, Settings

#: Width of the comments in the settings file, in characters.
COMMENT_WIDTH = 96

#: How the page calls the types of JSON Schema.
_TYPE_NAMES = {
    "array": "list of texts",
    "boolean": "true or false",
    "integer": "whole number",
    "number": "number",
    "object": "table of texts",
    "string": "text",
}
#: Likewise its limits.
_LIMIT_NAMES = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most"}

_INTRODUCTION = f"""\
# Settings

<!-- Made from the code by `make docs`. -->

All services read one TOML file: the one that the option `--config` names, else the one that
`${FILE_VARIABLE}` names, else `{DEFAULT_FILE}` if it exists. What it leaves out has its default.

An environment variable overrides a key of the file: `{variable_name("server", "http_port")}=8081`
for `http_port` in section `[server]`. A list is written with commas in between, a table as
`name=value` with commas in between.

A key that does not exist, in the file or in the environment, and a value of the wrong kind are
refused, each with a line that says where it stands and what is wrong with it. `ams settings` prints
a file with every key, its meaning and its default.
"""


def render_markdown() -> str:
    """The page docs/settings.md."""
    return "\n".join([_INTRODUCTION, *_markdown_lines()])


def render_toml() -> str:
    """A settings file in which every key stands as a comment, with its meaning and its default."""
    return "\n".join(_toml_lines())


def _markdown_lines() -> Iterator[str]:
    for name, section in _sections():
        yield f"## [{name}]\n"
        yield f"{section.__doc__}\n"
        yield "| key | kind | default | meaning |"
        yield "|---|---|---|---|"
        for key, field in section.model_fields.items():
            yield f"| `{key}` | {_kind(section, key)} | `{_default(field)}` | {field.description} |"
        yield ""


def _toml_lines() -> Iterator[str]:
    yield "# Settings of AMS. Every line that starts with '#' and a key shows that key's default."
    for name, section in _sections():
        yield ""
        yield from _comment(section.__doc__ or "")
        yield f"[{name}]"
        for key, field in section.model_fields.items():
            yield ""
            yield from _comment(f"{field.description} ({_kind(section, key)})".replace("`", "'"))
            yield f"#{key} = {_default(field)}"
    yield ""


def _comment(text: str) -> Iterator[str]:
    return (f"# {line}" for line in wrap(text, COMMENT_WIDTH))


def _sections() -> Iterator[tuple[str, type[BaseModel]]]:
    for name in Settings.model_fields:
        yield name, section_type(Settings, name)


def _default(field: FieldInfo) -> str:
    """The default as TOML has it."""
    value: Any = field.get_default(call_default_factory=True)
    if isinstance(value, dict):
        items = (f"{json.dumps(key)} = {json.dumps(item)}" for key, item in value.items())
        return f"{{ {', '.join(items)} }}"
    return json.dumps(value.get_secret_value() if isinstance(value, SecretStr) else value)


def _kind(section: type[BaseModel], key: str) -> str:
    """What values may be, in words."""
    schema = section.model_json_schema()["properties"][key]
    if "enum" in schema:
        return " or ".join(json.dumps(choice) for choice in schema["enum"])
    limits = [f"{words} {schema[name]}" for name, words in _LIMIT_NAMES.items() if name in schema]
    return ", ".join([_TYPE_NAMES[schema["type"]], *limits])


if __name__ == "__main__":
    print(render_markdown(), end="")  # noqa: T201 (a command of the Makefile)
