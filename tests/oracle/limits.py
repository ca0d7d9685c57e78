"""The limits of the hygiene rules for a stage, and what a stage requires of its deals (domain.md, Hygiene rules)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction

from .crm import Crm
from .stage_metrics import first_time_at_most, kaplan_meier
from .stages import CANONICAL_ORDER, Pipeline, Stage
from .visits import Visit

#: What stages require where none of their pipeline names the field: from which canonical stage on.
REQUIRED_FROM = {"owner": "prospecting", "amount": "proposal", "expected_close_on": "proposal"}
#: `auto` until the history of a stage is long enough.
BEFORE_AUTO = {"stale_after_days": 30.0, "max_days_in_stage": 60.0}
VISITS_FOR_AUTO = 30


class Limits:
    """Limits by stage: its own, else its pipeline's, else the configuration's."""

    def __init__(self, crm: Crm, visits: Iterable[Visit]) -> None:
        self._crm = crm
        self._usual = _ninth_deciles(visits)

    def of(self, name: str, pipeline: str, stage: Stage | None) -> float:
        """A limit as a number."""
        of_pipeline = self._crm.pipelines.pipeline(pipeline).thresholds
        own = stage.limits.get(name) if stage else None
        word = own or of_pipeline.get(name) or self._crm.config.threshold(name)
        if word != "auto":
            return float(word)
        usual = self._usual.get(stage) if stage else None
        return BEFORE_AUTO[name] if usual is None else usual

    def requires(self, field: str, pipeline: str, stage: Stage | None) -> bool:
        """Whether a deal needs the field in this stage; in no known stage it needs what every open stage needs."""
        of_pipeline = self._crm.pipelines.pipeline(pipeline)
        first = _first_requiring(field, of_pipeline)
        if first is None:
            return REQUIRED_FROM.get(field) == "prospecting"
        return (stage or of_pipeline.open_stages()[0]).rank >= first.rank


def _first_requiring(field: str, pipeline: Pipeline) -> Stage | None:
    """The first stage that names the field, else the first of the canonical stage from which on it is required."""
    stages = pipeline.stages.values()
    named = [stage for stage in stages if field in stage.required]
    if not named and field in REQUIRED_FROM:
        order = CANONICAL_ORDER[REQUIRED_FROM[field]]
        named = [stage for stage in stages if stage.canonical_order >= order]
    return min(named, key=lambda stage: stage.rank, default=None)


def _ninth_deciles(visits: Iterable[Visit]) -> dict[Stage, float]:
    """Kaplan-Meier p90 of the days in a stage, of those visited often enough and left by nine of ten."""
    by_stage: dict[Stage, list[tuple[int, bool]]] = defaultdict(list)
    for visit in visits:
        by_stage[visit.stage].append((visit.days_in_stage, visit.outcome != "open"))
    deciles = {
        stage: first_time_at_most(kaplan_meier(spells), Fraction(1, 10))
        for stage, spells in by_stage.items()
        if len(spells) >= VISITS_FOR_AUTO
    }
    return {stage: days for stage, days in deciles.items() if days is not None}
