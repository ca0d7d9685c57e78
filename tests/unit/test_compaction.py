"""Older deliveries brought together: the same lake for every moment, fewer files, and no kill that matters."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project import sql
from dagster_project.config.load import read_configuration
from dagster_project.config.models import Configuration
from dagster_project.lake import compaction, inventory
from dagster_project.lake.compaction import clean_up, compact, size
from dagster_project.lake.deliveries import BASELINE_DELIVERIES, select_deliveries
from dagster_project.lake.manifest import data_files, read_records, replace_records
from dagster_project.lake.store import ingest, plain_text_left
from dagster_project.read.landing import look
from dagster_project.transform.warehouse import prepare

CONFIG = """
timezone: UTC
currency: EUR
sources:
  - name: crm
    feeds:
      deals:
        entity: deals
        files: ["deals*.csv"]
        columns: {deal_id: id, stage: stage, amount: [amount, value], owner_id: owner, close_on: closes}
      calls:
        entity: activities
        files: ["calls*.csv"]
        deliveries: incremental
        columns: {activity_id: id, deal_id: deal, completed_at: at}
"""
NIGHTS = 36
FIRST = date(2026, 1, 1)
Tables = dict[str, list[tuple[Any, ...]]]


def day(night: int) -> str:
    return (FIRST + timedelta(days=night)).isoformat()


def deals(night: int) -> str:
    """From night 12 on with an owner, and on two nights with dates as they are written in Germany."""
    heading = "id,stage,value,closes" + (",owner" if night >= 12 else "")
    written = "13.04.2026" if night in (5, 6) else "2026-04-13"
    rows = [f"D{n},{'Won' if n < night else 'New'},{n},{written}" for n in range(5 + night // 3)]
    return "\n".join([heading, *(f"{row},O{night % 3}" if night >= 12 else row for row in rows)]) + "\n"


def calls(night: int) -> str:
    return f"id,deal,at\nC{night},D1,{day(night)} 10:00:00\n"


#: Night → what is delivered of deals instead of the whole list.
DAMAGED = {
    7: "id,value\nD1,1\n",  # refused: no stage
    9: "id,stage,value,closes\nD1,New,1,2026-04-13\n",  # held back: one row where there were eight
    14: "id,stage,value,closes,owner\n",  # held back: none
}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    path = tmp_path_factory.mktemp("configuration") / "pipeline.yml"
    path.write_text(CONFIG)
    return read_configuration(path)


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory, config: Configuration) -> Path:
    """A folder with the landing and the lake of all nights: damaged ones, a replaced file and an older mapping too."""
    folder = tmp_path_factory.mktemp("nights")
    landing = folder / "landing" / "crm"
    landing.mkdir(parents=True)
    for night in range(NIGHTS):
        (landing / f"deals-{day(night)}.csv").write_text(DAMAGED.get(night, deals(night)))
        (landing / f"calls-{day(night)}.csv").write_text(calls(night))
    with (landing / f"deals-{day(4)}.csv").open("a") as file:
        file.write("D98,New\nD99,New,1,2026-04-13,too,many\n")
    take(folder, config, entity="deals", until=1)
    take(folder, config)
    (landing / f"deals-{day(3)}.csv").write_text(deals(3).replace("D0", "D77"))
    take(folder, config)
    return folder


def take(folder: Path, config: Configuration, entity: str | None = None, until: int = NIGHTS) -> None:
    """Takes what is in landing into the lake; of one entity up to a night with a mapping that knows no amount."""
    (source,) = config.sources
    if entity:
        feed = source.feeds[entity]
        columns = {column: headings for column, headings in feed.columns.items() if column != "amount"}
        source = source.model_copy(update={"feeds": {entity: feed.model_copy(update={"columns": columns})}})
    for name in source.feeds:
        files = [file for file in look(source, folder / "landing").files if file.feed == name]
        if until < NIGHTS:
            files = [file for file in files if file.extracted_at.date() < FIRST + timedelta(days=until)]
        known = [record for record in read_records(folder / "lake") if record.feed == name]
        ingest(source, name, files, folder / "lake", known)


@pytest.fixture
def lake(nights: Path, tmp_path: Path) -> Path:
    return shutil.copytree(nights / "lake", tmp_path / "it's [1]" / "lake")


def brought_together(lake: Path, config: Configuration, after: int = NIGHTS) -> int:
    return compact(lake, config.sources, at(after), config.thresholds.min_volume_share)


def at(night: int) -> datetime:
    return datetime.fromisoformat(f"{day(night)}T03:00:00+00:00")


def seen(lake: Path, config: Configuration, as_of: datetime) -> Tables:
    """Everything that dbt reads of a lake at a moment."""
    records = select_deliveries(read_records(lake), config.sources, as_of, config.thresholds.min_volume_share)
    work = lake.parent / "work.duckdb"
    work.unlink(missing_ok=True)
    with duckdb.connect(str(work)) as connection:
        prepare(connection, config, records, lake, as_of)
        names = connection.execute(
            "select concat(table_schema, '.', table_name) from information_schema.tables order by 1"
        ).fetchall()
        return {name: sorted(connection.execute(f"from {name}").fetchall(), key=repr) for (name,) in names}


MOMENTS = [at(NIGHTS), at(20), at(8), at(2)]


def test_every_moment_reads_the_same(lake: Path, config: Configuration) -> None:
    before = [seen(lake, config, moment) for moment in MOMENTS]
    files, records = size(lake), read_records(lake)
    assert brought_together(lake, config) == 2
    assert [seen(lake, config, moment) for moment in MOMENTS] == before
    assert size(lake).files < files.files / 3 and size(lake).bytes < files.bytes
    assert [replace(record, compacted="", columns=[]) for record in read_records(lake)] == records


def test_there_is_something_to_bring_together(lake: Path, config: Configuration) -> None:
    selected = select_deliveries(read_records(lake), config.sources, at(NIGHTS), 0.5)
    assert {record.state for record in selected} == {"loaded", "refused", "held_back"}
    assert len(read_records(lake)) == len(selected) + 2, "a file replaced, one read by an older mapping"
    tables = seen(lake, config, at(NIGHTS))
    assert {row[3] for row in tables["lake.rejects"]} == {8, 9}
    assert {reading for record in selected for reading in record.readings.values()} == {"day_first"}


def test_the_newest_deliveries_stay_as_they_are(lake: Path, config: Configuration) -> None:
    brought_together(lake, config)
    single = [record for record in read_records(lake) if record.feed == "calls" and not record.compacted]
    assert [record.extracted_at[:10] for record in single] == [
        day(night) for night in range(NIGHTS - BASELINE_DELIVERIES - 1, NIGHTS)
    ]


def test_nothing_is_new_in_landing_after_it(nights: Path, lake: Path, config: Configuration) -> None:
    brought_together(lake, config)
    shutil.copytree(nights / "landing", lake.parent / "landing")
    records = read_records(lake)
    take(lake.parent, config)
    assert read_records(lake) == records


def test_again_it_merges_what_is_small_and_leaves_what_is_large(
    lake: Path, config: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [seen(lake, config, moment) for moment in MOMENTS]
    monkeypatch.setattr(compaction, "FULL_AT_ROWS", 120)
    for night in range(10, NIGHTS + 1):
        brought_together(lake, config, night)
    assert [seen(lake, config, moment) for moment in MOMENTS] == before
    assert brought_together(lake, config) == 0
    rows = dict(
        duckdb.execute(
            "select parse_filename(file_name), num_rows from parquet_file_metadata(?)",
            [[str(path) for path in data_files(lake, "deals") if path.name.startswith("compacted")]],
        ).fetchall()
    )
    assert 2 <= len(rows) <= 6 and max(rows.values()) <= 120


def test_a_late_delivery_and_one_read_again_count_once(nights: Path, lake: Path, config: Configuration) -> None:
    """Bytes that a path had before it was replaced come back: their record is written anew, under the same name."""
    brought_together(lake, config)
    landing = shutil.copytree(nights / "landing", lake.parent / "landing") / "crm"
    (landing / f"deals-{day(3)}.csv").write_text(deals(3))
    (landing / f"calls-{day(3)}-late.csv").write_text("id,deal,at\nC99,D1,2026-01-02\n")
    take(lake.parent, config)
    once = [seen(lake, config, moment) for moment in MOMENTS]
    assert [row for row in once[0]["lake.deals"] if row[0] == "D77"] == []
    assert [row[0] for row in once[0]["lake.activities"] if row[0] == "C99"] == ["C99"]
    for _ in range(2):
        brought_together(lake, config)
        assert [seen(lake, config, moment) for moment in MOMENTS] == once


class Killed(BaseException):
    """Ends a command where it stands."""


STEPS: list[tuple[Any, str]] = [(Path, "replace"), (Path, "unlink"), (os, "fsync")]


@contextmanager
def killed_before(step: int) -> Iterator[Callable[[], int]]:
    """Ends what runs before its n-th step that changes the disk (0: never); tells how many there were."""
    steps = 0

    def counted(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps == step:
                raise Killed
            return original(*args, **kwargs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in STEPS:
            patch.setattr(owner, name, counted(getattr(owner, name)))
        yield lambda: steps


def test_a_kill_at_any_step_changes_nothing(
    nights: Path, tmp_path: Path, config: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a compaction that merges what was compacted before."""
    monkeypatch.setattr("dagster_project.lake.deliveries.BASELINE_DELIVERIES", 1)
    start = shutil.copytree(nights / "lake", tmp_path / "start" / "lake")
    for record in read_records(start):
        if record.extracted_at[:10] > day(8):
            compaction._remove(record, start)
    brought_together(start, config, 5)
    expected = seen(start, config, at(6))
    done = shutil.copytree(start, tmp_path / "done" / "lake")
    with killed_before(0) as steps:
        brought_together(done, config)
    names = sorted(path.name for path in done.rglob("*"))
    assert steps() > 30
    # every step up to the first removals, then one in six
    for step in [*range(1, 13), *range(13, steps() + 1, 6)]:
        lake = shutil.copytree(start, tmp_path / str(step) / "lake")
        with pytest.raises(Killed), killed_before(step):
            brought_together(lake, config)
        assert seen(lake, config, at(6)) == expected, f"killed before step {step}"
        inventory.verify_all(lake)
        clean_up(lake)
        assert seen(lake, config, at(6)) == expected, f"cleaned up after a kill before step {step}"
        brought_together(lake, config)
        inventory.verify_all(lake)
        assert sorted(path.name for path in lake.rglob("*")) == names


