"""Which stage a cell names (domain.md, Stages): by its name, or by the id that the `stages` entity explains."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from .records import Record
from .rows import own_word
from .stages import DEFAULT_PIPELINE, Pipeline, Pipelines, Stage, normalised


class StageNames:
    """The stages of a source by what its rows and its history call them."""

    def __init__(self, pipelines: Pipelines, explained: dict[str, Record]) -> None:
        self._pipelines = pipelines
        self._explained = explained
        self._met: set[tuple[str, str]] = set()
        self._pipelines_of: dict[str, set[str]] = defaultdict(set)
        for record in explained.values():
            if record.row.get("pipeline"):
                self._pipelines_of[normalised(str(record.row["stage_name"]))].add(str(record.row["pipeline"]))

    def of_row(self, text: str, pipeline: str | None) -> Stage:
        """The stage a deal's row shows: in the pipeline of the row."""
        name, own = self._meaning(text)
        if not own and not pipeline and not self._pipelines.is_configured(DEFAULT_PIPELINE):
            elsewhere = self._elsewhere(name)
            if elsewhere:
                return elsewhere.stage(name)
        return self._in_first_configured(name, [own, pipeline])

    def of_history(self, text: str, told: str | None, pipeline_now: str | None, before: Stage | None = None) -> Stage:
        """The stage a history names: in the pipeline the deal was in at that moment, else in the only one that has it.

        `told` is what the history says of that pipeline. Where it says nothing, the deal is taken to be still in that
        of the stage `before`, else in `pipeline_now`, that of its row.
        """
        name, own = self._meaning(text)
        if own and self._pipelines.is_configured(own):
            return self._pipelines.pipeline(own).stage(name)
        possible: list[str | None] = [told] if told else [before.pipeline if before else None, pipeline_now]
        for pipeline in (self._pipelines.pipeline(one) for one in possible if one):
            if told and not self._pipelines.is_configured(told):
                # nobody has said which stages there are in it
                return pipeline.stage(name)
            if pipeline.knows(name) or (normalised(pipeline.name), normalised(name)) in self._met:
                return pipeline.stage(name)
        elsewhere = self._elsewhere(name)
        return elsewhere.stage(name) if elsewhere else self._in_first_configured(name, [own, told, pipeline_now])

    def learn(self, deals: Iterable[Record]) -> None:
        """What the rows say that stood in stages nobody configured: which there are, and which of them close deals."""
        words: dict[Stage, set[str]] = defaultdict(set)
        for row in (sighting.row for deal in deals for sighting in deal.sightings):
            name = row.get("stage")
            stage = self.of_row(name, row.get("pipeline")) if name else None
            if stage is None or stage.is_configured:
                continue
            self._met.add((normalised(stage.pipeline), normalised(stage.name)))
            words[stage].update([word] if (word := own_word(row)) else [])
        for stage, said in words.items():
            if said in ({"won"}, {"lost"}):
                (stage.canonical,) = said

    def _meaning(self, text: str) -> tuple[str, str | None]:
        known = self._explained.get(text)
        return (str(known.row["stage_name"]), known.row.get("pipeline")) if known else (text, None)

    def _elsewhere(self, name: str) -> Pipeline | None:
        """The pipeline that has a stage called so, if there is just one."""
        explained = (self._pipelines.pipeline(told) for told in self._pipelines_of[normalised(name)])
        found = {*self._pipelines.that_know(name), *explained}
        return found.pop() if len(found) == 1 else None

    def _in_first_configured(self, name: str, pipelines: Iterable[str | None]) -> Stage:
        candidates = [one for one in pipelines if one]
        configured = next((one for one in candidates if self._pipelines.is_configured(one)), None)
        return self._pipelines.pipeline(configured or next(iter(candidates), DEFAULT_PIPELINE)).stage(name)
