"""The stages of every configured pipeline: a template's, with the configuration's own words on top."""

from __future__ import annotations

import csv
import re
import unicodedata
from dataclasses import dataclass
from math import inf
from typing import get_args

from dagster_project.config.feeds import Source
from dagster_project.config.models import Configuration, Thresholds
from dagster_project.config.pipelines import MetPipeline, Pipeline, Stage
from dagster_project.config.presets import read_preset, vendor_names, vendor_of
from dagster_project.config.values import CANONICAL_STAGES, DealField
from dagster_project.errors import ConfigurationError
from dagster_project.package_files import PROJECT_DIR

TEMPLATES = PROJECT_DIR / "seeds" / "reference" / "pipeline_templates.csv"

#: Fields an open deal needs from a canonical stage on, where the configuration does not say (domain: Hygiene rules).
DEFAULT_REQUIRED: dict[str, str] = {"owner": "prospecting", "amount": "proposal", "expected_close_on": "proposal"}


@dataclass(frozen=True)
class ConfiguredStage:
    """One stage of one pipeline as the models read it. `stage_order` counts from 1.

    Days are whole days, None where they come from the stage's own history (`auto`); `required_fields` are those of
    DealField, and fields of deals that the configuration adds, that a deal needs from this stage on. `is_met`: of a
    pipeline that nobody configured, in which deals may never have stood in it.
    """

    source: str
    pipeline: str
    pipeline_key: str
    stage: str
    stage_key: str
    stage_order: float
    canonical_stage: str
    is_marked_qualified: bool
    is_won: bool
    is_lost: bool
    is_mandatory: bool
    win_probability: float | None
    stale_after_days: int | None
    max_days_in_stage: int | None
    max_close_date_pushes: int
    required_fields: tuple[str, ...]
    is_configured: bool
    is_met: bool


def normalized(name: str) -> str:
    """A stage or pipeline name without case, accents and runs of spaces: how names are compared.

    The SQL macro `normalized` says the same.
    """
    plain = "".join(char for char in unicodedata.normalize("NFD", name) if not unicodedata.combining(char))
    return re.sub(r"\s+", " ", plain).strip().lower()


def configured_stages(config: Configuration) -> list[ConfiguredStage]:
    """Every stage of every pipeline, `Won` and `Lost` included where a pipeline has no stage of that name.

    Not in pipelines that were met and not configured: what is implicit there, nobody said.
    """
    return [
        stage
        for source in config.sources
        for pipeline in pipelines_of(source)
        for stage in _stages_of(config, source, pipeline)
    ]


def pipelines_of(source: Source) -> list[Pipeline]:
    """The source's pipelines; for a vendor that says nothing, one `default` with the vendor's own stages."""
    return list(source.pipelines) or [Pipeline(name="default", template=source.vendor)]


def pipeline_names(config: Configuration) -> dict[tuple[str, str], str]:
    """(source, normalized name or alias) → the pipeline's name. Raises ConfigurationError for an alias of two."""
    names: dict[tuple[str, str], str] = {}
    for source in config.sources:
        for pipeline in pipelines_of(source):
            for name in (pipeline.name, *pipeline.aliases):
                other = names.setdefault((source.name, normalized(name)), pipeline.name)
                if other != pipeline.name:
                    raise ConfigurationError(
                        f"source '{source.name}': two pipelines are called '{name}': '{other}' and '{pipeline.name}'"
                    )
    return names


def stage_aliases(config: Configuration) -> dict[tuple[str, str, str], str]:
    """(source, normalized pipeline, normalized alias) → normalized stage.

    Raises ConfigurationError for an alias of two stages, or one that is the name of another stage.
    """
    aliases: dict[tuple[str, str, str], str] = {}
    for source in config.sources:
        for pipeline in pipelines_of(source):
            stages = merged_stages(source, pipeline)
            names = {normalized(stage.name): stage.name for stage in stages}
            for stage in stages:
                for alias in stage.aliases:
                    key = (source.name, normalized(pipeline.name), normalized(alias))
                    other = names.get(key[2]) or names.get(aliases.get(key, ""))
                    if other and other != stage.name:
                        raise ConfigurationError(
                            f"source '{source.name}', pipeline '{pipeline.name}': '{alias}' stands for two stages, "
                            f"'{other}' and '{stage.name}'"
                        )
                    aliases[key] = normalized(stage.name)
    return aliases


def pipeline_limits(config: Configuration, pipeline: Pipeline | None = None) -> Thresholds:
    """The thresholds of the configuration with a pipeline's own words on top."""
    if pipeline is None:
        return config.thresholds
    return config.thresholds.model_copy(update=pipeline.thresholds.model_dump(exclude_none=True))


def days(limit: int | str) -> int | None:
    """A limit in days; None for `auto`, which the stage's own history decides (dbt: int_stage_limits)."""
    return None if limit == "auto" else int(limit)


def merged_stages(source: Source, pipeline: Pipeline) -> list[Stage]:
    """A pipeline's stages in their order, the template's and the configuration's own, without the implicit ones."""
    return _merged(_template(source, pipeline), pipeline.stages)