def test_records_are_replaced_wherever_they_stand(lake: Path, config: Configuration) -> None:
    brought_together(lake, config)
    records = read_records(lake)
    changed = [replace(record, message="looked at") for record in records if record.file.endswith("0.csv")]
    assert {bool(record.compacted) for record in changed} == {True, False}
    replace_records(lake, changed)
    assert [record for record in read_records(lake) if record.message == "looked at"] == sorted(
        changed, key=lambda record: record.recorded
    )
    assert len(read_records(lake)) == len(records)


def test_columns_that_a_file_has_beside_the_mapped_ones_stay(lake: Path, config: Configuration) -> None:
    """`_is_forgotten`, of a record that was forgotten before its files were compacted."""
    path = next(r for r in read_records(lake) if r.feed == "deals" and r.rows_loaded).path(lake, "parquet")
    duckdb.execute(
        f"copy (select *, deal_id = 'D1' as _is_forgotten from read_parquet({sql.text(path)})) "
        f"to {sql.text(lake / 'anew')} (format parquet)"
    )
    (lake / "anew").replace(path)
    brought_together(lake, config)
    (compacted,) = [path for path in data_files(lake, "deals") if path.name.startswith("compacted")]
    found = duckdb.execute("select deal_id from read_parquet(?) where _is_forgotten", [str(compacted)])
    assert found.fetchall() == [("D1",)]


def test_personal_data_left_in_a_compacted_file_is_found(lake: Path, config: Configuration) -> None:
    brought_together(lake, config)
    (source,) = config.sources
    feed = source.feeds["deals"].model_copy(update={"personal_data": {"amount": "drop"}})
    guarded = source.model_copy(update={"feeds": {**source.feeds, "deals": feed}})
    found = plain_text_left(guarded, "deals", [r for r in read_records(lake) if r.feed == "deals"], lake)
    assert {path.name.startswith("compacted") for path in found} == {True, False}
    assert len(found) == len(set(found))


def test_a_feed_that_is_configured_no_longer_is_compacted_whole(lake: Path, config: Configuration) -> None:
    (source,) = config.sources
    without = source.model_copy(update={"feeds": {"deals": source.feeds["deals"]}})
    compact(lake, [without], at(NIGHTS), 0.5)
    assert {bool(record.compacted) for record in read_records(lake) if record.feed == "calls"} == {True}


def test_a_lake_that_is_not_there_is_no_error(tmp_path: Path, config: Configuration) -> None:
    assert compact(tmp_path / "lake", config.sources, datetime.now(UTC), 0.5) == 0
    assert size(tmp_path / "lake").files == 0
