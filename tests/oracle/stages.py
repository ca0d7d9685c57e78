"""The stages of a source: configured, met, and the implicit `Won` and `Lost` (domain.md, Stages)."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from .configuration import PipelineConfig, Source

CANONICAL = (
    "prospecting",
    "contact",
    "qualifying",
    "demo",
    "proposal",
    "closing",
    "post_sale",
    "won",
    "lost",
)
CANONICAL_ORDER = {name: order for order, name in enumerate(CANONICAL, start=1)}
DEFAULT_PIPELINE = "default"
STAGE_LIMITS = ("stale_after_days", "max_days_in_stage", "max_close_date_pushes")


@dataclass(eq=False)
class Stage:
    """A stage of a pipeline. `rank` orders the stages of one pipeline."""

    pipeline: str
    name: str
    rank: tuple[int, int, str]
    canonical: str
    is_qualified: bool = False
    is_mandatory: bool = False
    is_configured: bool = True
    aliases: tuple[str, ...] = ()
    limits: dict[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    win_probability: float | None = None

    @property
    def outcome(self) -> str | None:
        """`won` (post-sale included) or `lost` of a terminal stage, None of an open one."""
        return {"won": "won", "post_sale": "won", "lost": "lost"}.get(self.canonical)

    @property
    def canonical_order(self) -> int:
        """By which stages of different pipelines compare."""
        return CANONICAL_ORDER[self.canonical]


class Pipeline:
    """One pipeline's stages by their normalised names and aliases; a name goes before another's alias."""

    def __init__(
        self,
        name: str,
        stages: list[Stage],
        after_close: str,
        inherited: Pipeline | None = None,
        thresholds: dict[str, str] | None = None,
    ) -> None:
        self.name = name
        self.after_close = after_close
        self.thresholds = thresholds or {}
        self.stages = {normalised(alias): stage for stage in stages for alias in stage.aliases}
        self.stages |= {normalised(stage.name): stage for stage in stages}
        self._inherited = {} if inherited is None else inherited.stages
        self._implicit: dict[str, Stage] = {}
        self._marks_qualified = any(stage.is_qualified for stage in stages)

    def stage(self, name: str) -> Stage:
        """The stage the CRM calls so; an unconfigured one stands last until `place_unconfigured`.

        In a pipeline nobody configured a stage of the vendor's name, or id, is the vendor's.
        """
        key = normalised(name)
        if key not in self.stages and key in self._inherited:
            vendors = self._inherited[key]
            own = self.stages.get(normalised(vendors.name)) or replace(vendors, pipeline=self.name)
            self.stages[key] = self.stages[normalised(own.name)] = own
        if key in ("won", "lost") and key not in self.stages:
            return self.implicit(key)
        if key not in self.stages:
            rank = (10**6, 0, key)
            self.stages[key] = Stage(self.name, name, rank, "prospecting", is_configured=False)
        return self.stages[key]

    def knows(self, name: str) -> bool:
        """Whether a stage here is called so: a configured or implicit one, the vendor's where nobody configured any."""
        key = normalised(name)
        met = self.stages.get(key)
        return (key in self._inherited or key in ("won", "lost")) if met is None else met.is_configured

    def implicit(self, outcome: str) -> Stage:
        """`Won` or `Lost`, for a CRM that records the outcome as a status."""
        configured = self.stages.get(outcome)
        if configured is not None and configured.outcome == outcome:
            return configured
        rank = (10**7, CANONICAL_ORDER[outcome], outcome)
        return self._implicit.setdefault(outcome, Stage(self.name, outcome.capitalize(), rank, outcome))

    def open_stages(self) -> list[Stage]:
        """Its open stages, each once, in order."""
        return sorted({stage for stage in self.stages.values() if not stage.outcome}, key=lambda stage: stage.rank)

    def is_qualifying(self, stage: Stage) -> bool:
        """A `qualified` stage or a later open one; if none is so marked, canonical qualifying and later."""
        if stage.outcome:
            return False
        if not self._marks_qualified:
            return stage.canonical_order >= CANONICAL_ORDER["qualifying"]
        return any(stage.rank >= marked.rank for marked in self.stages.values() if marked.is_qualified)

    def skips_mandatory(self, below: Stage, above: Stage) -> bool:
        """Whether a mandatory stage lies between two stages of this pipeline."""
        return self.first_skipped(below, above) is not None

    def first_skipped(self, below: Stage, above: Stage) -> Stage | None:
        """The first mandatory stage between two stages of this pipeline."""
        between = [one for one in self.stages.values() if one.is_mandatory and below.rank < one.rank < above.rank]
        return min(between, key=lambda one: one.rank, default=None)

    def place_unconfigured(self, entered_after: dict[str, Counter[str]]) -> None:
        """Just after the configured open stage most often entered before it; tie: the lower; none: first.

        `entered_after`: unconfigured stage → how often each configured open stage was the last one before it.
        """
        for key, stage in self.stages.items():
            if stage.is_configured or stage.outcome:
                continue
            counts = entered_after.get(key, Counter())
            anchors = [self.stages[name] for name in counts]
            anchor = min(anchors, key=lambda one: (-counts[normalised(one.name)], one.rank), default=None)
            stage.rank = (anchor.rank[0], 1, key) if anchor else (0, 1, key)
            stage.canonical = anchor.canonical if anchor else "prospecting"


