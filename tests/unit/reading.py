"""Reads files as the ingest does, without a night around it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from dagster_project.config.feeds import Source
from dagster_project.lake.manifest import FileRecord, read_records
from dagster_project.lake.store import ingest
from dagster_project.read.landing import look

MAPPING: dict[str, Any] = {
    "entity": "deals",
    "files": ["deals*"],
    "columns": {
        "deal_id": "Id",
        "deal_name": "Name",
        "stage": "Stage",
        "amount": ["Amount"],
        "lost_reason": "Reason",
        "created_at": "Created",
    },
}


class Landing:
    """A landing folder of one source `crm`, and the lake it is taken into."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "landing" / "crm").mkdir(parents=True)

    def put(self, name: str, content: bytes) -> None:
        path = self.folder / "landing" / "crm" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def ingest(self, source: Source) -> list[FileRecord]:
        lake = self.folder / "lake"
        files = look(source, self.folder / "landing").files
        added = []
        for feed in source.feeds:
            known = [record for record in read_records(lake) if record.feed == feed]
            added += ingest(source, feed, [file for file in files if file.feed == feed], lake, known)
        return added

    def read(self, name: str, content: bytes, **feed: Any) -> FileRecord:
        """The record of one file, read with `MAPPING` and what is given beside it."""
        self.put(name, content)
        (record,) = self.ingest(source(**feed))
        return record

    def rows(self, record: FileRecord, columns: str = "columns('^[^_]')") -> list[Any]:
        path = record.path(self.folder / "lake", "parquet")
        return duckdb.sql(f"select {columns} from read_parquet('{path}') order by file_row_number").fetchall()

    def rejects(self, record: FileRecord) -> list[Any]:
        path = record.path(self.folder / "lake", "rejects.parquet")
        sql = f"select row_number, reason, value from read_parquet('{path}') order by row_number"
        return duckdb.sql(sql).fetchall() if path.exists() else []


def source(**feed: Any) -> Source:
    """A source with one feed `deals`."""
    return Source.model_validate({"name": "crm", "feeds": {"deals": {**MAPPING, **feed}}})


def said(record: FileRecord) -> str:
    """What was said of a file, but which mapped columns it does not have."""
    return "; ".join(part for part in record.message.split("; ") if not part.startswith("has no heading for"))
