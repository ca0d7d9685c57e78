"""Lakes of older formats, written by hand as those versions wrote them, become one of today; landing is empty."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.config.feeds import Source
from dagster_project.config.load import read_configuration
from dagster_project.lake.deliveries import select_deliveries
from dagster_project.lake.manifest import LAKE_FORMAT, FileRecord, read_records
from dagster_project.lake.migration import migrate
from dagster_project.lake.store import ingest
from dagster_project.read.landing import look
from tests.unit.test_compaction import Killed, killed_before

CONFIG = """
timezone: UTC
currency: EUR
sources:
  - name: crm
    feeds:
      deals:
        entity: deals
        files: ["*.csv"]
        columns: {deal_id: Id, stage: Stage, close_on: Close}
"""
EXTRACTED_AT = "2025-11-01T00:00:00+00:00"
#: Of one delivery; in format 2 the ids of its files came in the order of these hashes.
LATER, EARLIER = "2" * 64, "9" * 64


@pytest.fixture
def source(tmp_path: Path) -> Source:
    (tmp_path / "landing" / "crm").mkdir(parents=True)
    (tmp_path / "pipeline.yml").write_text(CONFIG)
    return read_configuration(tmp_path / "pipeline.yml").sources[0]


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


def written(lake: Path, lake_format: int, file: str, sha256: str, *rows: tuple[str, str, str], rejects: int = 0) -> str:
    """A file in the lake as format 1 or 2 has it; returns its id."""
    path = hashlib.sha256(file.encode()).hexdigest()[:6]
    file_id = f"20251101T000000-{sha256[:12]}-{path}-0ldm4pp1"
    folder = lake / "deals" / "crm" / "deals"
    folder.mkdir(parents=True, exist_ok=True)
    listed = ", ".join(map(repr, rows))
    duckdb.execute(
        "copy (select deal_id, stage, close_on, 'crm' as _source, 'deals' as _feed, "
        f"'{file_id}' as _file_id, timestamp '2025-11-01' as _extracted_at "
        f"from (values {listed}) as rows(deal_id, stage, close_on)) to '{folder / file_id}.parquet' (format parquet)"
    )
    if rejects:
        duckdb.execute(
            "copy (select 2 as row_number, null as column_name, 'a,b' as value, 'too few' as reason) "
            f"to '{folder / file_id}.rejects.parquet' (format parquet)"
        )
    record: dict[str, Any] = {
        "source": "crm",
        "feed": "deals",
        "entity": "deals",
        "file": file,
        "sha256": sha256,
        "bytes": 1,
        "modified_ns": 1,
        "extracted_at": EXTRACTED_AT,
        "extract_time_from": "name",
        "mapping": "0ldm4pp1",
        "recorded": len(list(folder.glob("*.json"))) + 1,
        "state": "loaded",
        "message": "",
        "rows_in_file": len(rows) + rejects,
        "rows_rejected": rejects,
        "rows_loaded": len(rows),
        "headings": ["Id", "Stage", "Close"],
        "outranked": [],
        "unmapped": [],
        "filled": ["close_on", "deal_id", "stage"],
        **({"readings": {"close_on": "day_first"}} if lake_format == 2 else {}),
        "lake_format": lake_format,
    }
    (folder / f"{file_id}.json").write_text(json.dumps(record))
    return file_id


def rows(lake: Path, record: FileRecord) -> list[tuple[Any, ...]]:
    return duckdb.execute(
        "select deal_id, stage, close_on, _file_id from read_parquet(?)", [str(record.path(lake, "parquet"))]
    ).fetchall()


def test_format_1_keeps_its_rows_and_learns_how_they_are_written(lake: Path, source: Source) -> None:
    written(lake, 1, "deals.csv", LATER, ("D1", "New", "31.12.2025"), ("D2", "Won", "01.02.2025"), rejects=1)
    assert migrate(lake, [source]) == 1
    (record,) = read_records(lake)
    assert record.lake_format == LAKE_FORMAT and record.readings == {"close_on": "day_first"}
    assert rows(lake, record) == [
        ("D1", "New", "31.12.2025", record.file_id),
        ("D2", "Won", "01.02.2025", record.file_id),
    ]
    rejects = duckdb.execute("select reason from read_parquet(?)", [str(record.path(lake, "rejects.parquet"))])
    assert rejects.fetchall() == [("too few",)]
    names = sorted(path.name for path in (lake / "deals" / "crm" / "deals").iterdir())
    assert names == [f"{record.file_id}.{ending}" for ending in ("json", "parquet", "rejects.parquet")]
    assert migrate(lake, [source]) == 0


def test_what_cannot_be_proved_is_said_and_not_lost(lake: Path, source: Source) -> None:
    written(lake, 1, "deals.csv", LATER, ("D1", "New", "03.04.2025"))
    migrate(lake, [source])
    (record,) = read_records(lake)
    assert (record.state, record.readings, len(rows(lake, record))) == ("loaded", {}, 1)
    assert "date_formats" in record.message


def test_format_2_has_the_files_of_a_delivery_in_the_order_of_their_names(lake: Path, source: Source) -> None:
    ids = [
        written(lake, 2, "a.csv", EARLIER, ("D1", "New", "31.12.2025")),
        written(lake, 2, "b.csv", LATER, ("D1", "Won", "31.12.2025")),
    ]
    assert ids != sorted(ids)
    migrate(lake, [source])
    found = sorted(read_records(lake), key=lambda record: record.file_id)
    assert [record.file for record in found] == ["a.csv", "b.csv"]
    assert [rows(lake, record)[0][1] for record in found] == ["New", "Won"]
    assert {record.readings["close_on"] for record in found} == {"day_first"}


def test_what_landing_still_has_is_read_again(tmp_path: Path, lake: Path, source: Source) -> None:
    written(lake, 1, "deals_2025-11-01.csv", LATER, ("D1", "New", "2025-12-31"))
    (tmp_path / "landing" / "crm" / "deals_2025-11-01.csv").write_text("Id,Stage,Close\nD1,New,2025-12-31\n")
    migrate(lake, [source])
    ingest(source, "deals", look(source, tmp_path / "landing").files, lake, read_records(lake))
    (selected,) = select_deliveries(read_records(lake), [source], datetime(2026, 1, 1, tzinfo=UTC), 0.5)
    assert (selected.lake_format, selected.sha256 == LATER, len(read_records(lake))) == (LAKE_FORMAT, False, 2)


def test_format_3_stays_as_it_is(tmp_path: Path, lake: Path, source: Source) -> None:
    (tmp_path / "landing" / "crm" / "deals_2025-11-01.csv").write_text("Id,Stage,Close\nD1,New,2025-12-31\n")
    (record,) = ingest(source, "deals", look(source, tmp_path / "landing").files, lake, [])
    path = record.path(lake, "json")
    raw = json.loads(path.read_text())
    raw["lake_format"] = 3
    del raw["compacted"], raw["columns"]
    path.write_text(json.dumps(raw))
    assert migrate(lake, [source]) == 0
    assert read_records(lake) == [replace(record, lake_format=3)]
    assert ingest(source, "deals", look(source, tmp_path / "landing").files, lake, read_records(lake)) == []


def test_a_feed_without_configuration_is_migrated_too(lake: Path, source: Source) -> None:
    written(lake, 1, "deals.csv", LATER, ("D1", "New", "31.12.2025"))
    migrate(lake, [source.model_copy(update={"name": "other"})])
    (record,) = read_records(lake)
    assert (record.lake_format, rows(lake, record)[0][3]) == (LAKE_FORMAT, record.file_id)


def test_a_kill_in_between_is_made_up_for(tmp_path: Path, source: Source) -> None:
    files = [("a.csv", EARLIER, ("D1", "New", "31.12.2025")), ("b.csv", LATER, ("D2", "Won", "31.12.2025"))]
    with killed_before(0) as steps:
        _filled(tmp_path / "whole", files)
        migrate(tmp_path / "whole", [source])
    whole = _content(tmp_path / "whole")
    assert steps() > 10
    for step in range(1, steps() + 1):
        lake = tmp_path / str(step)
        _filled(lake, files)
        with pytest.raises(Killed), killed_before(step):
            migrate(lake, [source])
        migrate(lake, [source])
        assert _content(lake) == whole


def _filled(lake: Path, files: list[tuple[str, str, tuple[str, str, str]]]) -> None:
    for file, sha256, row in files:
        written(lake, 1, file, sha256, row, rejects=1)


def _content(lake: Path) -> tuple[list[str], list[list[tuple[Any, ...]]]]:
    names = sorted(path.name for path in lake.rglob("*.*"))
    return names, [rows(lake, record) for record in read_records(lake)]
