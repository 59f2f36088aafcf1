"""Checking messages against schemas, and what comes of it."""

import json
from base64 import b64encode
from collections.abc import Awaitable

import pytest

from ams.messages.entries import Message
from ams.schemas.process import ValidationProcess
from ams.schemas.schema import CompiledSchema, compile_schema
from ams.service.errors import InvalidArgument


def message(payload: object, **attributes: str) -> Message:
    """A message that carries bytes, or anything else as JSON."""
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Message(b64encode(raw).decode(), attributes)


def json_schema(process: ValidationProcess, definition: object) -> CompiledSchema:
    return compile_schema("json", definition, None, process)


def avro_schema(process: ValidationProcess, definition: object) -> CompiledSchema:
    return compile_schema("avro", definition, None, process)


def attributes_schema(process: ValidationProcess, definition: object) -> CompiledSchema:
    return compile_schema("", None, definition, process)


def refused_definition(kind: str, definition: object) -> str:
    """Why a definition is refused."""
    with pytest.raises(InvalidArgument) as refused:
        compile_schema(kind, definition, None, ValidationProcess())
    return refused.value.message


async def refusal(check: Awaitable[None]) -> str:
    """Why a check refuses what it checks."""
    with pytest.raises(InvalidArgument) as refused:
        await check
    return refused.value.message
