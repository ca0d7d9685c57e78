"""What the checks cost at size: 2 million deals with 400,000 violations, from the built tables to the stored records.

`python benchmarks/hygiene.py`, or with `--deals 100000` a twentieth of it. The sample's night is built up to the
checks; its deals, leads, activities and transitions are multiplied, cleaned, and made dirty in known shares. Then a
process of its own evaluates every expectation with Great Expectations, has dbt build violations, scores and worklists
beside the records of thirty earlier nights, and writes tonight's. Exit status: 0; 1 more or fewer violations than were
made; 3 it failed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from datetime import timedelta
from pathlib import Path

import duckdb

from benchmarks.generate import BENCHMARKS
from benchmarks.measure import measure

OUT = BENCHMARKS / "out" / "hygiene"
DEALS = 2_000_000
EARLIER_NIGHTS = 30

_CONFIGURATION = {"PIPELINE_CONFIG": str(BENCHMARKS.parent / "pipeline.yml"), "WAREHOUSE_DIR": str(OUT / "warehouse")}
#: Where dbt looks for a night's databases.
_BUILDING = OUT / "warehouse" / "building"

#: Rows of each table for every deal.
SHARES = {"deals": 1.0, "leads": 1.0, "activities": 3.0, "transitions": 4.0}

# Every record is made clean of what its table's rules say, then each rule is broken by a share of the records.
CLEAN = {
    "deals": """
        update work.hygiene.hygiene_deals set
            status = case when status = 'deleted' then 'lost' else status end, owner_state = 'active',
            owner_key = coalesce(owner_key, concat(source, ':nobody')),
            account_key = coalesce(account_key, concat(source, ':nobody')), oldest_deal_key = null,
            amount = 1000, amount_reporting = 1000, log_amount = null, created_at = timestamp '2025-01-01',
            created_on = date '2025-01-01', expected_close_on = as_of_date, close_date_pushes = 0,
            closed_on = date '2025-06-01', given_closed_at = null, lead_created_on = null, lost_reason = 'price',
            days_since_touch = 0, days_in_stage = 0, next_activity_at = as_of, stage_is_configured = true,
            last_told_stage = null, missing_required_fields = '', merged_into_deal_key = null
    """,
    "leads": """
        update work.hygiene.hygiene_leads set
            has_a_deal = true, owner_state = 'active', oldest_lead_key = null, hours_to_response = 1,
            days_since_touch = 0
    """,
    "activities": "update work.hygiene.hygiene_activities set has_a_record = true, completed_at = as_of",
    "transitions": "update work.hygiene.hygiene_transitions set direction = 'advanced'",
}
#: Table → (what makes a record dirty, which records, how many where there are 2 million deals).
DIRT = {
    "deals": [
        ("days_since_touch = stale_after_days + 1", "status = 'open'", 60_000),
        ("expected_close_on = as_of_date - 1", "status = 'open'", 60_000),
        ("next_activity_at = null", "status = 'open' and source != 'field_sheet'", 60_000),
        ("owner_state = 'deactivated'", "status = 'open'", 40_000),
        ("lost_reason = null", "status = 'lost'", 40_000),
        ("amount = -1", "status != 'open'", 20_000),
    ],
    "leads": [("hours_to_response = lead_response_sla_hours + 1", "not created_at_is_estimated", 60_000)],
    "activities": [("has_a_record = false", "true", 40_000)],
    "transitions": [("direction = 'regressed'", "true", 20_000)],
}


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--deals", type=int, default=DEALS, help="violations are a fifth of it")
    parser.add_argument("--measured", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measured:
        return _checks()
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    expected = _make(_built_night(), options.deals)
    command = [sys.executable, str(Path(__file__).resolve()), "--measured"]
    cost = measure(command, {**os.environ, "DO_NOT_TRACK": "1"}, BENCHMARKS.parent, OUT / "log.txt")
    print((OUT / "log.txt").read_text(encoding="utf-8"), end="")
    if cost.exit_status:
        return 3
    with duckdb.connect(str(_BUILDING / "pipeline.duckdb"), read_only=True) as connection:
        (found,) = connection.execute(
            "select count(*) from quality.hygiene_violations where resolved_on is null"
        ).fetchone() or (0,)
    print(f"{found:,} violations of {expected:,} made; {cost.seconds:.1f} s, peak {cost.peak_mb:,.0f} MB")
    return 0 if found == expected else 1


def _built_night() -> Path:
    """The databases of the sample's night, built up to the checks."""
    # what the tests of the rules are judged on is built so, too
    from dagster_project.config.load import load_settings
    from tests.hygiene.prebuilt import build_up_to_the_checks

    build_up_to_the_checks(load_settings(_CONFIGURATION), OUT / "night")
    return OUT / "night"


