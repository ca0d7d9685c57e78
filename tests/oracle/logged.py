"""Shape `field_changes`: the transitions a change log tells (domain.md, History)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

from .crm import Crm, Event
from .stages import Stage
from .transition import Transition


def logged(crm: Crm, deal_id: str) -> tuple[list[Transition], Stage | None]:
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
        self._is_created = any(one.field == "created_at" for one in crm.events.get(deal_id, []))
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
