"""Whether the columns that everything rests on can be read: when deals were created and closed, their stage, amounts.

A value that cannot be read becomes NULL with a violation. A column most of whose values are such is no column of dates
or amounts, or its format is configured wrongly; without it a source would look clean, because nothing is known of it.
So it refuses the delivery. Empty cells are not unreadable, and no date is for being long ago.
"""

from __future__ import annotations

from dataclasses import dataclass

from dagster_project import sql
from dagster_project.errors import RefusedFileError
from dagster_project.read import date_order, number_format, typed_columns
from dagster_project.read.candidate import Candidate
from dagster_project.read.pii import is_personal

#: A larger share of a column's filled cells refuses its file.
MAX_UNREADABLE_SHARE = 0.5
#: Of one cell no share is told: it may be a slip.
LEAST_UNREADABLE = 2
#: What programs write for a number that is none (pandas, JSON of Python): no sign of a format that is read wrongly.
_NO_NUMBER = "(?i)[-+]?(nan|inf|infinity)"
#: Created, stage, amount or close: whatever entity they are columns of, and when history says something happened.
JUDGED = (
    "created_at",
    "changed_at",
    "version_at",
    "stage",
    "amount",
    "close_on",
    "expected_close_on",
    "closed_at",
    "won_at",
    "lost_at",
)
#: Between two errors of one row (read/selection.py).
_BETWEEN = "chr(31)"
_EXAMPLES = 3
#: A time behind a day in ISO 8601 whose offset DuckDB's cast does not take: behind minutes, a space, or by its name.
_WITH_OFFSET = r"^.{10}[ T]\d{2}:\d{2}(:\d{2}([.]\d+)?)? ?([Zz]|UTC|GMT|[-+]\d{2}(:?\d{2})?)$"


@dataclass(frozen=True)
class _Judged:
    """A column: SQL for a cell of it that is not empty (else NULL), and for whether that cell can be read."""

    name: str
    cell: str
    is_readable: str


@dataclass(frozen=True)
class Unread:
    """Cells of a column that cannot be read, of how many, and what some of them say (nothing of people's)."""

    cells: int
    of: int
    examples: list[str]

    def __add__(self, other: Unread) -> Unread:
        examples = list(dict.fromkeys([*self.examples, *other.examples]))[:_EXAMPLES]
        return Unread(self.cells + other.cells, self.of + other.of, examples)

    def says(self) -> str:
        """How many, and what becomes of them."""
        shown = ", such as " + ", ".join(f"'{cell}'" for cell in self.examples) if self.examples else ""
        count = "counts" if self.cells == 1 else "count"
        return f"{self.cells:,} of {self.of:,} cannot be read and {count} as empty{shown}"


def unread(file: Candidate, readings: dict[str, str]) -> dict[str, Unread]:
    """The judged columns of this file that have cells which cannot be read, however few."""
    found = {}
    for one in _typed(file, readings):
        is_unread = f"{one.cell} is not null and not coalesce({one.is_readable}, false)"
        cells, of = file.connection.execute(
            f"select count(*) filter (where {is_unread}), count({one.cell}) from {file.scan}"
        ).fetchone() or (0, 0)
        if cells:
            shown = file.connection.execute(
                f"select {one.cell} as cell from {file.scan} where {is_unread} "
                f"group by cell order by min(file_row_number) limit {_EXAMPLES}"
            ).fetchall()
            found[one.name] = Unread(int(cells), int(of), [] if is_personal(file.feed) else [cell for (cell,) in shown])
    return found


def demand_readable(file: Candidate, readings: dict[str, str]) -> None:
    """Raises RefusedFileError where most values of a judged column of this file cannot be read.

    `readings` are those that the file has proved.
    """
    columns = [*_typed(file, readings), *_with_errors(file)]
    if not columns:
        return
    # nearly all files are in the standard form, which a cast tells; how others are to be read costs more to ask
    counts = ", ".join(f"count({one.cell}), count({one.cell}) filter (where {one.is_readable})" for one in columns)
    row = file.connection.execute(f"select {counts} from {file.scan}").fetchone() or ()
    found = [
        _told(file, one, total, total - readable)
        for one, total, readable in zip(columns, row[::2], row[1::2], strict=True)
        if total - readable > MAX_UNREADABLE_SHARE * total and total - readable >= LEAST_UNREADABLE
    ]
    if found:
        raise RefusedFileError("; ".join(found))


