"""The lake: immutable Parquet files of text, each with a record of the delivery it came from.

    lake/<entity>/<source>/<feed>/<extract time>-<file>-<sha256, 12>-<path, 6>-<mapping, 8>.parquet   rows
                                  ….rejects.parquet          rows the parser rejected
                                  ….json                     the record, written last
                                  compacted-<number>.…       the same three, of many deliveries (compaction.py)
    lake/SHA256SUMS                                          what all of these are (inventory.py)

A record is what makes a file part of the lake: a run killed before it leaves a Parquet file that nobody
reads and that the next run writes again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby, islice
from pathlib import Path
from statistics import median
from typing import Any

import duckdb

from dagster_project import sql
from dagster_project.config.entities import ENTITIES, HISTORY_ENTITIES
from dagster_project.config.models import Feed, Source
from dagster_project.errors import DealtrailError, RefusedFileError
from dagster_project.lake import inventory
from dagster_project.lake.erasure.rows import Subject, forget_in_file, ids_in, separators_of
from dagster_project.lake.erasure.tombstones import FORGOTTEN, Tombstones, read_tombstones
from dagster_project.read import format_inference, legible, pii, swapped
from dagster_project.read.archives import Delivered, as_delivered
from dagster_project.read.headings import match
from dagster_project.read.json_pages import missing
from dagster_project.read.landing import LandedFile
from dagster_project.read.mishaps import refusing, without_places
from dagster_project.read.reader import Loaded, Provenance, Reject, load_file
from dagster_project.read.repeated_ids import refuse_repeated_ids

#: Version of how the lake lies on disk. A lake of a lower one is migrated (migration.py), of a higher one refused.
LAKE_FORMAT = 5
#: Version of how delivered files are read; a higher one reads those that are still in landing again.
READING_VERSION = 7
#: Modification time, in a record, of a file that could not be opened.
NEVER_READ = -1
#: The loaded deliveries of a feed that tell what is usual for the next one.
BASELINE_DELIVERIES = 7


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
            _recorded(records[0], lake_dir)
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


def ingest(
    source: Source, feed_name: str, landed: list[LandedFile], lake_dir: Path, known: list[FileRecord]
) -> list[FileRecord]:
    """Brings what is new of one feed into the lake; returns the records it added.

    `known` are the records of this source and feed. A file counts as new by the contract's rules
    (Landing): other bytes, or the same bytes exported later, or a mapping that changed since.
    """
    feed = source.feeds[feed_name]
    mapping = mapping_version(source, feed)
    tombstones = read_tombstones(lake_dir)
    added: list[FileRecord] = []
    connection = duckdb.connect()
    connection.execute("set preserve_insertion_order = true")
    # a run writes nothing outside its warehouse, what does not fit into memory included
    connection.execute(f"set temp_directory = {sql.text(lake_dir.parent / 'building' / 'spilled')}")
    try:
        # known paths first: what they bring may replace bytes that now lie under another name
        paths = {record.file for record in known}
        for file in sorted(landed, key=lambda file: file.name not in paths):
            current = [record for record in [*known, *added] if record.mapping == mapping]
            extracted_at = file.extracted_at.isoformat(timespec="seconds")
            unreadable = file.refused
            try:
                if file.refused:
                    raise RefusedFileError(file.refused)
                fingerprint = _known_fingerprint(file, [*known, *added]) or _fingerprint(file.path)
            except FileNotFoundError:
                continue  # taken away since the folder was looked at
            except RefusedFileError:
                fingerprint = _unopened(file)
            except OSError as error:
                fingerprint = _unopened(file)
                unreadable = f"cannot be read: {error.strerror or error}; let the user of this run read it"
            if not _is_new(file, fingerprint.sha256, extracted_at, current):
                continue
            record = FileRecord(
                source=source.name,
                feed=feed_name,
                entity=feed.entity,
                file=file.name,
                sha256=fingerprint.sha256,
                bytes=file.bytes,
                # one that could not be opened is looked at again, though nothing but its permissions changes
                modified_ns=file.modified_ns if not unreadable else NEVER_READ,
                extracted_at=extracted_at,
                extract_time_from=file.extract_time_from,
                mapping=mapping,
                recorded=_next_number(lake_dir),
                state="loaded",
                message="",
                rows_in_file=0,
                rows_rejected=0,
                rows_loaded=0,
            )
            if unreadable:
                added.append(_refused(record, unreadable, lake_dir))
            else:
                added.append(
                    _store(connection, record, file.path, source, feed, lake_dir, fingerprint.has_nul, tombstones)
                )
    finally:
        connection.close()
    return added


def mapping_version(source: Source, feed: Feed) -> str:
    """A hash of everything that decides how a file's cells become lake rows, and what is proved of them."""
    # the names of pipelines decide where a heading such as "Demo (new) (Sales)" is split
    split_at = [pipeline.name for pipeline in source.pipelines]
    said = {
        "format": READING_VERSION,
        "columns": feed.columns,
        "derive": feed.derive,
        "constants": feed.constants,
        "values": feed.values,
        "empty_means": feed.empty_means,
        "references": {column: [one.model_dump() for one in ranked] for column, ranked in feed.references.items()},
        "days": feed.days,
        "utc_headings": [feed.utc_headings, feed.timezone is None],
        "nulls": [*source.null_values, *(feed.null_values or [])],
        "history": source.has_history_feed,
        "canonical": ENTITIES[feed.entity].columns,
        "file": [feed.encoding, feed.delimiter, feed.sheet],
        "left_out": [source.report_tail if feed.report_tail is None else feed.report_tail, feed.only_when],
        "stage_dates": [feed.stage_dates, feed.not_stage_dates, split_at if feed.stage_dates else []],
        "id_separator": feed.id_separator or source.id_separator,
        "personal_data": [feed.personal_data, pii.salt_version(feed)],
        # which formats does not matter: a value is read by them when it leaves the lake
        "proved": [
            not format_inference.configured_formats(source, feed),
            not format_inference.configured_sign(source, feed),
        ],
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:8]


