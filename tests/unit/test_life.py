"""The life of violations and scores over nights, from the records in the lake alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.quality.tables import FOUND_COLUMNS
from dagster_project.quality.violation_history import (
    keep_record,
    scores_by_source,
    write_life,
    write_record,
)
from dagster_project.run.night import Night

Broken = tuple[str, str, str]
Deal = tuple[str, str, str]
OPEN: tuple[Deal, ...] = (("crm:1", "O1", "open"), ("crm:2", "O1", "open"))


class Nights:
    """A lake and a database in memory with what a build has of a night: what was found, and the deals."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lake = folder / "lake"
        self.runs = 0
        self.raw = duckdb.connect()
        found = ", ".join(f"{name} {kind}" for name, (kind, _) in FOUND_COLUMNS.items())
        self.raw.execute(f"""
            attach ':memory:' as work;
            create schema quality; create schema marts; create schema work.hygiene;
            create table work.hygiene.violations_found ({found});
            create table marts.fct_deals (deal_key text, deal_name text, source text, pipeline text, owner_key text,
                status text, stage text, amount_reporting decimal(18, 2));
            create table marts.fct_leads (lead_key text, lead_name text, status text);
            create table marts.dim_owners (owner_key text, owner_name text);
        """)

    def play(self, moment: str, *broken: Broken, deals: tuple[Deal, ...] = OPEN, publishes: bool = True) -> Night:
        """A night that found these (rule, entity, record key), with the run's id as what was observed."""
        self.runs += 1
        night = Night(datetime.fromisoformat(moment).replace(tzinfo=UTC), f"run{self.runs}", moment[:10])
        self.raw.execute("truncate work.hygiene.violations_found; truncate marts.fct_deals")
        for rule, entity, key in broken:
            self.raw.execute(
                "insert into work.hygiene.violations_found by name "
                "select ? as rule, ? as entity, ? as record_key, 'warning' as severity, 'crm' as source, ? as observed",
                [rule, entity, key, night.run_id],
            )
        for key, owner, status in deals:
            self.raw.execute(
                "insert into marts.fct_deals by name select ? as deal_key, 'crm' as source, 'default' as pipeline, "
                "? as owner_key, ? as status, 10 as amount_reporting",
                [key, owner, status],
            )
        write_life(self.raw, self.lake, night)
        if publishes:
            version = self.folder / night.run_id
            version.mkdir()
            write_record(self.raw, version, night)
            keep_record(version, self.lake)
        return night

    @property
    def lives(self) -> list[tuple[Any, ...]]:
        return self.raw.execute(
            "select rule, entity, record_key, strftime(first_seen_on, '%d'), strftime(last_seen_on, '%d'), "
            "strftime(resolved_on, '%d'), observed from quality.hygiene_violations order by all"
        ).fetchall()

    @property
    def score_days(self) -> list[tuple[Any, ...]]:
        return self.raw.execute(
            "select strftime(date_day, '%d'), sum(open_deals), sum(clean_deals) from quality.hygiene_scores "
            "group by 1 order by 1"
        ).fetchall()


@pytest.fixture
def nights(tmp_path: Path) -> Iterator[Nights]:
    played = Nights(tmp_path)
    yield played
    played.raw.close()


STALE = ("stale_deal", "deals", "crm:1")


def test_a_deal_and_a_lead_of_one_id_are_two_violations_of_one_rule(nights: Nights) -> None:
    for day in ("02", "03"):
        nights.play(
            f"2026-03-{day}T12:00:00", ("inactive_owner", "deals", "crm:1"), ("inactive_owner", "leads", "crm:1")
        )
    assert nights.lives == [
        ("inactive_owner", "deals", "crm:1", "02", "03", None, "run2"),
        ("inactive_owner", "leads", "crm:1", "02", "03", None, "run2"),
    ]


def test_a_night_without_any_violation_resolves_those_before_it(nights: Nights) -> None:
    nights.play("2026-03-02T12:00:00", STALE)
    nights.play("2026-03-03T12:00:00")
    nights.play("2026-03-04T12:00:00", STALE)
    assert nights.lives == [
        ("stale_deal", "deals", "crm:1", "02", "02", "03", "run1"),
        ("stale_deal", "deals", "crm:1", "04", "04", None, "run3"),
    ]
    assert nights.score_days == [("02", 2, 1), ("03", 2, 2), ("04", 2, 1)]


def test_a_blocked_night_leaves_no_trace(nights: Nights) -> None:
    nights.play("2026-03-02T12:00:00", STALE)
    nights.play("2026-03-03T12:00:00", publishes=False)
    nights.play("2026-03-04T12:00:00", STALE)
    assert nights.lives == [("stale_deal", "deals", "crm:1", "02", "04", None, "run3")]
    assert [day for day, *_ in nights.score_days] == ["02", "04"]


def test_of_several_runs_for_one_moment_the_last_counts(nights: Nights) -> None:
    nights.play("2026-03-02T12:00:00", STALE)
    nights.play("2026-03-02T12:00:00")
    assert nights.lives == []
    nights.play("2026-03-03T12:00:00", STALE)
    assert nights.lives == [("stale_deal", "deals", "crm:1", "03", "03", None, "run3")]
    assert nights.score_days == [("02", 2, 2), ("03", 2, 1)]


def test_a_run_for_an_earlier_moment_sees_nothing_of_later_ones_and_takes_its_place_among_them(nights: Nights) -> None:
    nights.play("2026-03-02T12:00:00", STALE)
    nights.play("2026-03-04T12:00:00", STALE)
    nights.play("2026-03-03T12:00:00")
    assert nights.lives == [("stale_deal", "deals", "crm:1", "02", "02", "03", "run1")]
    assert [day for day, *_ in nights.score_days] == ["02", "03"]
    nights.play("2026-03-05T12:00:00", STALE)
    assert nights.lives == [
        ("stale_deal", "deals", "crm:1", "02", "02", "03", "run1"),
        ("stale_deal", "deals", "crm:1", "04", "05", None, "run4"),
    ]


def test_records_without_scores_and_a_record_cut_in_half(nights: Nights) -> None:
    nights.play("2026-03-02T12:00:00", STALE)
    (nights.lake / "scores" / "run1.parquet").unlink()
    nights.play("2026-03-03T12:00:00", STALE)
    assert nights.lives == [("stale_deal", "deals", "crm:1", "02", "03", None, "run2")]
    assert nights.score_days == [("03", 2, 1)]
    keep_record(nights.folder / "run1", nights.lake)
    nights.play("2026-03-04T12:00:00", STALE)
    assert nights.score_days == [("02", 2, 1), ("03", 2, 1), ("04", 2, 1)]


def test_with_nothing_open_tonight_no_older_score_is_shown_as_tonight_s(nights: Nights) -> None:
    nights.play("2026-03-02T12:00:00", STALE)
    night = nights.play("2026-03-03T12:00:00", deals=(("crm:1", "O1", "won"),))
    assert nights.score_days == [("02", 2, 1)]
    assert scores_by_source(nights.raw, night) == []
    night = nights.play("2026-03-04T12:00:00")
    assert scores_by_source(nights.raw, night) == [
        {"source": "crm", "open_deals": 2, "score": 1.0, "score_before": 0.5}
    ]
