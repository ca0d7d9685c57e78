"""Files of unknown meaning → tables in DuckDB, and what can be seen in each of their columns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Literal

import duckdb
from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum

from dagster_project.config.feeds import Feed
from dagster_project.config.presets import read_preset, vendor_names
from dagster_project.draft.encoding import guess_code_page
from dagster_project.draft.titles import SEARCHED_ROWS, is_known, lines_above_headings, without_lines
from dagster_project.draft.words import listed_flat, plain
from dagster_project.errors import ConfigurationError, RefusedFileError
from dagster_project.read.archives import Delivered, members
from dagster_project.read.columnar import open_parquet
from dagster_project.read.delimited import header_of, open_delimited
from dagster_project.read.encodings import CP1252_NOTE, narrow_encoding, transcoded, wide_encoding
from dagster_project.read.folders import UNFINISHED
from dagster_project.read.formats import Plain, binary_format, is_text, text_format, unpack
from dagster_project.read.headings import heading_key
from dagster_project.read.json_records import open_json
from dagster_project.read.nothing import WORDS
from dagster_project.read.number_format import number_pattern
from dagster_project.read.report_tail import cut_text, tail_note
from dagster_project.read.spreadsheets import SheetTable, open_sheet
from dagster_project.read.tables import Table
from dagster_project.read.totals import WORDS as TOTALS
from dagster_project.read.totals import is_label
from dagster_project.sql import text
from dagster_project.wording import counted

#: More rows than this prove nothing that these do not.
MAX_ROWS = 200_000
_SEPARATOR = ";"
_READ_AS = "read as "
#: A column is of a kind if this share of its values is.
_KIND_SHARE = 0.8

_DATE = (
    r"^(\d{4}[./-]\d{1,2}([./-]\d{1,2})?|\d{1,2}[./ -](\d{1,2}|\p{L}{3,9}\.?)[./ -](\d{4}|\d{2})"
    r"|\p{L}{3,9}\.? \d{1,2},? \d{4})($|[T ,])"
)
#: What begins with 0 and is no phone number.
_DATE_OR_DECIMAL = r"(\d{1,2}[./ -]\d{1,2}[./ -]\d{2,4}|\d+[.,]\d+)$"
_EMAIL = r"[^@\s<>;,]+@[^@\s<>;,]+\.[A-Za-z]{2,}"
_PHONE = r"^((\+|00|0|\()[0-9][0-9 ()/.-]{5,}[0-9]|[0-9]{3}[-. ][0-9]{3}[-. ][0-9]{4})$"

Kind = Literal["empty", "date", "number", "email", "phone", "text"]


@dataclass(frozen=True)
class Column:
    """A column of a sample: what its values are, in the rows that were looked at."""

    position: int
    heading: str
    kind: Kind
    filled: int
    distinct: int
    #: The first values, never an e-mail address or a phone number.
    examples: tuple[str, ...] = ()

    @property
    def is_unique(self) -> bool:
        """Whether (almost) no value stands in two rows."""
        return self.filled > 0 and self.distinct >= 0.95 * self.filled

    @property
    def is_personal(self) -> bool:
        """Whether it holds e-mail addresses or phone numbers."""
        return self.kind in ("email", "phone")


@dataclass(frozen=True)
class Sample:
    """One file, or one sheet of a workbook, as the table `table` with its text in `c<position>`."""

    path: Path
    delivered: Delivered
    #: As the landing folder knows it, without folders: `deals.csv`, or `deals.csv` of `export.zip`.
    name: str
    table: str
    rows: int
    columns: list[Column]
    sheet: str | None = None
    #: Of a text that is no UTF-8, and what it seems to be.
    encoding: str | None = None
    #: What a person should know about how it was read.
    notes: list[str] = field(default_factory=list)
    #: Heading → the words for nothing that stand below it as whole cells, and how many do; they are read as empty.
    nothing: dict[str, tuple[list[str], int]] = field(default_factory=dict)
    #: Whether it ends as a vendor's report does.
    has_tail: bool = False

    @property
    def shown(self) -> str:
        """The file, and its sheet if it has several."""
        return f"{self.name}, sheet '{self.sheet}'" if self.sheet else self.name

    def column(self, heading: str) -> Column | None:
        """The column with this heading."""
        return next((each for each in self.columns if heading_key(each.heading) == heading_key(heading)), None)


def looks_personal(value: str) -> bool:
    """Whether a text holds an e-mail address, or is a phone number."""
    if re.search(_EMAIL, value):
        return True
    return re.search(_PHONE, value.strip()) is not None and re.match(_DATE_OR_DECIMAL, value.strip()) is None


def read_samples(
    connection: duckdb.DuckDBPyConnection, paths: list[Path], scratch: Path
) -> tuple[list[Sample], list[str]]:
    """Every file (and, of folders, every file in them; of archives, every member; of workbooks, every sheet).

    Beside them what cannot be read in a folder. Raises ConfigurationError for a file that is named and not there,
    cannot be read, or has no headings, and where nothing can be read.
    """
    samples: list[Sample] = []
    unread: list[str] = []
    number = 0
    for path in paths:
        if not path.exists():
            raise ConfigurationError(f"{path}: there is no such file; name the files (or a folder) to look at")
        found = list(_files(path))
        if not found:
            raise ConfigurationError(f"{path}: there are no files in this folder")
        for file in found:
            for delivered, name in _delivered(file):
                number += 1
                try:
                    samples += _sheets(connection, file, delivered, name, scratch / str(number), len(samples))
                except (RefusedFileError, duckdb.Error, CalamineError) as error:
                    said = str(error) if isinstance(error, RefusedFileError) else f"cannot be read: {_first(error)}"
                    unread.append(f"{file if delivered == file else f'{file}/{delivered.name}'}: {said}")
                    if path.is_file():
                        raise ConfigurationError(unread[-1]) from None
    if not samples:
        raise ConfigurationError("\n".join(unread))
    return samples, unread


def _first(error: Exception) -> str:
    return str(error).splitlines()[0]


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for found in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in found.relative_to(path).parts)
        if found.is_file() and not hidden and found.suffix.lower() not in UNFINISHED:
            yield found


def _delivered(path: Path) -> list[tuple[Delivered, str]]:
    packed = members(path)
    if packed is None:
        return [(path, path.name)]
    return [(member, PurePosixPath(member.name).name) for member in packed]


def _sheets(
    connection: duckdb.DuckDBPyConnection, path: Path, delivered: Delivered, name: str, scratch: Path, number: int
) -> list[Sample]:
    scratch.mkdir()
    plain_file = unpack(delivered, scratch)
    names: list[str | None] = [None]
    if not is_text(plain_file.path) and binary_format(plain_file.path) == "xlsx":
        names = list(_sheet_names(plain_file.path)) or [None]
    samples = []
    for at, sheet in enumerate(names):
        folder = scratch / f"sheet-{at}"
        folder.mkdir()
        try:
            table = _table(connection, plain_file, delivered, sheet, folder)
        except RefusedFileError as error:
            if len(names) == 1 or "is empty" not in str(error):
                raise
            continue
        samples.append(_sample(connection, table, Sample(path, delivered, name, f"sample_{number + at}", 0, [], sheet)))
    if len(samples) == 1 and len(names) == 1:
        samples = [replace(samples[0], sheet=None)]
    return samples


def _sheet_names(path: Path) -> list[str]:
    with CalamineWorkbook.from_path(str(path)) as workbook:
        return [sheet.name for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]


def _table(
    connection: duckdb.DuckDBPyConnection, plain_file: Plain, delivered: Delivered, sheet: str | None, scratch: Path
) -> Table:
    """The file as the ingest would open it, before anything is known of its headings."""
    feed = Feed.model_validate({"entity": "owners", "files": "*", "columns": {}, "constants": {"owner_id": "-"}})
    if not is_text(plain_file.path):
        if binary_format(plain_file.path) == "parquet":
            return open_parquet(connection, plain_file.path, _SEPARATOR)
        feed = feed.model_copy(update={"sheet": sheet})
        return _below_its_header(open_sheet(connection, plain_file.path, feed, True, scratch / "sheet"))
    path = plain_file.path
    encoding = wide_encoding(path, feed) or guess_code_page(path) or narrow_encoding(path, feed)
    if encoding:
        path = transcoded(path, encoding, scratch / "utf-8").path
    name = delivered.name
    if text_format(path, name) == "json":
        path = transcoded(path, "utf-8-sig", scratch / "json", "backslashreplace").path
        return open_json(connection, path, feed, _SEPARATOR, scratch / "records.parquet")
    above = lines_above_headings(path)
    if above:
        path = without_lines(path, above, scratch / "below")
    header = header_of(path, feed, True)
    tail = cut_text(path, header.delimiter, len(header.headings), report_tails(), scratch / "body")
    table = open_delimited(connection, scratch / "body" if tail else path, feed, True, scratch / "records")
    if above:
        table.notes.append(f"its headings are in line {above + 1}; what stands above is passed over")
    if tail:
        table.notes.append(tail_note(tail))
    if encoding == "cp1252":
        table.notes.append(CP1252_NOTE)
    elif encoding and not encoding.startswith("utf"):
        table.notes.append(f"{_READ_AS}{encoding}")
    return table


@cache
def report_tails() -> tuple[str, ...]:
    """What any vendor's reports end with below their last record; totals are passed over without a pattern."""
    patterns = [pattern for vendor in vendor_names() for pattern in read_preset(vendor).get("report_tail", [])]
    return tuple(dict.fromkeys(one for one in patterns if one.lower().rstrip("*") not in TOTALS))


