"""The same deliveries give the same rows: in any order, twice, late, from the lake alone, from landing alone.

The nights are those of tests/faults/week.py.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

from tests.faults import crm
from tests.faults.nights import Nights, tables
from tests.faults.week import Night

pytest_plugins = ["tests.faults.week"]

Tables = dict[str, list[tuple[Any, ...]]]


def marts(night: Night) -> Tables:
    """The marts, without the reasons that the rule whose limit changes is one of."""
    facts = {name: rows for name, rows in night.tables.items() if name.startswith("marts.")}
    header, *deals = facts["marts.mart_deal_outlook"]
    told = [place for place, column in enumerate(header) if "reason" not in column]
    facts["marts.mart_deal_outlook"] = [tuple(row[place] for place in told) for row in (header, *deals)]
    return facts


def quality(night: Night) -> Tables:
    """The quality tables that do not depend on which nights were published, without the rule whose limit changes."""
    today = ("rule", "severity", "record_key", "source", "pipeline", "owner_key", "observed", "allowed", "message")
    found = night.rows("quality.hygiene_violations", "resolved_on", *today)
    of_limits = ("quality.hygiene_scores", "quality.worklists")
    of_nights = ("quality.restatements", "quality.restatement_records")
    others = {name: rows for name, rows in night.tables.items() if name.startswith("quality.")}
    return {
        **{name: rows for name, rows in others.items() if name not in (*of_limits, *of_nights)},
        "quality.hygiene_violations": [row[1:] for row in found if row[0] is None and row[1] != "stale_deal"],
        "quality.check_results": [row for row in others["quality.check_results"] if "stale_deal" not in row],
    }


def different(one: Tables, other: Tables) -> dict[str, list[Any]]:
    """Rows that only one of two builds has, by table."""
    assert one.keys() == other.keys()
    return {
        name: sorted({*map(repr, one[name])} ^ {*map(repr, other[name])}) for name in one if one[name] != other[name]
    }


def test_there_is_something_to_compare(last: Night) -> None:
    assert {status for (status,) in last.rows("marts.fct_deals", "status")} == {"open", "won", "lost", "deleted"}
    empty = {name for name, rows in last.tables.items() if len(rows) == 1}
    of_what_is_not_delivered = {"dim_accounts", "fct_spend", "fct_customer_months", "fct_customer_years"}
    assert empty == {
        "quality.quarantined_rows",
        "marts.mart_goals",
        # no month-end has been followed to the end of a month yet
        "marts.mart_outlook_calibration",
        *(f"marts.{name}" for name in of_what_is_not_delivered),
    }


def test_in_shuffled_order_over_several_nights_or_at_once_gives_the_same_marts(last: Night, rebuilt: Night) -> None:
    """Late files, a mended one, copies sent again, a blocked night and a killed one leave no trace."""
    assert different(marts(last), marts(rebuilt)) == {}


def test_and_the_same_quality_tables(last: Night, rebuilt: Night) -> None:
    assert different(quality(last), quality(rebuilt)) == {}


def test_violations_are_dated_by_the_nights_that_were_published(last: Night) -> None:
    dated = last.rows(
        "quality.hygiene_violations", "rule", "record_key", "first_seen_on", "last_seen_on", "resolved_on"
    )
    assert {str(first) for _, _, first, _, _ in dated} == {"2025-12-05", "2025-12-31"}
    assert {str(day) for row in dated for day in row[2:]} == {"2025-12-05", "2025-12-31", "None"}
    (orphan,) = [row for row in dated if row[:2] == ("orphan_activity", "crm:C20")]
    assert [str(day) for day in orphan[2:]] == ["2025-12-05", "2025-12-31", "None"]


def test_between_two_deliveries_only_the_earlier_ones_are_seen(first: Night) -> None:
    files = [file for (file,) in first.rows("quality.deliveries", "file")]
    assert "deals_2025-12-20.csv" not in files
    assert "deals_2025-12-01.csv" in files
    deals = [key for (key,) in first.rows("marts.fct_deals", "deal_key")]
    assert "crm:S1" in deals and "crm:S2" not in deals
    assert max(at for (at,) in first.rows("marts.fct_stage_transitions", "transitioned_at")).isoformat() < "2025-12-05"


def test_a_copy_sent_again_is_no_delivery_of_its_own(last: Night) -> None:
    files = [file for (file,) in last.rows("quality.deliveries", "file")]
    assert len(files) == len(set(files)) == 16
    assert not [file for file in files if "sent again" in file]


def test_a_late_extract_lands_where_its_extract_time_puts_it(last: Night) -> None:
    """The extract of 10 December came after that of the 20th: it neither counts as the newest, nor deletes number 7."""
    statuses = dict(last.rows("marts.fct_deals", "deal_key", "status"))
    assert statuses["crm:7"] != "deleted"
    assert statuses["crm:8"] == "deleted"
    amounts = dict(last.rows("marts.fct_deals", "deal_key", "amount"))
    assert amounts["crm:1"] == 120


def test_a_warehouse_copied_elsewhere_opens_there(nights: Nights, last: Night, tmp_path: Path) -> None:
    copy = tmp_path / "a copy"
    shutil.copytree(nights.kept("last"), copy, symlinks=True)
    assert tables(copy) == last.tables
    parquet = duckdb.sql(f"select count(*) from '{copy}/marts/fct_deals.parquet'").fetchall()
    assert parquet == [(len(last.tables["marts.fct_deals"]) - 1,)]
    assert (copy / "data_docs" / "index.html").resolve().is_relative_to(copy)


def test_no_path_of_this_machine_stands_in_the_published_tables(nights: Nights, last: Night) -> None:
    assert str(nights.folder) not in repr(last.tables)


def test_at_exactly_its_limit_a_deal_is_not_stale(last: Night) -> None:
    """On 31 December S1 has lain for 31 days; S2, S4 and S5 for 30; S3 for 29. The limit is 30."""
    assert last.broken("stale_deal") == ["crm:S1"]


def test_one_day_less_allowed_and_it_is(rebuilt: Night) -> None:
    assert rebuilt.broken("stale_deal") == ["crm:S1", "crm:S2", "crm:S4", "crm:S5"]
    rows = rebuilt.rows("quality.hygiene_violations", "record_key", "observed", "allowed", "rule")
    assert ("crm:S2", "30", "29", "stale_deal") in rows and ("crm:S1", "31", "29", "stale_deal") in rows


@pytest.fixture(scope="module")
def own(nights: Nights, last: Night, tmp_path_factory: pytest.TempPathFactory) -> Nights:
    """The warehouse as the last night left it, at a place of its own."""
    own = Nights(tmp_path_factory.mktemp("own"))
    own.config.write_text(crm.CONFIG, encoding="utf-8")
    shutil.copytree(nights.landing, own.landing)
    shutil.copytree(nights.kept("last"), own.warehouse, symlinks=True)
    return own


@pytest.mark.long
def test_a_night_with_nothing_new_changes_nothing(own: Nights, last: Night) -> None:
    before = lake(own)
    again = own.play(crm.LAST)
    assert again.status == 0, again.output
    assert different(tables(own.warehouse), last.tables) == {}
    assert lake(own) == before


def lake(nights: Nights) -> list[Path]:
    """The files of the lake that came from landing."""
    files = (nights.warehouse / "lake").rglob("*.*")
    return sorted(
        path for path in files if path.parent.name not in ("violations", "scores", "published") and path.is_file()
    )


@pytest.mark.long
def test_a_rebuild_from_the_lake_alone_gives_all_of_marts_and_quality(own: Nights, last: Night) -> None:
    """The dates of the violations too: they come from the records that each published night left in the lake."""
    for path in own.warehouse.iterdir():
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.name != "lake":
            shutil.rmtree(path)
    shutil.rmtree(own.landing / "crm")
    (own.landing / "crm").mkdir()
    rebuilt = own.play(crm.LAST)
    assert rebuilt.status == 0, rebuilt.output
    assert different(tables(own.warehouse), last.tables) == {}


@pytest.mark.long
def test_a_moment_in_the_past_gives_what_was_published_then(own: Nights, first: Night) -> None:
    """The whole lake is there by now; a run for 5 December sees of it what that night saw."""
    then = own.play(crm.FIRST)
    assert then.status == 0, then.output
    now = tables(own.warehouse)
    of_crm = {name: _of_crm(rows) for name, rows in first.tables.items() if name.startswith("marts.fct")}
    assert different({name: now[name] for name in of_crm}, of_crm) == {}
    open_now, open_then = (_of_crm(known["quality.hygiene_violations"]) for known in (now, first.tables))
    assert {row[:4] for row in open_now} == {row[:4] for row in open_then}


def _of_crm(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The header, and the rows of the one source that was there from the first to the last night."""
    source = rows[0].index("source")
    return [rows[0], *(row for row in rows[1:] if row[source] == "crm")]


@pytest.mark.long
def test_file_by_file_each_in_a_night_of_its_own_gives_the_same(
    nights: Nights, rebuilt: Night, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Shuffled, so that nearly every file is late."""
    own = Nights(tmp_path_factory.mktemp("one by one"))
    own.config.write_text(crm.CONFIG, encoding="utf-8")
    files = sorted((nights.landing / "crm").glob("*.csv"))
    Random(3).shuffle(files)
    (own.landing / "crm").mkdir(parents=True)
    for file in files:
        shutil.copy(file, own.landing / "crm")
        night = own.play(crm.LAST)
        assert night.status in (0, 1), night.output
    assert night.status == 0, night.output
    found = Night(night, tables(own.warehouse), night.run_json)
    assert different(marts(found), marts(rebuilt)) == {}
    assert different(quality(found), quality(rebuilt)) == {}
