"""One delivered file → one Parquet file of text in the lake, with the rows that cannot be taken beside it."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from dagster_project.config.entities import ENTITIES
from dagster_project.config.models import EMPTY, FILLED, Feed, Reference, Source
from dagster_project.config.stages import pipelines_of
from dagster_project.errors import RefusedFileError
from dagster_project.ingest.archives import Delivered
from dagster_project.ingest.columnar import ParquetTable, open_parquet
from dagster_project.ingest.delimited import DelimitedTable, NotUtf8Error, open_delimited
from dagster_project.ingest.encodings import CP1252_NOTE, narrow_encoding, transcoded, wide_encoding
from dagster_project.ingest.formats import Plain, binary_format, is_text, text_format, unpack
from dagster_project.ingest.headings import Matched, match
from dagster_project.ingest.json_records import JsonTable, open_json
from dagster_project.ingest.nested import is_number
from dagster_project.ingest.personal import guarded, has_hashes, is_personal, prepare_hashing
from dagster_project.ingest.report_tail import cut_text, tail_note, tail_rows
from dagster_project.ingest.spreadsheets import open_sheet
from dagster_project.ingest.stage_dates import StageDate
from dagster_project.ingest.tables import Reject, Table, said_by_duckdb
from dagster_project.sql import text

_DEFAULT_SEPARATOR = ";"


@dataclass(frozen=True)
class Loaded:
    """What became of a file's rows, and what a person should know about how it was read."""

    rows_loaded: int
    rejects: list[Reject]
    headings: list[str]
    outranked: list[str]
    unmapped: list[str]
    notes: list[str] = field(default_factory=list)
    #: Canonical columns that are numbers by their format, not by how they are written.
    numbers: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Provenance:
    """What every row of a lake file says about where it came from."""

    source: str
    feed: str
    file_id: str
    extracted_at: str


@dataclass(frozen=True)
class _Reading:
    """One file being read: everything that its format does not change."""

    connection: duckdb.DuckDBPyConnection
    source: Source
    feed: Feed
    provenance: Provenance
    target: Path
    scratch: Path

    @property
    def needs_stage(self) -> bool:
        return not self.source.has_history_feed

    @property
    def separator(self) -> str:
        """Between several values in one cell."""
        return self.feed.id_separator or self.source.id_separator or _DEFAULT_SEPARATOR

    @property
    def nulls(self) -> list[str]:
        """What the CRM writes for nothing."""
        return [*self.source.null_values, *(self.feed.null_values or [])]

    @property
    def report_tail(self) -> list[str]:
        """Patterns of what stands below the last record of a report."""
        return self.source.report_tail if self.feed.report_tail is None else self.feed.report_tail


def load_file(
    connection: duckdb.DuckDBPyConnection,
    file: Delivered,
    source: Source,
    feed: Feed,
    provenance: Provenance,
    target: Path,
    may_have_nul: bool = True,
    scratch_dir: Path | None = None,
) -> Loaded:
    """Writes the mapped columns of a file, whatever its format, to the Parquet file `target`, all as text.

    `may_have_nul` False (known from fingerprinting) saves looking at every cell of a plain text file. Unpacked
    and rewritten copies lie in `scratch_dir` (default: beside the target) until the file is read.

    Raises RefusedFileError for a file that cannot be taken as a whole: unreadable, without a required
    column, with a quote never closed, or with one heading twice and different contents.
    """
    folder = scratch_dir or target.parent
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".reading-") as scratch:
        reading = _Reading(connection, source, feed, provenance, target, Path(scratch))
        return _read(reading, file, may_have_nul)


def _read(reading: _Reading, file: Delivered, may_have_nul: bool) -> Loaded:
    connection, feed = reading.connection, reading.feed
    plain = unpack(file, reading.scratch)
    if is_text(plain.path):
        return _load_text(reading, plain, file.name, may_have_nul)
    if binary_format(plain.path) == "parquet":
        return _load(reading, open_parquet(connection, plain.path, reading.separator), look_for_nul=True)
    sheet = open_sheet(connection, plain.path, feed, reading.needs_stage, reading.scratch / "sheet")
    from_the_end = ([str(cell) for cell in row] for row in reversed(sheet.rows))
    tail = tail_rows(from_the_end, len(sheet.headings), reading.report_tail)
    if tail:
        sheet.rows = sheet.rows[:-tail]
        sheet.notes.append(tail_note(tail))
    return _load(reading, sheet, look_for_nul=True)


