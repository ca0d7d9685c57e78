"""What a night leaves in the lake of what it found: its violations and its scores, one record of a published run.

When a violation was first seen and when resolved, and the scores of earlier days (dbt/models/quality/checks), come from
those records and from nothing else, so a rebuild gives the same ones.
"""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from dagster_project import sql
from dagster_project.lake import inventory
from dagster_project.run.night import Night

#: What a run leaves in the lake → where its publication has what it found tonight. One empty row stands for none.
_FOUND = {
    "violations": "* exclude (first_seen_on, last_seen_on, resolved_on) from quality.hygiene_violations "
    "where resolved_on is null",
    "scores": "* exclude (date_day, score, score_by_amount) from quality.hygiene_scores where date_day = '{seen_on}'",
}


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


def write_record(connection: duckdb.DuckDBPyConnection, version_dir: Path, night: Night) -> None:
    """Writes what tonight found beside the publication; `keep_record` takes it into the lake."""
    for what, found in _FOUND.items():
        target = sql.text(_record(version_dir, what))
        connection.execute(f"""
            copy (
                select
                    timestamp '{night.sql_moment}' as as_of,
                    '{night.run_id}' as run_id,
                    cast('{night.seen_on}' as date) as seen_on,
                    found.*
                from (select 1)
                left join (select {found.format(seen_on=night.seen_on)}) as found on true
            ) to {target} (format parquet, compression zstd)
        """)


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