def _make(template: Path, deals: int) -> int:
    """Multiplies the template's tables; returns the number of violations made."""
    made = 0
    shutil.copytree(template, _BUILDING)
    with duckdb.connect(str(_BUILDING / "pipeline.duckdb")) as connection:
        connection.execute(f"attach '{_BUILDING / 'work.duckdb'}' as work")
        connection.execute(f"set temp_directory = '{OUT / 'spilled'}'")
        _multiply(connection, "marts.fct_deals", ("deal_key", "deal_id"), deals)
        _multiply(connection, "marts.fct_leads", ("lead_key", "lead_id"), int(deals * SHARES["leads"]))
        for subject, share in SHARES.items():
            _multiply(connection, f"work.hygiene.hygiene_{subject}", ("record_key",), int(deals * share))
            connection.execute(CLEAN[subject])
            for number, (dirty, among, of_all) in enumerate(DIRT[subject]):
                rows = of_all * deals // DEALS
                made += rows
                connection.execute(
                    f"update work.hygiene.hygiene_{subject} set {dirty} where rowid in (select rowid from "
                    f"work.hygiene.hygiene_{subject} where {among} order by hash(record_key, {number}) limit {rows})"
                )
        for table in ("rows", "deliveries"):
            connection.execute(f"delete from work.hygiene.hygiene_{table}")
    return made


def _multiply(connection: duckdb.DuckDBPyConnection, table: str, keys: tuple[str, ...], rows: int) -> None:
    again = ", ".join(f"concat({key}, '-', copy) as {key}" for key in keys)
    connection.execute(
        f"create or replace table {table} as select * exclude (copy) replace ({again}) from {table}, "
        f"range(1 + {rows} // (select count(*) from {table})) as copies(copy) limit {rows}"
    )


def _checks() -> int:
    """The measured part: what a night does between dbt and the publish."""
    from dagster_project.config.load import load_settings
    from dagster_project.quality.evaluate import evaluate
    from dagster_project.quality.violation_history import keep_record, write_record
    from dagster_project.run.night import Night
    from dagster_project.transform.dbt_build import AFTER_CHECKS_PART, build
    from dagster_project.transform.lake_views import create_record_views

    settings = load_settings(_CONFIGURATION)
    built, work, lake = _BUILDING / "pipeline.duckdb", _BUILDING / "work.duckdb", settings.warehouse_dir / "lake"
    tonight = settings.moment()
    seconds: dict[str, float] = {}

    def timed(step: str, started: float) -> None:
        seconds[step] = time.perf_counter() - started

    started = time.perf_counter()
    connection = duckdb.connect(str(built))
    connection.execute(f"attach '{work}' as work")
    evaluate(settings.config, connection, OUT / "data_docs")
    timed("evaluate and store violations", started)
    build(settings, print, AFTER_CHECKS_PART)
    with duckdb.connect(str(built)) as connection:
        for ago in range(EARLIER_NIGHTS, 0, -1):
            as_of = tonight - timedelta(days=ago)
            version = OUT / "versions" / f"night{EARLIER_NIGHTS - ago:03d}"
            version.mkdir(parents=True)
            write_record(connection, version, Night(as_of, version.name, as_of.date().isoformat()))
            keep_record(version, lake)
    with duckdb.connect(str(work)) as connection:
        connection.execute(f"set file_search_path = '{lake}'")
        connection.execute("drop view lake.recorded_violations; drop view lake.recorded_scores")
        create_record_views(connection, lake, tonight)
    started = time.perf_counter()
    build(settings, print, AFTER_CHECKS_PART)
    timed(f"lives, scores and worklists beside {EARLIER_NIGHTS} nights", started)
    with duckdb.connect(str(built), read_only=True) as connection:
        started = time.perf_counter()
        write_record(connection, OUT, Night(tonight, "tonight", tonight.date().isoformat()))
        timed("record", started)
    for step, taken in seconds.items():
        print(f"{taken:6.1f} s  {step}")
    print(f"{sum(seconds.values()):6.1f} s  in all (imports of Great Expectations included)")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
