"""The certificates that settings name, and when they end."""

import asyncio
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from ams.service.certificates import UNREADABLE, ends_in
from ams.service.settings import Settings
from metrics import families
from metrics.lines import Lines

#: What keys are called whose value is a file, or a folder of files, with certificates.
KEYS: Final = ("certificate", "ca_file", "jwt_ca_file", "certificate_authorities")
#: Longest file that is read, in bytes: a bundle of all authorities of the web has a quarter.
MOST_BYTES: Final = 1 << 20


async def add_certificates(lines: Lines, settings: Settings) -> None:
    """Adds the expiry of all certificates that settings name; of too many, the first to end."""
    # Not to the lines of others: it goes on if nobody waits for it any more.
    lines.take(await asyncio.to_thread(_told, settings))


def _told(settings: Settings) -> Lines:
    lines = Lines()
    ends: dict[tuple[str, str], datetime] = {}
    for setting, path in _named(settings):
        found, readable = _read(path)
        lines.add(families.CERTIFICATE_READABLE, float(readable), setting)
        ends |= {(setting, subject): end for subject, end in found.items()}
    most = settings.exporter.max_labels
    for labels, end in sorted(ends.items(), key=lambda item: item[1])[:most]:
        lines.add(families.CERTIFICATE_EXPIRY, end.timestamp(), *labels)
    lines.add(families.LEFT_OUT, max(0, len(ends) - most), "certificates")
    return lines


def _named(settings: Settings) -> Iterator[tuple[str, Path]]:
    """The settings that name certificates, and where these are."""
    for section in type(settings).model_fields:
        values = getattr(settings, section)
        for key in type(values).model_fields:
            path = getattr(values, key) if key in KEYS else ""
            # A default that is not there is of a service that is not used.
            if path and (key in values.model_fields_set or os.access(path, os.F_OK)):
                yield f"{section}.{key}", Path(path)


def _read(path: Path) -> tuple[dict[str, datetime], bool]:
    """By subject, when the first of its certificates ends; whether there are any, and all good."""
    ends: dict[str, datetime] = {}
    readable = True
    for file in _files(path):
        try:
            content = b"" if file.stat().st_size > MOST_BYTES else file.read_bytes()
            for subject, end in ends_in(content).items():
                ends[subject] = min(end, ends.get(subject, end))
        except (OSError, *UNREADABLE):
            readable = False
    return ends, readable and bool(ends)


def _files(path: Path) -> list[Path]:
    """A file, or the files of a folder. Whoever reads folders skips links that lead nowhere."""
    try:
        return sorted(filter(Path.is_file, path.iterdir())) if path.is_dir() else [path]
    except OSError:
        return []
