"""The lake knows what was written into it: no flipped bit, and no file that is gone or strange, goes unseen."""

from __future__ import annotations

import random
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dagster_project.config.load import read_configuration
from dagster_project.config.models import Configuration
from dagster_project.lake import inventory
from dagster_project.lake.compaction import compact
from dagster_project.lake.erasure.tombstones import read_tombstones
from dagster_project.lake.inventory import DamagedLakeError, damages, settle, verify, verify_all
from dagster_project.lake.manifest import of_deliveries, read_records
from dagster_project.lake.store import ingest
from dagster_project.quality.violation_history import keep_record
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
        columns: {deal_id: id, stage: stage, amount: amount}
"""
FLIPS = 1200


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    path = tmp_path_factory.mktemp("config") / "pipeline.yml"
    path.write_text(CONFIG)
    return read_configuration(path)


def take_in(folder: Path, config: Configuration) -> None:
    source = config.sources[0]
    ingest(source, "deals", look(source, folder / "landing").files, folder / "lake", read_records(folder / "lake"))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, config: Configuration) -> Path:
    """A warehouse with landing: compacted and single deliveries, rejects, a night's findings, a tombstone."""
    folder = tmp_path_factory.mktemp("kept")
    landing = folder / "landing" / "crm"
    landing.mkdir(parents=True)
    for day in range(1, 13):
        rows = "\n".join(f"{number},New,{number * day}" for number in range(40))
        (landing / f"deals_2026-01-{day:02}.csv").write_text(f"id,stage,amount\n{rows}\n99,New,1,too,many\n")
    take_in(folder, config)
    compact(folder / "lake", config.sources, datetime(2026, 2, 1, tzinfo=UTC), 0.5)
    version = folder / "versions" / "night"
    version.mkdir(parents=True)
    for what in ("violations", "scores"):
        shutil.copyfile(next((folder / "lake").rglob("*.parquet")), version / f"{what}.parquet")
    keep_record(version, folder / "lake")
    read_tombstones(folder / "lake").add("crm", {"deals": ["7"]}, [])
    settle(folder / "lake")
    return folder


@pytest.fixture
def warehouse(kept: Path, tmp_path: Path) -> Path:
    return shutil.copytree(kept, tmp_path / "warehouse")


def names(lake: Path) -> list[str]:
    return sorted(path.relative_to(lake).as_posix() for path in lake.rglob("*") if path.is_file())


def test_the_inventory_lists_every_file(kept: Path) -> None:
    lake = kept / "lake"
    listed = [line.split("  ", 1)[1] for line in (lake / inventory.NAME).read_text().splitlines()]
    assert listed == [name for name in names(lake) if name not in (inventory.NAME, "last_record")]
    assert any("compacted" in name for name in listed) and any(name.startswith("scores/") for name in listed)
    assert damages(lake) == []


def test_no_flipped_bit_goes_unseen(kept: Path, tmp_path: Path) -> None:
    lake = shutil.copytree(kept / "lake", tmp_path / "lake")
    chance = random.Random(6)
    files = [lake / name for name in names(lake) if name != "last_record"]
    unseen = []
    for _ in range(FLIPS):
        path = chance.choice(files)
        whole = path.read_bytes()
        at, bit = chance.randrange(len(whole)), chance.randrange(8)
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
        try:
            found = damages(lake)
        except DamagedLakeError:
            found = [inventory.Damage(inventory.NAME, "cannot be read")]
        if not found:
            unseen.append((path.name, at, bit))
        path.write_bytes(whole)
    assert unseen == []


@pytest.mark.parametrize("position", range(6))
def test_a_file_that_is_gone_is_named(warehouse: Path, position: int) -> None:
    lake = warehouse / "lake"
    listed = [name for name in names(lake) if name not in (inventory.NAME, "last_record")]
    gone = listed[position * len(listed) // 6]
    (lake / gone).unlink()
    with pytest.raises(DamagedLakeError, match="is missing") as raised:
        settle(lake)
    assert gone in str(raised.value)


def test_what_a_night_reads_is_checked_to_the_last_byte(warehouse: Path) -> None:
    lake = warehouse / "lake"
    records = read_records(lake)
    path = records[-1].path(lake, "parquet")
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    settle(lake)  # rows are looked at when it is known which of them are read
    verify(lake, [file for file in of_deliveries(records, lake) if file != path])
    with pytest.raises(DamagedLakeError, match="its contents have changed"):
        verify(lake, of_deliveries(records, lake))


def test_a_file_that_nobody_wrote_is_named(warehouse: Path) -> None:
    lake = warehouse / "lake"
    known = next(lake.glob("deals/crm/deals/2026*.json"))
    shutil.copyfile(known, known.with_name("of-another-lake.json"))
    with pytest.raises(DamagedLakeError, match=r"of-another-lake\.json: is not of the lake"):
        settle(lake)


def test_without_its_inventory_a_lake_is_damaged(warehouse: Path) -> None:
    lake = warehouse / "lake"
    (lake / inventory.NAME).unlink()
    with pytest.raises(DamagedLakeError, match="SHA256SUMS is missing"):
        settle(lake)
    assert inventory.set_aside(lake, warehouse / "aside") == []
    verify_all(lake)


def test_a_lake_of_before_gets_an_inventory(warehouse: Path) -> None:
    lake = warehouse / "lake"
    (lake / inventory.NAME).unlink()
    for path in lake.rglob("*.json"):
        path.write_text(path.read_text().replace('"lake_format": 5', '"lake_format": 4'))
    verify_all(lake)
    assert inventory.holdings(lake) == len(names(lake)) - 2


def test_what_is_set_aside_is_read_again_from_landing(warehouse: Path, config: Configuration) -> None:
    lake = warehouse / "lake"
    before = {(record.file, record.rows_in_file, record.rows_rejected) for record in read_records(lake)}
    compacted = next(lake.rglob("compacted-*.parquet"))
    compacted.write_bytes(compacted.read_bytes()[:-1] + b"?")
    next(lake.glob("deals/crm/deals/2026*.rejects.parquet")).unlink()
    moved = inventory.set_aside(lake, warehouse / "aside")
    verify_all(lake)
    assert len(read_records(lake)) < len(before) and len(moved) == 6
    assert sum(path.is_file() for path in (warehouse / "aside").rglob("*")) == 5
    take_in(warehouse, config)
    assert {(record.file, record.rows_in_file, record.rows_rejected) for record in read_records(lake)} == before
    verify_all(lake)


def test_a_kill_between_saying_and_doing_is_no_damage(warehouse: Path) -> None:
    lake = warehouse / "lake"
    path = next(lake.glob("deals/crm/deals/2026*.json"))
    with (lake / inventory.NAME).open("a") as file:
        file.write(f"{'a' * 64}  {path.relative_to(lake).as_posix()}\n")  # a new one was to be put in its place
        file.write(f"{'b' * 64}  deals/crm/deals/never-written.parquet"[:90])  # cut off in the line
    verify_all(lake)
    assert inventory.holdings(lake) == len(names(lake)) - 2
