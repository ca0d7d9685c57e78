"""What each shape can carry of a life, worked out from the life itself: a third way beside pipeline and oracle."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time
from itertools import takewhile

from tests.properties.lives import EXTRACTS, STAGES, Life, Step, World
from tests.properties.tellings import REPORTING_ZONE, Telling, close_day, entry, log_of, versions_of

Place = tuple[str, str]


@dataclass(frozen=True)
class Told:
    """A deal enters a stage of a pipeline, and who says so."""

    at: datetime
    place: Place
    evidence: str


def expected(telling: Telling, life: Life) -> list[Told] | None:
    """The transitions of a deal in a telling; None where the telling leaves open which pipeline a stage is of."""
    row = _newest_row(telling, life)
    if not _is_clear(telling, life, row):
        return None
    told, start = _joined(telling, life)
    if start:
        told = [Told(min([life.created_at, *(one.at for one in told[:1])]), start, "inferred"), *told]
    if not told:
        return [_current(life, row)] if row is not None else []
    told = _collapsed(told)
    return told if row is None else told + _disagreement(life, row, told[-1])


def _joined(telling: Telling, life: Life) -> tuple[list[Told], Place | None]:
    """The best witness from its first word on, before it the next best; and what the earliest says was there before."""
    world = telling.world
    told: list[Told] = []
    start: Place | None = None
    stayed: Place | None = None
    for shape, words in {"logged": _logged, "versioned": _versioned, "dated": _dated}.items():
        witness, left = words(world, life) if shape in telling.shapes else ([], None)
        if shape == "logged" and shape in telling.shapes and not left:
            stayed = _never_left(telling, life)
            if stayed and not ("observed" in telling.shapes and _is_seen_before(life, witness)):
                return witness, stayed
        if witness and (not told or witness[0].at < told[0].at):
            start = left
        told = _before(witness, told)
    if "observed" in telling.shapes:
        changes, first = _observed(life)
        if first and (EXTRACTS[0] < told[0].at if told else changes):
            start = first
        elif changes and (not told or changes[0].at < told[0].at):
            start = stayed if stayed == _first_seen_in(life) else None
        told = _before(changes, told)
    return told, start


def _before(witness: list[Told], told: list[Told]) -> list[Told]:
    return [one for one in witness if not told or one.at < told[0].at] + told


def _newest_row(telling: Telling, life: Life) -> int | None:
    """The last extract of rows that holds the deal."""
    held = [extract for extract in range(len(EXTRACTS)) if life.is_in(extract)]
    return held[-1] if held and telling.has_rows else None


def _is_clear(telling: Telling, life: Life, row: int | None) -> bool:
    """Whether every stage told of has its pipeline: from a log's beginning, by what a change left, or by the row."""
    world = telling.world
    stays = row is not None and len({step.pipeline for step in life.steps}) == 1
    if telling.source.get("vendor") == "salesforce":
        return stays
    if telling.source.get("vendor") == "pipedrive" and life.flagged:
        return False  # of status deleted: neither open, won nor lost
    if "logged" not in telling.shapes or life.created_at > world.log_since:
        return True
    log = log_of(world, life, telling.own_kind)
    until_named = list(takewhile(lambda entry: entry.field != "stage", log))
    if any(entry.field == "status" and entry.old in ("won", "lost") for entry in until_named):
        return False  # closed when the log began, in a stage that is told later or never
    names_it = world.names_old_values and len(until_named) < len(log)
    if not names_it and any((entry.field, entry.new) == ("status", "open") for entry in until_named):
        return False  # back into a stage that this log has not named yet, or never names
    return stays or (row is not None and world.names_old_values)


def _logged(world: World, life: Life) -> tuple[list[Told], Place | None]:
    """Every move since the log began; the first one's old value, where it names a stage."""
    log = log_of(world, life)
    moves = [Told(move.at, move.place, "logged") for move in life.moves if move.at > world.log_since]
    first = next((row for row in log if row.field == "stage"), None)
    if not moves or first is None or not first.old:
        return moves, None
    before = next(step for step in reversed(life.steps) if step.at <= world.log_since)
    return moves, (before.pipeline, first.old)


