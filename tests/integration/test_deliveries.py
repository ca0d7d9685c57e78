"""The same deliveries give the same rows: in any order, twice, late, from the lake alone, from landing alone.

The nights are those of tests/faults/week.py.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.faults import week
from tests.faults.nights import Nights, tables
from tests.faults.week import Night

pytest_plugins = ["tests.faults.week"]

Tables = dict[str, list[tuple[Any, ...]]]


def marts(night: Night) -> Tables:
    return {name: rows for name, rows in night.tables.items() if name.startswith("marts.")}


def quality(night: Night) -> Tables:
    """The quality tables that do not depend on which nights were published, and what is broken today."""
    today = ("rule", "severity", "record_key", "source", "pipeline", "owner_key", "observed", "allowed", "message")
    found = night.rows("quality.hygiene_violations", "resolved_on", *today)
    others = {name: rows for name, rows in night.tables.items() if name.startswith("quality.")}
    return {**others, "quality.hygiene_violations": [row[1:] for row in found if row[0] is None]}


def different(one: Tables, other: Tables) -> dict[str, list[Any]]:
    """Rows that only one of two builds has, by table."""
    assert one.keys() == other.keys()
    return {
        name: sorted({*map(repr, one[name])} ^ {*map(repr, other[name])}) for name in one if one[name] != other[name]
    }


def test_there_is_something_to_compare(last: Night) -> None:
    statuses = dict.fromkeys(status for (status,) in last.rows("marts.fct_deals", "status"))
    assert set(statuses) == {"open", "won", "lost", "deleted"}
    empty = [name for name, rows in last.tables.items() if len(rows) == 1]
    assert empty == ["quality.quarantined_rows"]


def test_in_shuffled_order_over_several_nights_or_at_once_gives_the_same_marts(last: Night, rebuilt: Night) -> None:
    """Late files, a mended one, copies sent again, a blocked night and a killed one leave no trace."""
    assert different(marts(last), marts(rebuilt)) == {}


def test_and_the_same_quality_tables(last: Night, rebuilt: Night) -> None:
    assert different(quality(last), quality(rebuilt)) == {}


def test_a_rebuild_from_the_lake_alone_gives_the_same_marts(last: Night, from_lake: Night) -> None:
    assert different(marts(last), marts(from_lake)) == {}


def test_and_quality_with_the_dates_of_the_violations(last: Night, from_lake: Night) -> None:
    """All of quality, but for the rule whose limit was changed for that night."""
    tables = []
    for night in (last, from_lake):
        at = night.tables["quality.hygiene_violations"][0].index("rule")
        kept = {name: rows for name, rows in night.tables.items() if name.startswith("quality.")}
        violations = [row for row in kept["quality.hygiene_violations"] if row[at] != "stale_deal"]
        checks = [row for row in kept["quality.check_results"] if "stale_deal" not in row]
        tables.append({**kept, "quality.hygiene_violations": violations, "quality.check_results": checks})
    assert different(*tables) == {}


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
    assert len(files) == len(set(files)) == 15
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


def test_one_day_less_allowed_and_it_is(from_lake: Night) -> None:
    assert from_lake.broken("stale_deal") == ["crm:S1", "crm:S2", "crm:S4", "crm:S5"]
    rows = from_lake.rows("quality.hygiene_violations", "record_key", "observed", "allowed", "rule")
    assert ("crm:S2", "30", "29", "stale_deal") in rows and ("crm:S1", "31", "29", "stale_deal") in rows


@pytest.mark.long
def test_a_night_with_nothing_new_changes_nothing(nights: Nights, rebuilt: Night) -> None:
    lake = sorted(path for path in (nights.warehouse / "lake").rglob("*") if path.suffix in (".parquet", ".json"))
    again = nights.play(week.LAST)
    assert again.status == 0
    assert different(tables(nights.warehouse), rebuilt.tables) == {}
    now = sorted(path for path in (nights.warehouse / "lake").rglob("*") if path.suffix in (".parquet", ".json"))
    assert [path for path in now if path.parent.name != "violations"] == [
        path for path in lake if path.parent.name != "violations"
    ]
