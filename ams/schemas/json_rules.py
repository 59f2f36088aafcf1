"""Validating documents against a JSON Schema."""

import re
from collections.abc import Iterable
from typing import Any, Final

from jsonschema_rs import Draft7Validator, ValidationError

from ams.schemas import json_definition, json_documents, violations
from ams.schemas.cost import PARSING
from ams.schemas.patterns import LINEAR_TIME
from ams.service.errors import InvalidArgument

#: Bytes of a document above which an answer names its first violation only: collecting all of them
#: takes a time and memory that grow with its square.
LIST_ALL_BYTES: Final = 64 * 1024

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class JsonRules:
    """A JSON Schema, ready to validate with.

    Attributes:
        cost: what validation takes at worst, as `ams.schemas.cost` has it.
        is_valid: whether a decoded document is valid.
    """

    def __init__(self, definition: dict[str, Any]) -> None:
        """Compiles a JSON Schema.

        Raises:
            InvalidArgument: it is not valid, or not supported.
        """
        plain = json_definition.read(definition)
        self.cost = PARSING + plain.cost
        try:
            self._validator = Draft7Validator(
                plain.schema,
                formats={"uuid": _is_uuid},
                validate_formats=True,
                pattern_options=LINEAR_TIME,
                offline=True,
            )
        except ValueError as error:
            raise InvalidArgument(str(error).partition("\n")[0]) from error
        self.is_valid = self._validator.is_valid

    def accept(self, raws: Iterable[bytes]) -> bool:
        """Whether all of some documents are valid.

        Raises:
            one of `json_documents.UNREADABLE`: one can't be read.
        """
        return all(map(self.is_valid, map(json_documents.parse, raws)))

    def explain(self, index: int, raw: bytes) -> None:
        """Refuses data that is not valid (texts: contract ams-core 8.9).

        Raises:
            InvalidArgument: with all that is wrong with the message at `index`.
        """
        try:
            document = json_documents.parse_first(raw)
        except ValueError as error:
            raise InvalidArgument(
                f"Message {index} data is not valid JSON format,{error}"
            ) from None
        self._explain(f"Message {index} data is", document, len(raw))

    def explain_attributes(self, index: int, attributes: dict[str, str]) -> None:
        """As `explain`, for the attributes of a message."""
        size = sum(len(name) + len(value) for name, value in attributes.items())
        self._explain(f"Message {index} attributes are", attributes, size)

    def _explain(self, subject: str, document: object, size: int) -> None:
        if self.is_valid(document):
            return
        try:
            if size > LIST_ALL_BYTES:
                self._validator.validate(document)
            errors = list(self._validator.iter_errors(document))
        except ValidationError as first:
            errors = [first]
        except ValueError:  # the library passes on no document of more than 255 levels
            raise InvalidArgument(
                f"{subject} not valid,it is nested too deeply to say why"
            ) from None
        raise InvalidArgument(violations.sentence(subject, errors))


def _is_uuid(text: str) -> bool:
    """Draft 7 has no such format; the reference knew it in all drafts."""
    return _UUID.fullmatch(text) is not None
