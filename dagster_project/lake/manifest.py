"""What the lake knows of each delivered file: one record beside its rows, written last."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from dagster_project.errors import DealtrailError
from dagster_project.lake import inventory

#: Version of how the lake lies on disk. A lake of a lower one is migrated (migration.py), of a higher one refused.
LAKE_FORMAT = 5


@dataclass(frozen=True)
class FileRecord:
    """One delivered file as the lake knows it. Times are UTC, ISO 8601; `recorded` counts up within a lake."""

    source: str
    feed: str
    entity: str
    file: str
    sha256: str
    bytes: int
    modified_ns: int
    extracted_at: str
    extract_time_from: str
    mapping: str
    recorded: int
    state: str
    message: str
    rows_in_file: int
    rows_rejected: int
    rows_loaded: int
    #: Rows that were blanked since, or as they came: their record was forgotten (forget/). Not among the loaded.
    rows_forgotten: int = 0
    headings: list[str] = field(default_factory=list)
    outranked: list[str] = field(default_factory=list)
    unmapped: list[str] = field(default_factory=list)
    #: Canonical columns with at least one value: what a hygiene rule may rely on.
    filled: list[str] = field(default_factory=list)
    #: Column → how the file writes its dates or numbers, where that is proved and no standard form
    #: (read/format_inference.py).
    readings: dict[str, str] = field(default_factory=dict)
    #: What the pages of an API's JSON say of those that follow (json_pages.Paging); nothing where there are none.
    paging: dict[str, Any] = field(default_factory=dict)
    #: The files of many deliveries that its rows and rejects were brought into, and the columns its own file had.
    compacted: str = ""
    columns: list[str] = field(default_factory=list)
    lake_format: int = LAKE_FORMAT

    @property
    def file_id(self) -> str:
        """Names the record, its rows and its rejects; unique within a feed.

        Sorts by extract time, then by the file's name: staging takes the later of two rows of one id in one delivery.
        """
        moment = self.extracted_at.replace("-", "").replace(":", "").removesuffix("+0000")
        path = hashlib.sha256(self.file.encode()).hexdigest()[:6]
        if self.lake_format >= 3:
            moment += "-" + re.sub(r"[^A-Za-z0-9._-]", "_", self.file)[:100]
        return f"{moment}-{self.sha256[:12]}-{path}-{self.mapping}"

    def path(self, lake_dir: Path, ending: str) -> Path:
        """Where this record's `parquet`, `rejects.parquet` or `json` lies, of compacted ones with those of others."""
        return lake_dir / self.entity / self.source / self.feed / f"{self.compacted or self.file_id}.{ending}"


def read_records(lake_dir: Path) -> list[FileRecord]:
    """Every record of the lake, in the order in which they were written."""
    found: dict[tuple[str, str, str], FileRecord] = {}
    # single records first: of one that stands in two places (a killed compaction's leftovers) the later place counts
    for path in sorted(lake_dir.glob("*/*/*/*.json")):
        for record in read_record_file(path):
            identity = (record.source, record.feed, record.file_id)
            if identity not in found or record.recorded >= found[identity].recorded:
                found[identity] = record
    return sorted(found.values(), key=lambda record: record.recorded)


def read_record_file(path: Path) -> list[FileRecord]:
    """The records of one file: its one delivery's, or those of all that were compacted together."""
    raw = json.loads(path.read_text(encoding="utf-8"))
    if raw["lake_format"] > LAKE_FORMAT:
        raise DealtrailError(
            f"{path}: written by a newer Dealtrail (lake format {raw['lake_format']}, this one knows "
            f"{LAKE_FORMAT}); upgrade, or use another WAREHOUSE_DIR"
        )
    return [FileRecord(**one) for one in raw.get("records", [raw])]


def write_record_file(path: Path, records: list[FileRecord], lake_dir: Path) -> None:
    """Writes the records of what was compacted together: what makes the files beside it part of the lake."""
    said = {"lake_format": LAKE_FORMAT, "records": [asdict(record) for record in records]}
    inventory.place_text(path, json.dumps(said, ensure_ascii=False), lake_dir)


def replace_records(lake_dir: Path, changed: list[FileRecord]) -> None:
    """Writes records that are in the lake anew, wherever they stand."""
    by_file: dict[Path, list[FileRecord]] = {}
    for record in changed:
        by_file.setdefault(record.path(lake_dir, "json"), []).append(record)
    for path, records in by_file.items():
        if not records[0].compacted:
            write_record(records[0], lake_dir)
            continue
        anew = {record.file_id: record for record in records}
        written = [anew.get(record.file_id, record) for record in read_record_file(path)]
        write_record_file(path, written, lake_dir)


def data_files(lake_dir: Path, entity: str) -> list[Path]:
    """Every Parquet file of an entity's rows, single or compacted, also of what no run selects."""
    return sorted(path for path in lake_dir.glob(f"{entity}/*/*/*.parquet") if not is_of_rejects(path))


def of_deliveries(records: list[FileRecord], lake_dir: Path) -> list[Path]:
    """The files of rows and rejects of these records, as far as they have any."""
    loaded = [record for record in records if record.state == "loaded"]
    rejected = [record for record in loaded if record.rows_rejected]
    return sorted(
        {record.path(lake_dir, "parquet") for record in loaded}
        | {record.path(lake_dir, "rejects.parquet") for record in rejected}
    )


def is_of_rejects(path: Path) -> bool:
    """Whether a Parquet file of the lake holds what the parser rejected."""
    return path.name.endswith(".rejects.parquet")


def with_forgotten(record: FileRecord, rows: int) -> FileRecord:
    """The record when this many of its rows are forgotten."""
    accepted = record.rows_in_file - record.rows_rejected
    return replace(record, rows_loaded=accepted - rows, rows_forgotten=rows)


def write_record(record: FileRecord, lake_dir: Path) -> FileRecord:
    """Makes a file part of the lake: its record is written last."""
    inventory.place_text(record.path(lake_dir, "json"), json.dumps(asdict(record), ensure_ascii=False), lake_dir)
    return record


def as_rows(records: list[FileRecord]) -> Iterator[dict[str, Any]]:
    """Records as plain rows, with their file id, for the warehouse."""
    for record in records:
        yield {**asdict(record), "file_id": record.file_id}