def _below_its_header(table: SheetTable) -> SheetTable:
    """A formatted report has titles above its header: the row of the first 50 with most cells that are known words."""
    rows: list[list[str]] = [table.headings]
    rows += [[cell if isinstance(cell, str) else "" for cell in row] for row in table.rows[:SEARCHED_ROWS]]
    known = [sum(is_known(cell) for cell in row) for row in rows]
    at = known.index(max(known))
    if at == 0:
        return table
    notes = [f"its headings are in row {at + 1} of those with cells; what stands above is passed over"]
    return replace(table, headings=rows[at], rows=table.rows[at:], notes=[*table.notes, *notes])


def _sample(connection: duckdb.DuckDBPyConnection, table: Table, sample: Sample) -> Sample:
    positions = [at for at, heading in enumerate(table.headings) if heading.strip()]
    _refuse_data_as_headings(table.headings)
    cells = ", ".join(f"nullif(trim(c{at}), '') as c{at}" for at in positions) or "1 as c"
    connection.execute(
        f"create or replace temp table {sample.table} as select {cells} from {table.relation(positions)} "
        f"limit {MAX_ROWS}"
    )
    _leave_totals_out(connection, sample.table, positions)
    rejected = len(table.rejects())
    (rows,) = connection.execute(f"select count(*) from {sample.table}").fetchone() or (0,)
    notes = [note for note in table.notes if note != CP1252_NOTE and not note.startswith("read sheet")]
    if rejected:
        them = "it" if rejected == 1 else "them"
        notes.append(f"{counted(rejected, 'row')} cannot be read; a run puts {them} into quarantine")
    if rows == MAX_ROWS:
        notes.append(f"looked at its first {MAX_ROWS:,} rows")
    nothing = {
        table.headings[at].strip(): found for at in positions if (found := _emptied(connection, sample.table, at))
    }
    columns = [_column(connection, sample.table, at, table.headings[at].strip()) for at in positions]
    read_as = next((note.removeprefix(_READ_AS) for note in notes if note.startswith(_READ_AS)), None)
    has_tail = any("a report's totals and footer" in note for note in notes)
    return replace(
        sample,
        rows=rows,
        columns=columns,
        notes=[note for note in notes if not note.startswith(_READ_AS)],
        encoding="cp1252" if CP1252_NOTE in table.notes else read_as,
        has_tail=has_tail,
        nothing=nothing,
    )


