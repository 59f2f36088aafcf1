"""The schemas of topics, compiled once for as long as they stay as they are."""

from collections import OrderedDict
from typing import Final

import msgspec

from ams.metadata.records import SchemaRecord
from ams.schemas.process import NOT_STARTED, OVERLOADED, ValidationProcess
from ams.schemas.schema import CompiledSchema, compile_schema
from ams.service.errors import InternalError, InvalidArgument, Unavailable

#: Most compiled schemas in memory.
MOST_SCHEMAS: Final = 1000
#: What a publish is answered whose schema this version can't compile (contract: ams-core 3.11).
UNUSABLE: Final = "Could not load schema for topic"

#: How a check of messages may fail (contract: ams-core 8.9).
CHECK_ERRORS: Final = (
    InvalidArgument("Message {reason}"),
    InternalError(UNUSABLE),
    Unavailable(OVERLOADED),
    Unavailable(NOT_STARTED),
)


class CompiledSchemas:
    """Compiled schemas by uuid; a record that was read anew is compiled anew if it differs."""

    def __init__(self) -> None:
        self.process: Final = ValidationProcess()
        self._compiled: OrderedDict[str, tuple[SchemaRecord, CompiledSchema]] = OrderedDict()

    def of(self, record: SchemaRecord) -> CompiledSchema:
        """The compiled form of a schema.

        Raises:
            InternalError: it is stored, but can't be compiled.
        """
        known, compiled = self._compiled.get(record.uuid, (None, None))
        # The same object as a rule; the comparison is for topics that share a schema.
        if compiled is not None and (known is record or known == record):
            return compiled
        compiled = self._compile(record)
        self._compiled[record.uuid] = (record, compiled)
        self._compiled.move_to_end(record.uuid)
        if len(self._compiled) > MOST_SCHEMAS:
            self._compiled.popitem(last=False)
        return compiled

    def _compile(self, record: SchemaRecord) -> CompiledSchema:
        attributes = record.attributes_definition
        try:
            return compile_schema(
                record.type,
                msgspec.json.decode(record.definition),
                None if attributes is None else msgspec.json.decode(attributes),
                self.process,
            )
        except InvalidArgument:
            raise InternalError(UNUSABLE) from None
