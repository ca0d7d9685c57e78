"""A lake that an older Dealtrail wrote becomes one of today, in place: what landing no longer has is not lost.

What is still in landing is read again where the reading of files has changed (lake.READING_VERSION); that makes
records of its own. Formats, by what became of their records:

1   no proof of how a file writes its dates and numbers: made up for here, from the lake's own text
2   ids without the file's name, so that files of one delivery were in no certain order: their rows get new ids
3   as today, but nothing was ever compacted: stays as it is, and an older Dealtrail reads it
4   without an inventory: gets one when it is next written (inventory.py)
5   today's
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb

from dagster_project import sql
from dagster_project.config.feeds import Source
from dagster_project.errors import RefusedFileError
from dagster_project.lake import inventory
from dagster_project.lake.manifest import LAKE_FORMAT, FileRecord, read_records, replace_records
from dagster_project.read import format_inference
from dagster_project.read.candidate import Candidate

_PROVED_FROM, _NAMED_FROM = 2, 3


def migrate(lake_dir: Path, sources: list[Source]) -> int:
    """Brings every record of an older format to today's; returns how many. A kill in between is made up for next time.

    First the rows under their new id, then the record of it; the old record, which tells what is left to do, goes last.
    """
    old = [record for record in read_records(lake_dir) if record.lake_format < _NAMED_FROM]
    if not old:
        return 0
    feeds = {(source.name, name): source for source in sources for name in source.feeds}
    with duckdb.connect() as connection:
        for record in old:
            new = replace(record, lake_format=LAKE_FORMAT)
            _copy_rows(connection, record, new, lake_dir)
            source = feeds.get((record.source, record.feed))
            if record.lake_format < _PROVED_FROM and record.state == "loaded" and source:
                new = _proved(connection, new, source, lake_dir)
            replace_records(lake_dir, [new])
            endings = ("parquet", "rejects.parquet", "json")
            inventory.take_away([record.path(lake_dir, ending) for ending in endings], lake_dir)
    return len(old)


def _copy_rows(connection: duckdb.DuckDBPyConnection, old: FileRecord, new: FileRecord, lake_dir: Path) -> None:
    for ending in ("parquet", "rejects.parquet"):
        path, target = old.path(lake_dir, ending), new.path(lake_dir, ending)
        if not path.exists():
            continue
        unfinished = target.with_suffix(".unfinished")
        named = f" replace ({sql.text(new.file_id)} as _file_id)" if ending == "parquet" else ""
        connection.execute(
            f"copy (select *{named} from read_parquet({sql.text(path)})) to {sql.text(unfinished)} "
            "(format parquet, compression zstd)"
        )
        inventory.place(unfinished, target, lake_dir)


def _proved(connection: duckdb.DuckDBPyConnection, record: FileRecord, source: Source, lake_dir: Path) -> FileRecord:
    """The record with how its file writes dates and numbers. What cannot be proved stays unread, and is said."""
    path, rejects = record.path(lake_dir, "parquet"), record.path(lake_dir, "rejects.parquet")
    rejected = []
    if rejects.exists():
        rows = connection.execute("select row_number from read_parquet(?) order by 1", [str(rejects)]).fetchall()
        rejected = [number for (number,) in rows]
    feed = source.feeds[record.feed]
    try:
        readings = format_inference.readings(
            Candidate(connection, path, source, feed, record.filled, record.headings, rejected)
        )
    except RefusedFileError as error:
        return replace(record, message=f"{record.message}; {error}".removeprefix("; "))
    return replace(record, readings=readings)
