"""The drafted configuration tried on the files themselves, by the reader and the proofs of a real run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import duckdb

from dagster_project.config.feeds import Source
from dagster_project.draft.yaml_text import scalars
from dagster_project.errors import MissingColumnError, RefusedFileError
from dagster_project.read import date_order, format_inference, legible, typed_columns
from dagster_project.read.archives import Delivered
from dagster_project.read.candidate import Candidate
from dagster_project.read.reader import Provenance, load_file
from dagster_project.read.repeated_ids import refuse_repeated_ids
from dagster_project.sql import text

_ORDERS = ("day_first", "month_first", "year_first")


class Tried(Protocol):
    """A file to try: what opens it, and what it is called in a message."""

    @property
    def delivered(self) -> Delivered:
        """What opens it."""

    @property
    def shown(self) -> str:
        """Its name for a person."""


@dataclass
class Trial:
    """What a run would make of a feed's files."""

    loaded: int = 0
    rejected: int = 0
    #: Where the rows lie that it loaded.
    files: list[Path] = field(default_factory=list)
    #: The headings of the files that could be read.
    headings: list[str] = field(default_factory=list)
    #: The canonical columns that they give.
    columns: list[str] = field(default_factory=list)
    #: Why a file would be refused as a whole.
    refusals: list[str] = field(default_factory=list)
    #: Required columns that a file has no heading of.
    missing: list[str] = field(default_factory=list)
    #: What only the user can settle, and the lines to choose one of.
    doubts: list[str] = field(default_factory=list)
    choices: list[str] = field(default_factory=list)
    readings: dict[str, str] = field(default_factory=dict)
    #: Columns most of whose values cannot be read, and what a run would say of each.
    unreadable: dict[str, str] = field(default_factory=dict)
    #: Columns with some cells that cannot be read.
    unread: dict[str, legible.Unread] = field(default_factory=dict)
    #: Order of a date's numbers → the formats to configure, and how many dates they do not read. Of doubtful dates.
    orders: dict[str, tuple[list[str], int]] = field(default_factory=dict)
    #: Decimal sign → how many doubtful amounts speak for it: money has no third decimal.
    signs: dict[str, int] = field(default_factory=dict)


def try_feed(
    connection: duckdb.DuckDBPyConnection, source: Source, name: str, samples: Sequence[Tried], scratch: Path
) -> Trial:
    """Reads a feed's files as the ingest would, and says in which columns it would not know how."""
    trial = Trial()
    feed = source.feeds[name]
    for number, sample in enumerate(samples):
        target = scratch / f"{name}-{number}.parquet"
        provenance = Provenance(source.name, name, str(number), "2000-01-01 00:00:00")
        try:
            loaded = load_file(connection, sample.delivered, source, feed, provenance, target, scratch_dir=scratch)
        except RefusedFileError as error:
            trial.refusals.append(f"{sample.shown} {error}")
            trial.missing += [error.column] if isinstance(error, MissingColumnError) else []
            continue
        trial.loaded += loaded.rows_loaded
        trial.rejected += len(loaded.rejects)
        trial.files.append(target)
        trial.columns += [column for column in _filled(connection, target) if column not in trial.columns]
        trial.headings += [heading for heading in loaded.headings if heading not in trial.headings]
        rejected = [reject.row_number for reject in loaded.rejects]
        filled = [column for column, count in _filled(connection, target).items() if count]
        file = Candidate(connection, target, source, feed, filled, loaded.headings, rejected)
        _prove(file, trial)
        _judge(file, trial)
    return trial


def _judge(file: Candidate, trial: Trial) -> None:
    """What a run would refuse of a file whose dates and numbers are beyond doubt."""
    try:
        refuse_repeated_ids(file)
    except RefusedFileError as error:
        trial.refusals.append(str(error))
    if trial.doubts:
        return
    for column in legible.JUDGED:
        if column in file.filled:
            try:
                legible.demand_readable(replace(file, filled=[column]), trial.readings)
            except RefusedFileError as error:
                trial.unreadable[column] = str(error)
    some = legible.unread(file, trial.readings)
    for column, cells in some.items():
        trial.unread[column] = trial.unread[column] + cells if column in trial.unread else cells


