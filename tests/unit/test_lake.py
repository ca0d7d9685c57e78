"""When a delivered file is new, and which deliveries a run sees."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from dagster_project.config.feeds import Source
from dagster_project.config.load import read_configuration
from dagster_project.lake import store
from dagster_project.lake.deliveries import places, select_deliveries
from dagster_project.lake.manifest import LAKE_FORMAT, FileRecord, read_records
from dagster_project.lake.statistics import null_counts
from dagster_project.lake.store import ingest, plain_text_left
from dagster_project.read.archives import Delivered, as_delivered
from dagster_project.read.landing import look

CONFIG = """
timezone: UTC
currency: EUR
sources:
  - name: crm
    feeds:
      deals:
        entity: deals
        files: ["deals*.csv"]
        columns: {deal_id: id, stage: stage, amount: [amount, value]}
"""


@pytest.fixture
def source(tmp_path: Path) -> Source:
    (tmp_path / "landing" / "crm").mkdir(parents=True)
    (tmp_path / "pipeline.yml").write_text(CONFIG)
    return read_configuration(tmp_path / "pipeline.yml").sources[0]


def deliver(tmp_path: Path, source: Source, **files: str) -> list[FileRecord]:
    """Puts files into landing (`_` stands for `-`) and takes what is new into the lake."""
    for name, text in files.items():
        (tmp_path / "landing" / "crm" / f"{name.replace('_', '-')}.csv").write_text(text)
    lake_dir = tmp_path / "lake"
    return ingest(source, "deals", look(source, tmp_path / "landing").files, lake_dir, read_records(lake_dir))


def rows(tmp_path: Path, record: FileRecord) -> list[tuple[str, ...]]:
    path = record.path(tmp_path / "lake", "parquet")
    return duckdb.sql(f"select deal_id, stage, amount from read_parquet('{path}')").fetchall()


def text(*values: str) -> str:
    return "\n".join(["id,stage,value", *values]) + "\n"


def test_a_landing_folder_that_moved_is_not_read_again(tmp_path: Path, source: Source) -> None:
    assert len(deliver(tmp_path, source, deals_2025_01_01=text("1,Won,1"), deals=text("1,Won,2"))) == 2
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(tmp_path / "landing", elsewhere, copy_function=shutil.copyfile)  # with new modification times
    lake_dir = tmp_path / "lake"
    records = read_records(lake_dir)
    assert ingest(source, "deals", look(source, elsewhere).files, lake_dir, records) == []
    (elsewhere / "crm" / "deals.csv").unlink()  # nor is anything lost that landing no longer has
    assert ingest(source, "deals", look(source, elsewhere).files, lake_dir, records) == []
    assert len(read_records(lake_dir)) == 2


def test_every_value_stays_text(tmp_path: Path, source: Source) -> None:
    (record,) = deliver(tmp_path, source, deals_2025_01_01=text("007,Won,1e3", "8, Lost ,"))
    assert rows(tmp_path, record) == [("007", "Won", "1e3"), ("8", "Lost", None)]
    assert (record.rows_in_file, record.rows_loaded, record.filled) == (2, 2, ["amount", "deal_id", "stage"])


def test_the_same_again_is_nothing_new(tmp_path: Path, source: Source) -> None:
    assert len(deliver(tmp_path, source, deals_2025_01_01=text("1,Won,1"))) == 1
    assert deliver(tmp_path, source) == []
    # the same bytes under the same extract time, by another name
    assert deliver(tmp_path, source, dealsB_2025_01_01=text("1,Won,1")) == []


def test_the_same_bytes_exported_later_are_a_new_delivery(tmp_path: Path, source: Source) -> None:
    deliver(tmp_path, source, deals_2025_01_01=text("1,Won,1"))
    assert len(deliver(tmp_path, source, deals_2025_01_02=text("1,Won,1"))) == 1


def test_other_bytes_under_one_path_and_extract_time_replace(tmp_path: Path, source: Source) -> None:
    deliver(tmp_path, source, deals_2025_01_01=text("1,Won,1"))
    deliver(tmp_path, source, deals_2025_01_01=text("1,Won,2"))
    deliver(tmp_path, source, deals_2025_01_01=text("1,Won,1"))
    seen = select_deliveries(read_records(tmp_path / "lake"), [source], datetime(2026, 1, 1, tzinfo=UTC), 0.5)
    assert [rows(tmp_path, record) for record in seen] == [[("1", "Won", "1")]]


def test_a_file_that_cannot_be_opened_refuses_its_delivery_until_it_can(
    tmp_path: Path, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(path: Delivered) -> Iterator[bytes]:
        if "02-01" in str(path):
            raise PermissionError(13, "Permission denied")
        if "03-01" in str(path):
            raise FileNotFoundError(2, "No such file")
        return as_delivered(path)

    monkeypatch.setattr(store, "as_delivered", closed)
    files = {f"deals_2025_0{month}_01": text("1,Won,1") for month in (1, 2, 3)}
    first, second = deliver(tmp_path, source, **files)
    assert (first.state, second.state) == ("loaded", "refused")
    assert second.message == "cannot be read: Permission denied; let the user of this run read it"
    assert deliver(tmp_path, source) == []
    monkeypatch.undo()
    assert [record.state for record in deliver(tmp_path, source)] == ["loaded", "loaded"]


def test_a_changed_mapping_is_applied_to_what_still_lies_in_landing(tmp_path: Path, source: Source) -> None:
    deliver(tmp_path, source, deals_2025_01_01="id,stage,amount,value\n1,Won,5,6\n")
    feed = source.feeds["deals"]
    changed = source.model_copy(
        update={"feeds": {"deals": feed.model_copy(update={"columns": {**feed.columns, "amount": ["value"]}})}}
    )
    assert len(deliver(tmp_path, changed)) == 1
    seen = select_deliveries(read_records(tmp_path / "lake"), [changed], datetime(2026, 1, 1, tzinfo=UTC), 0.5)
    assert [rows(tmp_path, record) for record in seen] == [[("1", "Won", "6")]]


def test_one_refused_file_refuses_its_delivery(tmp_path: Path, source: Source) -> None:
    deliver(tmp_path, source, deals_a_2025_01_01=text("1,Won,1"), deals_b_2025_01_01="nothing here\n1\n")
    seen = select_deliveries(read_records(tmp_path / "lake"), [source], datetime(2026, 1, 1, tzinfo=UTC), 0.5)
    assert [(record.state, record.rows_loaded) for record in seen] == [("refused", 0), ("refused", 0)]
    assert "has no column for deals.deal_id (heading 'id')" in seen[1].message


def test_a_file_that_can_be_read_two_ways_is_taken_once_that_is_configured(tmp_path: Path, source: Source) -> None:
    amounts = text("1,Won,1.200", "2,Won,1.300")
    (record,) = deliver(tmp_path, source, deals_2025_01_01=amounts)
    assert (record.state, record.rows_loaded, rows_in_lake(tmp_path)) == ("refused", 0, [])
    assert record.message.startswith("amount ('value'): '1.200' in row 2 is 1.200 or 1200, and no value")
    said = source.model_copy(update={"decimal_separator": ","})
    (record,) = deliver(tmp_path, said)
    assert (record.state, record.readings) == ("loaded", {})
    # which of them is said later changes nothing in the lake
    assert deliver(tmp_path, source.model_copy(update={"decimal_separator": "."})) == []


def test_a_file_remembers_what_it_proved(tmp_path: Path, source: Source) -> None:
    (record,) = deliver(tmp_path, source, deals_2025_01_01=text('1,Won,"1.200,50"'))
    assert record.readings == {"amount": "comma"}
    assert rows(tmp_path, record) == [("1", "Won", "1.200,50")]
    assert read_records(tmp_path / "lake") == [record]


def rows_in_lake(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "lake").rglob("*.parquet"))


def test_as_of_sees_no_later_delivery(tmp_path: Path, source: Source) -> None:
    deliver(tmp_path, source, deals_2025_01_01=text("1,Won,1"), deals_2025_01_02=text("1,Won,2"))
    records = read_records(tmp_path / "lake")
    seen = select_deliveries(records, [source], datetime(2025, 1, 1, 12, tzinfo=UTC), 0.5)
    assert [record.file for record in seen] == ["deals-2025-01-01.csv"]


@pytest.mark.parametrize(("count", "state"), [(49, "held_back"), (50, "loaded")])
def test_a_full_extract_that_lost_half_its_rows_is_held_back(
    tmp_path: Path, source: Source, count: int, state: str
) -> None:
    deliver(tmp_path, source, deals_2025_01_01=text(*(f"{number},Won,1" for number in range(100))))
    (last,) = deliver(tmp_path, source, deals_2025_01_02=text(*(f"{number},Won,1" for number in range(count))))
    records = read_records(tmp_path / "lake")
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert [record.state for record in select_deliveries(records, [source], moment, 0.5)] == ["loaded", state]
    confirmed = source.feeds["deals"].model_copy(update={"confirmed": [last.sha256]})
    said = source.model_copy(update={"feeds": {"deals": confirmed}})
    assert [record.state for record in select_deliveries(records, [said], moment, 0.5)] == ["loaded", "loaded"]


def extracts(record: FileRecord, *volumes: int) -> list[FileRecord]:
    """A record for each of these numbers of rows, delivered a day apart."""
    return [
        replace(record, extracted_at=f"2025-01-{day:02}T00:00:00+00:00", rows_loaded=rows, recorded=day)
        for day, rows in enumerate(volumes, start=1)
    ]


@pytest.mark.parametrize(("last", "state"), [(80, "loaded"), (79, "held_back")])
def test_the_last_seven_loaded_extracts_say_how_large_one_is(
    tmp_path: Path, source: Source, last: int, state: str
) -> None:
    """Their median is 160: of all of them it is 300, with what was held back 5."""
    (record,) = deliver(tmp_path, source, deals_2025_01_01=text("1,Won,1"))
    records = extracts(record, *[300] * 8, *[160] * 4, *[5] * 9, last)
    judged = select_deliveries(records, [source], datetime(2026, 1, 1, tzinfo=UTC), 0.5)
    assert [record.state for record in judged] == ["loaded"] * 12 + ["held_back"] * 9 + [state]


def test_the_newest_good_delivery_of_a_feed_is_compared_with_seven_before_it(tmp_path: Path, source: Source) -> None:
    (record,) = deliver(tmp_path, source, deals_2025_01_01=text("1,Won,1"))
    loaded = extracts(record, *[1] * 10)
    of_other_feed = replace(record, feed="calls", extracted_at="2024-01-01T00:00:00+00:00")
    second_file = replace(loaded[-1], file="deals-2.csv")
    refused = replace(record, state="refused", extracted_at="2025-02-01T00:00:00+00:00")
    found = places([refused, second_file, *loaded, of_other_feed])
    days = {(source.name, "deals", f"2025-01-{day:02}T00:00:00+00:00"): 11 - day for day in range(3, 11)}
    assert found == {**days, (source.name, "calls", of_other_feed.extracted_at): 1}


def test_nulls_are_counted_by_the_statistics_of_the_files(tmp_path: Path, source: Source) -> None:
    """Of a column that is NULL throughout too, and of a file of several row groups; an empty file has none."""
    many = text(*(f"{number},Won,{number if number % 3 else ''}" for number in range(150_000)))
    empty, some, large = (
        deliver(tmp_path, source, **{name: content})[0].path(tmp_path / "lake", "parquet")
        for name, content in {
            "deals_2025_01_01": text(),
            "deals_2025_01_02": text("1,Won,", "2,,"),
            "deals_2025_01_03": many,
        }.items()
    )
    with duckdb.connect() as connection:
        assert null_counts(connection, [empty, some, large]) == [
            *((some, column, 2, nulls) for column, nulls in (("amount", 2), ("deal_id", 0), ("stage", 1))),
            *((large, column, 150_000, nulls) for column, nulls in (("amount", 50_000), ("deal_id", 0), ("stage", 0))),
        ]
        assert null_counts(connection, []) == []


def test_a_newer_lake_is_not_touched(tmp_path: Path, source: Source) -> None:
    (record,) = deliver(tmp_path, source, deals_2025_01_01=text("1,Won,1"))
    path = record.path(tmp_path / "lake", "json")
    path.write_text(path.read_text().replace(f'"lake_format": {LAKE_FORMAT}', f'"lake_format": {LAKE_FORMAT + 1}'))
    with pytest.raises(Exception, match="written by a newer Dealtrail"):
        read_records(tmp_path / "lake")


def test_records_are_judged_in_the_order_of_their_extract_time(tmp_path: Path, source: Source) -> None:
    deliver(tmp_path, source, deals_2025_01_03=text("1,Won,3"))
    deliver(tmp_path, source, deals_2025_01_01=text("1,Won,1"))
    records = read_records(tmp_path / "lake")
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    late_last = [replace(record, recorded=-record.recorded) for record in records]
    order = [record.file for record in select_deliveries(records, [source], moment, 0.5)]
    assert order == ["deals-2025-01-01.csv", "deals-2025-01-03.csv"]
    assert [record.file for record in select_deliveries(late_last, [source], moment, 0.5)] == order


def test_every_file_of_a_held_back_delivery_is_named_for_confirming(tmp_path: Path, source: Source) -> None:
    deliver(tmp_path, source, deals_2025_01_01=text(*(f"{number},Won,1" for number in range(9))))
    held = deliver(tmp_path, source, deals_2025_01_02_a=text("1,Won,1"), deals_2025_01_02_b=text("2,Won,1"))
    seen = select_deliveries(read_records(tmp_path / "lake"), [source], datetime(2026, 1, 1, tzinfo=UTC), 0.5)
    assert all(record.sha256 in seen[-1].message for record in held)


@pytest.mark.parametrize("kept", ["deals_2025_01_01_old", "a_deals_2025_01_01"])
def test_bytes_renamed_and_overwritten_are_both_there(tmp_path: Path, source: Source, kept: str) -> None:
    feed = source.feeds["deals"].model_copy(update={"files": ["*.csv"]})
    source = source.model_copy(update={"feeds": {"deals": feed}})
    deliver(tmp_path, source, deals_2025_01_01=text("1,Won,1"))
    deliver(tmp_path, source, **{"deals_2025_01_01": text("2,Won,1"), kept: text("1,Won,1")})
    seen = select_deliveries(read_records(tmp_path / "lake"), [source], datetime(2026, 1, 1, tzinfo=UTC), 0.5)
    assert sorted(rows(tmp_path, record)[0][0] for record in seen) == ["1", "2"]


def test_file_ids_sort_as_the_names_of_one_delivery(tmp_path: Path, source: Source) -> None:
    parts = {f"deals_2025_01_01_{part:04}": text(f"{part},Won,1") for part in range(1, 9)}
    ids = [record.file_id for record in deliver(tmp_path, source, **parts)]
    assert ids == sorted(ids)
    old = replace(read_records(tmp_path / "lake")[0], lake_format=2)
    assert old.file_id.count("-") == 3


def test_files_that_still_hold_what_is_now_dropped_are_found(tmp_path: Path, source: Source) -> None:
    (record,) = deliver(tmp_path, source, deals_2025_01_01=text("1,Won,1"))
    assert plain_text_left(source, "deals", [record], tmp_path / "lake") == []
    feed = source.feeds["deals"].model_copy(update={"personal_data": {"amount": "drop"}})
    changed = source.model_copy(update={"feeds": {"deals": feed}})
    deliver(tmp_path, changed)
    records = read_records(tmp_path / "lake")
    assert len(records) == 2
    found = plain_text_left(changed, "deals", records, tmp_path / "lake")
    assert found == [record.path(tmp_path / "lake", "parquet")]


def test_a_log_read_before_its_field_was_guarded_is_named(tmp_path: Path) -> None:
    (tmp_path / "crm").mkdir()
    (tmp_path / "crm" / "log.csv").write_text(
        "Deal,Field,New,At\n1,Region__c,Nord,2026-01-02\n1,stage,Demo,2026-01-02\n", encoding="utf-8"
    )
    log = {
        "entity": "deal_changes",
        "files": ["log.csv"],
        "columns": {"deal_id": "Deal", "field": "Field", "new_value": "New", "changed_at": "At"},
    }
    deals = {
        "entity": "deals",
        "files": ["deals.csv"],
        "columns": {"deal_id": "Id", "stage": "Stage"},
        "fields": {"region": {"from": ["Region__c"]}},
    }
    kept = Source.model_validate({"name": "crm", "feeds": {"deals": deals, "log": log}})
    guarded = Source.model_validate(
        {"name": "crm", "feeds": {"deals": deals | {"personal_data": {"region": "drop"}}, "log": log}}
    )
    lake = tmp_path / "lake"
    landed = look(kept, tmp_path).files
    [read] = ingest(kept, "log", landed, lake, [])
    assert plain_text_left(kept, "log", [read], lake) == []
    assert plain_text_left(guarded, "log", [read], lake) == [read.path(lake, "parquet")]
    [again] = ingest(guarded, "log", landed, lake, [read])
    assert plain_text_left(guarded, "log", [again], lake) == []
    rows = duckdb.execute("select field, new_value from read_parquet(?)", [str(again.path(lake, "parquet"))]).fetchall()
    assert rows == [("Region__c", None), ("stage", "Demo")]
