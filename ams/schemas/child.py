"""What the validation process runs: it takes tasks from a socket, and answers each.

It stops when its parent closes the socket, or dies. Whatever goes wrong in it ends it: its parent
starts another.
"""

import functools
import resource
import socket
import sys
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from ams.schemas.process import LENGTH, READY, Task, Verdict
from ams.schemas.schema import Rules
from ams.service.errors import InvalidArgument

#: Most memory the process may take, in bytes of address space.
MOST_MEMORY_BYTES: Final = 1024 * 1024 * 1024
#: Schemas that stay compiled.
MOST_SCHEMAS: Final = 32

_compiled: Final = functools.lru_cache(MOST_SCHEMAS)(Rules)


class _Message(NamedTuple):
    data: str
    attributes: dict[str, str]


def answer(task: Task) -> Verdict:
    """Validates what a task holds."""
    rules = _compiled(task.kind, task.definition, task.attributes_definition)
    try:
        if task.document is None:
            rules.explain([_Message(*each) for each in task.messages])
        else:
            rules.explain_document(task.document)
    except InvalidArgument as error:
        return Verdict(error.message)
    return Verdict("")


def main(descriptor: int) -> None:
    """Serves the parent at the other end of a socket."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with socket.socket(fileno=descriptor) as parent:
        _send(parent, READY)
        for frame in _frames(parent):
            verdict = answer(msgspec.msgpack.decode(frame, type=Task))
            _send(parent, msgspec.msgpack.encode(verdict))


def _frames(parent: socket.socket) -> Iterator[bytes]:
    with parent.makefile("rb") as stream:
        while head := stream.read(LENGTH.size):
            (length,) = LENGTH.unpack(head)
            yield stream.read(length)


def _send(parent: socket.socket, frame: bytes) -> None:
    parent.sendall(LENGTH.pack(len(frame)) + frame)


if __name__ == "__main__":
    main(int(sys.argv[1]))
