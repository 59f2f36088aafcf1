"""Files that hold secrets: for their owner only, and whole at any time."""

import os
import tempfile
from pathlib import Path


def write_private(file: Path, text: str) -> None:
    """Writes a file with mode 0600. After a crash it is there as a whole or as it was before.

    Raises:
        OSError: it can't be written.
    """
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def readable_by_others(file: Path) -> bool:
    """Whether users other than the owner may read a file."""
    return bool(file.stat().st_mode & 0o077)