def _leave_totals_out(connection: duckdb.DuckDBPyConnection, table: str, positions: list[int]) -> None:
    """Takes out the rows that a run would pass over, as far as that can be told before anything is mapped."""
    if len(positions) < 2:
        return
    cells = [f"c{at}" for at in positions]
    filled = " + ".join(f"cast({cell} is not null as integer)" for cell in cells)
    first = f"coalesce({', '.join(cells)})"
    connection.execute(f"delete from {table} where {is_label(first)} and {filled} <= {len(cells) / 2}")


def _emptied(connection: duckdb.DuckDBPyConnection, table: str, at: int) -> tuple[list[str], int] | None:
    """The words for nothing in a column, and in how many cells; these are emptied, as a run reads them."""
    is_nothing = f"c{at} in ({', '.join(map(text, WORDS))})"
    words, cells = connection.execute(
        f"select list(distinct c{at} order by c{at}), count(*) from {table} where {is_nothing}"
    ).fetchone() or (None, 0)
    if not cells:
        return None
    connection.execute(f"update {table} set c{at} = null where {is_nothing}")
    return words, cells


def _refuse_data_as_headings(headings: list[str]) -> None:
    said = [heading for heading in headings if heading.strip()]
    values = [each for each in said if looks_personal(each) or re.match(r"^[-+]?[\d.,:/ -]+$", each)]
    if not said or 2 * len(values) >= len(said):
        raise RefusedFileError("has no headings: its first row holds values. Write a row of headings above it")