def _load_text(reading: _Reading, plain: Plain, name: str, may_have_nul: bool) -> Loaded:
    wide = wide_encoding(plain.path, reading.feed)
    if wide is not None:
        plain = transcoded(plain.path, wide, reading.scratch / "utf-8")
    if text_format(plain.path, name) == "json":
        return _load_json(reading, plain)
    look_for_nul = may_have_nul if plain.has_nul is None else plain.has_nul
    try:
        # UTF-8 until DuckDB says otherwise: a plain file is neither copied nor looked through beforehand
        table = _open_delimited(reading, plain.path, is_verified=wide is not None)
        return _load(reading, table, look_for_nul)
    except NotUtf8Error:
        notes = []
        encoding = narrow_encoding(plain.path, reading.feed)
        if encoding is not None:
            plain = transcoded(plain.path, encoding, reading.scratch / "utf-8")
            notes = _notes_on(encoding, reading.feed)
        table = _open_delimited(reading, plain.path, is_verified=True)
        table.notes += notes
        return _load(reading, table, look_for_nul)


def _open_delimited(reading: _Reading, path: Path, is_verified: bool) -> DelimitedTable:
    table = open_delimited(reading.connection, path, reading.feed, is_verified)
    body = reading.scratch / "body"
    tail = 0
    if reading.report_tail:
        tail = cut_text(path, table.header.delimiter, len(table.headings), reading.report_tail, body)
    return replace(table, path=body, notes=[tail_note(tail)]) if tail else table


def _load_json(reading: _Reading, plain: Plain) -> Loaded:
    encoding = narrow_encoding(plain.path, reading.feed)
    # bytes that are no UTF-8 become an escape that JSON does not know, so that their line is rejected
    errors = "strict" if encoding else "backslashreplace"
    plain = transcoded(plain.path, encoding or "utf-8-sig", reading.scratch / "json", errors)
    records = reading.scratch / "records.parquet"
    table = open_json(reading.connection, plain.path, reading.feed, reading.separator, records)
    table.notes += _notes_on(encoding, reading.feed) if encoding else []
    return _load(reading, table, look_for_nul=True)


def _notes_on(encoding: str, feed: Feed) -> list[str]:
    return [CP1252_NOTE] if feed.encoding is None and encoding == "cp1252" else []


def _load(reading: _Reading, table: Table, look_for_nul: bool) -> Loaded:
    matched = _match(reading, table)
    needed = sorted({*matched.used, *(position for pair in matched.doubled for position in pair)})
    connection = reading.connection
    if has_hashes(reading.feed):
        prepare_hashing(connection)
    try:
        _refuse_contradictions(connection, table, matched, needed)
        conditions = [_is_of_feed(matched, reading.nulls)] if matched.conditions else []
        if conditions:
            table.notes.extend(_passed_over(reading, table.relation(needed), matched))
        if look_for_nul and matched.used:
            conditions.append(f"({_nul_filter(matched)}) is not true")
        where = f"where {' and '.join(conditions)}" if conditions else ""
        rows = connection.execute(
            f"copy (select {_select(reading, matched)} from {table.relation(needed)} {where}) "
            f"to {text(str(reading.target))} (format parquet, compression zstd, compression_level 1)"
        ).fetchone()
        rejects = table.rejects()
        if look_for_nul and matched.used:
            numbers = [reject.row_number for reject in rejects]
            rejects += _nul_rows(connection, table.relation(needed), matched, numbers)
    except duckdb.Error as error:
        said = said_by_duckdb(error).replace("The CSV Parser state machine reached an invalid state.", "")
        raise RefusedFileError(
            f"cannot be read as a table: {said} If it is delimited text, check that all its lines end in one way "
            "(\\n or \\r\\n) and that every quote is closed; otherwise deliver it again"
        ) from None
    if is_personal(reading.feed):
        rejects = [replace(reject, text=None) for reject in rejects]
    return Loaded(
        rows_loaded=rows[0] if rows else 0,
        rejects=sorted(rejects, key=lambda reject: reject.row_number),
        headings=table.headings,
        outranked=matched.outranked,
        unmapped=matched.unmapped,
        notes=table.notes,
        numbers=_numbers(table, matched, reading.feed),
    )