def plain_text_left(source: Source, feed_name: str, records: list[FileRecord], lake_dir: Path) -> list[Path]:
    """Lake files written before a column of theirs was to be hashed or dropped, which hold it as it was delivered."""
    feed = source.feeds[feed_name]
    guarded = [column for column, privacy in feed.personal_data.items() if privacy != "keep"]
    mapping = mapping_version(source, feed) if guarded else ""
    suspects: dict[Path, list[FileRecord]] = {}
    for record in records:
        if record.mapping != mapping and not set(guarded).isdisjoint(record.filled):
            suspects.setdefault(record.path(lake_dir, "parquet"), []).append(record)
    found = []
    for path, of_file in suspects.items():
        if not path.exists():
            continue
        columns = sorted(set(guarded).intersection(*[{c for r in of_file for c in r.filled}]))
        hashed = f"'^([0-9a-f]{{64}}|{FORGOTTEN})'"
        is_plain = " or ".join(f"not regexp_matches({column}, {hashed})" for column in columns)
        ids = [record.file_id for record in of_file]
        query = f"select 1 from read_parquet(?) where _file_id in (select unnest(?)) and ({is_plain}) limit 1"
        if duckdb.execute(query, [str(path), ids]).fetchone():
            found.append(path)
    return found


def select_deliveries(
    records: list[FileRecord], sources: list[Source], as_of: datetime, min_volume_share: float
) -> list[FileRecord]:
    """The records a run at `as_of` sees, one per delivered file, each with its delivery's final state.

    Of several records of one path and extract time the last written counts. One refused file refuses its
    delivery; a full extract much smaller than those before it is held back unless its sha256 is confirmed.
    """
    selected: list[FileRecord] = []
    for source in sources:
        has_history = False
        # what tells the history of deals first: without any, a deal's row needs a stage
        for feed_name, feed in sorted(source.feeds.items(), key=lambda named: named[1].entity not in HISTORY_ENTITIES):
            mine = [record for record in records if (record.source, record.feed) == (source.name, feed_name)]
            seen = [record for record in mine if datetime.fromisoformat(record.extracted_at) <= as_of]
            full = (feed.deliveries or source.deliveries) == "full"
            current = _latest_of_each_file(seen, mapping_version(source, feed))
            if feed.entity == "deals" and not has_history:
                current = [_with_stage(record, feed) for record in current]
            judged = _judge(current, feed, full, min_volume_share)
            if feed.entity in HISTORY_ENTITIES:
                has_history = has_history or any(record.rows_loaded for record in judged)
            selected += judged
    return selected


def _with_stage(record: FileRecord, feed: Feed) -> FileRecord:
    """The record, refused if it lacks the stage that no change log and no version of its source tells."""
    # of a file without any record (an empty list) there are no headings
    if record.state != "loaded" or not record.headings or "stage" in record.filled:
        return record
    try:
        match(record.headings, feed, needs_stage=True)
    except RefusedFileError as error:
        said = f"{error}, or deliver a change log or versions of its deals: none has come yet"
        return _not_loaded(record, "refused", said)
    return record