def _column(connection: duckdb.DuckDBPyConnection, table: str, at: int, heading: str) -> Column:
    cell = f"c{at}"
    number = " or ".join(f"regexp_matches({cell}, {text(number_pattern(sign))})" for sign in ("point", "comma"))
    filled, distinct, dates, numbers, emails, phones = (
        connection.execute(
            f"""
        select
            count({cell}),
            count(distinct {cell}),
            count_if(regexp_matches({cell}, {text(_DATE)})),
            count_if({number}),
            count_if(regexp_matches({cell}, {text(f"^{_EMAIL}$")})),
            count_if(regexp_matches({cell}, {text(_PHONE)}))
        from {table}
        """
        ).fetchone()
        or (0,) * 6
    )
    kinds: dict[Kind, int] = {"date": dates, "number": numbers, "email": emails}
    kind: Kind = next((name for name, count in kinds.items() if filled and count >= _KIND_SHARE * filled), "text")
    if kind == "text" and filled and 2 * numbers > filled:
        kind = "number"  # amounts, some of which say `12k`
    is_phone = any(word in plain(heading).split() for word in listed_flat("phones"))
    if is_phone or (kind == "text" and filled and phones >= _KIND_SHARE * filled):
        kind = "phone"
    if not filled:
        kind = "empty"
    column = Column(at, heading, kind, filled, distinct)
    return column if column.is_personal else replace(column, examples=_examples(connection, table, cell))


def _examples(connection: duckdb.DuckDBPyConnection, table: str, cell: str) -> tuple[str, ...]:
    rows = connection.execute(
        f"select {cell} from {table} where {cell} is not null group by 1 order by min(rowid) limit 5"
    ).fetchall()
    return tuple(value for (value,) in rows if not looks_personal(value))


def values_of(connection: duckdb.DuckDBPyConnection, samples: list[Sample], heading: str) -> list[tuple[str, int]]:
    """The distinct values under a heading in all these samples, as first seen, with how many rows have them."""
    parts = [
        f"select {number} as file, rowid as position, c{column.position} as value from {sample.table}"
        for number, sample in enumerate(samples)
        if (column := sample.column(heading)) is not None
    ]
    if not parts:
        return []
    return connection.execute(
        f"select value, count(*) from ({' union all '.join(parts)}) where value is not null "
        "group by value order by min(file), min(position)"
    ).fetchall()
