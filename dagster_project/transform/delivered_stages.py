"""Stages that a CRM delivers with their order, probability and outcome are configured by the CRM itself.

What `pipeline.yml` says of a stage goes before it; a stage of the vendor's template has the delivered probability. A
list that only names its ids configures nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from dagster_project.config.feeds import Source
from dagster_project.config.models import Configuration
from dagster_project.config.pipelines import Pipeline, Stage
from dagster_project.config.stages import merged_stages, normalized, pipeline_names, pipelines_of, vendor_stages
from dagster_project.config.values import CANONICAL_STAGES

_TRUE = ("true", "t", "yes", "y", "1", "x")
_DELIVERED = """
    with newest as (
        select * from lake.stages
        where stage_name is not null
        qualify row_number() over (
            partition by _source, stage_id order by _extracted_at desc, _file_id desc, _file_row_number desc
        ) = 1
    ),

    read as (
        select
            _source,
            stage_id,
            stage_name,
            coalesce(pipeline, 'default') as pipeline,
            try_cast(stage_order as double) as place,
            try_cast(replace(rtrim(win_probability, '% '), ',', '.') as double) as probability,
            contains(win_probability, '%') as is_percent,
            lower(is_won) in $true as is_won,
            lower(is_lost) in $true as is_lost,
            lower(canonical_stage) as canonical,
            _file_id,
            _file_row_number
        from newest
    )

    select
        _source,
        pipeline,
        stage_id,
        stage_name,
        -- shares or percentages: as the whole list has them
        case
            when max(probability) over (partition by _source) > 1 or is_percent then probability / 100
            else probability
        end,
        coalesce(is_won, false),
        coalesce(is_lost, false),
        canonical
    from read
    -- a list that has neither order nor outcomes says what ids are called, no more
    qualify count(coalesce(cast(place as varchar), canonical, nullif(is_won or is_lost, false)::varchar))
        over (partition by _source, pipeline) > 0
    order by _source, pipeline, place nulls last, _file_id, _file_row_number
"""


@dataclass(frozen=True)
class _Delivered:
    stage_id: str
    name: str
    probability: float | None
    is_won: bool
    is_lost: bool
    canonical: str | None

    @property
    def names(self) -> set[str]:
        return {normalized(self.name), normalized(self.stage_id)}


def with_delivered_stages(connection: duckdb.DuckDBPyConnection, config: Configuration) -> Configuration:
    """The configuration with what the lake's lists of stages say of them."""
    names = pipeline_names(config)
    delivered: dict[str, dict[str, list[_Delivered]]] = {}
    for source, pipeline, *said in connection.execute(_DELIVERED, {"true": list(_TRUE)}).fetchall():
        known = names.get((source, normalized(pipeline)), pipeline)
        delivered.setdefault(source, {}).setdefault(known, []).append(_Delivered(*said))
    sources = [
        source.model_copy(update={"pipelines": _pipelines(source, delivered[source.name])})
        if source.name in delivered
        else source
        for source in config.sources
    ]
    return config.model_copy(update={"sources": sources})


def _pipelines(source: Source, delivered: dict[str, list[_Delivered]]) -> list[Pipeline]:
    configured = {pipeline.name: pipeline for pipeline in pipelines_of(source)}
    told = {
        name: _completed(source, configured.get(name) or Pipeline(name=name), stages)
        for name, stages in delivered.items()
    }
    return [*(told.get(name, pipeline) for name, pipeline in configured.items())] + [
        pipeline for name, pipeline in told.items() if name not in configured
    ]


def _completed(source: Source, pipeline: Pipeline, delivered: list[_Delivered]) -> Pipeline:
    """The pipeline with the delivered stages it lacks, each behind the delivered one before it."""
    own = {normalized(stage.name): stage for stage in pipeline.stages}
    stages = merged_stages(source, pipeline) if pipeline.stages or pipeline.template else []
    vendors = vendor_stages(source.vendor) if source.vendor else []
    before = -1
    for each in delivered:
        at = next((at for at, stage in enumerate(stages) if each.names & _names(stage)), None)
        if at is None:
            before += 1
            at = before
            stages.insert(at, _stage(each, stages[:at], vendors))
        else:
            stages[at] = _with_probability(stages[at], own.get(normalized(stages[at].name)), each)
            before = at
    return pipeline.model_copy(update={"stages": stages, "template": None})


def _names(stage: Stage) -> set[str]:
    return {normalized(name) for name in (stage.name, *stage.aliases)}


def _stage(each: _Delivered, before: list[Stage], vendors: list[Stage]) -> Stage:
    """A stage as the CRM delivers it; without a canonical one it is compared as the open stage before it."""
    known = next((stage for stage in vendors if each.names & _names(stage)), None)
    canonical = each.canonical if each.canonical in CANONICAL_STAGES else None
    if canonical is None:
        outcome = "won" if each.is_won else "lost" if each.is_lost else None
        open_before = [stage.canonical for stage in before if stage.canonical not in ("won", "lost", "post_sale")]
        canonical = outcome or (known and known.canonical) or next(reversed(open_before), None) or "prospecting"
    return Stage.model_validate(
        {
            "name": each.name,
            "aliases": [] if normalized(each.name) == normalized(each.stage_id) else [each.stage_id],
            "canonical": canonical,
            "qualified": bool(known and known.qualified),
            "win_probability": each.probability,
        }
    )


def _with_probability(stage: Stage, own: Stage | None, each: _Delivered) -> Stage:
    said = own is not None and own.win_probability is not None
    if said or each.probability is None:
        return stage
    return stage.model_copy(update={"win_probability": each.probability})
