"""First seen, last seen, resolved: the life of each violation over the nights that were published.

A published run leaves one record of its violations in the lake; the dates come from those records and from
nothing else, so a rebuild gives the same ones.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RECORD_NAME = "violations.parquet"

_NO_RECORDS = """
select
    cast(null as timestamp) as as_of,
    cast(null as varchar) as run_id,
    cast(null as date) as seen_on,
    rule, severity, entity, record_key, source, pipeline, owner_key, observed, allowed, message
from work.hygiene.violations_found
where false
"""

# Nights are numbered; a violation's unbroken run of nights is one row (gaps and islands).
_LIVES = """
create or replace table quality.hygiene_violations as
with recorded as (
    select * from ({records}) where as_of < timestamp '{as_of}'
),

counted as (
    -- of several runs for one moment the last counts; a night without violations is a row without a rule
    select *
    from recorded
    qualify run_id = max(run_id) over (partition by as_of)
),

tonight as (
    select timestamp '{as_of}' as as_of, '{run_id}' as run_id, cast('{seen_on}' as date) as seen_on, *
    from work.hygiene.violations_found
),

seen as (
    select * from counted where rule is not null
    union all by name
    select * from tonight
),

nights as (
    select as_of, seen_on, row_number() over (order by as_of) as night
    from (
        select distinct as_of, seen_on from counted
        union
        select timestamp '{as_of}', cast('{seen_on}' as date)
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


def write_violations(raw: Any, records_dir: Path, as_of: datetime, run_id: str, seen_on: str) -> None:
    """Creates `quality.hygiene_violations` from tonight's findings and the records of earlier nights.

    `raw` is a DuckDB connection to the build with `work` attached; `seen_on` the run's day in the reporting timezone.
    """
    files = sorted(records_dir.glob("*.parquet"))
    listed = ", ".join(f"'{path}'" for path in files)
    records = f"select * from read_parquet([{listed}], union_by_name = true)" if files else _NO_RECORDS
    moment = as_of.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    raw.execute(_LIVES.format(records=records, as_of=moment, run_id=run_id, seen_on=seen_on))


def write_record(raw: Any, path: Path, as_of: datetime, run_id: str, seen_on: str) -> None:
    """Writes tonight's violations beside the publication; `keep_record` takes them into the lake."""
    moment = as_of.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    raw.execute(
        f"""
        copy (
            select timestamp '{moment}' as as_of, '{run_id}' as run_id, cast('{seen_on}' as date) as seen_on, found.*
            from (select 1) as one
            left join work.hygiene.violations_found as found on true
        ) to '{path}' (format parquet, compression zstd)
        """
    )


def keep_record(version_dir: Path, records_dir: Path) -> None:
    """Copies a published version's record into the lake, if it is not there: also after a kill in between."""
    record = version_dir / RECORD_NAME
    kept = records_dir / f"{version_dir.name}.parquet"
    if not record.exists() or kept.exists():
        return
    records_dir.mkdir(parents=True, exist_ok=True)
    unfinished = kept.with_suffix(".unfinished")
    shutil.copyfile(record, unfinished)
    unfinished.replace(kept)