class Pipelines:
    """The pipelines of a source; one nobody configured has no configured stages."""

    def __init__(self, source: Source) -> None:
        self._after_close = source.after_close
        self._pipelines: dict[str, Pipeline] = {}
        configured = [(_configured(raw), raw.aliases) for raw in source.pipelines]
        for pipeline, _ in configured:
            self._pipelines.setdefault(normalised(pipeline.name), pipeline)
        for pipeline, aliases in configured:
            for alias in aliases:
                self._pipelines.setdefault(normalised(alias), pipeline)
        self._configured = frozenset(self._pipelines)
        self._vendors = _configured(PipelineConfig("", source.vendor_stages, source.after_close))

    def pipeline(self, name: str | None) -> Pipeline:
        """The pipeline the CRM calls so; `default` where it has none."""
        key = normalised(name or DEFAULT_PIPELINE)
        if key not in self._pipelines:
            self._pipelines[key] = Pipeline(name or DEFAULT_PIPELINE, [], self._after_close, self._vendors)
        return self._pipelines[key]

    def that_know(self, name: str) -> list[Pipeline]:
        """The configured pipelines that have a stage called so."""
        return [one for one in self.all() if normalised(one.name) in self._configured and one.knows(name)]

    def is_configured(self, name: str) -> bool:
        """Whether the configuration names this pipeline."""
        return normalised(name) in self._configured

    def of(self, stage: Stage) -> Pipeline:
        """The pipeline a stage belongs to."""
        return self.pipeline(stage.pipeline)

    def all(self) -> list[Pipeline]:
        """Every pipeline, configured or met."""
        return list(dict.fromkeys(self._pipelines.values()))


def direction(pipelines: Pipelines, before: Stage | None, after: Stage) -> str:
    """What kind of transition it is (domain.md: forward and backward; contract.md: fct_stage_transitions)."""
    if before is None:
        return "created"
    if after.outcome:
        return after.outcome
    if before.outcome:
        return "reopened"
    if before.pipeline != after.pipeline:
        return "advanced" if after.canonical_order >= before.canonical_order else "regressed"
    if after.rank < before.rank:
        return "regressed"
    return "skipped" if pipelines.of(after).skips_mandatory(before, after) else "advanced"


def normalised(text: str) -> str:
    """Names match without regard to case, runs of spaces and accents."""
    plain = "".join(mark for mark in unicodedata.normalize("NFKD", text) if not unicodedata.combining(mark))
    return " ".join(plain.split()).casefold()


def _configured(raw: PipelineConfig) -> Pipeline:
    stages: list[Stage] = []
    for order, entry in enumerate(raw.stages, start=1):
        canonical = _canonical_by_flag(entry) or entry.get("canonical") or _canonical_of_last_open(stages)
        stages.append(
            Stage(
                pipeline=raw.name,
                name=entry["name"],
                rank=(order, 0, ""),
                canonical=canonical,
                is_qualified=_flag(entry, "qualified"),
                is_mandatory=_flag(entry, "mandatory"),
                aliases=tuple([names] if isinstance(names := entry.get("aliases", []), str) else names),
                limits={name: entry[name] for name in STAGE_LIMITS if entry.get(name)},
                required=tuple(entry.get("required") or ()),
                win_probability=float(entry["win_probability"]) if entry.get("win_probability") else None,
            )
        )
    return Pipeline(raw.name, stages, raw.after_close, thresholds=raw.thresholds)


def _canonical_by_flag(entry: dict[str, Any]) -> str | None:
    """What `won: true` or `lost: true` makes of a stage; post-sale is won already."""
    if entry.get("canonical") == "post_sale":
        return None
    return "won" if _flag(entry, "won") else "lost" if _flag(entry, "lost") else None


def _canonical_of_last_open(stages: list[Stage]) -> str:
    """A stage configured without a canonical one is compared as the open stage before it."""
    return next((stage.canonical for stage in reversed(stages) if not stage.outcome), "prospecting")


def _flag(entry: dict[str, Any], key: str) -> bool:
    return str(entry.get(key, "")).casefold() == "true"
