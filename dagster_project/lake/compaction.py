"""Brings the lake's older deliveries together: hundreds of nightly files become a few, and nothing is lost.

    lake/<entity>/<source>/<feed>/compacted-<number>.parquet           rows, a record's versions side by side
                                  compacted-<number>.rejects.parquet   rows the parsers rejected
                                  compacted-<number>.json              the records of all deliveries in it
    lake/published/month-<yyyymm>.parquet                              what its nights published (publications.py)

Written are first the rows, then the records (one rename: from then on they count), and what they replace is removed
last, records before rows. A kill in between leaves a lake that reads the same, and files that `clean_up` removes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from pathlib import Path

import duckdb

from dagster_project import sql
from dagster_project.config.entities import ENTITIES
from dagster_project.config.feeds import Source
from dagster_project.config.load import Settings
from dagster_project.lake import inventory
from dagster_project.lake.deliveries import places, select_deliveries
from dagster_project.lake.manifest import FileRecord, read_record_file, read_records, write_record_file
from dagster_project.lake.migration import migrate
from dagster_project.lake.publications import PUBLISHED, bring_months_together

#: A file takes no further delivery from here on, and is never written again.
FULL_AT_ROWS = 5_000_000
_PREFIX = "compacted-"


@dataclass(frozen=True)
class Size:
    """What a lake takes on disk."""

    files: int
    bytes: int


@dataclass(frozen=True)
class _Part:
    """What is read as one: a single delivery's file, or what was compacted before."""

    records: list[FileRecord]

    @property
    def rows(self) -> int:
        return sum(record.rows_loaded for record in self.records)


def size(lake_dir: Path) -> Size:
    """Files of deliveries and publications, and their bytes."""
    files = [path for entity in ENTITIES for path in lake_dir.glob(f"{entity}/*/*/*")]
    files += lake_dir.glob(f"{PUBLISHED}/*")
    return Size(len(files), sum(path.stat().st_size for path in files))


def compact_lake(settings: Settings, on_feed: Callable[[str], None]) -> tuple[Size, Size]:
    """Compacts a warehouse's lake, which the caller holds; returns its size before and after."""
    lake_dir, config = settings.warehouse_dir / "lake", settings.config
    # what is brought together is written anew, and would be whole again, damage and all
    inventory.verify_all(lake_dir)
    before = size(lake_dir)
    migrate(lake_dir, config.sources)
    try:
        compact(lake_dir, config.sources, settings.moment(), config.thresholds.min_volume_share, on_feed)
        compact_publications(settings.warehouse_dir, on_feed)
    finally:
        shutil.rmtree(settings.warehouse_dir / "building", ignore_errors=True)
    return before, size(lake_dir)


def compact(
    lake_dir: Path,
    sources: list[Source],
    as_of: datetime,
    min_volume_share: float,
    on_feed: Callable[[str], None] = lambda name: None,
) -> int:
    """Brings together what is older than each feed's newest deliveries; returns how many files of rows that made.

    The newest, those that `places` compares, stay single: a night reads their files' own statistics.
    """
    clean_up(lake_dir)
    records = read_records(lake_dir)
    compared = places(select_deliveries(records, sources, as_of, min_volume_share))
    oldest: dict[tuple[str, str], str] = {}
    for source, feed, extracted_at in compared:
        oldest[source, feed] = min(extracted_at, oldest.get((source, feed), extracted_at))
    feeds: dict[tuple[str, str, str], list[FileRecord]] = {}
    for record in records:
        if record.extracted_at < oldest.get((record.source, record.feed), "9999") or record.compacted:
            feeds.setdefault((record.entity, record.source, record.feed), []).append(record)
    made = 0
    with _connected(lake_dir) as connection:
        for (_, source, feed), of_feed in sorted(feeds.items()):
            for parts in _batches(of_feed):
                on_feed(f"compacting {source}/{feed}")
                _bring_together(connection, parts, lake_dir)
                made += 1
    return made


def compact_publications(warehouse_dir: Path, on_feed: Callable[[str], None] = lambda name: None) -> int:
    """Brings what was published in each month that is over into one file; how many that made."""
    on_feed("compacting what was published")
    # what a version has beside its tables is taken into the lake by the next night, if it is not there
    beside = warehouse_dir.glob(f"versions/*/*.{PUBLISHED}.parquet")
    kept = {path.name.replace(f".{PUBLISHED}.", ".") for path in beside}
    with _connected(warehouse_dir / "lake") as connection:
        return bring_months_together(connection, warehouse_dir / "lake", kept)


