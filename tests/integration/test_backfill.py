"""Nights that were never run, made up for: what is published then is as if each had been run in its time.

Deal D1 has an owner on the last night only; on the second the extract comes out ragged.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Warehouse
from tests.faults.nights import Nights, dagster_runs, tables

CONFIG = """
timezone: Europe/Berlin
currency: EUR
landing_dir: landing
schedule: {at: "03:30"}
sources:
  - name: crm
    feeds:
      deals:
        entity: deals
        files: ["deals_*.csv"]
        columns: {deal_id: Id, stage: Stage, amount: Amount, owner_id: Owner, created_at: Created}
    pipelines:
      - name: default
        stages:
          - {name: New, canonical: prospecting}
          - {name: Won, canonical: won}
          - {name: Lost, canonical: lost}
"""
#: When the nights are run one by one; the newest state is that of the last.
MOMENTS = ["2026-03-02T02:30:00Z", "2026-03-03T02:30:00Z", "2026-03-04T02:30:00Z"]


def deals(owner: str) -> str:
    return "\n".join(
        [
            "Id,Stage,Amount,Owner,Created",
            f"D1,New,100,{owner},2026-03-01",
            *(f"D{number},New,50,O2,2026-03-01" for number in range(2, 21)),
        ]
    )


@dataclass
class Both:
    """The same landing, night by night and by backfill."""

    nights: Nights
    statuses: list[int]
    backfilled: Warehouse


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    nights = Nights(tmp_path_factory.mktemp("backfill"))
    nights.config.write_text(CONFIG, encoding="utf-8")
    nights.deliver("crm/deals_2026-03-02.csv", deals(""))
    nights.deliver("crm/deals_2026-03-03.csv", deals("O1").replace(",50,O2,2026-03-01", "", 6))
    nights.deliver("crm/deals_2026-03-04.csv", deals("O1"))
    by_night = [nights.play(moment) for moment in MOMENTS]
    nights.keep("by night")
    shutil.rmtree(nights.warehouse)
    arguments = ("backfill", "--from", "2026-03-01", "--to", "2026-03-04")
    backfilled = nights.play(MOMENTS[-1], arguments=arguments)
    return Both(nights, [night.status for night in by_night], backfilled)


def test_marts_and_quality_are_those_of_nights_run_one_by_one(both: Both) -> None:
    # what was published before a night is asked of publications, of which a backfill leaves none
    of_nights = ("quality.restatements", "quality.restatement_records")
    found, expected = tables(both.nights.warehouse), tables(both.nights.kept("by night"))
    assert {name: rows for name, rows in found.items() if name not in of_nights} == {
        name: rows for name, rows in expected.items() if name not in of_nights
    }


def test_violations_have_their_dates(both: Both) -> None:
    lives = both.backfilled.rows(
        "select first_seen_on::text, last_seen_on::text, resolved_on::text from quality.hygiene_violations "
        "where rule = 'missing_owner' order by first_seen_on"
    )
    assert lives == [("2026-03-02", "2026-03-02", "2026-03-04")]
    days = both.backfilled.rows("select distinct date_day::text from quality.hygiene_scores order by 1")
    assert [day for (day,) in days] == ["2026-03-02", "2026-03-04"]


def test_it_says_what_became_of_each_night_and_ends_with_the_worst(both: Both) -> None:
    assert both.statuses == [0, 1, 0]
    assert both.backfilled.status == 1
    # the log's lines stand between them
    said = ("2026-03-", "published")
    lines = [line for line in both.backfilled.output.splitlines() if line.startswith(said)]
    assert lines[0] == "2026-03-01  skipped: the first delivery is of 2026-03-02 00:00 UTC"
    assert [line.partition(":")[0] for line in lines[1:4]] == [
        "2026-03-02  recorded",
        "2026-03-03  blocked",
        "2026-03-04  recorded",
    ]
    assert "quarantine_share" in lines[2]
    assert lines[4].split() == ["published", "as", "of", "2026-03-04T02:30:00+00:00"]


def test_readers_get_one_version_the_newest(both: Both) -> None:
    versions = [path.name for path in (both.nights.warehouse / "versions").iterdir()]
    assert [both.backfilled.run_json["run_id"]] == versions
    assert dagster_runs(both.nights.warehouse) == ["SUCCESS", "FAILURE", "SUCCESS", "SUCCESS"]


def test_evidence_of_the_blocked_night_is_kept(both: Both) -> None:
    (attempt,) = (both.nights.warehouse / "attempts").iterdir()
    assert (attempt / "quality" / "quarantined_rows.parquet").exists()
    assert Path(attempt / "data_docs" / "index.html").exists()
