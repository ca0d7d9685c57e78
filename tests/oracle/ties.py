"""In which order things of one moment happened (domain.md, History: Ties in time)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from datetime import datetime
from itertools import groupby, pairwise
from typing import Any, TypeVar

Step = TypeVar("Step")

#: What nothing is known of: a chain may begin anywhere.
UNKNOWN: Any = object()


def chained(
    steps: list[Step],
    old_of: Callable[[Step], Hashable],
    new_of: Callable[[Step], Hashable],
    before: Hashable = UNKNOWN,
) -> list[Step]:
    """The steps so that each begins where the one before ended, if they can stand so; else as they are given.

    Of several such orders the one that begins with what held before, then the first in the given order.
    """
    if len(steps) < 2:
        return steps
    starts = [before, UNKNOWN] if before is not UNKNOWN else [UNKNOWN]
    for start in starts:
        found = _path(steps, old_of, new_of, start)
        if found:
            return found
    return steps


def _path(
    steps: list[Step], old_of: Callable[[Step], Hashable], new_of: Callable[[Step], Hashable], held: Hashable
) -> list[Step] | None:
    if not steps:
        return []
    tried: set[tuple[Hashable, Hashable]] = set()
    for place, step in enumerate(steps):
        same = (old_of(step), new_of(step))
        if same not in tried and (held is UNKNOWN or old_of(step) == held):
            tried.add(same)
            rest = _path(steps[:place] + steps[place + 1 :], old_of, new_of, new_of(step))
            if rest is not None:
                return [step, *rest]
    return None


def by_chain(
    steps: Iterable[Step],
    at_of: Callable[[Step], datetime],
    field_of: Callable[[Step], str],
    old_of: Callable[[Step], Hashable],
    new_of: Callable[[Step], Hashable],
) -> list[Step]:
    """Steps in order of time; those of one moment and one field trade their places, if a chain says so."""
    ordered: list[Step] = []
    held: dict[str, Hashable] = {}
    for _, of_moment in groupby(steps, key=at_of):
        moment = list(of_moment)
        places: dict[str, list[int]] = defaultdict(list)
        for place, step in enumerate(moment):
            places[field_of(step)].append(place)
        for field, taken in places.items():
            chain = chained([moment[place] for place in taken], old_of, new_of, held.get(field, UNKNOWN))
            for place, step in zip(taken, chain, strict=True):
                moment[place] = step
            held[field] = new_of(chain[-1])
        ordered += moment
    return ordered


def runs_backwards(times: Iterable[tuple[str, datetime]]) -> bool:
    """Whether a file is written newest first: (record, time) row by row; a record's own rows tell first."""
    rows = list(times)
    by_record: dict[str, list[datetime]] = defaultdict(list)
    for record, at in rows:
        by_record[record].append(at)
    own = sum(_direction(of_record) for of_record in by_record.values())
    return (own or _direction([at for _, at in rows])) < 0


def _direction(times: list[datetime]) -> int:
    """How often they rise less how often they fall."""
    return sum((after > before) - (after < before) for before, after in pairwise(times))
