"""Which nights `dealtrail backfill` runs, at which moments, and what it makes of how they ended."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from dagster_project.backfill import nights, run_nights
from dagster_project.cli import app
from dagster_project.config.load import Settings, load_settings
from dagster_project.errors import ConfigurationError
from dagster_project.run.tags import AS_OF_TAG

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
        files: ["deals*.csv"]
        columns: {deal_id: id, stage: stage}
"""
NOW = "2026-04-10T12:00:00Z"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "landing" / "crm").mkdir(parents=True)
    (tmp_path / "pipeline.yml").write_text(CONFIG)
    return load_settings(
        {"PIPELINE_CONFIG": str(tmp_path / "pipeline.yml"), "WAREHOUSE_DIR": str(tmp_path / "w"), "AS_OF": NOW}
    )


def delivered(settings: Settings, day: str) -> None:
    (settings.landing_dir / "crm" / f"deals_{day}.csv").write_text("id,stage\n1,New\n")


def test_nights_are_at_the_schedules_time_of_day_in_its_timezone(settings: Settings) -> None:
    """The clocks of Berlin go forward on 29 March 2026."""
    found = nights(settings, date(2026, 3, 28), date(2026, 3, 30))
    assert [moment.isoformat() for moment in found.values()] == [
        "2026-03-28T02:30:00+00:00",
        "2026-03-29T01:30:00+00:00",
        "2026-03-30T01:30:00+00:00",
    ]


def test_a_night_that_has_a_record_is_run_again_at_its_moment(settings: Settings) -> None:
    folder = settings.warehouse_dir / "lake" / "violations"
    folder.mkdir(parents=True)
    for run, as_of, day in (
        ("a", "2026-03-01 02:31:07", "2026-03-01"),
        ("b", "2026-03-01 14:00:00", "2026-03-01"),
        ("later_than_now", "2026-05-01 02:30:00", "2026-05-01"),
    ):
        duckdb.execute(
            f"copy (select timestamp '{as_of}' as as_of, '{run}' as run_id, date '{day}' as seen_on) "
            f"to '{folder / run}.parquet' (format parquet)"
        )
    found = nights(settings, date(2026, 3, 1), date(2026, 3, 2))
    assert list(found.values()) == [datetime(2026, 3, 1, 14, tzinfo=UTC), datetime(2026, 3, 2, 2, 30, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (date(2026, 3, 2), date(2026, 3, 1), "--from 2026-03-02 is later than --to 2026-03-01"),
        (date(2026, 4, 9), date(2026, 4, 11), r"--to 2026-04-11: that night \(03:30 Europe/Berlin\) is later than"),
    ],
)
def test_impossible_days_are_named(settings: Settings, first: date, last: date, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        nights(settings, first, last)


def test_what_is_no_day_is_a_mistake_of_usage() -> None:
    result = CliRunner().invoke(app, ["backfill", "--from", "2026-02-30", "--to", "2026-03-01"])
    assert result.exit_code == 2
    assert "2026-02-30" in result.output and "%Y-%m-%d" in result.output


class Job:
    """Runs nothing, and remembers what it was asked for."""

    def __init__(self, *statuses: int) -> None:
        self.asked: list[str] = []
        self.statuses = iter(statuses)

    def __call__(self, name: str, tags: dict[str, str]) -> tuple[dict[str, Any], int]:
        self.asked.append(tags.get(AS_OF_TAG, name))
        status = next(self.statuses)
        state = {0: "recorded", 1: "blocked"}.get(status, "failed")
        stopped = [{"rule": "quarantine_share"}] if status == 1 else []
        found: dict[str, Any] = {
            "violations": {"warning": 1200, "info": 1},
            "hygiene": [{"source": "crm", "score": 0.5}],
        }
        attempt = {"state": state, "message": "the disk is full\nat once", "stopped_by": stopped}
        return {**attempt, **(found if status == 0 else {})}, status


def run(settings: Settings, job: Job, last: int) -> tuple[int, dict[str, Any] | None, list[str]]:
    said: list[str] = []
    moments = nights(settings, date(2026, 3, 1), date(2026, 3, last))
    status, attempt = run_nights(settings, moments, job, said.append)
    return status, attempt, [line.rpartition(" (")[0] or line for line in said]


def test_nights_run_in_order_and_the_newest_state_last(settings: Settings) -> None:
    delivered(settings, "2026-03-03")
    job = Job(0, 1, 3, 0, 0)
    status, attempt, said = run(settings, job, last=6)
    days = [f"2026-03-0{day}T02:30:00+00:00" for day in (3, 4, 5, 6)]
    assert job.asked == [*days, "nightly"]
    assert status == 3 and attempt is not None
    assert said == [
        "2026-03-01 to 2026-03-02  skipped: the first delivery is of 2026-03-03 00:00 UTC",
        "2026-03-03  recorded: 1,201 violations; clean deals crm 50%",
        "2026-03-04  blocked: stopped by quarantine_share",
        "2026-03-05  failed: the disk is full",
        "2026-03-06  recorded: 1,201 violations; clean deals crm 50%",
    ]


def test_nothing_is_published_where_no_night_was_recorded(settings: Settings) -> None:
    delivered(settings, "2026-03-01")
    job = Job(1)
    assert run(settings, job, last=1)[:2] == (1, None)
    assert job.asked == ["2026-03-01T02:30:00+00:00"]


def test_without_any_delivery_every_night_is_skipped(settings: Settings) -> None:
    assert run(settings, Job(), last=2) == (0, None, ["2026-03-01 to 2026-03-02  skipped: nothing has been delivered"])
