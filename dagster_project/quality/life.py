"""First seen, last seen, resolved, and the score of each day: the life of violations over published nights.

A published run leaves one record in the lake, its violations and its scores; the dates and the scores of earlier days
come from those records and from nothing else, so a rebuild gives the same ones.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dagster_project.quality.tables import HYGIENE_SCORES, HYGIENE_VIOLATIONS, WORKLISTS

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

# Nights are numbered; a violation's unbroken run of nights is one row (gaps and islands).
_LIVES = """
with counted as ({earlier}),

tonight as ({tonight}),

seen as (
    select * from counted where rule is not null
    union all by name
    select * from tonight where rule is not null
),

nights as (
    select as_of, seen_on, row_number() over (order by as_of) as night
    from (
        select distinct as_of, seen_on from counted
        union
        select distinct as_of, seen_on from tonight
    )
),

numbered as (
    select
        seen.*,
        nights.night,
        nights.night - row_number() over (partition by seen.rule, seen.record_key order by nights.night) as island
    from seen
    inner join nights on seen.as_of = nights.as_of
),

lives as (
    select
        rule,
        max_by(severity, night) as severity,
        max_by(entity, night) as entity,
        record_key,
        max_by(source, night) as source,
        max_by(pipeline, night) as pipeline,
        max_by(owner_key, night) as owner_key,
        max_by(observed, night) as observed,
        max_by(allowed, night) as allowed,
        max_by(message, night) as message,
        min(seen_on) as first_seen_on,
        max(seen_on) as last_seen_on,
        max(night) as last_night
    from numbered
    group by rule, record_key, island
)

select
    lives.* exclude (last_night),
    nights.seen_on as resolved_on
from lives
left join nights on lives.last_night + 1 = nights.night
order by rule, record_key, first_seen_on
"""

_SCORES = """
with every_run as (
    select * from ({earlier})
    union all by name
    select * from ({tonight})
)

select
    seen_on as date_day,
    source,
    pipeline,
    owner_key,
    open_deals,
    clean_deals,
    clean_deals / open_deals as score,
    open_amount,
    clean_amount,
    cast(clean_amount as double) / nullif(cast(open_amount as double), 0) as score_by_amount
from every_run
-- of several runs of one day the last counts
qualify source is not null and as_of = max(as_of) over (partition by seen_on)
order by date_day, source, pipeline, owner_key
"""

_WORKLISTS = """
with open_violations as (
    select
        owner_key,
        entity,
        record_key,
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
    left join marts.fct_deals as deals
        on open_violations.entity = 'deals' and open_violations.record_key = deals.deal_key
    left join marts.fct_leads as leads
        on open_violations.entity = 'leads' and open_violations.record_key = leads.lead_key
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


@dataclass(frozen=True)
class Night:
    """The run that writes: its moment, its id, and its day in the reporting timezone (ISO 8601)."""

    as_of: datetime
    run_id: str
    seen_on: str

    @property
    def sql_moment(self) -> str:
        """Its moment as DuckDB's TIMESTAMP holds it: UTC, without saying so."""
        return self.as_of.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")

    def found(self, what: str) -> str:
        """The query of what it found, with when."""
        return (
            f"select timestamp '{self.sql_moment}' as as_of, '{self.run_id}' as run_id, "
            f"cast('{self.seen_on}' as date) as seen_on, found.* from ({_FOUND[what]}) as found"
        )


def write_life(raw: Any, lake_dir: Path, night: Night) -> None:
    """Creates `quality.hygiene_violations`, `hygiene_scores` and `worklists` from tonight and the records of before.

    `raw` is a DuckDB connection to the build with `work` attached.
    """
    for what, table, query in (
        ("violations", HYGIENE_VIOLATIONS, _LIVES),
        ("scores", HYGIENE_SCORES, _SCORES),
    ):
        table.create(raw, query.format(earlier=_earlier(lake_dir / what, night, what), tonight=night.found(what)))
    WORKLISTS.create(raw, _WORKLISTS)


def scores_by_source(raw: Any) -> list[dict[str, Any]]:
    """Tonight's share of clean open deals, and that of the published day before (None: there was none), by source."""
    rows = raw.execute("""
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
        where tonight.place = 1
        order by tonight.source
    """).fetchall()
    return [
        {"source": source, "open_deals": int(deals), "score": score, "score_before": before}
        for source, deals, score, before in rows
    ]


def _earlier(records_dir: Path, night: Night, what: str) -> str:
    """The query of the records of earlier moments; of several runs for one moment the last counts."""
    files = sorted(records_dir.glob("*.parquet"))
    if not files:
        return f"select * from ({night.found(what)}) where false"
    listed = ", ".join(f"'{_quoted(path)}'" for path in files)
    return (
        f"select * from read_parquet([{listed}], union_by_name = true) where as_of < timestamp '{night.sql_moment}' "
        "qualify run_id = max(run_id) over (partition by as_of)"
    )


def write_record(raw: Any, version_dir: Path, night: Night) -> None:
    """Writes what tonight found beside the publication; `keep_record` takes it into the lake."""
    for what in _FOUND:
        target = _quoted(_record(version_dir, what))
        raw.execute(f"copy ({night.found(what)}) to '{target}' (format parquet, compression zstd)")


def keep_record(version_dir: Path, lake_dir: Path) -> None:
    """Copies a published version's record into the lake, if it is not there: also after a kill in between."""
    for what in _FOUND:
        record, kept = _record(version_dir, what), lake_dir / what / f"{version_dir.name}.parquet"
        if not record.exists() or kept.exists():
            continue
        kept.parent.mkdir(parents=True, exist_ok=True)
        unfinished = kept.with_suffix(".unfinished")
        shutil.copyfile(record, unfinished)
        unfinished.replace(kept)


def _record(version_dir: Path, what: str) -> Path:
    return version_dir / f"{what}.parquet"


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