def _typed(file: Candidate, readings: dict[str, str]) -> list[_Judged]:
    source, feed = file.source, file.feed
    formats, sign = typed_columns.configured_formats(source, feed), typed_columns.configured_sign(source, feed)
    return [
        _Judged(
            name,
            f"case when not regexp_full_match({name}, {sql.text(_NO_NUMBER)}) then {name} end",
            is_amount(name, sign or readings.get(name)),
        )
        if form in ("amounts", "numbers")
        else _Judged(name, name, _is_date(name, form, readings.get(name), formats))
        for name, form in typed_columns.read_columns(feed.entity, feed.field_kinds).items()
        if name in JUDGED and name in file.filled
    ]


def _with_errors(file: Candidate) -> list[_Judged]:
    """Columns of text, which hold what they hold, but for the errors of a workbook: those are listed beside them."""
    described = file.connection.execute(f"describe from read_parquet({sql.text(file.path)})").fetchall()
    given = {name for name, *_ in described}
    if "_unreadable" not in given:
        return []
    columns = [
        name
        for name in JUDGED
        if name in given and name not in typed_columns.read_columns(file.feed.entity, file.feed.field_kinds)
    ]
    return [
        _Judged(
            name,
            f"coalesce({name}, {_error_of(name)})",
            f"{name} is not null",
        )
        for name in columns
    ]


def _error_of(column: str) -> str:
    begins = sql.text(column + "=")
    parts = f"string_split(_unreadable, {_BETWEEN})"
    return f"list_filter({parts}, lambda part: starts_with(part, {begins}))[1][{len(column) + 2}:]"


def _is_date(cell: str, form: str, reading: str | None, formats: list[str]) -> str:
    """SQL: whether staging reads a date or moment (dbt/macros/read_values.sql)."""
    with_offset = f"regexp_matches({cell}, {sql.text(_WITH_OFFSET)}) and try_cast(left({cell}, 16) as timestamp)"
    is_iso = f"(try_cast({cell} as timestamp) is not null or ({with_offset} is not null))"
    ways = [f"({cell} like '____-__-__%' and {is_iso})"]
    if form == "days":
        ways.append(f"({cell} like '____-__' and try_cast({cell} || '-01' as date) is not null)")
    if formats:
        ways.append(f"try_strptime({cell}, {_listed(formats)}) is not null")
    elif reading == "serial":
        ways.append(f"try_cast({cell} as double) is not null")
    elif reading:
        ways.append(date_order.is_proved_date(cell, form, reading))
    return f"({' or '.join(ways)})"


def is_amount(cell: str, sign: str | None) -> str:
    """SQL: whether staging reads an amount; in which currency is another question."""
    plain = f"try_cast({cell} as decimal(18, 2)) is not null"
    if sign is None:
        return plain
    if sign == "comma":
        plain = f"(not contains({cell}, '.') and {plain})"
    pattern = sql.text(number_format.number_pattern(sign))
    return f"({plain} or (not contains({cell}, '%') and regexp_matches({cell}, {pattern})))"


def _listed(formats: list[str]) -> str:
    return f"[{', '.join(map(sql.text, formats))}]"


def _told(file: Candidate, column: _Judged, total: int, unreadable: int) -> str:
    source, feed = file.source, file.feed
    rows = file.connection.execute(
        f"select {column.cell}, file_row_number from {file.scan} where {column.cell} is not null "
        f"and not coalesce({column.is_readable}, false) order by file_row_number limit {_EXAMPLES}"
    ).fetchall()
    # what a shifted row has in a column of dates may be somebody's name
    is_shown = not is_personal(feed)
    examples = ", ".join(
        f"'{cell}' in row {row}" if is_shown else f"row {row}"
        for cell, row in ((cell, typed_columns.row_at(at, file.rejected)) for cell, at in rows)
    )
    form = typed_columns.read_columns(feed.entity, feed.field_kinds).get(column.name)
    formats, sign = (
        typed_columns.configured_formats(source, feed),
        feed.decimal_separator or source.decimal_separator,
    )
    if form is None:
        advice = "they are errors of the workbook: fix its formulas and export it again"
    elif form in ("days", "moments") and formats:
        shown = ", ".join(f'"{one}"' for one in formats)
        advice = f"date_formats of the feed are [{shown}]: correct them, or export the column in one of them"
    elif form in ("amounts", "numbers") and sign:
        advice = f'decimal_separator of the feed is "{sign}": correct it, or export the column so'
    elif form in ("days", "moments"):
        advice = "export the column as dates, name its format in date_formats, or map another column"
    else:
        advice = "export the column as numbers, or map another column"
    if form is not None:
        advice += "; if these stand for nothing, name them in null_values"
    name = typed_columns.named(column.name, file)
    return f"{name}: {unreadable} of {total} values cannot be read ({examples}). More than half is too many: {advice}"
