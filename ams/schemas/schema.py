"""What a schema asks of messages: the rules for their data, and those for their attributes."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

import msgspec

from ams.schemas import base64_data, json_documents
from ams.schemas.avro_rules import AvroRules
from ams.schemas.cost import AT_ONCE
from ams.schemas.json_rules import JsonRules
from ams.schemas.process import Task, ValidationProcess
from ams.service.errors import InvalidArgument

#: Bytes of JSON of one definition.
MOST_DEFINITION_BYTES: Final = 128 * 1024

#: What says that a message is not valid, or that it takes a closer look to say so.
_DOUBTS: Final = (*json_documents.UNREADABLE, ValueError, IndexError)


class Message(Protocol):
    """What is checked of a message."""

    @property
    def data(self) -> str: ...
    @property
    def attributes(self) -> dict[str, str]: ...


class Rules:
    """The rules of a schema, for who may take any time to check them.

    Attributes:
        payload: the rules for data; None if there are none.
        attributes: the rules for attributes; None if there are none.
    """

    def __init__(self, kind: str, definition: bytes, attributes: bytes) -> None:
        """Compiles definitions, which are JSON; empty for what has no rules.

        Raises:
            InvalidArgument: a definition is not valid.
        """
        self.payload: AvroRules | JsonRules | None = None
        if kind:
            rules = AvroRules if kind == "avro" else JsonRules
            self.payload = rules(msgspec.json.decode(definition))
        self.attributes: JsonRules | None = None
        if attributes:
            try:
                self.attributes = JsonRules(msgspec.json.decode(attributes))
            except InvalidArgument as error:
                raise InvalidArgument(f"attributes schema: {error.message}") from None

    def accept(self, messages: Sequence[Message]) -> bool:
        """Whether all messages are valid; of those that are not, some may turn out to be."""
        try:
            if self.payload:
                raws = base64_data.decode_all([message.data for message in messages])
                if not self.payload.accept(raws):
                    return False
            if self.attributes:
                return all(map(self.attributes.is_valid, [each.attributes for each in messages]))
        except _DOUBTS:
            return False
        return True

    def accept_document(self, raw: bytes) -> bool:
        """The same for data that is not in base64."""
        try:
            return self.payload is None or self.payload.accept([raw])
        except _DOUBTS:
            return False

    def explain(self, messages: Sequence[Message]) -> None:
        """Refuses messages that are not valid (texts: contract ams-core 8.9).

        Raises:
            InvalidArgument: with what is wrong with the first of them.
        """
        for index, message in enumerate(messages):
            if self.payload:
                self.payload.explain(index, _decoded(index, message.data))
            if self.attributes:
                self.attributes.explain_attributes(index, message.attributes)

    def explain_document(self, raw: bytes) -> None:
        """The same for data that is not in base64; it counts as message 0."""
        if self.payload:
            self.payload.explain(0, raw)


class CompiledSchema:
    """A schema, ready to check messages with.

    Whatever takes long for its kind or its size is done in the validation process: so a check keeps
    this process from its other work for some hundredths of a second at worst, and for some
    microseconds a message as a rule. Finding the words for what is wrong is done there as well.
    """

    def __init__(
        self, kind: str, definition: bytes, attributes: bytes, process: ValidationProcess
    ) -> None:
        self._source = (kind, definition, attributes)
        self._process = process
        self._rules = Rules(*self._source)
        self._payload_cost = self._rules.payload.cost if self._rules.payload else 0
        self._attributes_cost = self._rules.attributes.cost if self._rules.attributes else 0

    async def check(self, messages: Sequence[Message]) -> None:
        """Checks the messages of a publish.

        Raises:
            InvalidArgument: one is not valid, or checking takes too long (texts: contract
                ams-core 8.9).
            Unavailable: too many checks wait for the validation process.
        """
        slices = self._slices(messages)
        if slices is None:
            await self._explain(messages)
            return
        for number, part in enumerate(slices):
            if number:
                await asyncio.sleep(0)
            if not self._rules.accept(part):
                await self._explain(messages)
                return

    async def check_document(self, raw: bytes) -> None:
        """Checks data that is not in base64 (contract: ams-core 8.6); raises as `check` does."""
        if (len(raw) + 1) * self._payload_cost > AT_ONCE or not self._rules.accept_document(raw):
            await self._explain([], raw)

    async def check_payload(self, data: str) -> None:
        """Checks data that is in base64, without attributes; raises as `check` does."""
        await self.check_document(_decoded(0, data))

    def _slices(self, messages: Sequence[Message]) -> list[Sequence[Message]] | None:
        """Parts of the messages that can be checked at once; None if one message can't."""
        if not self._attributes_cost:
            size = sum([len(message.data) for message in messages]) + len(messages)
            if size * self._payload_cost <= AT_ONCE:
                return [messages]
        costs = list(self._costs(messages))
        if max(costs, default=0) > AT_ONCE:
            return None
        slices, start, total = [], 0, 0
        for index, cost in enumerate(costs):
            total += cost
            if total > AT_ONCE:
                slices.append(messages[start:index])
                start, total = index, cost
        return [*slices, messages[start:]]

    def _costs(self, messages: Sequence[Message]) -> Iterator[int]:
        for message in messages:
            cost = (len(message.data) + 1) * self._payload_cost
            if self._attributes_cost:
                size = sum(map(len, message.attributes)) + sum(
                    map(len, message.attributes.values())
                )
                cost += (size + 1) * self._attributes_cost
            yield cost

    async def _explain(self, messages: Sequence[Message], document: bytes | None = None) -> None:
        sent = [(message.data, message.attributes) for message in messages]
        await self._process.run(Task(*self._source, sent, document))


def compile_schema(
    kind: str, definition: object, attributes: object, process: ValidationProcess
) -> CompiledSchema:
    """Compiles a schema; it may take some tenths of a second for one that is meant to take long.

    Args:
        kind: `json` or `avro`; empty for no rules on the data of messages.
        definition: the JSON Schema or Avro schema, decoded from JSON.
        attributes: a JSON Schema for the map of a message's attributes, whose values are strings;
            None for no rules on them.
        process: where to check what takes long.

    Raises:
        InvalidArgument: a definition is not valid, not supported, or too large (texts: contract
            ams-core 8.2).
    """
    if kind not in {"json", "avro"} and (kind or attributes is None):
        raise InvalidArgument("Schema type can only be 'json' or 'avro'")
    return CompiledSchema(
        kind,
        _as_json(definition) if kind else b"",
        b"" if attributes is None else _as_json(attributes, "attributes schema: "),
        process,
    )


def _as_json(definition: object, prefix: str = "") -> bytes:
    """The definition as JSON, of which everything is made: nothing is shared with the caller."""
    if not isinstance(definition, dict):
        raise InvalidArgument(f"{prefix}schema is invalid")
    try:
        json = msgspec.json.encode(definition)
    except (TypeError, UnicodeEncodeError, RecursionError):
        raise InvalidArgument(f"{prefix}schema is invalid") from None
    if len(json) > MOST_DEFINITION_BYTES:
        raise InvalidArgument(
            f"{prefix}schema is too large: at most {MOST_DEFINITION_BYTES} bytes of JSON"
        )
    return json


def _decoded(index: int, data: str) -> bytes:
    try:
        return base64_data.decode(data)
    except ValueError as error:
        raise InvalidArgument(f"Message {index} is not in valid base64 enocding,{error}") from None
