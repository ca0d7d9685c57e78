"""Headings such as `Date entered "Demo (Sales Pipeline)"`: which stage of which pipeline they speak of."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from dagster_project.config.stages import normalized

_PLACEHOLDER = re.compile(r"\{(stage|pipeline)\}")


@dataclass(frozen=True)
class StageDate:
    """A heading taken apart; `stage` and `pipeline` as the heading writes them, `pipeline` None if it names none."""

    heading: str
    stage: str
    pipeline: str | None


def stage_date(heading: str, pattern: str, pipelines: Collection[str]) -> StageDate | None:
    """What a heading says by a pattern; None if it does not match. Case and runs of spaces do not matter.

    A heading that can be split in several ways is split where its pipeline is one of `pipelines`; else where no
    bracket is torn from its other half; else its stage is as long as can be.
    """
    literals, names = _parts(pattern)
    plain = _plain(heading)
    start, end = literals[0].lower(), literals[-1].lower()
    folded = plain.lower()
    if len(folded) != len(plain) or len(plain) < len(start) + len(end):
        return None
    if not (folded.startswith(start) and folded.endswith(end)):
        return None
    middle = plain[len(start) : len(plain) - len(end)]
    splits = [dict(zip(names, parts, strict=True)) for parts in _splits(middle, literals[1:-1])]
    if not splits:
        return None
    known = {normalized(name) for name in pipelines}
    best = max(
        splits,
        key=lambda split: (
            normalized(split.get("pipeline", "")) in known,
            all(map(_has_whole_brackets, split.values())),
            len(split["stage"]),
        ),
    )
    return StageDate(heading, best["stage"], best.get("pipeline"))


def _parts(pattern: str) -> tuple[list[str], list[str]]:
    """What stands around the placeholders, and their names."""
    pieces = _PLACEHOLDER.split(re.sub(r"\s+", " ", pattern).strip())
    return pieces[0::2], pieces[1::2]


def _plain(heading: str) -> str:
    return re.sub(r"\s+", " ", heading.replace("\ufeff", "").replace("\u00a0", " ")).strip()


def _splits(middle: str, separators: list[str]) -> Iterator[tuple[str, ...]]:
    if not separators:
        if middle.strip():
            yield (middle.strip(),)
        return
    (separator,) = separators
    for found in re.finditer(f"(?={re.escape(separator)})", middle, re.IGNORECASE):
        first, second = middle[: found.start()].strip(), middle[found.start() + len(separator) :].strip()
        if first and second:
            yield first, second


def _has_whole_brackets(name: str) -> bool:
    depth = 0
    for char in name:
        depth += {"(": 1, ")": -1}.get(char, 0)
        if depth < 0:
            return False
    return depth == 0
