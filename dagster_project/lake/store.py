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
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from dagster_project import sql
from dagster_project.config.feeds import Feed, Source
from dagster_project.errors import RefusedFileError
from dagster_project.files import write_atomically
from dagster_project.lake import inventory
from dagster_project.lake.erasure.rows import Subject, forget_in_file, ids_in, separators_of
from dagster_project.lake.erasure.tombstones import FORGOTTEN, Tombstones, read_tombstones
from dagster_project.lake.manifest import FileRecord, with_forgotten, write_record
from dagster_project.lake.mapping import mapping_version
from dagster_project.lake.statistics import filled_columns
from dagster_project.read import format_inference, legible, swapped, typed_columns
from dagster_project.read.archives import Delivered, as_delivered
from dagster_project.read.candidate import Candidate
from dagster_project.read.landing import LandedFile
from dagster_project.read.mishaps import refusing, without_places
from dagster_project.read.reader import Loaded, Provenance, Reject, load_file
from dagster_project.read.repeated_ids import refuse_repeated_ids

#: Modification time, in a record, of a file that could not be opened.
NEVER_READ = -1


@dataclass(frozen=True)
class _Intake:
    """One feed being brought into the lake."""

    connection: duckdb.DuckDBPyConnection
    source: Source
    feed_name: str
    lake_dir: Path
    mapping: str
    tombstones: Tombstones

    @property
    def feed(self) -> Feed:
        return self.source.feeds[self.feed_name]


def ingest(
    source: Source, feed_name: str, landed: list[LandedFile], lake_dir: Path, known: list[FileRecord]
) -> list[FileRecord]:
    """Brings what is new of one feed into the lake; returns the records it added.

    `known` are the records of this source and feed. A file counts as new by the contract's rules
    (Landing): other bytes, or the same bytes exported later, or a mapping that changed since.
    """
    added: list[FileRecord] = []
    with duckdb.connect() as connection:
        connection.execute("set preserve_insertion_order = true")
        # a run writes nothing outside its warehouse, what does not fit into memory included
        connection.execute(f"set temp_directory = {sql.text(lake_dir.parent / 'building' / 'spilled')}")
        mapping = mapping_version(source, source.feeds[feed_name])
        intake = _Intake(connection, source, feed_name, lake_dir, mapping, read_tombstones(lake_dir))
        # known paths first: what they bring may replace bytes that now lie under another name
        paths = {record.file for record in known}
        for file in sorted(landed, key=lambda file: file.name not in paths):
            record = _taken_in(intake, file, [*known, *added])
            if record is not None:
                added.append(record)
    return added


def _taken_in(intake: _Intake, file: LandedFile, known: list[FileRecord]) -> FileRecord | None:
    """The record of a landed file, loaded or refused; None where it is not new."""
    extracted_at = file.extracted_at.isoformat(timespec="seconds")
    unreadable = file.refused
    try:
        fingerprint = _unopened(file) if file.refused else _known_fingerprint(file, known) or _fingerprint(file.path)
    except FileNotFoundError:
        return None  # taken away since the folder was looked at
    except RefusedFileError:
        fingerprint = _unopened(file)
    except OSError as error:
        fingerprint = _unopened(file)
        unreadable = f"cannot be read: {error.strerror or error}; let the user of this run read it"
    current = [record for record in known if record.mapping == intake.mapping]
    if not _is_new(file, fingerprint.sha256, extracted_at, current):
        return None
    record = FileRecord(
        source=intake.source.name,
        feed=intake.feed_name,
        entity=intake.feed.entity,
        file=file.name,
        sha256=fingerprint.sha256,
        bytes=file.bytes,
        # one that could not be opened is looked at again, though nothing but its permissions changes
        modified_ns=file.modified_ns if not unreadable else NEVER_READ,
        extracted_at=extracted_at,
        extract_time_from=file.extract_time_from,
        mapping=intake.mapping,
        recorded=_next_number(intake.lake_dir),
        state="loaded",
        message="",
        rows_in_file=0,
        rows_rejected=0,
        rows_loaded=0,
    )
    if unreadable:
        return _refused(record, unreadable, intake.lake_dir)
    return _store(intake, record, file.path, fingerprint.has_nul)


