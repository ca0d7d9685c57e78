"""What a night leaves in the lake of what it found, and what a later night sees of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.quality.violation_history import keep_record, scores_by_source, write_record
from dagster_project.run.night import Night
from dagster_project.transform.lake_views import create_record_views, search_path

FOUND = "values ('stale_deal', 'crm:1', date '2026-03-02', date '2026-03-03', null::date)"
RESOLVED = "values ('stale_deal', 'crm:1', date '2026-03-02', date '2026-03-02', date '2026-03-03')"
SCORES = "values (date '2026-03-02', 'crm', 2, 1, 0.5, 10::decimal(18, 2), 1.0)"


class Lake:
    """A lake to which nights add their records."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lake = folder / "lake"

    def publish(self, day: str, found: str, scores: str, is_kept: bool = True) -> Night:
        """A night that published these violations and scores."""
        moment = datetime.fromisoformat(f"2026-03-{day}T12:00:00").replace(tzinfo=UTC)
        night = Night(moment, f"run{day}", f"2026-03-{day}")
        version = self.folder / night.run_id
        version.mkdir(parents=True)
        with duckdb.connect() as build:
            _publish(build, found, scores)
            write_record(build, version, night)
        if is_kept:
            keep_record(version, self.lake)
        return night

    def seen(self, what: str, columns: str, as_of: datetime) -> list[tuple[Any, ...]]:
        """The records that a night at this moment sees."""
        with duckdb.connect() as work:
            work.execute("set file_search_path = ?", [search_path(self.lake)])
            work.execute("create schema lake")
            create_record_views(work, self.lake, as_of)
            return work.execute(f"select run_id, {columns} from lake.recorded_{what} order by all").fetchall()


def _publish(build: duckdb.DuckDBPyConnection, found: str, scores: str) -> None:
    build.execute("create schema quality")
    build.execute(
        "create table quality.hygiene_violations as "
        f"from ({found}) as t(rule, record_key, first_seen_on, last_seen_on, resolved_on)"
    )
    build.execute(
        "create table quality.hygiene_scores as "
        f"from ({scores}) as t(date_day, source, open_deals, clean_deals, score, open_amount, score_by_amount)"
    )


@pytest.fixture(params=["plain", "it's", "[1]", "a,b"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    return Lake(tmp_path / request.param)


LATER = datetime(2026, 4, 1, tzinfo=UTC)


def test_before_the_first_night_there_is_none(lake: Lake) -> None:
    assert lake.seen("violations", "rule", LATER) == []
    assert lake.seen("scores", "open_deals", LATER) == []


def test_a_night_leaves_what_it_saw_and_not_what_earlier_ones_did(lake: Lake) -> None:
    lake.publish("03", f"{FOUND} union all {RESOLVED.replace('crm:1', 'crm:2')}", SCORES.replace("03-02", "03-03"))
    lake.publish("04", RESOLVED, SCORES)
    assert lake.seen("violations", "seen_on::text, rule, record_key, source", LATER) == [
        ("run03", "2026-03-03", "stale_deal", "crm:1", None),
        # it found nothing, and was a night
        ("run04", "2026-03-04", None, None, None),
    ]
    assert lake.seen("scores", "source, open_deals, clean_deals, open_amount::int", LATER) == [
        ("run03", "crm", 2, 1, 10),
        ("run04", None, None, None, None),
    ]


def test_a_night_sees_the_records_of_earlier_moments_alone(lake: Lake) -> None:
    nights = [lake.publish(day, FOUND, SCORES) for day in ("02", "03", "04")]
    assert [run for run, *_ in lake.seen("violations", "rule", nights[1].as_of)] == ["run02"]
    assert [run for run, *_ in lake.seen("scores", "source", nights[1].as_of.replace(microsecond=1))] == ["run02"]


def test_a_record_that_was_cut_in_half_is_kept_later(lake: Lake) -> None:
    lake.publish("02", FOUND, SCORES)
    (lake.lake / "scores" / "run02.parquet").unlink()
    assert len(lake.seen("violations", "rule", LATER)) == 1
    assert lake.seen("scores", "source", LATER) == []
    keep_record(lake.folder / "run02", lake.lake)
    assert lake.seen("scores", "source", LATER) == [("run02", "crm")]


@pytest.mark.parametrize(
    ("today", "said"),
    [
        ("03", []),
        ("04", [{"source": "crm", "open_deals": 4, "score": 0.75, "score_before": 0.5}]),
    ],
)
def test_with_nothing_open_tonight_no_older_score_is_shown_as_tonight_s(today: str, said: list[Any]) -> None:
    with duckdb.connect() as build:
        _publish(
            build, FOUND, f"{SCORES} union all {SCORES.replace('03-02', '03-04').replace('2, 1, 0.5', '4, 3, 0.75')}"
        )
        night = Night(LATER, "tonight", f"2026-03-{today}")
        assert scores_by_source(build, night) == said
