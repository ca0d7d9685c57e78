"""Pipelines and their stages, as pipeline.yml says them."""

from __future__ import annotations

from typing import get_args

from pydantic import Field

from dagster_project.config.values import AfterClose, CanonicalStage, Days, DealField, Names, Strict


class Stage(Strict):
    """A stage of a pipeline, named as the CRM writes it; its place in the list is its order."""

    name: str = Field(description="As the CRM writes it.")
    aliases: Names = Field(default_factory=list, description="What else the CRM calls it: its id, its API name.")
    canonical: CanonicalStage | None = Field(None, description="The stage it is compared as across pipelines.")
    qualified: bool = Field(False, description="A deal that enters it, or a later open stage, is qualified.")
    won: bool = Field(False, description="A deal that stands in it is won.")
    lost: bool = Field(False, description="A deal that stands in it is lost.")
    mandatory: bool = Field(False, description="Moving forward over it is reported as `skipped`.")
    win_probability: float | None = Field(None, ge=0, le=1, description="The CRM's own chance of it, as a share.")
    stale_after_days: Days | None = Field(None, description="Overrides the pipeline's.")
    max_days_in_stage: Days | None = Field(None, description="Overrides the pipeline's.")
    max_close_date_pushes: int | None = Field(None, ge=0, description="Overrides the pipeline's.")
    required: Names | None = Field(
        None,
        description=f"Fields a deal needs from this stage on: {', '.join(get_args(DealField))}, or one of `fields`.",
    )


class PipelineThresholds(Strict):
    """Limits of the hygiene rules for the deals of one pipeline; what is not said is as in `thresholds`."""

    stale_after_days: Days | None = Field(None, description="Days an open deal may lie untouched, or auto.")
    max_days_in_stage: Days | None = Field(None, description="Days an open deal may be in one stage, or auto.")
    max_close_date_pushes: int | None = Field(
        None, ge=0, description="How often a deal's expected close date may move later."
    )
    max_amount_deviations: float | None = Field(
        None, gt=0, description="Robust standard deviations that an amount may lie from the median."
    )


class Pipeline(Strict):
    """A pipeline of a source; `default` where the CRM has none."""

    name: str = Field("default", description="As the CRM writes it.")
    aliases: Names = Field(default_factory=list, description="What else the CRM calls it: its id, its API name.")
    template: str | None = Field(None, description="A vendor's default stages, or a template of seeds/reference.")
    stages: list[Stage] = Field(default_factory=list, description="All stages, or overrides of the template's.")
    after_close: AfterClose | None = Field(None, description="Overrides the source's.")
    thresholds: PipelineThresholds = Field(
        PipelineThresholds(), description="Limits of the hygiene rules for its deals, instead of everybody's."
    )


class MetPipeline(Pipeline):
    """One that nobody configured: of its vendor's stages it has those that are met in it, and no implicit ones."""