def plain_text_left(source: Source, feed_name: str, records: list[FileRecord], lake_dir: Path) -> list[Path]:
    """Lake files written before a column of theirs was to be hashed or dropped, which hold it as it was delivered."""
    feed = source.feeds[feed_name]
    guarded = [column for column, privacy in feed.personal_data.items() if privacy != "keep"]
    in_log = ["old_value", "new_value"] if feed.logged_privacy else []
    mapping = mapping_version(source, feed) if guarded or in_log else ""
    suspects: dict[Path, list[FileRecord]] = {}
    for record in records:
        if record.mapping != mapping and not {*guarded, *in_log}.isdisjoint(record.filled):
            suspects.setdefault(record.path(lake_dir, "parquet"), []).append(record)
    found = []
    for path, of_file in suspects.items():
        if not path.exists():
            continue
        filled = {column for record in of_file for column in record.filled}
        hashed = f"'^([0-9a-f]{{64}}|{FORGOTTEN})'"
        plain = [f"not regexp_matches({column}, {hashed})" for column in sorted(filled.intersection(guarded))]
        names = ", ".join(map(sql.text, feed.logged_privacy))
        plain += [
            f"(lower(field) in ({names}) and not regexp_matches({column}, {hashed}))"
            for column in in_log
            if column in filled
        ]
        is_plain = " or ".join(plain)
        ids = [record.file_id for record in of_file]
        query = f"select 1 from read_parquet(?) where _file_id in (select unnest(?)) and ({is_plain}) limit 1"
        if duckdb.execute(query, [str(path), ids]).fetchone():
            found.append(path)
    return found


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


def _store(intake: _Intake, record: FileRecord, path: Delivered, has_nul: bool) -> FileRecord:
    connection, source, feed, lake_dir = intake.connection, intake.source, intake.feed, intake.lake_dir
    tombstones = intake.tombstones
    target = record.path(lake_dir, "parquet")
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".unfinished")
    provenance = Provenance(source.name, record.feed, record.file_id, _as_sql_timestamp(record.extracted_at))
    # a run's unpacked copies lie where the next run wipes what a killed one left, never in the lake
    building = lake_dir.parent / "building"
    try:
        with refusing(building, unfinished):
            loaded = load_file(connection, path, source, feed, provenance, unfinished, has_nul, building)
            filled = filled_columns(connection, unfinished)
            rejected = [reject.row_number for reject in loaded.rejects]
            # a number of JSON or Parquet is one, and needs no proof
            written = [
                column for column in filled if column not in loaded.numbers or not typed_columns.is_number(feed, column)
            ]
            file = Candidate(connection, unfinished, source, feed, filled, loaded.headings, rejected)
            in_doubt = replace(file, filled=written)
            swapped.refuse_swapped(in_doubt, loaded.typed_dates)
            readings = format_inference.readings(in_doubt)
            legible.demand_readable(file, readings)
            refuse_repeated_ids(file)
    except RefusedFileError as error:
        unfinished.unlink(missing_ok=True)
        return _refused(record, str(error), lake_dir)
    blanked = 0
    if tombstones.by_digest:
        blanked = _forget_anew(file, tombstones)
        loaded = replace(loaded, rejects=_without_forgotten(loaded.rejects, source.name, tombstones))
    if loaded.rejects:
        told = [replace(one, reason=without_places(one.reason, (building, unfinished))) for one in loaded.rejects]
        _write_rejects(connection, told, record.path(lake_dir, "rejects.parquet"), lake_dir)
    inventory.place(unfinished, target, lake_dir)
    counted = with_forgotten(_with_counts(record, loaded), blanked)
    return write_record(replace(counted, filled=filled, readings=readings), lake_dir)


def _forget_anew(file: Candidate, tombstones: Tombstones) -> int:
    """Forgets in a new file whom the lake has forgotten; returns how many rows that blanked."""
    source, entity_of_file = file.source, file.feed.entity
    ids = ids_in(file.connection, file.path, entity_of_file, list(file.filled), separators_of(source))
    found: dict[str, dict[str, str]] = {}
    for entity in tombstones.entities(source.name).intersection(ids):
        for value in ids[entity]:
            pseudonym = tombstones.pseudonym(source.name, entity, value)
            if pseudonym:
                found.setdefault(entity, {})[value] = pseudonym
    if not found:
        return 0
    subject = Subject(source.name, found, separators_of(source), lambda text: tombstones.in_text(source.name, text))
    return forget_in_file(file.path, entity_of_file, subject).blanked


def _without_forgotten(rejects: list[Reject], source_name: str, tombstones: Tombstones) -> list[Reject]:
    return [
        replace(reject, text=None) if reject.text and tombstones.names_somebody(source_name, reject.text) else reject
        for reject in rejects
    ]


def _refused(record: FileRecord, message: str, lake_dir: Path) -> FileRecord:
    return write_record(replace(record, state="refused", message=message), lake_dir)


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


def _as_sql_timestamp(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