def places(records: list[FileRecord]) -> dict[tuple[str, str, str], int]:
    """The deliveries that are compared → 1 for a feed's newest loaded one, 2 for the one before it, and so on."""
    loaded = sorted({(r.source, r.feed, r.extracted_at) for r in records if r.state == "loaded"}, reverse=True)
    return {
        delivery: place
        for _, of_feed in groupby(loaded, key=lambda delivery: delivery[:2])
        for place, delivery in enumerate(islice(of_feed, BASELINE_DELIVERIES + 1), start=1)
    }


def _latest_of_each_file(records: list[FileRecord], mapping: str) -> list[FileRecord]:
    """One record per path and extract time: read with today's mapping if there is one, then the last written."""
    latest: dict[tuple[str, str], FileRecord] = {}
    for record in sorted(records, key=lambda record: (record.mapping == mapping, record.recorded)):
        latest[record.extracted_at, record.file] = record
    return sorted(latest.values(), key=lambda record: (record.extracted_at, record.file))


def _judge(records: list[FileRecord], feed: Feed, full: bool, min_volume_share: float) -> list[FileRecord]:
    judged: list[FileRecord] = []
    volumes: list[int] = []
    for extracted_at in sorted({record.extracted_at for record in records}):
        delivery = [record for record in records if record.extracted_at == extracted_at]
        refused = [record for record in delivery if record.state == "refused"]
        # how much was delivered: a forgotten row came as well
        rows = sum(record.rows_loaded + record.rows_forgotten for record in delivery)
        usual = median(volumes[-BASELINE_DELIVERIES:]) if full and volumes else 0
        if refused:
            message = f"{refused[0].file}: {refused[0].message}"
            judged += [
                record if record in refused else _not_loaded(record, "refused", f"refused with {message}")
                for record in delivery
            ]
        elif (lacking := _lacking(delivery)) and not _confirmed(delivery, feed):
            message = (
                f"{lacking}. Deliver all pages with one extract time. If nothing is missing, add the sha256 "
                f"{_unconfirmed(delivery, feed)} to `confirmed` of feed '{delivery[0].feed}'"
            )
            judged += [_not_loaded(record, "refused", message) for record in delivery]
        elif rows < min_volume_share * usual and not _confirmed(delivery, feed):
            message = (
                f"has {rows} rows where the last full extracts had {usual:g}; held back. "
                f"If it is right, add its sha256 {_unconfirmed(delivery, feed)} to `confirmed` of feed "
                f"'{delivery[0].feed}'"
            )
            judged += [_not_loaded(record, "held_back", message) for record in delivery]
        else:
            judged += delivery
            volumes.append(rows)
    return judged


def _confirmed(delivery: list[FileRecord], feed: Feed) -> bool:
    return all(record.sha256 in feed.confirmed for record in delivery)


def _unconfirmed(delivery: list[FileRecord], feed: Feed) -> str:
    return ", ".join(sorted({record.sha256 for record in delivery if record.sha256 not in feed.confirmed}))


def _lacking(delivery: list[FileRecord]) -> str | None:
    """Which pages of an API the files of a delivery speak of and do not hold; None if none."""
    of_pages = [record for record in delivery if record.paging]
    if not of_pages:
        return None
    said = missing([record.paging or {"records": record.rows_in_file} for record in delivery])
    return (
        f"{next((record for record in of_pages if record.paging['says']), of_pages[0]).file} {said}" if said else None
    )


def _not_loaded(record: FileRecord, state: str, message: str) -> FileRecord:
    return replace(
        record, state=state, message=message, rows_in_file=0, rows_rejected=0, rows_loaded=0, rows_forgotten=0
    )


def _is_new(file: LandedFile, sha256: str, extracted_at: str, known: list[FileRecord]) -> bool:
    # what other bytes of a path have replaced is no longer there to be the same as
    standing = {(record.file, record.extracted_at): record for record in known}
    same_bytes = [record for record in standing.values() if record.sha256 == sha256]
    if any(record.extracted_at == extracted_at for record in same_bytes):
        # the same bytes under the same extract time; unless they replace others of this path
        of_path = standing.get((file.name, extracted_at))
        return of_path is not None and of_path.sha256 != sha256
    named_so = [record for record in known if record.file == file.name]
    touched_only = bool(named_so) and named_so[-1].sha256 == sha256 and file.extract_time_from == "modification time"
    return not touched_only