def _numbers(table: Table, matched: Matched, feed: Feed) -> list[str]:
    if not isinstance(table, JsonTable | ParquetTable):
        return []
    typed = {at for at, column in enumerate(table.columns) if is_number(column)}
    numbers = [column for column, positions in matched.positions.items() if typed.issuperset(positions)]
    # what another column goes before is a number where that one is as well
    absent = set(feed.columns) - set(matched.positions)
    others = {column: {one.column for one in ranked} - absent for column, ranked in feed.references.items()}
    return [column for column in numbers if others.get(column, set()).issubset(numbers)]


def _match(reading: _Reading, table: Table) -> Matched:
    if table.is_empty:
        return Matched()
    pipelines = [pipeline.name for pipeline in pipelines_of(reading.source)]
    return match(table.headings, reading.feed, reading.needs_stage, pipelines)


def _refuse_contradictions(
    connection: duckdb.DuckDBPyConnection, table: Table, matched: Matched, needed: Collection[int]
) -> None:
    for first, second in matched.doubled:
        differing = connection.execute(
            f"select count(*) from {table.relation(needed)} where c{first} is distinct from c{second}"
        ).fetchone()
        if differing and differing[0]:
            raise RefusedFileError(
                f"has the heading '{table.headings[first]}' twice (columns {first + 1} and {second + 1}), "
                f"with different contents in {differing[0]} rows. Remove or rename one of them"
            )


def _select(reading: _Reading, matched: Matched) -> str:
    """The select list: canonical columns, cleaned of the vendor's words for nothing, and provenance."""
    feed, nulls, provenance = reading.feed, reading.nulls, reading.provenance
    read = {
        column: _value(positions, column, feed, nulls, matched.utc.issuperset(positions))
        for column, positions in matched.positions.items()
    }
    for column, constant in feed.constants.items():
        read.setdefault(column, text(constant))
    for column, ranked in feed.references.items():
        given = [_pointed_at(read, one) for one in ranked if one.column in read]
        if given:
            read[column] = f"coalesce({', '.join([*given, read.get(column, 'null')])})"
    if matched.stage_dates:
        read["stage_dates"] = _stage_dates(matched.stage_dates, nulls, matched.utc)
    selected = []
    for column in ENTITIES[feed.entity].columns:
        stored = guarded(read[column], column, feed, text(reading.separator)) if column in read else None
        if stored is not None:
            selected.append(f"{stored} as {column}")
    selected += [
        f"{text(provenance.source)} as _source",
        f"{text(provenance.feed)} as _feed",
        f"{text(provenance.file_id)} as _file_id",
        f"timestamp {text(provenance.extracted_at)} as _extracted_at",
    ]
    return ", ".join(selected)


def _pointed_at(read: dict[str, str], reference: Reference) -> str:
    """SQL: what a reference gives a row, NULL where it does not apply. A column the file does not have is empty."""
    value = read[reference.column]
    said = value if reference.means is None else text(reference.means)
    asked = [_says(read.get(column, "cast(null as varchar)"), words) for column, words in reference.when.items()]
    conditions = [f"starts_with({value}, {text(reference.prefix)})", *asked]
    return f"case when {' and '.join(conditions)} then {said} end"


def _says(value: str, words: list[str]) -> str:
    """SQL: whether a cell says one of these words, whatever their case; `*` is any, the empty word an empty cell."""
    if words == [FILLED]:
        return f"({value} is not null)"
    named = f"coalesce(lower({value}) in ({', '.join(text(word.lower()) for word in words)}), false)"
    return f"({value} is null or {named})" if EMPTY in words else named


