"""One delivered file → one Parquet file of text in the lake, with the rows that cannot be taken beside it."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.config.feeds import EMPTY, FILLED, Feed, Source
from dagster_project.config.stages import pipelines_of
from dagster_project.errors import RefusedFileError
from dagster_project.read.archives import Delivered
from dagster_project.read.cells import CellRules, HeadingsAgainError, explain
from dagster_project.read.columnar import ParquetTable, open_parquet
from dagster_project.read.delimited import (
    DelimitedTable,
    DisagreeingReadersError,
    header_of,
    open_delimited,
    read_by_records,
)
from dagster_project.read.encodings import CP1252_NOTE, narrow_encoding, transcoded, wide_encoding
from dagster_project.read.formats import Plain, binary_format, is_text, text_format, unpack
from dagster_project.read.headings import Matched, is_nameless, match
from dagster_project.read.json_records import JsonTable, open_json
from dagster_project.read.nested import is_number
from dagster_project.read.nothing import WORDS, words_of_mapping
from dagster_project.read.nul_bytes import has_nul, nul_rows
from dagster_project.read.pii import has_hashes, is_personal, prepare_hashing
from dagster_project.read.remarks import (
    absent_columns,
    columns_without_heading,
    nameless_columns,
    refuse_a_row_for_headings,
    words_for_nothing,
)
from dagster_project.read.report_tail import cut_text, tail_note, tail_rows
from dagster_project.read.selection import cleaned, is_of_feed, read_columns, select_list, step_by_step
from dagster_project.read.spreadsheets import SheetTable, open_sheet
from dagster_project.read.tables import Reject, Table, said_by_duckdb
from dagster_project.read.totals import is_of_totals, totals_note
from dagster_project.sql import text
from dagster_project.wording import counted

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
    #: Canonical columns in which a workbook has dates that are dates to it, and no texts.
    typed_dates: list[str] = field(default_factory=list)
    #: What the pages of an API's JSON say of those that follow (`json_pages.Paging`).
    paging: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Provenance:
    """What every row of a lake file says about where it came from."""

    source: str
    feed: str
    file_id: str
    extracted_at: str

    def as_columns(self) -> str:
        """SQL for them."""
        return (
            f"{text(self.source)} as _source, {text(self.feed)} as _feed, {text(self.file_id)} as _file_id, "
            f"timestamp {text(self.extracted_at)} as _extracted_at"
        )


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


def load_file(  # noqa: PLR0913 - what is read, as what, and where to: a block of them would be unpacked at once
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
    encoding = None if wide else narrow_encoding(plain.path, reading.feed)
    if encoding is not None:
        plain = transcoded(plain.path, encoding, reading.scratch / "utf-8")
    table = _open_delimited(reading, plain.path)
    notes = _notes_on(encoding, reading.feed) if encoding else []
    try:
        return _load(reading, replace(table, notes=table.notes + notes), look_for_nul)
    except (DisagreeingReadersError, HeadingsAgainError):
        written = reading.scratch / "records"
        again = read_by_records(reading.connection, table.path, reading.feed, table.header, written)
        return _load(reading, replace(again, notes=again.notes + table.notes + notes), look_for_nul)


def _open_delimited(reading: _Reading, path: Path) -> DelimitedTable:
    notes = []
    if reading.report_tail:
        header = header_of(path, reading.feed, reading.needs_stage)
        body = reading.scratch / "body"
        tail = cut_text(path, header.delimiter, len(header.headings), reading.report_tail, body)
        if tail:
            path, notes = body, [tail_note(tail)]
    written = reading.scratch / "records"
    table = open_delimited(reading.connection, path, reading.feed, reading.needs_stage, written)
    return replace(table, notes=table.notes + notes)


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
    nameless = [at for at, heading in enumerate(table.headings) if is_nameless(heading) and at not in needed]
    # the first column may say of a row that it holds totals
    needed = sorted({0, *needed, *nameless}) if table.headings else []
    rules = _rules(reading, table)
    connection = reading.connection
    if has_hashes(reading.feed):
        prepare_hashing(connection)
    try:
        _refuse_contradictions(connection, table, matched, needed)
        accepted, rejects = _copy(reading, table, matched, rules, needed, look_for_nul)
        _remark(reading, table, matched, rules, needed, nameless)
    except duckdb.Error as error:
        explain(error, shows_values=not is_personal(reading.feed))
        if isinstance(table, DelimitedTable) and table.is_in_place:
            raise DisagreeingReadersError from None
        raise RefusedFileError(
            f"cannot be read as a table: {said_by_duckdb(error)} If it is delimited text, check that every quote is "
            "closed; otherwise deliver it again"
        ) from None
    headings, unmapped = table.headings, matched.unmapped
    if is_personal(reading.feed):
        # a row without its header, or cells that a stray quote makes a heading, are somebody's data
        rejects = [replace(reject, text=None) for reject in rejects]
        headings = [heading for heading in headings if heading not in unmapped]
        if unmapped:
            table.notes.append(f"{len(unmapped)} headings map to nothing; the feed has personal data, so none is shown")
        unmapped = []
    return Loaded(
        rows_loaded=accepted,
        rejects=sorted(rejects, key=lambda reject: reject.row_number),
        headings=headings,
        outranked=matched.outranked,
        unmapped=unmapped,
        notes=table.notes,
        numbers=_numbers(table, matched, reading.feed),
        typed_dates=_typed_dates(table, matched),
        paging=table.paging if isinstance(table, JsonTable) else {},
    )


def _copy(
    reading: _Reading, table: Table, matched: Matched, rules: CellRules, needed: list[int], look_for_nul: bool
) -> tuple[int, list[Reject]]:
    """Writes the rows that are records of the feed; returns how many, and what was rejected.

    Raises an error of delimited text where rows are missing that an independent count has seen.
    """
    passed = 0
    connection = reading.connection
    relation = cleaned(connection, table.relation(needed), needed, matched, rules, reading.scratch)
    is_record = is_of_feed(matched, rules) if matched.conditions else "true"
    if matched.conditions:
        passed = _passed_over(reading, table, relation, is_record)
    totals = is_of_totals(reading.feed, matched, rules) if _may_have_totals(table) else None
    of_feed, is_record = is_record, f"{is_record} and not {totals}" if totals else is_record
    conditions = [is_record]
    if look_for_nul and matched.used:
        conditions.append(f"({has_nul(matched)}) is not true")
    read = read_columns(reading.feed, matched, rules, table.has_unreadable)
    selected = select_list(reading.feed, matched, rules, reading.separator, table.has_unreadable)
    with step_by_step(connection):
        rows = connection.execute(
            f"copy (select {', '.join([*selected, reading.provenance.as_columns()])} "
            f"from (select {', '.join(read) or '*'} from {relation} where {' and '.join(conditions)})) "
            f"to {text(str(reading.target))} (format parquet, compression zstd, compression_level 1)"
        ).fetchone()
    rejects = table.rejects()
    accepted = rows[0] if rows else 0
    if look_for_nul and matched.used:
        numbers = [reject.row_number for reject in rejects]
        with_nul = nul_rows(connection, relation, matched, is_record, numbers)
        rejects += with_nul
        passed += len(with_nul)
    # they are counted only where rows are missing: nearly no file has any, and it would be read twice
    if totals and accepted + passed != _rows_of(table):
        passed += _totals(reading, table, relation, f"{of_feed} and {totals}")
    if isinstance(table, DelimitedTable):
        table.demand(accepted + passed)
        if not table.rows:
            refuse_a_row_for_headings(table.headings, matched.unmapped)
    return accepted, rejects


def _remark(
    reading: _Reading, table: Table, matched: Matched, rules: CellRules, needed: list[int], nameless: list[int]
) -> None:
    """Notes what a person should know of cells and columns. Raises RefusedFileError where a column may be another."""
    connection = reading.connection
    said = set(reading.nulls)
    guessed = [word for word in rules.nulls if word not in said]
    table.notes.extend(words_for_nothing(connection, table, matched, guessed, needed))
    if not isinstance(table, JsonTable | ParquetTable):
        absent = absent_columns(matched, reading.feed) if isinstance(table, DelimitedTable) else []
        table.notes.extend(nameless_columns(connection, table, nameless, needed, absent))
        if reading.source.vendor is None:
            table.notes.extend(columns_without_heading(matched, reading.feed))


def _rules(reading: _Reading, table: Table) -> CellRules:
    """How the cells of this file are cleaned: what was seen not to stand in it costs nothing."""
    # an error in a cell of a workbook stands behind a mark of its own (tables.UNREADABLE), and so is none of them
    found = table.nothing if isinstance(table, DelimitedTable) else set(WORDS)
    values = words_of_mapping(reading.feed, reading.source)
    guessed = [word for word in WORDS if word in found and word not in values]
    in_place = isinstance(table, DelimitedTable) and table.is_in_place
    return CellRules(
        nulls=[*reading.nulls, *(word for word in guessed if word not in reading.nulls)],
        may_be_wrapped=not in_place,
        has_edge_spaces=table.has_edge_spaces if isinstance(table, DelimitedTable) else True,
        headings=[heading for heading in table.headings if not is_nameless(heading)] if in_place else (),
    )


def _numbers(table: Table, matched: Matched, feed: Feed) -> list[str]:
    if not isinstance(table, JsonTable | ParquetTable):
        return []
    typed = {at for at, column in enumerate(table.columns) if is_number(column)}
    numbers = [column for column, positions in matched.positions.items() if typed.issuperset(positions)]
    # what another column goes before is a number where that one is as well
    absent = set(feed.mapped) - set(matched.positions)
    others = {column: {one.column for one in ranked} - absent for column, ranked in feed.references.items()}
    return [column for column in numbers if others.get(column, set()).issubset(numbers)]


def _typed_dates(table: Table, matched: Matched) -> list[str]:
    if not isinstance(table, SheetTable):
        return []
    at = table.dated()
    columns = [column for column, positions in matched.positions.items() if not at.isdisjoint(positions)]
    return columns + (["stage_dates"] if not at.isdisjoint(matched.stage_dates) else [])


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


def _passed_over(reading: _Reading, table: Table, relation: str, is_record: str) -> int:
    """How many rows are no records of the feed; a note says so, if there are any."""
    feed = reading.feed
    row = reading.connection.execute(f"select count(*) from {relation} where not ({is_record})").fetchone()
    if not row or not row[0]:
        return 0
    words = {FILLED: "filled", EMPTY: "empty"}
    said = " and ".join(
        f"'{heading}' {' or '.join(words.get(value, value) for value in values)}"
        for heading, values in feed.only_when.items()
    )
    are, were = ("is", "was") if row[0] == 1 else ("are", "were")
    table.notes.append(f"{counted(row[0], 'row')} that {are} no {feed.entity} {were} passed over: not {said}")
    return int(row[0])


def _may_have_totals(table: Table) -> bool:
    """Whether a person may have written below it: what a program nests or types is its own."""
    return not table.is_empty and isinstance(table, DelimitedTable | SheetTable)


def _rows_of(table: Table) -> int | None:
    """How many rows it has, where that is known before it is read."""
    if isinstance(table, DelimitedTable | SheetTable):
        return table.rows if isinstance(table, DelimitedTable) else len(table.rows)
    return None


def _totals(reading: _Reading, table: Table, relation: str, is_of_totals: str) -> int:
    """How many rows hold totals and are no records; a note says so, if there are any."""
    row = reading.connection.execute(f"select count(*) from {relation} where {is_of_totals}").fetchone()
    if row and row[0]:
        table.notes.append(totals_note(int(row[0])))
    return int(row[0]) if row else 0
