"""The stages of a drafted source: the values of its stage column, in order, with what each is compared as."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import duckdb

from dagster_project.config.stages import normalized
from dagster_project.config.values import CANONICAL_STAGES
from dagster_project.draft.sampled import Sample, looks_personal
from dagster_project.draft.words import meaning, stage_meaning
from dagster_project.read.stage_dates import stage_date

_TERMINAL = ("post_sale", "won", "lost")
_AS_BEFORE = "what it is; compared as the stage before it"
#: What an order stands in: `2 - Demo`, `B. Demo`, `b) Demo`.
_NUMBER = re.compile(r"\s*[\[(]?(\d+)")
_LETTER = re.compile(r"\s*[\[(]?([A-Za-z])\s*[-.):\]]+\s*")
#: More are no list of stages, and nobody would read them.
MAX_STAGES = 60


@dataclass(frozen=True)
class DraftedStage:
    """A stage with the canonical stage it is compared as; `check` says why that may be wrong."""

    name: str
    canonical: str
    deals: int | None
    check: str | None = None


@dataclass(frozen=True)
class StageColumns:
    """The headings that tell of stages in the samples of one feed, and the patterns of its stage dates."""

    samples: list[Sample]
    stage: str
    pipeline: str | None = None
    lost_reason: str | None = None
    status: str | None = None
    patterns: tuple[str, ...] = ()
    #: Whether its rows are stages and not deals, one a row, in their order.
    is_list: bool = False


def draft_pipelines(connection: duckdb.DuckDBPyConnection, columns: StageColumns) -> dict[str, list[DraftedStage]]:
    """Pipeline → its stages in the order of a deal's life; `default` where no column names pipelines."""
    found: dict[str, list[tuple[str, int, bool]]] = {}
    for pipeline, stage, deals, has_reason in _values(connection, columns):
        if not looks_personal(stage) and not looks_personal(pipeline or ""):
            stages = found.setdefault(pipeline or "default", [])
            if normalized(stage) not in {normalized(name) for name, _, _ in stages}:
                stages.append((stage, deals, has_reason))
    dated = _stages_in_headings(columns)
    drafted = {}
    for pipeline, stages in found.items():
        listed = [normalized(name) for name, _, _ in stages] if columns.is_list else dated
        drafted[pipeline] = _ordered(stages[:MAX_STAGES], listed)
    if columns.is_list:
        return {pipeline: [replace(stage, deals=None) for stage in stages] for pipeline, stages in drafted.items()}
    return drafted


def _values(connection: duckdb.DuckDBPyConnection, columns: StageColumns) -> list[tuple[str | None, str, int, bool]]:
    """Pipeline, stage, deals in it, and whether most of them have a reason for their loss; as first seen."""
    parts = []
    for number, sample in enumerate(columns.samples):
        stage = sample.column(columns.stage)
        if stage is None:
            continue
        cells = {"pipeline": columns.pipeline, "reason": columns.lost_reason}
        selected = ", ".join(f"{_cell(sample, heading)} as {name}" for name, heading in cells.items())
        parts.append(
            f"select {number} as file, rowid as position, c{stage.position} as stage, {selected} from {sample.table}"
        )
    if not parts:
        return []
    return connection.execute(
        f"""
        select pipeline, stage, count(*), 2 * count(reason) > count(*)
        from ({" union all ".join(parts)})
        where stage is not null
        group by pipeline, stage
        order by min(file), min(position)
        """
    ).fetchall()


def _cell(sample: Sample, heading: str | None) -> str:
    column = sample.column(heading) if heading else None
    return f"c{column.position}" if column else "cast(null as varchar)"


def _stages_in_headings(columns: StageColumns) -> list[str]:
    """The stages that have a date column, in the order of the columns, as keys."""
    return [
        normalized(dated.stage)
        for column in columns.samples[-1].columns
        for pattern in columns.patterns
        if (dated := stage_date(column.heading, pattern, ())) is not None
    ]


def _ordered(stages: list[tuple[str, int, bool]], dated: list[str]) -> list[DraftedStage]:
    """By a number in front of their names, else by the columns of their dates, else by what they are compared as."""
    place = _places(stages, dated)
    drafted = [_drafted(name, deals, lost, place) for name, deals, lost in stages]
    drafted.sort(key=lambda stage: (stage.canonical in _TERMINAL, _rank(stage, place)))
    return _neighbours(drafted) if place else drafted


def _places(stages: list[tuple[str, int, bool]], dated: list[str]) -> dict[str, float]:
    """Key of an open stage → its place, where numbers or date columns show an order; else nothing."""
    open_names = [name for name, _, lost in stages if not _is_terminal(name, lost)]
    for prefix, place_of in ((_NUMBER, float), (_LETTER, _place_of_letter)):
        found = {normalized(name): prefix.match(name) for name in open_names}
        if len(found) > 1 and all(found.values()):
            return {key: place_of(match[1]) for key, match in found.items() if match}
    # one whose name says nothing and that no column dates may be an end
    told = [normalized(name) for name in open_names if stage_meaning(_bare(name))]
    places = {key: float(dated.index(key)) for key in map(normalized, open_names) if key in dated}
    return places if len(places) > 1 and all(key in dated for key in told) else {}


def _place_of_letter(letter: str) -> float:
    return float(ord(letter.casefold()))


def _rank(stage: DraftedStage, place: dict[str, float]) -> tuple[float, int]:
    canonical = CANONICAL_STAGES.index(stage.canonical)
    is_end = stage.canonical in _TERMINAL
    by_name = len(CANONICAL_STAGES) + len(place) if place and not is_end else canonical
    return (place.get(normalized(stage.name), float(by_name)), -(stage.deals or 0))


def _is_terminal(name: str, has_reason: bool) -> bool:
    found = stage_meaning(_bare(name))
    return found.meaning in _TERMINAL if found else has_reason


def _drafted(name: str, deals: int, has_reason: bool, place: dict[str, float]) -> DraftedStage:
    found = stage_meaning(_bare(name))
    if found is None and has_reason:
        return DraftedStage(name, "lost", deals, "most of its deals have a reason for their loss")
    if found is None:
        return DraftedStage(name, "qualifying", deals, _doubt(normalized(name), place))
    if has_reason and found.meaning != "lost":
        return DraftedStage(name, found.meaning, deals, "most of its deals have a reason for their loss")
    return DraftedStage(name, found.meaning, deals, None if found.is_sure else "by part of its name")


def _doubt(key: str, place: dict[str, float]) -> str:
    if key in place:
        return _AS_BEFORE
    return "won, or lost? no date column names it" if place else "what it is, and its place"


def _bare(name: str) -> str:
    """A stage's name without the number or the letter in front of it."""
    return _LETTER.sub("", _NUMBER.sub("", name)).lstrip("-.): ") or name


def _neighbours(stages: list[DraftedStage]) -> list[DraftedStage]:
    """Where the order is known, a stage whose name says nothing is compared as the one before it."""
    before = "prospecting"
    told = []
    for stage in stages:
        if stage.check == _AS_BEFORE:
            stage = DraftedStage(stage.name, before, stage.deals, stage.check)
        before = before if stage.canonical in _TERMINAL else stage.canonical
        told.append(stage)
    return told


def are_outcomes_of_status(values: list[str]) -> dict[str, list[str]]:
    """open, won, lost, deleted → the words a status column has for them, where they are not those themselves."""
    said: dict[str, list[str]] = {}
    for value in values:
        found = meaning("outcomes", value)
        if found and value.lower() != found.meaning:
            said.setdefault(found.meaning, []).append(value)
    return said
