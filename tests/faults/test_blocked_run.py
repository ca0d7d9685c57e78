"""A critical violation stops the publish: yesterday's publication stays, and why is said and kept."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb

from tests.faults.nights import Nights, dagster_runs
from tests.faults.week import Night

pytest_plugins = ["tests.faults.week"]


def attempt(nights: Nights) -> Path:
    """What the blocked run left behind."""
    (folder,) = (nights.kept("blocked") / "attempts").iterdir()
    return folder


def test_it_exits_1_and_run_json_says_by_what_it_was_stopped(blocked: Night) -> None:
    assert blocked.warehouse.status == 1
    assert (blocked.run_json["state"], blocked.run_json["exit_status"]) == ("blocked", 1)
    (stop,) = blocked.run_json["stopped_by"]
    assert (stop["rule"], stop["unexpected"]) == ("quarantine_share", 1)


def test_the_publication_stays_byte_for_byte(first: Night, blocked: Night) -> None:
    assert len(first.readable) > 15
    assert blocked.readable == first.readable
    assert blocked.tables == first.tables


def test_the_reason_is_on_the_screen_with_rule_feed_file_and_what_to_do(blocked: Night) -> None:
    said = " ".join(blocked.said.split())
    assert said.startswith("blocked: the last publication stands")
    assert "stopped by quarantine_share" in said and "crm:deals:2025-12-10" in said
    assert "crm/deals_2025-12-10.csv: 5 rows rejected" in said
    assert "Fix the export, or add the sha256 to `confirmed` of feed deals: deals_2025-12-10.csv (" in said
    assert "Traceback" not in said


def test_what_it_found_is_kept_as_tables_and_data_docs(nights: Nights, blocked: Night) -> None:
    folder = attempt(nights)
    assert folder.name == blocked.run_json["run_id"]
    tables = {path.stem for path in (folder / "quality").glob("*.parquet")}
    assert {"deliveries", "row_accounting", "quarantined_rows", "hygiene_violations", "check_results"} <= tables
    rejected = duckdb.sql(f"select file, row_number from '{folder}/quality/quarantined_rows.parquet' order by 2")
    assert rejected.fetchall() == [("deals_2025-12-10.csv", row) for row in (2, 3, 4, 5, 6)]
    assert "html" in (folder / "data_docs" / "index.html").read_text(encoding="utf-8")[:200].lower()


def test_the_check_is_seen_as_failed_in_the_tables_that_were_kept(nights: Nights, blocked: Night) -> None:
    failed = duckdb.sql(
        f"select expectation, severity, success from '{attempt(nights)}/quality/check_results.parquet' "
        "where severity = 'critical' and not success"
    ).fetchall()
    assert failed == [("quarantine_share", "critical", False)]


def test_dagster_marks_the_run_failed(nights: Nights, first: Night, blocked: Night) -> None:
    assert dagster_runs(nights.kept("blocked")) == ["SUCCESS", "FAILURE"]


def test_its_checks_lead_to_the_pages_of_the_evidence(nights: Nights, blocked: Night) -> None:
    events = b"".join(path.read_bytes() for path in (nights.kept("blocked") / "dagster").rglob("*.db*"))
    pages = attempt(nights) / "data_docs"
    found = set(re.findall(rb"attempts/[^/\"]+/data_docs/([^\"\\]+\.html)", events))
    assert found, "the run's checks name no page"
    assert {page.decode() for page in found} <= {path.relative_to(pages).as_posix() for path in pages.rglob("*.html")}


def test_it_leaves_no_record_of_violations_and_no_build(nights: Nights, first: Night, blocked: Night) -> None:
    warehouse = nights.kept("blocked")
    assert [path.stem for path in (warehouse / "lake" / "violations").iterdir()] == [first.run_json["run_id"]]
    assert not (warehouse / "building").exists()


def test_the_mended_export_publishes_again(last: Night) -> None:
    assert last.run_json["state"] == "published"
    states = last.rows("quality.deliveries", "file", "state", "rows_rejected")
    assert ("deals_2025-12-10.csv", "loaded", 0) in states