def _prove(file: Candidate, trial: Trial) -> None:
    feed = file.feed
    filled = [name for name in file.filled if name in feed.kinds]
    doubtful: dict[str, str] = {}
    # column by column, to tell what each doubt is about; what a log says hangs on several
    asked = [filled] if feed.entity == "deal_changes" else [[column] for column in filled]
    for columns in asked:
        try:
            trial.readings |= format_inference.readings(replace(file, filled=columns))
        except RefusedFileError as error:
            doubtful["changed_at" if feed.entity == "deal_changes" else columns[0]] = str(error)
    forms = typed_columns.read_columns(feed.entity, feed.field_kinds)
    trial.doubts += [message for message in doubtful.values() if message not in trial.doubts]
    dates = [column for column in doubtful if forms.get(column) in ("days", "moments")]
    if dates:
        for order, (formats, unread) in _date_formats(replace(file, filled=filled), dates, trial.readings).items():
            known, before = trial.orders.get(order, ([], 0))
            trial.orders[order] = (sorted({*known, *formats}), before + unread)
            line = f"date_formats: {scalars(formats)}"
            if not unread and line not in trial.choices:
                trial.choices.append(line)
    if len(dates) < len(doubtful):
        numbers = [column for column in doubtful if column not in dates and column in filled]
        _weigh_signs(file.connection, file.path, numbers, trial)
        trial.choices += [
            line for line in ('decimal_separator: "."', 'decimal_separator: ","') if line not in trial.choices
        ]


def _filled(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[str, int]:
    relation = connection.read_parquet(str(path))
    counts = ", ".join(f'count("{name}")' for name in relation.columns)
    row = connection.execute(f"select {counts} from read_parquet(?)", [str(path)]).fetchone() or ()
    return dict(zip(relation.columns, row, strict=True))


def _date_formats(file: Candidate, doubtful: list[str], readings: dict[str, str]) -> dict[str, tuple[list[str], int]]:
    """The formats of each order of doubtful dates, and how many they do not read; all dates of the feed are in them.

    A configured feed is read by its formats alone, so those of its other columns have to stand beside them.
    """
    cells = _numbered_dates(file)
    found = {}
    for order in _ORDERS:
        formats = sorted(
            {
                date_order.format_of(cell, order if column in doubtful else readings.get(column, order))
                for column, cell in cells
            }
        )
        wanted = [cell for column, cell in cells if column in doubtful]
        if wanted:
            found[order] = (formats, _unread(file.connection, wanted, formats))
    return found


def _unread(connection: duckdb.DuckDBPyConnection, cells: list[str], formats: list[str]) -> int:
    (unread,) = connection.execute(
        "select count(*) from (select unnest(?) as cell) where try_strptime(cell, ?) is null", [cells, formats]
    ).fetchone() or (0,)
    return int(unread)


def _weigh_signs(connection: duckdb.DuckDBPyConnection, path: Path, columns: list[str], trial: Trial) -> None:
    """How many amounts have a sign where money has its decimal one, or where it parts its thousands."""
    for column in columns:
        for sign, mark, mark_of_thousands in (("point", "[.]", ","), ("comma", ",", "[.]")):
            (votes,) = connection.execute(
                f"select count(*) from read_parquet(?) where regexp_matches({column}, ?)",
                [str(path), rf"{mark}[0-9]{{1,2}}([^0-9]|$)|{mark_of_thousands}[0-9]{{3}}([^0-9]|$)"],
            ).fetchone() or (0,)
            trial.signs[sign] = trial.signs.get(sign, 0) + int(votes)


def _numbered_dates(file: Candidate) -> list[tuple[str, str]]:
    """Column and cell of every different date of three numbers in the columns that hold dates."""
    forms = typed_columns.read_columns(file.feed.entity, file.feed.field_kinds)
    columns = [name for name, form in forms.items() if form in ("days", "moments") and name in file.filled]
    selects = [
        f"select '{name}' as name, "
        + ("unnest(json_extract_string(stage_dates, '$[*].entered'))" if name == "stage_dates" else name)
        + f" as cell from read_parquet({text(str(file.path))})"
        for name in columns
    ]
    if not selects:
        return []
    rows = file.connection.execute(f"select distinct name, cell from ({' union all '.join(selects)})").fetchall()
    return [(name, cell) for name, cell in rows if cell and re.match(r"\d{1,2}[./ -]\d{1,2}[./ -]\d{2,4}", cell)]