@contextmanager
def _connected(lake_dir: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        # sorting spills to disk, and is as fast
        connection.execute("set memory_limit = '1GB'")
        connection.execute(f"set temp_directory = {sql.text(lake_dir.parent / 'building' / 'spilled')}")
        yield connection


def clean_up(lake_dir: Path) -> None:
    """Removes what a killed compaction left: files without their records, and records that stand in a newer file."""
    compacted = list(lake_dir.glob(f"*/*/*/{_PREFIX}*"))
    standing = {record.path(lake_dir, "json") for record in read_records(lake_dir)} if compacted else set()
    for path in compacted:
        index = path.with_name(f"{path.name.partition('.')[0]}.json")
        if path.suffix == ".unfinished":
            path.unlink()
        elif index not in standing:
            inventory.take_away([path], lake_dir)
    for path in standing.intersection(compacted):
        for record in read_record_file(path):
            single = replace(record, compacted="")
            if single.path(lake_dir, "json") not in standing:
                _remove(single, lake_dir)


def _remove(record: FileRecord, lake_dir: Path) -> None:
    endings = ("json", "parquet", "rejects.parquet")
    inventory.take_away([record.path(lake_dir, ending) for ending in endings], lake_dir)


def _batches(records: list[FileRecord]) -> list[list[_Part]]:
    """What becomes one file each: new deliveries in the order of their times, the last with smaller files of before.

    A file is written again only into one at least twice as large, so that compacting every night costs no more than
    the logarithm of the lake.
    """
    files: dict[str, list[FileRecord]] = {}
    batches: list[list[_Part]] = []
    for record in sorted(records, key=lambda record: (record.extracted_at, record.file_id)):
        if record.compacted:
            files.setdefault(record.compacted, []).append(record)
            continue
        if not batches or _rows(batches[-1]) + record.rows_loaded > FULL_AT_ROWS:
            batches.append([])
        batches[-1].append(_Part([record]))
    if not batches:
        return []
    for part in sorted(map(_Part, files.values()), key=lambda part: part.rows):
        rows = _rows(batches[-1])
        if part.rows <= rows and part.rows + rows <= FULL_AT_ROWS:
            batches[-1].append(part)
    return [batch for batch in batches if len(batch) > 1]


def _rows(parts: list[_Part]) -> int:
    return sum(part.rows for part in parts)


def _bring_together(connection: duckdb.DuckDBPyConnection, parts: list[_Part], lake_dir: Path) -> None:
    """Makes one file of several. The records are the commit."""
    records = [record for part in parts for record in part.records]
    folder = records[0].path(lake_dir, "json").parent
    taken = {path.name.partition(".")[0] for path in folder.glob(f"{_PREFIX}*")}
    name = next(name for number in count(1) if (name := f"{_PREFIX}{number:06}") not in taken)
    columns = _columns(connection, records, lake_dir)
    together = [
        replace(record, compacted=name, columns=record.columns or columns.get(record.path(lake_dir, "parquet"), []))
        for record in records
    ]
    _write(
        connection,
        _rows_of(records, lake_dir),
        folder / f"{name}.parquet",
        _order(records[0].entity, columns),
        lake_dir,
    )
    _write(
        connection, _rejects_of(records, lake_dir), folder / f"{name}.rejects.parquet", "_file_id, row_number", lake_dir
    )
    write_record_file(folder / f"{name}.json", together, lake_dir)
    _sync(folder)
    for record in records:
        _remove(record, lake_dir)


def _columns(connection: duckdb.DuckDBPyConnection, records: list[FileRecord], lake_dir: Path) -> dict[Path, list[str]]:
    """The canonical columns of each single file."""
    paths = [str(record.path(lake_dir, "parquet")) for record in records if record.state == "loaded"]
    if not paths:
        return {}
    rows = connection.execute(
        "select file_name, list(name order by name) from parquet_schema(?) "
        "where num_children is null and not starts_with(name, '_') group by file_name",
        [sorted(set(paths))],
    ).fetchall()
    return {Path(path): columns for path, columns in rows}


def _order(entity: str, columns: dict[Path, list[str]]) -> str:
    """The versions of one record stand together: most of their values are those of the night before."""
    key = ENTITIES[entity].key
    has_key = any(key in of_file for of_file in columns.values())
    return ", ".join([*([key] if has_key else []), "_extracted_at", "_file_id", "_file_row_number"])


def _rows_of(records: list[FileRecord], lake_dir: Path) -> str | None:
    """The query of the rows of these records, each with its place in the file it came in; None without files."""
    loaded = [record for record in records if record.state == "loaded"]
    single = [record.path(lake_dir, "parquet") for record in loaded if not record.compacted]
    selects = []
    if single:
        selects.append(
            "select * exclude (file_row_number), file_row_number as _file_row_number "
            f"from read_parquet([{_listed(single)}], union_by_name = true, file_row_number = true)"
        )
    selects += _compacted(loaded, lake_dir, "parquet")
    return " union all by name ".join(selects) or None


def _rejects_of(records: list[FileRecord], lake_dir: Path) -> str | None:
    rejected = [record for record in records if record.rows_rejected]
    selects = [
        f"select {sql.text(record.file_id)} as _file_id, * "
        f"from read_parquet({sql.text(record.path(lake_dir, 'rejects.parquet'))})"
        for record in rejected
        if not record.compacted
    ]
    selects += _compacted(rejected, lake_dir, "rejects.parquet")
    return " union all by name ".join(selects) or None


def _compacted(records: list[FileRecord], lake_dir: Path, ending: str) -> list[str]:
    """Queries of what lies in compacted files, without rows of a record that has been written again since."""
    by_file: dict[Path, list[str]] = {}
    for record in records:
        if record.compacted:
            by_file.setdefault(record.path(lake_dir, ending), []).append(record.file_id)
    return [
        f"select * from read_parquet({sql.text(path)}) where _file_id in ({_listed(ids)})"
        for path, ids in by_file.items()
    ]


def _listed(names: list[Path] | list[str]) -> str:
    return ", ".join(map(sql.text, names))


def _write(connection: duckdb.DuckDBPyConnection, query: str | None, target: Path, order: str, lake_dir: Path) -> None:
    if query is None:
        return
    unfinished = target.with_suffix(".unfinished")
    connection.execute(
        f"copy ({query} order by {order}) to {sql.text(unfinished)} "
        "(format parquet, compression zstd, parquet_version v2)"
    )
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    inventory.place(unfinished, target, lake_dir)


def _sync(folder: Path) -> None:
    """Has the disk hold the names of files too, before others are removed."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
