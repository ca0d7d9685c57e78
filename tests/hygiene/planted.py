"""What was planted: the broken records of each rule, and those that only just keep it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

#: Observed or allowed where the generator does not say it.
ANY = "(any)"
Key = tuple[str, str]


@dataclass
class Planted:
    """Rule and record key → observed and allowed; and the keys that are just on the right side of a rule."""

    broken: dict[Key, tuple[str | None, str | None]] = field(default_factory=dict)
    near: set[Key] = field(default_factory=set)

    def judge(
        self, rule: str, key: str, is_broken: bool, observed: Any = ANY, allowed: Any = ANY, near: bool = True
    ) -> None:
        """One record as its maker meant it; `near`: if it is not broken, it only just is not."""
        if is_broken:
            self.broken[rule, key] = (_text(observed), _text(allowed))
        elif near:
            self.near.add((rule, key))

    def spare(self, *rules: str) -> None:
        """What would break these rules is not looked at by them."""
        for rule, key in [found for found in self.broken if found[0] in rules]:
            del self.broken[rule, key]
            self.near.add((rule, key))

    def spare_but(self, *rules: str) -> None:
        """Only these rules look at it."""
        self.spare(*({rule for rule, _ in self.broken} - set(rules)))

    def forget(self, *rules: str) -> None:
        """Other values were put in place of those that were judged."""
        for rule, key in [found for found in self.broken.keys() | self.near if found[0] in rules]:
            self.broken.pop((rule, key), None)
            self.near.discard((rule, key))

    def forget_cells(self, *columns: str) -> None:
        """The same, of cells that could not be read."""
        for rule, key in [found for found in self.broken if found[1].rsplit(":", 1)[-1] in columns]:
            del self.broken[rule, key]

    def add(self, other: Planted) -> None:
        """Takes over what another one says; nobody may say a thing twice."""
        twice = self.broken.keys() & other.broken.keys()
        assert not twice, f"planted twice: {sorted(twice)[:5]}"
        self.broken.update(other.broken)
        self.near |= other.near

    def by_rule(self) -> dict[str, tuple[int, int]]:
        """Rule → how many are broken, how many nearly."""
        counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for rule, _ in self.broken:
            counts[rule][0] += 1
        for rule, _ in self.near - self.broken.keys():
            counts[rule][1] += 1
        return {rule: (broken, near) for rule, (broken, near) in sorted(counts.items())}


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
