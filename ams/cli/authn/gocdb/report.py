"""What an import did, and what it could not do."""

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import typer

from ams.cli.output import clean, print_fields, print_json, print_table

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Change:
    """Something that was done, or that would be: `create`, `user`, its name."""

    action: str
    kind: str
    name: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """An endpoint that is left out on purpose."""

    service_type: str
    host: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that could not be done, and why."""

    what: str
    reason: str


@dataclass(slots=True)
class Report:
    """All of it, in the order in which it happened.

    Attributes:
        dry_run: whether the changes are only what would be done.
        endpoints: how many were looked at.
        fallback_contacts: sites whose contact does not count, and why.
    """

    dry_run: bool
    endpoints: int = 0
    changes: list[Change] = field(default_factory=list)
    without_subject: list[Skipped] = field(default_factory=list)
    not_in_production: list[Skipped] = field(default_factory=list)
    fallback_contacts: dict[str, str] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    def change(self, change: Change, do: Callable[[], T]) -> T | None:
        """Does something and notes it; in a dry run it is noted only."""
        result = None if self.dry_run else do()
        self.changes.append(change)
        return result


def show_report(report: Report, *, json: bool) -> None:
    """Prints it; failures go to standard error, too."""
    if json:
        print_json(report)
    else:
        _show(report)
    sys.stdout.flush()
    for failure in report.failures:
        typer.echo(f"Error: {clean(failure.what)}: {clean(failure.reason)}", err=True)


def _show(report: Report) -> None:
    print_table(
        ["CHANGE", "OF", "NAME", "DETAIL"],
        [[each.action, each.kind, each.name, each.detail] for each in report.changes],
        nothing="No changes.",
    )
    typer.echo()
    done = Counter((each.kind, each.action) for each in report.changes)
    print_fields(
        [
            ("endpoints", str(report.endpoints)),
            ("users created", str(done["user", "create"])),
            ("bindings created", str(done["binding", "create"])),
            ("bindings updated", str(done["binding", "update"])),
            ("without a subject", _hosts(report.without_subject)),
            ("not in production", _hosts(report.not_in_production)),
            *(
                ("fallback contact", f"{site}: {reason}")
                for site, reason in report.fallback_contacts.items()
            ),
            ("failed", str(len(report.failures))),
            ("dry run", "nothing was changed" if report.dry_run else ""),
        ]
    )


def _hosts(skipped: list[Skipped]) -> str:
    hosts = ", ".join(each.host or "(no host)" for each in skipped)
    return f"{len(skipped)}: {hosts}" if skipped else ""