def vendor_stages(vendor: str) -> list[Stage]:
    """The stages of a new account of this vendor, in their order."""
    return [Stage.model_validate(stage) for stage in read_preset(vendor_of(vendor))["stages"]]


def _stages_of(config: Configuration, source: Source, pipeline: Pipeline) -> list[ConfiguredStage]:
    merged = merged_stages(source, pipeline)
    names = {normalized(stage.name) for stage in merged}
    # A CRM that records win and loss as a status moves the deal into these two.
    for name, canonical in (("Won", "won"), ("Lost", "lost")):
        if normalized(name) not in names and not isinstance(pipeline, MetPipeline):
            merged.append(Stage(name=name, canonical=canonical))
    required_from = _required_from(merged)
    return [
        _configured(config, source, pipeline, stage, order, required_from)
        for order, stage in enumerate(merged, start=1)
    ]


def _configured(
    config: Configuration,
    source: Source,
    pipeline: Pipeline,
    stage: Stage,
    order: int,
    required_from: dict[str, float],
) -> ConfiguredStage:
    canonical = stage.canonical or ("won" if stage.won else "lost" if stage.lost else "prospecting")
    limits = pipeline_limits(config, pipeline)
    own = stage.model_dump(exclude_none=True)
    return ConfiguredStage(
        source=source.name,
        pipeline=pipeline.name,
        pipeline_key=normalized(pipeline.name),
        stage=stage.name,
        stage_key=normalized(stage.name),
        stage_order=float(order),
        canonical_stage=canonical,
        is_marked_qualified=stage.qualified,
        is_won=stage.won or canonical in ("won", "post_sale"),
        is_lost=stage.lost or canonical == "lost",
        is_mandatory=stage.mandatory,
        win_probability=stage.win_probability,
        stale_after_days=days(own.get("stale_after_days", limits.stale_after_days)),
        max_days_in_stage=days(own.get("max_days_in_stage", limits.max_days_in_stage)),
        max_close_date_pushes=own.get("max_close_date_pushes", limits.max_close_date_pushes),
        required_fields=tuple(field for field, first in required_from.items() if order >= first),
        is_configured=True,
        is_met=isinstance(pipeline, MetPipeline),
    )


def _required_from(stages: list[Stage]) -> dict[str, float]:
    """Field → order of the first stage that requires it: where a stage names it, else its default canonical stage."""
    ranks = {name: rank for rank, name in enumerate(CANONICAL_STAGES)}
    first: dict[str, float] = {}
    own = {field: None for stage in stages for field in stage.required or []}
    for field in dict.fromkeys([*get_args(DealField), *own]):
        named = [order for order, stage in enumerate(stages, 1) if field in (stage.required or [])]
        by_default = [
            order
            for order, stage in enumerate(stages, 1)
            if field in DEFAULT_REQUIRED
            and stage.canonical
            and ranks[stage.canonical] >= ranks[DEFAULT_REQUIRED[field]]
        ]
        first[field] = float(min(named or by_default, default=inf))
    return first


def _merged(template: list[Stage], own: list[Stage]) -> list[Stage]:
    """The template's stages in their order, each overridden by the configuration's stage of that name; new ones last
    among the open stages, before the terminal ones."""
    by_key = {normalized(stage.name): stage for stage in own}
    merged = []
    for stage in template:
        override = by_key.pop(normalized(stage.name), None)
        merged.append(_overridden(stage, override) if override else stage)
    added = [stage for stage in own if normalized(stage.name) in by_key]
    open_count = sum(stage.canonical not in ("won", "lost", "post_sale") for stage in merged)
    return merged[:open_count] + added + merged[open_count:]


def _overridden(stage: Stage, override: Stage) -> Stage:
    return stage.model_copy(update=override.model_dump(exclude_unset=True, exclude={"name"}))


def _template(source: Source, pipeline: Pipeline) -> list[Stage]:
    if pipeline.template is None:
        for stage in pipeline.stages:
            if stage.canonical is None and not stage.won and not stage.lost:
                raise ConfigurationError(
                    f"source '{source.name}', pipeline '{pipeline.name}': stage '{stage.name}' needs `canonical`; "
                    f"allowed: {', '.join(CANONICAL_STAGES)}"
                )
        return []
    if vendor_of(pipeline.template) in vendor_names():
        return vendor_stages(pipeline.template)
    rows = _industry_templates()
    if pipeline.template not in rows:
        allowed = ", ".join([*vendor_names(), *sorted(rows)])
        raise ConfigurationError(
            f"source '{source.name}', pipeline '{pipeline.name}': '{pipeline.template}' is no template; "
            f"allowed: {allowed}"
        )
    return rows[pipeline.template]


def _industry_templates() -> dict[str, list[Stage]]:
    templates: dict[str, list[Stage]] = {}
    with TEMPLATES.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            stage = Stage(
                name=row["stage"],
                canonical=row["canonical_stage"],
                qualified=row["qualified"] == "true",
                win_probability=float(row["win_probability"]),
            )
            templates.setdefault(row["template"], []).append(stage)
    return templates
