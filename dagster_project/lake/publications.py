"""What lies in lake/published: a file for each published night, and one for all nights of a month that is over.

    lake/published/<moment>-<run>.parquet     a night (transform/publications.py writes and reads its rows)
                   month-<yyyymm>.parquet     the nights of a month, brought together: the same rows, and beside them
                                              `_moment` and `_run`, those of whose rows say the same side by side

Of several publications of one moment the last run's counts, wherever it lies. So a kill between the two steps of
bringing a month together (its file in place, the single ones away) leaves the same publications.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dagster_project import sql
from dagster_project.lake import inventory

PUBLISHED = "published"
_MONTH = "month-"
#: What stands side by side in a month's file: a figure, a record, as each night says it.
_ORDER = (
    *("kind", "entity", "record_key", "source", "feed", "sha256", "grain", "grain_value", "month", "metric"),
    *("cause", "field", "_moment"),
)


@dataclass(frozen=True)
class Publication:
    """What was published for a moment (UTC, `20260101T000000`), by a run, and where its rows lie."""

    moment: str
    run_id: str
    path: Path

    @property
    def is_of_month(self) -> bool:
        """Whether it lies in the file of its month."""
        return self.path.name.startswith(_MONTH)

    def rows(self, named: str) -> str:
        """A relation of its rows. `named`: its file, as SQL names it."""
        if not self.is_of_month:
            return f"read_parquet({named})"
        mine = f"_moment = {sql.text(self.moment)} and _run = {sql.text(self.run_id)}"
        return f"(select * exclude (_moment, _run) from read_parquet({named}) where {mine})"


def publications(lake_dir: Path, since: str = "") -> dict[str, Publication]:
    """Moment → what counts of it, in the order of the moments.

    Before the moment `since` some may be left out: files of months that were over are not looked into.
    """
    found = [*_singles(lake_dir), *_in_months(path for path in _months(lake_dir) if _name_of(path) >= since[:6])]
    # of the same run the single file
    counts = sorted(found, key=lambda one: (one.moment, one.run_id, not one.is_of_month))
    return {one.moment: one for one in counts}


def last_before(lake_dir: Path, moment: str) -> Publication | None:
    """The last publication of a moment before this one."""
    singles = [one for one in _singles(lake_dir) if one.moment < moment]
    newest = max((one.moment for one in singles), default="")
    earlier = [one for one in publications(lake_dir, newest).values() if one.moment < moment]
    return earlier[-1] if earlier else None


def rows_of(listed: Iterable[Publication]) -> str:
    """A relation of the rows of several publications, each with its `_moment`; there has to be one."""
    of_file: dict[Path, list[Publication]] = {}
    for one in listed:
        of_file.setdefault(one.path, []).append(one)
    parts = []
    for path, inside in of_file.items():
        if inside[0].is_of_month:
            pairs = ", ".join(f"({sql.text(one.moment)}, {sql.text(one.run_id)})" for one in inside)
            parts.append(
                f"select * exclude (_run) from read_parquet({sql.text(path)}) where (_moment, _run) in ({pairs})"
            )
    singles = [path for path, inside in of_file.items() if not inside[0].is_of_month]
    if singles:
        files = ", ".join(map(sql.text, singles))
        parts.append(
            "select * exclude (filename), split_part(parse_filename(filename), '-', 1) as _moment "
            f"from read_parquet([{files}], union_by_name = true, filename = true)"
        )
    return f"({' union all by name '.join(parts)})"


def bring_months_together(connection: duckdb.DuckDBPyConnection, lake_dir: Path, kept: set[str]) -> int:
    """Brings the nights of each month that was over by the last publication into one file; how many were written.

    `kept`: names of files that stay, those of published versions, which would be kept again.
    """
    for unfinished in (lake_dir / PUBLISHED).glob("*.unfinished"):
        unfinished.unlink()
    singles = _singles(lake_dir)
    running = max((one.moment for one in singles), default="")[:6]
    written = 0
    for month in sorted({one.moment[:6] for one in singles if one.moment[:6] < running}):
        mine = [one for one in singles if one.moment.startswith(month) and one.path.name not in kept]
        target = lake_dir / PUBLISHED / f"{_MONTH}{month}.parquet"
        before = _in_months([target] if target.exists() else [])
        counts = {one.moment: one for one in sorted([*before, *mine], key=lambda one: (one.moment, one.run_id))}
        if mine and len(counts) > 1:
            _write(connection, list(counts.values()), target, lake_dir)
            inventory.take_away([one.path for one in mine], lake_dir)
            written += 1
    return written


def _singles(lake_dir: Path) -> list[Publication]:
    names = sorted(path for path in (lake_dir / PUBLISHED).glob("*.parquet") if not path.name.startswith(_MONTH))
    return [Publication(moment, run_id, path) for path in names for moment, _, run_id in [path.stem.partition("-")]]


def _months(lake_dir: Path) -> list[Path]:
    return sorted((lake_dir / PUBLISHED).glob(f"{_MONTH}*.parquet"))


def _name_of(month: Path) -> str:
    """The month of a file, `202601`."""
    return month.stem.removeprefix(_MONTH)


def _in_months(paths: Iterable[Path]) -> list[Publication]:
    """What lies in the files of months."""
    files = ", ".join(map(sql.text, paths))
    if not files:
        return []
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"select _moment, _run, filename from read_parquet([{files}], union_by_name = true, filename = true) "
            "where kind = 'night' order by all"
        ).fetchall()
    return [Publication(moment, run_id, Path(path)) for moment, run_id, path in rows]


def _write(connection: duckdb.DuckDBPyConnection, nights: list[Publication], target: Path, lake_dir: Path) -> None:
    parts = " union all by name ".join(
        f"select *, {sql.text(one.moment)} as _moment, {sql.text(one.run_id)} as _run "
        f"from {one.rows(sql.text(one.path))}"
        for one in nights
    )
    unfinished = target.with_suffix(".unfinished")
    # a row of a record that was forgotten is of no kind any more
    connection.execute(
        f"copy (select * from ({parts}) where kind is not null order by {', '.join(_ORDER)}) "
        f"to {sql.text(unfinished)} (format parquet, compression zstd, parquet_version v2)"
    )
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    inventory.place(unfinished, target, lake_dir)
