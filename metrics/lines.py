"""Samples as they are gathered, by family."""

from collections.abc import Iterable

from ams.service.exposition import Block, Family, label_set, number_text


class Lines:
    """Lines of the page."""

    def __init__(self) -> None:
        self._lines: dict[Family, list[str]] = {}

    def add(self, family: Family, value: float | None, *labels: str) -> None:
        """Adds a sample; None is no value."""
        self.add_each(labels, [(family, value)])

    def add_each(
        self, labels: tuple[str, ...], values: Iterable[tuple[Family, float | None]]
    ) -> None:
        """Adds samples of families that have the same labels."""
        text = None
        for family, value in values:
            if text is None:
                text = label_set(family.labels, labels)
            if value is not None:
                line = f"{family.name}{text} {number_text(value)}\n"
                self._lines.setdefault(family, []).append(line)

    def take(self, others: "Lines") -> None:
        """Adds the samples of others."""
        for family, some in others._lines.items():
            self._lines.setdefault(family, []).extend(some)

    def blocks(self, families: Iterable[Family]) -> list[Block]:
        """The samples of these families, in their order; those without any are missing."""
        return [
            (family, "".join(self._lines[family])) for family in families if family in self._lines
        ]
