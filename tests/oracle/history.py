"""The stage transitions of a deal, from the shapes in which its CRM tells history (domain.md, History)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from .crm import Crm, Event, Version
from .records import Record
from .stages import Stage
from .values import boolean, midnight


@dataclass
class Transition:
    """A deal enters a stage; `version` is the one that tells so, if one does."""

    at: datetime
    stage: Stage
    evidence: str
    version: Version | None = None


def transitions_of(crm: Crm, deal_id: str, created_at: datetime) -> list[Transition]:
    """All transitions of a deal, in order, from the best witness back to the deal's own row."""
    record = crm.deals.get(deal_id)
    told = _told(crm, deal_id, created_at)
    if not told:
        return _current(crm, record, created_at) if record else []
    return told + _observed(crm, record, told[-1]) if record else told


def _told(crm: Crm, deal_id: str, created_at: datetime) -> list[Transition]:
    """`logged` from its first word on, `versioned` before; before both, what the log's first change left."""
    logged, left = _logged(crm, deal_id)
    versioned = _versioned(crm, deal_id)
    if not logged:
        return versioned
    earlier = [transition for transition in versioned if transition.at < logged[0].at]
    if left and not earlier:
        created_at = _clamped(crm, crm.deals.get(deal_id), created_at)
        earlier = [Transition(min(created_at, logged[0].at), left, "inferred")]
    return _changes(earlier + logged)


def _changes(transitions: list[Transition]) -> list[Transition]:
    """A change to the stage a deal is already in is no transition."""
    return [
        transition
        for before, transition in zip([None, *transitions], transitions, strict=False)
        if before is None or before.stage is not transition.stage
    ]


def _versioned(crm: Crm, deal_id: str) -> list[Transition]:
    versions = crm.versions.get(deal_id, [])
    return _changes([Transition(one.at, crm.version_stage(deal_id, one), "versioned", one) for one in versions])


def _logged(crm: Crm, deal_id: str) -> tuple[list[Transition], Stage | None]:
    """The transitions a change log tells, and the stage that its first change names as the old one."""
    log = _Log(crm, deal_id)
    events = crm.events.get(deal_id, [])
    log.pipeline = next((event.old for event in events if event.field == "pipeline"), None)
    left: Stage | None = None
    transitions: list[Transition] = []
    for at, moment in groupby(events, key=lambda event: event.at):
        pipeline_before = log.pipeline
        for stage, event in log.stages_entered(list(moment)):
            if not transitions and event.field == "stage" and event.old:
                left = log.stage_named(event.old, pipeline_before)
            transitions.append(Transition(at, stage, "logged"))
    return transitions, left


class _Log:
    """What is known of a deal while its log is read."""

    def __init__(self, crm: Crm, deal_id: str) -> None:
        self._crm = crm
        record = crm.deals.get(deal_id)
        self._row_pipeline = record.row.get("pipeline") if record else None
        self._row_stage = record.row.get("stage") if record else None
        self._first_old = next((one.old for one in crm.events.get(deal_id, []) if one.field == "stage"), None)
        self.pipeline: str | None = None
        self._stage_name: str | None = None
        self._stage: Stage | None = None

    def stage_named(self, name: str, pipeline: str | None) -> Stage:
        """A stage by the name or id the log gives it, in the pipeline the deal was in."""
        return self._crm.stage(name, [pipeline, self._row_pipeline])

    def stages_entered(self, events: list[Event]) -> Iterator[tuple[Stage, Event]]:
        """The stages entered by the events of one moment; a change of pipeline is read before the rest."""
        moves = [event for event in events if event.field == "pipeline" and event.new]
        others = [event for event in events if event.field != "pipeline"]
        for event in moves:
            self.pipeline = event.new
        if moves and self._stage_name and not any(event.field == "stage" for event in others):
            others.insert(0, replace(moves[-1], field="stage", old=None, new=self._stage_name))
        for event in others:
            stage = self._entered(event)
            if stage is not None and stage is not self._stage:
                self._stage = stage
                yield stage, event

    def _entered(self, event: Event) -> Stage | None:
        """The stage an event puts the deal into, if it is about stages at all."""
        if event.field == "stage":
            self._stage_name = event.new or self._stage_name
            return self.stage_named(event.new, self.pipeline) if event.new else None
        status = (event.new or "").casefold() if event.field == "status" else None
        if event.field in event.feed.lost_when_set and event.new:
            status = "lost"
        if status in ("won", "lost"):
            return self._stage if self._stage and self._stage.outcome == status else self._implicit(status)
        if status == "open" and self._stage and self._stage.outcome:
            name = self._stage_name or self._first_old or self._row_stage
            return self.stage_named(name, self.pipeline) if name else None
        return None

    def _implicit(self, outcome: str) -> Stage:
        """`Won` or `Lost` in the pipeline the deal is in."""
        if self._stage:
            return self._crm.pipelines.of(self._stage).implicit(outcome)
        known = next((name for name in (self.pipeline, self._row_pipeline) if name), None)
        return self._crm.pipelines.pipeline(known).implicit(outcome)