def _never_left(telling: Telling, life: Life) -> Place | None:
    """Where outcomes are statuses, and a log tells no stage: that of the row, which a close keeps."""
    world, row = telling.world, _newest_row(telling, life)
    log = log_of(world, life, telling.own_kind)
    if not world.has_statuses or row is None or not log or any(entry.field == "stage" for entry in log):
        return None
    before = next(step for step in reversed(life.steps) if step.at <= world.log_since)
    return before.pipeline, life.column_stage(_shown(life, row))


def _versioned(world: World, life: Life) -> tuple[list[Told], Place | None]:
    """Every move since versions are kept; within a second in the order of the stages."""
    steps = sorted(versions_of(world, life), key=lambda step: (step.at, _order(step.place)))
    return _collapsed(Told(step.at, step.place, "versioned") for step in steps), None


def _dated(world: World, life: Life) -> tuple[list[Told], Place | None]:
    """One entry per stage, in the order of time, then of the stages."""
    held = [extract for extract in range(len(EXTRACTS)) if life.is_in(extract)]
    entries = []
    for place in ((pipeline, stage) for pipeline, stages in STAGES.items() for stage in stages):
        cell = entry(world, life, place, held[-1]) if held else ""
        if cell:
            entries.append(Told(_read(cell), place, "dated"))
    entries.sort(key=lambda one: (one.at, _order(one.place)))
    return _collapsed(entries), None


def _observed(life: Life) -> tuple[list[Told], Place | None]:
    """Where consecutive extracts differ; a deal of the first one was before as that one shows it."""
    held = [extract for extract in range(len(EXTRACTS)) if life.is_in(extract)]
    shown = [Told(EXTRACTS[extract], _shown(life, extract).place, "observed") for extract in held]
    changes = _collapsed(shown)
    return (changes[1:], changes[0].place) if 0 in held else (changes, None)


def _is_seen_before(life: Life, witness: list[Told]) -> bool:
    """Whether extracts tell where a deal was before a witness's first word."""
    changes, first = _observed(life)
    if not witness:
        return bool(changes)
    return (first is not None and EXTRACTS[0] < witness[0].at) or any(one.at < witness[0].at for one in changes)


def _first_seen_in(life: Life) -> Place:
    """The stage that the first extract with a deal names, whatever status it shows."""
    held = next(extract for extract in range(len(EXTRACTS)) if life.is_in(extract))
    step = _shown(life, held)
    return step.pipeline, life.column_stage(step)


def _current(life: Life, row: int) -> Told:
    """One transition: into an open stage at creation, into won or lost at the close."""
    step = _shown(life, row)
    at = max(life.created_at, _closed_at(life, row)) if step.outcome else life.created_at
    return Told(min(at, EXTRACTS[row]) if step.outcome else at, step.place, "inferred")


def _disagreement(life: Life, row: int, last: Told) -> list[Told]:
    """The newest row knows another stage than the last word."""
    step = _shown(life, row)
    if step.place == last.place or last.at > EXTRACTS[row]:
        return []
    at = _closed_at(life, row) if step.outcome else EXTRACTS[row]
    return [Told(max(at, last.at), step.place, "observed")]


def _closed_at(life: Life, row: int) -> datetime:
    return min(_read(close_day(life, _shown(life, row))), EXTRACTS[row])


def _shown(life: Life, extract: int) -> Step:
    step = life.at(EXTRACTS[extract])
    assert step is not None
    return step


def _read(cell: str) -> datetime:
    """A moment, or the midnight of a day in the reporting timezone."""
    if len(cell) == 10:
        day = datetime.fromisoformat(cell).date()
        return datetime.combine(day, time(0), tzinfo=REPORTING_ZONE).astimezone(UTC)
    return datetime.fromisoformat(cell).replace(tzinfo=UTC)


def _order(place: Place) -> int:
    return list(STAGES[place[0]]).index(place[1])


def _collapsed(told: Iterable[Told]) -> list[Told]:
    """A change to the stage a deal is in already is none."""
    kept: list[Told] = []
    for one in told:
        if not kept or kept[-1].place != one.place:
            kept.append(one)
    return kept
