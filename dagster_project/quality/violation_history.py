"""First seen, last seen, resolved, and the score of each day: the life of violations over published nights.

A published run leaves one record in the lake, its violations and its scores; the dates and the scores of earlier days
come from those records and from nothing else, so a rebuild gives the same ones.
"""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from dagster_project import sql
from dagster_project.lake import inventory
from dagster_project.quality.tables import HYGIENE_SCORES, HYGIENE_VIOLATIONS, WORKLISTS
from dagster_project.run.night import Night

#: What a run leaves in the lake → the query of what it found tonight. One row with nothing in it stands for none.
_FOUND = {
    "violations": "select found.* from (select 1) as one left join work.hygiene.violations_found as found on true",
    "scores": """
        select deals.* from (select 1) as one left join (
            select
                deals.source,
                deals.pipeline,
                deals.owner_key,
                count(*) as open_deals,
                count(case when dirty.record_key is null then 1 end) as clean_deals,
                coalesce(sum(deals.amount_reporting), 0) as open_amount,
                coalesce(sum(case when dirty.record_key is null then deals.amount_reporting end), 0) as clean_amount
            from marts.fct_deals as deals
            left join (
                select distinct record_key
                from work.hygiene.violations_found
                where entity = 'deals' and severity in ('critical', 'warning')
            ) as dirty on deals.deal_key = dirty.record_key
            where deals.status = 'open'
            group by deals.source, deals.pipeline, deals.owner_key
        ) as deals on true
    """,
}

# Nights are numbered; a violation's unbroken run of nights is one row (gaps and islands). Its entity belongs to its
# identity: a rule may look at deals and at leads, and a deal and a lead may have one id. Keys alone go through the
# nights: a year of them has a hundred million rows, and the words are needed of the last night of each run only.
_LIVES = """
with records as not materialized ({records}),

tonight as ({tonight}),

nights as (
    select as_of, run_id, seen_on, row_number() over (order by as_of) as night
    from (
        -- of several runs for one moment the last counts
        select as_of, max(run_id) as run_id, max_by(seen_on, run_id) as seen_on from records group by as_of
        union all
        select distinct as_of, run_id, seen_on from tonight
    )
),

seen as (
    select records.rule, records.entity, records.record_key, nights.night
    from records
    inner join nights on records.as_of = nights.as_of and records.run_id = nights.run_id
    where records.rule is not null
    union all
    select rule, entity, record_key, (select max(night) from nights)
    from tonight
    where rule is not null
),

numbered as (
    select rule, entity, record_key, unnest(nights) as night, generate_subscripts(nights, 1) as place
    from (
        select rule, entity, record_key, list(night order by night) as nights
        from seen
        group by rule, entity, record_key
    )
),

lives as (
    select rule, entity, record_key, min(night) as first_night, max(night) as last_night
    from numbered
    group by rule, entity, record_key, night - place
),

dated as (
    select
        lives.rule,
        lives.entity,
        lives.record_key,
        first_nights.seen_on as first_seen_on,
        last_nights.seen_on as last_seen_on,
        nights_after.seen_on as resolved_on,
        last_nights.as_of,
        last_nights.run_id
    from lives
    inner join nights as first_nights on lives.first_night = first_nights.night
    inner join nights as last_nights on lives.last_night = last_nights.night
    left join nights as nights_after on lives.last_night + 1 = nights_after.night
),

in_words as (
    select * from tonight where rule is not null
    union all by name
    select records.* from records
    where
        records.rule is not null
        and (records.as_of, records.run_id) in (select (as_of, run_id) from dated where resolved_on is not null)
)

select in_words.*, dated.first_seen_on, dated.last_seen_on, dated.resolved_on
from dated
inner join in_words
    on dated.rule = in_words.rule
    and dated.entity = in_words.entity
    and dated.record_key = in_words.record_key
    and dated.as_of = in_words.as_of
    and dated.run_id = in_words.run_id
order by dated.rule, dated.entity, dated.record_key, dated.first_seen_on
"""

_SCORES = """
with every_run as (
    select * from ({records})
    union all by name
    select * from ({tonight})
),

-- of several runs of one day the last counts
days as (
    select seen_on, max_by(run_id, (as_of, run_id)) as run_id
    from every_run
    group by seen_on
)

select
    every_run.*,
    every_run.seen_on as date_day,
    every_run.clean_deals / every_run.open_deals as score,
    cast(every_run.clean_amount as double) / nullif(cast(every_run.open_amount as double), 0) as score_by_amount
from every_run
inner join days on every_run.run_id = days.run_id
where every_run.source is not null
order by date_day, source, pipeline, owner_key
"""

