"""One delivered file → one Parquet file of text in the lake, with the rows the parser rejects beside it."""

from __future__ import annotations

import csv
import gzip
import mmap
import tempfile
import zlib
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dagster_project.config.entities import ENTITIES
from dagster_project.config.models import Feed, Source
from dagster_project.errors import RefusedFileError
from dagster_project.ingest.headings import Header, Matched, match, read_header


@dataclass(frozen=True)
class Reject:
    """A row the parser could not take; `row_number` is its record number, header = 1."""

    row_number: int
    column: str | None
    reason: str
    text: str


@dataclass(frozen=True)
class Loaded:
    """What became of a file's rows."""

    rows_loaded: int
    rejects: list[Reject]
    headings: list[str]
    outranked: list[str]
    unmapped: list[str]


@dataclass(frozen=True)
class Provenance:
    """What every row of a lake file says about where it came from."""

    source: str
    feed: str
    file_id: str
    extracted_at: str


def load_file(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    source: Source,
    feed: Feed,
    provenance: Provenance,
    target: Path,
    may_have_nul: bool = True,
) -> Loaded:
    """Writes the mapped columns of a CSV or TSV (plain or .gz) to `target`, every value still text.

    `may_have_nul` False (known from fingerprinting) saves looking at every cell.

    Raises RefusedFileError for a file that cannot be taken as a whole: unreadable, without a required
    column, with a quote never closed, or with one heading twice and different contents.
    """
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".reading-") as scratch:
        plain, has_nul = _plain(path, Path(scratch) / "file.csv")
        look_for_nul = may_have_nul if has_nul is None else has_nul
        return _load_plain(connection, plain, source, feed, provenance, target, look_for_nul)