def row_stage(crm: Crm, record: Record) -> Stage | None:
    """The stage the deal's row shows; an outcome told by a status or flag is the stage `Won` or `Lost`."""
    row = record.row
    stage = crm.stage(row["stage"], [row.get("pipeline")]) if row.get("stage") else None
    outcome = _row_outcome(row)
    if outcome is None or (stage and stage.outcome == outcome):
        return stage
    pipeline = crm.pipelines.of(stage) if stage else crm.pipelines.pipeline(row.get("pipeline"))
    return pipeline.implicit(outcome)


def _row_outcome(row: dict[str, str | None]) -> str | None:
    status = (row.get("status") or "").casefold()
    if status in ("won", "lost"):
        return status
    if boolean(row.get("is_won")):
        return "won"
    is_lost = boolean(row.get("is_closed")) and boolean(row.get("is_won")) is False
    return "lost" if is_lost else None


def crm_close(crm: Crm, record: Record, outcome: str) -> tuple[datetime, str] | None:
    """The CRM's own close date and its column: the outcome's, else any closing's, else the one there is."""
    for column in (f"{outcome}_at", "closed_at"):
        moment = record.moment(column)
        if moment:
            return moment, column
    day = record.dates.day(record.row.get("close_on"))
    return (midnight(day, crm.config.zone), "close_on") if day else None


def _clamped(crm: Crm, record: Record | None, created_at: datetime) -> datetime:
    """In transitions, a creation after `as_of` is the extract time of the delivery that first shows it."""
    if record is None or created_at <= crm.as_of:
        return created_at
    text = record.row.get("created_at")
    return record.first_shown(lambda row: row.get("created_at") == text)


def _close_moment(crm: Crm, record: Record, stage: Stage) -> datetime:
    """When a closed deal's row says it closed; without a date, when a delivery first showed it closed."""
    outcome = str(stage.outcome)
    own = crm_close(crm, record, outcome)
    if own is None:
        return record.first_shown(lambda row: _shows(crm, row) == outcome)
    moment, column = own
    if moment > crm.as_of:
        text = record.row.get(column)
        return record.first_shown(lambda row: row.get(column) == text and _shows(crm, row) == outcome)
    return min(moment, record.extracted_at)


def _shows(crm: Crm, row: dict[str, str | None]) -> str | None:
    stage = crm.stage(row["stage"], [row.get("pipeline")]) if row.get("stage") else None
    return _row_outcome(row) or (stage.outcome if stage else None)


def _current(crm: Crm, record: Record, created_at: datetime) -> list[Transition]:
    """Shape `current`: one transition, at `created_at` if open, at the close date if closed."""
    stage = row_stage(crm, record)
    if stage is None:
        return []
    created_at = _clamped(crm, record, created_at)
    at = max(created_at, _close_moment(crm, record, stage)) if stage.outcome else created_at
    return [Transition(min(at, record.extracted_at) if stage.outcome else at, stage, "inferred")]


def _observed(crm: Crm, record: Record, last: Transition) -> list[Transition]:
    """One more transition if the newest row shows another stage than the history and is not older."""
    stage = row_stage(crm, record)
    if stage is None or stage is last.stage or last.at > record.extracted_at:
        return []
    at = _close_moment(crm, record, stage) if stage.outcome else record.extracted_at
    return [Transition(max(at, last.at), stage, "observed")]
