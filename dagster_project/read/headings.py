"""From a file's headings to canonical columns: ranked synonyms, and what is missing, doubled or unknown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from dagster_project.config.entities import ENTITIES
from dagster_project.config.feeds import Feed
from dagster_project.config.stages import normalized
from dagster_project.errors import MissingColumnError, RefusedFileError
from dagster_project.read.pii import is_personal
from dagster_project.read.stage_dates import StageDate, stage_date
from dagster_project.wording import near_name

#: In a synonym: any text, such as a view's name before the column's.
ANY_TEXT = "*"
#: How far down a report may have its headings, in rows with cells.
SEARCHED_ROWS = 50
#: A longer one is no heading but the rows that a stray quote swallowed.
LONGEST_HEADING = 300


@dataclass(frozen=True)
class Matched:
    """Which columns of the file (from 0) each canonical column is read from; several are joined."""

    positions: dict[str, tuple[int, ...]] = field(default_factory=dict)
    #: Whether the id is what several columns say together (`derive`).
    is_derived: bool = False
    #: Columns that hold the day a stage was entered, in the file's order.
    stage_dates: dict[int, StageDate] = field(default_factory=dict)
    #: Columns that say whether a row is a record of the feed, and the values that say it is (`only_when`).
    conditions: dict[int, list[str]] = field(default_factory=dict)
    #: Positions whose times without offset are UTC (`utc_headings`).
    utc: frozenset[int] = frozenset()
    #: Identical headings whose contents have to agree: pairs of positions.
    doubled: list[tuple[int, int]] = field(default_factory=list)
    #: Headings of a lower rank than the one used.
    outranked: list[str] = field(default_factory=list)
    #: Headings that map to nothing.
    unmapped: list[str] = field(default_factory=list)

    @property
    def used(self) -> list[int]:
        """Every position that is read."""
        mapped = {position for positions in self.positions.values() for position in positions}
        return sorted(mapped | set(self.stage_dates) | set(self.conditions))


def heading_key(heading: str) -> str:
    """A heading without case, byte-order mark and runs of spaces, accents composed: how headings are compared."""
    composed = unicodedata.normalize("NFC", heading.replace("\ufeff", ""))
    return re.sub(r"\s+", " ", composed).strip().casefold()


class KnownHeadings:
    """What a mapping names, to ask whether the key of a heading is `in` it: literally, or by a pattern."""

    def __init__(self, synonyms: Iterable[str]) -> None:
        keys = {heading_key(synonym) for synonym in synonyms}
        self.literal = frozenset(keys)
        self._patterns = [_pattern(key) for key in keys if ANY_TEXT in key]

    def __contains__(self, key: str) -> bool:
        return key in self.literal or any(pattern.fullmatch(key) for pattern in self._patterns)


def known_headings(feed: Feed, column: str | None = None) -> KnownHeadings:
    """All headings that a mapping names, or those for one canonical column."""
    mapped = feed.mapped.values() if column is None else [feed.mapped.get(column, [])]
    named = [part for synonyms in mapped for synonym in synonyms for part in _parts(synonym)]
    derived = feed.derive if column in (None, ENTITIES[feed.entity].key) else []
    return KnownHeadings([*named, *derived])


def _pattern(key: str) -> re.Pattern[str]:
    return re.compile(".+".join(map(re.escape, key.split(ANY_TEXT))))


def _found(synonym: str, first_at: Mapping[str, int]) -> list[str]:
    """The keys of a file's headings that a synonym names: its own, else those its pattern fits, in the file's order."""
    key = heading_key(synonym)
    if key in first_at:
        return [key]
    if ANY_TEXT not in key:
        return []
    pattern = _pattern(key)
    return [heading for heading in first_at if pattern.fullmatch(heading)]


def _parts(synonym: str | list[str]) -> list[str]:
    return synonym if isinstance(synonym, list) else [synonym]


def match(headings: Sequence[str], feed: Feed, needs_stage: bool = True, pipelines: Collection[str] = ()) -> Matched:
    """Finds each canonical column's best heading. Raises RefusedFileError where a required column has none.

    A synonym that is a list of headings is used where the file has all of them; `*` in one is any text, and of several
    headings that it fits the first is used. `needs_stage` is False where a
    source's change log or versions give the stage of its deals; `pipelines` are the source's, by name.
    """
    _refuse_too_long(headings)
    keys = [heading_key(heading) for heading in headings]
    first_at: dict[str, int] = {}
    doubled_at: dict[str, list[int]] = {}
    for position, key in enumerate(keys):
        if key in first_at:
            doubled_at.setdefault(key, []).append(position)
        else:
            first_at[key] = position
    positions: dict[str, tuple[int, ...]] = {}
    lower: set[str] = set()
    for column, synonyms in feed.mapped.items():
        wanted = [[_found(part, first_at) for part in _parts(synonym)] for synonym in synonyms]
        present = [parts for parts in wanted if all(parts)]
        if present:
            positions[column] = tuple(first_at[found[0]] for found in present[0])
            lower.update(key for parts in present for found in parts for key in found)
    key = ENTITIES[feed.entity].key
    is_derived = bool(feed.derive) and key not in positions
    if is_derived:
        positions[key] = _derived(headings, feed, first_at)
    _demand_required(headings, feed, positions, needs_stage)
    # a timezone that somebody gave the feed is their word on all of its times
    utc = KnownHeadings(feed.utc_headings if feed.timezone is None else [])
    used = {keys[position] for group in positions.values() for position in group}
    conditions = {
        first_at[found[0]]: values for heading, values in feed.only_when.items() if (found := _found(heading, first_at))
    }
    used |= {keys[position] for position in conditions}
    no_stages = set(map(heading_key, feed.not_stage_dates))
    free = [position for key, position in first_at.items() if key not in used | lower | no_stages]
    dated, lower_dated = _stage_dates(headings, sorted(free), feed, pipelines)
    used |= {keys[position] for position in dated}
    lower |= {keys[position] for position in lower_dated}
    return Matched(
        positions=positions,
        is_derived=is_derived,
        stage_dates=dated,
        conditions=conditions,
        utc=frozenset(position for position, key in enumerate(keys) if key in utc),
        doubled=[(first_at[key], other) for key in sorted(used & doubled_at.keys()) for other in doubled_at[key]],
        outranked=sorted({headings[first_at[key]] for key in lower - used}),
        unmapped=[heading for heading, key in zip(headings, keys, strict=True) if key and key not in used | lower],
    )


def _derived(headings: Sequence[str], feed: Feed, first_at: Mapping[str, int]) -> tuple[int, ...]:
    """The columns that are the id together. Raises RefusedFileError where one of them is not there."""
    found = {heading: _found(heading, first_at) for heading in feed.derive}
    missing = [heading for heading, keys in found.items() if not keys]
    if missing:
        raise RefusedFileError(
            f"has no heading {' and none '.join(map(repr, missing))}, from which `derive` makes its "
            f"{ENTITIES[feed.entity].key}; {_shown(headings, feed)}. Name headings that it has, or export the column"
        )
    return tuple(first_at[keys[0]] for keys in found.values())


def fits(headings: Sequence[str], feed: Feed, needs_stage: bool) -> bool:
    """Whether these are the headings of a file of the feed: whether the required ones are among them."""
    try:
        match(headings, feed, needs_stage)
    except RefusedFileError:
        return False
    return True


def header_row(rows: Iterable[Sequence[str]], feed: Feed, needs_stage: bool) -> int:
    """Which of the first rows has the required headings, from 0; 0 if none has."""
    return next((at for at, row in enumerate(islice(rows, SEARCHED_ROWS)) if fits(row, feed, needs_stage)), 0)


def is_nameless(heading: str) -> bool:
    """Whether a heading has no letter, so that it says of its column nothing."""
    return not any(letter.isalpha() for letter in heading)


def _refuse_too_long(headings: Sequence[str]) -> None:
    longest = max(map(len, headings), default=0)
    if longest > LONGEST_HEADING:
        raise RefusedFileError(
            f"has a heading of {longest:,} characters; the longest allowed has {LONGEST_HEADING}. It is no heading, or "
            "a quote in the header is not closed: shorten it, or export the file again"
        )


def _stage_dates(
    headings: Sequence[str], free: list[int], feed: Feed, pipelines: Collection[str]
) -> tuple[dict[int, StageDate], list[int]]:
    """The headings that a pattern finds, and those that say by a lower-ranked pattern what another says already."""
    found: dict[int, StageDate] = {}
    outranked: list[int] = []
    said: set[tuple[str, str | None]] = set()
    for pattern in feed.stage_dates:
        for position in free:
            if position in found or position in outranked:
                continue
            dated = stage_date(headings[position], pattern, pipelines)
            if dated is None:
                continue
            key = (normalized(dated.stage), normalized(dated.pipeline) if dated.pipeline else None)
            if key in said:
                outranked.append(position)
            else:
                said.add(key)
                found[position] = dated
    return dict(sorted(found.items())), outranked


def _demand_required(
    headings: Sequence[str], feed: Feed, positions: dict[str, tuple[int, ...]], needs_stage: bool
) -> None:
    entity = ENTITIES[feed.entity]
    read = {*positions, *feed.constants}
    given = read | {column for column, ranked in feed.references.items() if any(one.column in read for one in ranked)}
    for column in entity.required_columns:
        alternative = entity.alternatives.get(column)
        if column in given or (alternative and given.issuperset(alternative)):
            continue
        if feed.entity == "deals" and column == "stage" and not needs_stage:
            continue
        synonyms = [" + ".join(_parts(synonym)) for synonym in feed.mapped.get(column, [])]
        wanted = " or ".join(f"'{name}'" for name in synonyms) or "none in the mapping"
        near = next((near for name in synonyms if (near := near_name(name, headings))), None)
        meant = f"; did you mean '{near}'?" if near and not is_personal(feed) else ""
        instead = f", nor for {' and '.join(alternative)} in its place" if alternative else ""
        raise MissingColumnError(
            f"has no column for {feed.entity}.{column} (heading {wanted}{meant}){instead}; {_shown(headings, feed)}. "
            "Add the heading to the mapping, or export the column",
            column,
        )


def _shown(headings: Sequence[str], feed: Feed) -> str:
    if is_personal(feed):  # a file without a header has a person in their place
        return f"it has {len(headings)} headings"
    found = ", ".join(repr(heading) for heading in headings[:12])
    more = f" and {len(headings) - 12} more" if len(headings) > 12 else ""
    return f"its headings are {found[:400]}{more}"
