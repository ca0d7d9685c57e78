"""Shape `field_changes`: the transitions a change log tells (domain.md, History)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

from .crm import Crm, Event
from .stages import Stage
from .transition import Transition


class Log(NamedTuple):
    """The transitions a change log tells, and the stage in which it lets the deal have begun.

    `never_left`: the log tells of no stage at all, where it would if there was one.
    """

    transitions: list[Transition]
    beginning: Stage | None
    never_left: bool


def logged(crm: Crm, deal_id: str) -> Log:
    """What the change log tells of a deal's stages."""
    log = _Log(crm, deal_id)
    left = log.beginning()
    transitions = [
        Transition(at, stage, "logged")
        for at, moment in groupby(crm.events.get(deal_id, []), key=lambda event: event.at)
        for stage in log.stages_entered(list(moment))
    ]
    return Log(transitions, left, left is not None and not log.tells_stages)


class _Log:
    """What is known of a deal while its log is read."""

    def __init__(self, crm: Crm, deal_id: str) -> None:
        self._crm = crm
        record = crm.deals.get(deal_id)
        self._row_pipeline = record.row.get("pipeline") if record else None
        self._row_stage = record.row.get("stage") if record else None
        events = crm.events.get(deal_id, [])
        stage, pipeline = (next((one for one in events if one.field == name), None) for name in ("stage", "pipeline"))
        self.tells_stages = stage is not None
        self._first_old = stage.old if stage else None
        self._is_created = any(one.field == "created_at" for one in events)
        self._is_log = bool(events)
        self.pipeline: str | None = pipeline.old if pipeline else None
        self._stage_name: str | None = None
        self._stage: Stage | None = None
        self._named: Stage | None = None

    def beginning(self) -> Stage | None:
        """The first old values of stage and pipeline hold since creation.

        Where win and loss are statuses, a deal keeps its stage after them: if its log tells none, it was always in it.
        """
        name = self._first_old
        if not self.tells_stages and self._is_log and self._crm.tells_statuses:
            name = self._row_stage
        stage = self.stage_named(name, self.pipeline) if name else None
        if stage is None or (stage.outcome and not self.tells_stages):
            return None
        self._stage_name = name
        return stage

    def stage_named(self, name: str, pipeline: str | None) -> Stage:
        """A stage by the name or id the log gives it, in the pipeline the deal was in."""
        self._named = self._crm.stages.of_history(name, pipeline, self._row_pipeline, self._named)
        return self._named

    def stages_entered(self, events: list[Event]) -> Iterator[Stage]:
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
                yield stage

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
        if status == "open" and self._was_closed(event):
            name = self._stage_name or self._first_old or self._row_stage
            return self.stage_named(name, self.pipeline) if name else None
        return None

    def _was_closed(self, event: Event) -> bool:
        """Whether an event opens a closed deal: one whose log began later, if it does not say it was open."""
        if self._stage:
            return self._stage.outcome is not None
        return (event.old or "").casefold() in ("won", "lost") or not (event.old or self._is_created)

    def _implicit(self, outcome: str) -> Stage:
        """`Won` or `Lost` in the pipeline the deal is in."""
        if self._stage:
            return self._crm.pipelines.of(self._stage).implicit(outcome)
        if self.pipeline is None and self._row_stage:
            # the row's stage may know its pipeline better than the row
            return self._crm.pipelines.of(self.stage_named(self._row_stage, None)).implicit(outcome)
        return self._crm.pipelines.pipeline(self.pipeline or self._row_pipeline).implicit(outcome)
