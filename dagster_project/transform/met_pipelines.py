"""Pipelines that nobody configured, of sources whose vendor is known: they have the vendor's stages by name.

Salesforce's record types and the pipelines added to a HubSpot portal or a Pipedrive account are not in the
configuration, but a stage in them that is called `Closed Won` is that stage all the same. Only what is met is taken
over, so that a pipeline with stages of its own is not given seven that it does not have.
"""

from __future__ import annotations

import duckdb

from dagster_project.config.models import Configuration, Pipeline, Source, Stage
from dagster_project.config.stages import normalized, pipeline_names, pipelines_of, vendor_stages

_PIPELINES = """
    select distinct _source, coalesce(pipeline, 'default') from lake.deals
    union select distinct _source, pipeline from lake.deal_versions where pipeline is not null
    union select distinct _source, new_value from lake.deal_changes where field = 'pipeline' and new_value is not null
    union select distinct _source, old_value from lake.deal_changes where field = 'pipeline' and old_value is not null
    union select distinct _source, pipeline from lake.stages where pipeline is not null
"""

_STAGES = """
    with in_pipelines as (
        select _source, deal_id from lake.deals where _source = $source and coalesce(pipeline, 'default') in $names
        union select _source, deal_id from lake.deal_versions where _source = $source and pipeline in $names
        union select _source, deal_id from lake.deal_changes
        where _source = $source and field = 'pipeline' and (new_value in $names or old_value in $names)
    ),

    told as (
        select _source, deal_id, stage from lake.deals
        union select _source, deal_id, stage from lake.deal_versions
        union select _source, deal_id, new_value from lake.deal_changes where field = 'stage'
        union select _source, deal_id, old_value from lake.deal_changes where field = 'stage'
        union select _source, deal_id, unnest(json_extract_string(stage_dates, '$[*].stage')) from lake.deals
    )

    select distinct coalesce(stages.stage_name, told.stage)
    from told
    inner join in_pipelines using (_source, deal_id)
    left join lake.stages as stages on told._source = stages._source and told.stage = stages.stage_id
    where told.stage is not null
    union
    select stage_name from lake.stages where _source = $source and pipeline in $names and stage_name is not null
"""


def with_met_pipelines(connection: duckdb.DuckDBPyConnection, config: Configuration) -> Configuration:
    """The configuration with the pipelines that the lake's deals are in, as far as their stages are the vendor's."""
    met: dict[str, dict[str, list[str]]] = {}
    configured = pipeline_names(config)
    for source, pipeline in connection.execute(_PIPELINES).fetchall():
        if (source, normalized(pipeline)) not in configured:
            met.setdefault(source, {}).setdefault(normalized(pipeline), []).append(pipeline)
    sources = [
        source.model_copy(update={"pipelines": [*pipelines_of(source), *_inheriting(connection, source, met)]})
        if source.vendor and source.name in met
        else source
        for source in config.sources
    ]
    return config.model_copy(update={"sources": sources})


def _inheriting(
    connection: duckdb.DuckDBPyConnection, source: Source, met: dict[str, dict[str, list[str]]]
) -> list[Pipeline]:
    known = vendor_stages(source.vendor or "")
    found = []
    for names in met[source.name].values():
        rows = connection.execute(_STAGES, {"source": source.name, "names": names}).fetchall()
        called = {normalized(stage) for (stage,) in rows}
        stages = [stage for stage in known if called & _names(stage)]
        if stages:
            found.append(Pipeline(name=min(names), stages=stages))
    return found


def _names(stage: Stage) -> set[str]:
    return {normalized(name) for name in (stage.name, *stage.aliases)}