def _store(
    connection: duckdb.DuckDBPyConnection,
    record: FileRecord,
    path: Delivered,
    source: Source,
    feed: Feed,
    lake_dir: Path,
    has_nul: bool,
    tombstones: Tombstones,
) -> FileRecord:
    target = record.path(lake_dir, "parquet")
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".unfinished")
    provenance = Provenance(source.name, record.feed, record.file_id, _as_sql_timestamp(record.extracted_at))
    # a run's unpacked copies lie where the next run wipes what a killed one left, never in the lake
    building = lake_dir.parent / "building"
    try:
        with refusing(building, unfinished):
            loaded = load_file(connection, path, source, feed, provenance, unfinished, has_nul, building)
            filled = _filled_columns(connection, unfinished)
            rejected = [reject.row_number for reject in loaded.rejects]
            # a number of JSON or Parquet is one, and needs no proof
            written = [
                column
                for column in filled
                if column not in loaded.numbers or not format_inference.is_number(feed, column)
            ]
            swapped.refuse_swapped(
                connection, unfinished, source, feed, written, loaded.typed_dates, loaded.headings, rejected
            )
            readings = format_inference.readings(
                connection, unfinished, source, feed, written, loaded.headings, rejected
            )
            legible.demand_readable(connection, unfinished, source, feed, filled, readings, loaded.headings, rejected)
            refuse_repeated_ids(connection, unfinished, source, feed, filled, loaded.headings)
    except RefusedFileError as error:
        unfinished.unlink(missing_ok=True)
        return _refused(record, str(error), lake_dir)
    blanked = 0
    if tombstones.by_digest:
        blanked = _forget_anew(connection, unfinished, source, feed, filled, tombstones)
        loaded = replace(loaded, rejects=_without_forgotten(loaded.rejects, source.name, tombstones))
    if loaded.rejects:
        told = [replace(one, reason=without_places(one.reason, (building, unfinished))) for one in loaded.rejects]
        _write_rejects(connection, told, record.path(lake_dir, "rejects.parquet"), lake_dir)
    inventory.place(unfinished, target, lake_dir)
    counted = with_forgotten(_with_counts(record, loaded), blanked)
    return _recorded(replace(counted, filled=filled, readings=readings), lake_dir)


def _forget_anew(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    source: Source,
    feed: Feed,
    filled: list[str],
    tombstones: Tombstones,
) -> int:
    """Forgets in a new file whom the lake has forgotten; returns how many rows that blanked."""
    ids = ids_in(connection, path, feed.entity, filled, separators_of(source))
    found: dict[str, dict[str, str]] = {}
    for entity in tombstones.entities(source.name).intersection(ids):
        for value in ids[entity]:
            pseudonym = tombstones.pseudonym(source.name, entity, value)
            if pseudonym:
                found.setdefault(entity, {})[value] = pseudonym
    if not found:
        return 0
    subject = Subject(source.name, found, separators_of(source), lambda text: tombstones.in_text(source.name, text))
    return forget_in_file(path, feed.entity, subject).blanked


def _without_forgotten(rejects: list[Reject], source_name: str, tombstones: Tombstones) -> list[Reject]:
    return [
        replace(reject, text=None) if reject.text and tombstones.names_somebody(source_name, reject.text) else reject
        for reject in rejects
    ]


def with_forgotten(record: FileRecord, rows: int) -> FileRecord:
    """The record when this many of its rows are forgotten."""
    accepted = record.rows_in_file - record.rows_rejected
    return replace(record, rows_loaded=accepted - rows, rows_forgotten=rows)


def _refused(record: FileRecord, message: str, lake_dir: Path) -> FileRecord:
    return _recorded(replace(record, state="refused", message=message), lake_dir)


def _recorded(record: FileRecord, lake_dir: Path) -> FileRecord:
    """Makes a file part of the lake: its record is written last."""
    inventory.place_text(record.path(lake_dir, "json"), json.dumps(asdict(record), ensure_ascii=False), lake_dir)
    return record


def _with_counts(record: FileRecord, loaded: Loaded) -> FileRecord:
    return replace(
        record,
        rows_in_file=loaded.rows_loaded + len(loaded.rejects),
        rows_rejected=len(loaded.rejects),
        rows_loaded=loaded.rows_loaded,
        message="; ".join(loaded.notes),
        headings=loaded.headings,
        outranked=loaded.outranked,
        unmapped=loaded.unmapped,
        paging=loaded.paging,
    )