_WORKLISTS = """
with open_violations as (
    select
        owner_key,
        entity,
        record_key,
        case entity when 'deals' then record_key end as deal_key,
        case entity when 'leads' then record_key end as lead_key,
        min(source) as source,
        min(pipeline) as pipeline,
        min(severity) as severity, -- the worse comes first in the alphabet
        count(*) as violations,
        string_agg(rule, ', ' order by rule) as rules,
        string_agg(message, '; ' order by rule) as messages,
        min(first_seen_on) as first_seen_on
    from quality.hygiene_violations
    where resolved_on is null and severity in ('critical', 'warning') and entity not in ('deliveries', 'run')
    group by owner_key, entity, record_key
),

listed as (
    select
        open_violations.*,
        coalesce(deals.deal_name, leads.lead_name) as record_name,
        coalesce(deals.stage, leads.status) as stage,
        deals.amount_reporting as amount_at_stake
    from open_violations
    -- keys alone: with a condition on the entity beside it, DuckDB compares every row with every other
    left join marts.fct_deals as deals on open_violations.deal_key = deals.deal_key
    left join marts.fct_leads as leads on open_violations.lead_key = leads.lead_key
)

select
    listed.*,
    coalesce(owners.owner_name, substr(listed.owner_key, length(listed.source) + 2)) as owner_name,
    row_number() over (
        partition by listed.owner_key
        order by
            listed.amount_at_stake desc nulls last,
            listed.severity,
            listed.first_seen_on,
            listed.entity,
            listed.record_key
    ) as place
from listed
left join marts.dim_owners as owners on listed.owner_key = owners.owner_key
order by listed.owner_key, place
"""


def _found_by(night: Night, what: str) -> str:
    """The query of what a night found, with when."""
    return (
        f"select timestamp '{night.sql_moment}' as as_of, '{night.run_id}' as run_id, "
        f"cast('{night.seen_on}' as date) as seen_on, found.* from ({_FOUND[what]}) as found"
    )


def write_life(raw: Any, lake_dir: Path, night: Night) -> None:
    """Creates `quality.hygiene_violations`, `hygiene_scores` and `worklists` from tonight and the records of before.

    `raw` is a DuckDB connection to the build with `work` attached.
    """
    for what, table, query in (("violations", HYGIENE_VIOLATIONS, _LIVES), ("scores", HYGIENE_SCORES, _SCORES)):
        table.create(raw, query.format(records=_records(lake_dir / what, night, what), tonight=_found_by(night, what)))
    WORKLISTS.create(raw, _WORKLISTS)


def scores_by_source(raw: Any, night: Night) -> list[dict[str, Any]]:
    """Tonight's share of clean open deals, and that of the published day before (None: there was none), by source."""
    rows = raw.execute(f"""
        with by_day as (
            select
                source,
                date_day,
                sum(clean_deals) as clean_deals,
                sum(open_deals) as open_deals,
                dense_rank() over (order by date_day desc) as place
            from quality.hygiene_scores
            group by source, date_day
        )

        select
            tonight.source,
            tonight.open_deals,
            tonight.clean_deals / tonight.open_deals as score,
            before.clean_deals / before.open_deals as score_before
        from by_day as tonight
        left join by_day as before on tonight.source = before.source and before.place = 2
        where tonight.date_day = '{night.seen_on}'
        order by tonight.source
    """).fetchall()
    return [
        {"source": source, "open_deals": int(deals), "score": score, "score_before": before}
        for source, deals, score, before in rows
    ]


def _records(records_dir: Path, night: Night, what: str) -> str:
    """The query of the records of earlier moments."""
    files = sorted(records_dir.glob("*.parquet"))
    if not files:
        return f"select * from ({_found_by(night, what)}) where false"
    listed = ", ".join(map(sql.text, files))
    return f"select * from read_parquet([{listed}], union_by_name = true) where as_of < timestamp '{night.sql_moment}'"


def write_record(raw: Any, version_dir: Path, night: Night) -> None:
    """Writes what tonight found beside the publication; `keep_record` takes it into the lake."""
    for what in _FOUND:
        target = sql.text(_record(version_dir, what))
        raw.execute(f"copy ({_found_by(night, what)}) to {target} (format parquet, compression zstd)")


def keep_record(version_dir: Path, lake_dir: Path) -> None:
    """Copies a published version's record into the lake, if it is not there: also after a kill in between."""
    for what in _FOUND:
        record, kept = _record(version_dir, what), lake_dir / what / f"{version_dir.name}.parquet"
        if not record.exists() or kept.exists():
            continue
        kept.parent.mkdir(parents=True, exist_ok=True)
        unfinished = kept.with_suffix(".unfinished")
        shutil.copyfile(record, unfinished)
        inventory.place(unfinished, kept, lake_dir)


def recorded_nights(lake_dir: Path, until: datetime) -> dict[date, datetime]:
    """Day → the last moment of it that a run has left a record of, up to this moment."""
    files = sorted((lake_dir / "violations").glob("*.parquet"))
    if not files:
        return {}
    rows = duckdb.execute(
        "select seen_on, max(as_of) from read_parquet(?, union_by_name = true) where as_of <= ? group by seen_on",
        [[str(file) for file in files], until.astimezone(UTC).replace(tzinfo=None)],
    ).fetchall()
    return {day: moment.replace(tzinfo=UTC) for day, moment in rows}


def _record(version_dir: Path, what: str) -> Path:
    return version_dir / f"{what}.parquet"
