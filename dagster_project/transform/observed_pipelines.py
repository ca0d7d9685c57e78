"""Pipelines that nobody configured, of sources whose vendor is known: they have the vendor's stages by name.

Pipelines that were added to an account (in some CRMs they are called record types) are not in the configuration, but
a stage in them that is called `Closed Won` is that stage all the same. Only what is met is taken
over, so that a pipeline with stages of its own is not given seven that it does not have.
"""

from __future__ import annotations

import re

import duckdb

from dagster_project.config.feeds import Source
from dagster_project.config.models import Configuration
from dagster_project.config.pipelines import MetPipeline, Pipeline, Stage
from dagster_project.config.stages import normalized, pipeline_names, pipelines_of, vendor_stages

#: What may be an id where nobody lists them: a digit, and no blank.
_ID = re.compile(r"(?=\S*\d)\S+")

#: Moves between pipelines; of those that a log tells at one moment in ids and in names, the ones in ids (dbt:
#: int_deal_changes says the same of every field). Moves that go on from each other are moves of their own.
_MOVES = """
    known as (
        select _source, pipeline as id from lake.deals where pipeline is not null
        union select _source, pipeline from lake.deal_versions where pipeline is not null
        union select _source, pipeline from lake.stages where pipeline is not null
        union select configured.source, configured.id
        from (select unnest(cast($configured as struct(source varchar, id varchar)[])) as configured)
    ),

    weighed as (
        select
            moves._source,
            moves._feed,
            moves.deal_id,
            moves.changed_at,
            moves.old_value,
            moves.new_value,
            case
                when moves.value_kind = 'id' then 3
                when moves.value_kind is not null then 0
                when exists (
                    from known
                    where known._source = moves._source and known.id in (moves.old_value, moves.new_value)
                ) then 2
                when concat(moves.old_value, moves.new_value) similar to '\\S*\\d\\S*' then 1
                else 0
            end as sureness
        from lake.deal_changes as moves
        where moves.field = 'pipeline'
    ),

    moves as (
        select _source, deal_id, old_value, new_value
        from weighed as move
        where not exists (
            from weighed as other
            where
                other._source = move._source
                and other._feed = move._feed
                and other.deal_id = move.deal_id
                and other.changed_at = move.changed_at
                and other.sureness > move.sureness
                and other.old_value is distinct from move.new_value
                and other.new_value is distinct from move.old_value
        )
    )
"""

_PIPELINES = f"""
    with {_MOVES}

    select distinct _source, coalesce(pipeline, 'default') from lake.deals
    union select distinct _source, pipeline from lake.deal_versions where pipeline is not null
    union select distinct _source, new_value from moves where new_value is not null
    union select distinct _source, old_value from moves where old_value is not null
    union select distinct _source, pipeline from lake.stages where pipeline is not null
"""

_STAGES = f"""
    with {_MOVES},

    in_pipelines as (
        select _source, deal_id from lake.deals where _source = $source and coalesce(pipeline, 'default') in $names
        union select _source, deal_id from lake.deal_versions where _source = $source and pipeline in $names
        union select _source, deal_id from moves
        where _source = $source and (new_value in $names or old_value in $names)
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
    ids = [{"source": source, "id": name} for source, name in configured if _ID.fullmatch(name)]
    for source, pipeline in connection.execute(_PIPELINES, {"configured": ids}).fetchall():
        if (source, normalized(pipeline)) not in configured:
            met.setdefault(source, {}).setdefault(normalized(pipeline), []).append(pipeline)
    sources = [
        source.model_copy(update={"pipelines": [*pipelines_of(source), *_inheriting(connection, source, met, ids)]})
        if source.vendor and source.name in met
        else source
        for source in config.sources
    ]
    return config.model_copy(update={"sources": sources})


def _inheriting(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    met: dict[str, dict[str, list[str]]],
    ids: list[dict[str, str]],
) -> list[Pipeline]:
    known = vendor_stages(source.vendor or "")
    found: list[Pipeline] = []
    for names in met[source.name].values():
        rows = connection.execute(_STAGES, {"source": source.name, "names": names, "configured": ids}).fetchall()
        called = {normalized(stage) for (stage,) in rows}
        stages = [stage for stage in known if called & _names(stage)]
        if stages:
            found.append(MetPipeline(name=min(names), stages=stages))
    return found


def _names(stage: Stage) -> set[str]:
    return {normalized(name) for name in (stage.name, *stage.aliases)}