def _filled_columns(connection: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    """The columns of a Parquet file that are not NULL throughout."""
    return [column for _, column, cells, nulls in null_counts(connection, [path]) if cells > nulls]


def null_counts(connection: duckdb.DuckDBPyConnection, paths: list[Path]) -> list[tuple[Path, str, int, int]]:
    """File, canonical column, cells and NULLs among them, from the statistics of lake files; of empty files nothing."""
    if not paths:
        return []
    rows = connection.execute(
        """
        select file_name, path_in_schema, sum(num_values), sum(coalesce(stats_null_count, 0))
        from parquet_metadata(?)
        where not starts_with(path_in_schema, '_')
        group by file_name, path_in_schema
        order by file_name, path_in_schema
        """,
        [[str(path) for path in paths]],
    ).fetchall()
    return [(Path(file), column, int(cells), int(nulls)) for file, column, cells, nulls in rows]


def null_counts_of(
    connection: duckdb.DuckDBPyConnection, records: list[FileRecord], lake_dir: Path
) -> list[tuple[FileRecord, str, int, int]]:
    """The same of records: what is compacted, which only a look at the past asks for, is counted row by row."""
    single = {record.path(lake_dir, "parquet"): record for record in records if not record.compacted}
    counts = [
        (single[path], column, cells, nulls) for path, column, cells, nulls in null_counts(connection, list(single))
    ]
    together: dict[Path, dict[str, FileRecord]] = {}
    for record in records:
        if record.compacted:
            together.setdefault(record.path(lake_dir, "parquet"), {})[record.file_id] = record
    for path, of_file in together.items():
        columns = sorted({column for record in of_file.values() for column in record.columns})
        rows = connection.execute(
            f"select _file_id, count(*), {', '.join(f'count({column})' for column in columns)} "
            "from read_parquet(?) where _file_id in (select unnest(?)) group by _file_id order by _file_id",
            [str(path), list(of_file)],
        ).fetchall()
        counts += [
            (of_file[file_id], column, cells, cells - values)
            for file_id, cells, *filled in rows
            for column, values in zip(columns, filled, strict=True)
            if column in of_file[file_id].columns
        ]
    return counts


def _write_rejects(connection: duckdb.DuckDBPyConnection, rejects: list[Reject], path: Path, lake_dir: Path) -> None:
    connection.execute(
        "create or replace temp table rejects (row_number bigint, column_name text, value text, reason text)"
    )
    for start in range(0, len(rejects), 10_000):
        chunk = rejects[start : start + 10_000]
        connection.execute(
            "insert into rejects select unnest(?), unnest(?), unnest(?), unnest(?)",
            [
                [reject.row_number for reject in chunk],
                [reject.column for reject in chunk],
                [reject.text for reject in chunk],
                [reject.reason for reject in chunk],
            ],
        )
    unfinished = path.with_suffix(".unfinished")
    connection.execute(f"copy rejects to '{str(unfinished).replace(chr(39), chr(39) * 2)}' (format parquet)")
    inventory.place(unfinished, path, lake_dir)


@dataclass(frozen=True)
class _Fingerprint:
    sha256: str
    has_nul: bool


def _unopened(file: LandedFile) -> _Fingerprint:
    return _Fingerprint(hashlib.sha256(f"unreadable {file.name}".encode()).hexdigest(), False)


def _fingerprint(path: Delivered) -> _Fingerprint:
    digest = hashlib.sha256()
    has_nul = False
    for chunk in as_delivered(path):
        digest.update(chunk)
        has_nul = has_nul or b"\0" in chunk
    return _Fingerprint(digest.hexdigest(), has_nul)


def _known_fingerprint(file: LandedFile, known: list[FileRecord]) -> _Fingerprint | None:
    """The fingerprint of a file that has neither grown nor been touched since it was last read."""
    for record in reversed(known):
        if (record.file, record.bytes, record.modified_ns) == (file.name, file.bytes, file.modified_ns):
            return _Fingerprint(record.sha256, has_nul=True)
    return None


def _next_number(lake_dir: Path) -> int:
    """The next record number of the lake: strictly rising, also when two records fall into one nanosecond."""
    counter = lake_dir / "last_record"
    last = int(counter.read_text()) if counter.exists() else 0
    number = max(last + 1, int(datetime.now(UTC).timestamp() * 1_000_000))
    write_atomically(counter, str(number))
    return number


def write_atomically(path: Path, text: str) -> None:
    """Writes a small file so that a reader sees the old or the new text, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".unfinished")
    with unfinished.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def as_rows(records: list[FileRecord]) -> Iterator[dict[str, Any]]:
    """Records as plain rows, with their file id, for the warehouse."""
    for record in records:
        yield {**asdict(record), "file_id": record.file_id}


def _as_sql_timestamp(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