def _plain(path: Path, scratch: Path) -> tuple[Path, bool | None]:
    """A plain file of a name without meaning: DuckDB takes `*` and `[` in a name for a pattern, and half of an
    archive for the whole. Says of an unpacked one whether it holds a NUL byte."""
    with path.open("rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
    if not is_gzip:
        if path.suffix.lower() == ".gz":
            raise RefusedFileError("cannot be read: not a gzip file although its name ends in .gz; deliver it again")
        scratch.symlink_to(path.resolve())
        return scratch, None
    has_nul = False
    try:
        with gzip.open(path) as packed, scratch.open("wb") as unpacked:
            while chunk := packed.read(1 << 20):
                has_nul = has_nul or b"\0" in chunk
                unpacked.write(chunk)
    except (OSError, EOFError, zlib.error) as error:
        raise RefusedFileError(f"cannot be read as a whole .gz file ({error}); deliver it again") from None
    return scratch, has_nul


def _load_plain(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    source: Source,
    feed: Feed,
    provenance: Provenance,
    target: Path,
    may_have_nul: bool,
) -> Loaded:
    header = read_header(path)
    matched = match(header, feed, needs_stage=not source.has_history_feed)
    scan = _scan(path, header)
    connection.execute("drop table if exists reject_scans; drop table if exists reject_errors")
    try:
        _refuse_contradictions(connection, scan, header, matched)
        select = _select(source, feed, matched, provenance)
        where = f"where ({_nul_filter(matched)}) is not true" if may_have_nul else ""
        rows = connection.execute(
            f"copy (select {select} from {scan} {where}) to {_text(str(target))} "
            "(format parquet, compression zstd, compression_level 1)"
        ).fetchone()
        rejects = _rejects(connection, path, header)
        if may_have_nul:
            rejects += _nul_rows(connection, scan, matched, [reject.row_number for reject in rejects])
    except duckdb.Error as error:
        said = str(error).splitlines()[0].replace("The CSV Parser state machine reached an invalid state.", "")
        raise RefusedFileError(
            f"cannot be read as delimited text: {said} Check that all its lines end in one way "
            "(\\n or \\r\\n) and that every quote is closed"
        ) from None
    return Loaded(
        rows_loaded=rows[0] if rows else 0,
        rejects=sorted(rejects, key=lambda reject: reject.row_number),
        headings=header.headings,
        outranked=matched.outranked,
        unmapped=matched.unmapped,
    )


def _scan(path: Path, header: Header) -> str:
    columns = ", ".join(f"'c{position}': 'VARCHAR'" for position in range(len(header.headings)))
    return (
        f"read_csv({_text(str(path))}, auto_detect = false, header = true, delim = {_text(header.delimiter)}, "
        f"quote = '\"', escape = '\"', strict_mode = true, columns = {{{columns}}}, store_rejects = true)"
    )


def _refuse_contradictions(connection: duckdb.DuckDBPyConnection, scan: str, header: Header, matched: Matched) -> None:
    for first, second in matched.doubled:
        differing = connection.execute(
            f"select count(*) from {scan} where c{first} is distinct from c{second}"
        ).fetchone()
        connection.execute("drop table if exists reject_scans; drop table if exists reject_errors")
        if differing and differing[0]:
            raise RefusedFileError(
                f"has the heading '{header.headings[first]}' twice (columns {first + 1} and {second + 1}), "
                f"with different contents in {differing[0]} rows. Remove or rename one of them"
            )


def _select(source: Source, feed: Feed, matched: Matched, provenance: Provenance) -> str:
    """The select list: canonical columns, cleaned of the vendor's words for nothing, and provenance."""
    nulls = [*source.null_values, *(feed.null_values or [])]
    read = {column: _value(f"c{position}", column, feed, nulls) for column, position in matched.positions.items()}
    for column, reference in feed.references.items():
        if reference.column in read:
            value = read[reference.column]
            pointed_at = f"case when starts_with({value}, {_text(reference.prefix)}) then {value} end"
            read[column] = f"coalesce({pointed_at}, {read[column]})" if column in read else pointed_at
    for column, constant in feed.constants.items():
        read.setdefault(column, _text(constant))
    canonical = ENTITIES[feed.entity].columns
    selected = [f"{value} as {column}" for column, value in read.items() if column in canonical]
    selected += [
        f"{_text(provenance.source)} as _source",
        f"{_text(provenance.feed)} as _feed",
        f"{_text(provenance.file_id)} as _file_id",
        f"timestamp {_text(provenance.extracted_at)} as _extracted_at",
    ]
    return ", ".join(selected)


def _value(expression: str, column: str, feed: Feed, nulls: list[str]) -> str:
    value = f"nullif(trim({expression}), '')"
    if nulls:
        value = f"case when {value} not in ({', '.join(map(_text, nulls))}) then {value} end"
    translations = feed.values.get(column)
    if translations:
        whens = " ".join(
            f"when {_text(word.casefold())} then {_text(canonical)}"
            for canonical, words in translations.items()
            for word in words
        )
        value = f"case lower({value}) {whens} else {value} end"
    return value


def _nul_filter(matched: Matched) -> str:
    return " or ".join(f"contains(c{at}, chr(0))" for at in sorted(set(matched.positions.values())))


def _nul_rows(connection: duckdb.DuckDBPyConnection, scan: str, matched: Matched, rejected: list[int]) -> list[Reject]:
    """Rows with a NUL byte in a mapped column: no database downstream can hold one, so they are rejects."""
    column_at = {at: column for column, at in matched.positions.items()}
    which = " ".join(f"when contains(c{at}, chr(0)) then {_text(column)}" for at, column in column_at.items())
    cells = ", ".join(f"c{at}" for at in column_at)
    rows = connection.execute(
        f"""
        select position, which, text
        from (
            select
                row_number() over () as position,
                case {which} end as which,
                replace(concat_ws(' | ', {cells}), chr(0), '\\0') as text
            from {scan}
        )
        where which is not null
        """
    ).fetchall()
    return [
        Reject(_record_number(position, rejected), which, "contains a NUL byte", text) for position, which, text in rows
    ]


def _record_number(position: int, rejected: list[int]) -> int:
    """The record number (header = 1) of the row at this position (from 1) among the rows the parser accepted."""
    number = position + 1
    for reject in rejected:
        if reject <= number:
            number += 1
    return number


def _rejects(connection: duckdb.DuckDBPyConnection, path: Path, header: Header) -> list[Reject]:
    """One entry per rejected row: DuckDB lists one per error, and counts records, header and blank lines included."""
    rows = connection.execute(
        """
        select
            line,
            min(error_type) as error_type,
            min(error_message) as error_message,
            min(csv_line) as csv_line
        from reject_errors
        group by line
        order by line
        """
    ).fetchall()
    for line, _, message, _ in rows:
        if "unterminated quote" in message.lower():
            raise RefusedFileError(
                f"has a quote that is opened near row {line} and never closed, so the rows behind it cannot be told "
                "apart. Export the file again, or double the quote inside that cell"
            )
    blank = _blank_lines(path, header) if rows else []
    return [
        Reject(
            row_number=int(line) - bisect_left(blank, int(line)),
            column=None,
            reason=f"{kind.lower()}: {message}",
            text=str(text).replace("\0", "\\0").strip("\r\n"),
        )
        for line, kind, message, text in rows
    ]


def _blank_lines(path: Path, header: Header) -> list[int]:
    """The numbers of blank lines among a file's records: no records themselves, but counted by DuckDB."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find(b"\n\n") < 0 and content.find(b"\n\r\n") < 0:
            return []
    csv.field_size_limit(2**31 - 1)
    with path.open(encoding="utf-8", errors="replace", newline="") as text:
        records = csv.reader(text, delimiter=header.delimiter)
        return [number for number, record in enumerate(records, start=1) if not record]


def _text(value: str) -> str:
    """A SQL text literal."""
    return "'" + value.replace("'", "''") + "'"