def _value(positions: tuple[int, ...], column: str, feed: Feed, nulls: list[str], is_utc: bool) -> str:
    parts = [_cell(position, nulls) for position in positions]
    value = parts[0] if len(parts) == 1 else f"nullif(concat_ws(' ', {', '.join(parts)}), '')"
    translations = feed.values.get(column)
    if translations:
        whens = " ".join(
            f"when {text(word.lower())} then {text(canonical)}"
            for canonical, words in translations.items()
            for word in words
        )
        value = f"case lower({value}) {whens} else {value} end"
    if column in feed.days:
        value = f"regexp_replace({value}, '[ T]00:00:00$', '')"
    if is_utc:
        value = _in_utc(value)
    if column in feed.empty_means:
        value = f"coalesce({value}, {text(feed.empty_means[column])})"
    return value


def _in_utc(value: str) -> str:
    """SQL: a time without offset as the UTC that it is; everything else as it stands."""
    return rf"regexp_replace({value}, '^(\d{{4}}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d([.]\d+)?)?)$', '\1Z')"


def _cell(position: int, nulls: list[str]) -> str:
    value = f"nullif(trim(c{position}), '')"
    if nulls:
        value = f"case when {value} not in ({', '.join(map(text, nulls))}) then {value} end"
    return value


def _stage_dates(dated: dict[int, StageDate], nulls: list[str], utc: frozenset[int]) -> str:
    """A JSON list with an object for each of a row's cells that says when it entered a stage; NULL if none does."""
    entries = []
    for position, said in dated.items():
        cell = _in_utc(_cell(position, nulls)) if position in utc else _cell(position, nulls)
        pipeline = text(said.pipeline) if said.pipeline is not None else "cast(null as varchar)"
        entry = f"{{'stage': {text(said.stage)}, 'pipeline': {pipeline}, 'entered': {cell}}}"
        entries.append(f"case when {cell} is not null then {entry} end")
    told = f"list_filter([{', '.join(entries)}], lambda entry: entry is not null)"
    return f"case when len({told}) > 0 then cast(to_json({told}) as varchar) end"


def _is_of_feed(matched: Matched, nulls: list[str]) -> str:
    """SQL for whether a row is a record of the feed, by the columns that say so."""
    return " and ".join(_says(_cell(at, nulls), values) for at, values in matched.conditions.items())


def _passed_over(reading: _Reading, relation: str, matched: Matched) -> list[str]:
    """A note on the rows that are no records of the feed, if there are any."""
    feed = reading.feed
    is_record = _is_of_feed(matched, reading.nulls)
    row = reading.connection.execute(f"select count(*) from {relation} where not ({is_record})").fetchone()
    if not row or not row[0]:
        return []
    words = {FILLED: "filled", EMPTY: "empty"}
    said = " and ".join(
        f"'{heading}' {' or '.join(words.get(value, value) for value in values)}"
        for heading, values in feed.only_when.items()
    )
    return [f"{row[0]} rows that are no {feed.entity} were passed over: not {said}"]


def _nul_filter(matched: Matched) -> str:
    return " or ".join(f"contains(c{at}, chr(0))" for at in matched.used)


def _nul_rows(
    connection: duckdb.DuckDBPyConnection, relation: str, matched: Matched, rejected: list[int]
) -> list[Reject]:
    """Rows with a NUL byte in a mapped column: no database downstream can hold one, so they are rejects."""
    column_at = dict.fromkeys(matched.stage_dates, "stage_dates")
    column_at |= {at: column for column, positions in matched.positions.items() for at in positions}
    which = " ".join(f"when contains(c{at}, chr(0)) then {text(column)}" for at, column in column_at.items())
    cells = ", ".join(f"c{at}" for at in column_at)
    rows = connection.execute(
        f"""
        select position, which, text
        from (
            select
                row_number() over () as position,
                case {which} end as which,
                replace(concat_ws(' | ', {cells}), chr(0), '\\0') as text
            from {relation}
        )
        where which is not null
        """
    ).fetchall()
    return [
        Reject(record_number(position, rejected), which, "contains a NUL byte", said) for position, which, said in rows
    ]


def record_number(position: int, rejected: list[int]) -> int:
    """The record number (header = 1) of the row at this position (from 1) among the rows the parser accepted."""
    number = position + 1
    for reject in rejected:
        if reject <= number:
            number += 1
    return number
