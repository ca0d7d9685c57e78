"""`dealtrail explain --since <day>`: two published nights side by side, and what each night between them changed.

Values are those that both published. Causes are added up over the nights between, each compared with the one before it;
what they do not account for, because a night was published anew in between, is said to be `not told apart`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.config.metrics import metrics
from dagster_project.errors import ConfigurationError
from dagster_project.lake.publications import Publication, publications, rows_of
from dagster_project.quality.restated import apart, written

_MART = "mart_monthly_metrics"
NOT_TOLD = "not told apart"


@dataclass(frozen=True)
class Figure:
    """One cell's figure in both publications, and what each cause adds."""

    month: date
    metric: str
    grain: str
    grain_value: str | None
    before: float | None
    now: float | None
    causes: dict[str, float | None]


@dataclass
class Explained:
    """What differs between two moments, UTC."""

    since: datetime
    until: datetime
    figures: list[Figure]
    records: list[dict[str, Any]] = field(default_factory=list)
    #: Both were published; else they were built from the lake now.
    is_published: bool = True

    @property
    def plain(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {
            "since": self.since.isoformat() + "Z",
            "until": self.until.isoformat() + "Z",
            "published": self.is_published,
            "figures": [{**asdict(one), "month": one.month.isoformat()} for one in self.figures],
            "records": [{**one, "month": one["month"].isoformat()} for one in self.records],
        }


def explain(  # noqa: PLR0913 - each narrows what is shown
    lake_dir: Path,
    since: date,
    until: date | None,
    metric: str | None,
    month: date | None,
    grain: str,
    grain_value: str | None,
) -> Explained:
    """Compares the last publication of a day or an earlier one with the last of another day, or of all.

    Raises ConfigurationError where there is none.
    """
    nights = _nights(lake_dir)
    if not nights:
        raise ConfigurationError("nothing is published yet: explain compares two published nights")
    before = [night for night in nights if night[1] <= since]
    after = [night for night in nights if until is None or night[1] <= until]
    days = ", ".join(str(night[1]) for night in nights[-8:])
    if not before:
        raise ConfigurationError(f"--since {since}: nothing was published by then; published nights: {days}")
    if not after or after[-1][0] <= before[-1][0]:
        raise ConfigurationError(f"nothing was published after {before[-1][1]}; published nights: {days}")
    return _compared(
        [night for night in nights if before[-1][0] <= night[0] <= after[-1][0]], metric, month, grain, grain_value
    )


def explain_built(
    lake_dir: Path, metric: str | None, month: date | None, grain: str, grain_value: str | None
) -> Explained:
    """Compares the first with the last of what was built into a lake of its own (moments.py)."""
    told = _compared(_nights(lake_dir), metric, month, grain, grain_value)
    told.is_published = False
    return told


def _compared(
    nights: list[tuple[datetime, date, Publication]],
    metric: str | None,
    month: date | None,
    grain: str,
    grain_value: str | None,
) -> Explained:
    """The first with the last, by what each after the first changed."""
    first, last = nights[0], nights[-1]
    between = [one for _, _, one in nights[1:]]
    with duckdb.connect() as connection:
        condition, parameters = _condition(metric, month, grain, grain_value)
        causes = _causes(connection, between, condition, parameters)
        figures = list(_figures(connection, first[2], last[2], causes, metric, month, grain, grain_value))
        records = _records(connection, between, month) if grain == "all" else []
    return Explained(first[0], last[0], figures, records)


def _nights(lake_dir: Path) -> list[tuple[datetime, date, Publication]]:
    """Moment (UTC), day and publication of all that the lake keeps, by moment."""
    kept = publications(lake_dir)
    if not kept:
        return []
    rows = duckdb.execute(
        f"select _moment, as_of, seen_on from {rows_of(kept.values())} where kind = 'night' order by as_of"
    ).fetchall()
    return [(as_of, seen_on, kept[moment]) for moment, as_of, seen_on in rows]


def _condition(metric: str | None, month: date | None, grain: str, grain_value: str | None) -> tuple[str, list[Any]]:
    said: list[str] = ["grain = ?"]
    parameters: list[Any] = [grain]
    for column, value in (("metric", metric), ("month", month), ("grain_value", grain_value)):
        if value is not None:
            said.append(f"{column} = ?")
            parameters.append(value)
    return " and ".join(said), parameters


def _causes(
    connection: duckdb.DuckDBPyConnection, between: list[Publication], condition: str, parameters: list[Any]
) -> dict[tuple[Any, ...], dict[str, float | None]]:
    rows = connection.execute(
        "select month, metric, grain, grain_value, cause, "
        "case when count(difference) = count(*) then sum(difference) end "
        f"from {rows_of(between)} where kind = 'restated' and {condition} group by all",
        parameters,
    ).fetchall()
    found: dict[tuple[Any, ...], dict[str, float | None]] = {}
    for *cell, cause, difference in rows:
        found.setdefault(tuple(cell), {})[cause] = difference
    return found


def _figures(  # noqa: PLR0913 - as of explain
    connection: duckdb.DuckDBPyConnection,
    first: Publication,
    last: Publication,
    causes: dict[tuple[Any, ...], dict[str, float | None]],
    metric: str | None,
    month: date | None,
    grain: str,
    grain_value: str | None,
) -> Iterator[Figure]:
    """Months that the first publication had, and that were over then."""
    names = [one.name for one in metrics(_MART) if metric in (None, one.name)]
    if not names:
        raise ConfigurationError(f"--metric: there is no metric '{metric}' in {_MART}")
    condition, parameters = _condition(None, month, grain, grain_value)
    columns = ", ".join(names)
    told, counted = (
        {
            (row[0], row[1]): dict(zip(names, row[2:], strict=True))
            for row in connection.execute(
                f"select month, grain_value, {columns} from {rows_of([one])} "
                f"where kind = 'cell' and {condition}" + (" and is_complete_month" if one == first else ""),
                parameters,
            ).fetchall()
        }
        for one in (first, last)
    )
    for (at, value), row in sorted(told.items(), key=lambda one: (-one[0][0].toordinal(), str(one[0][1]))):
        for name in names:
            was, is_now = row[name], counted.get((at, value), {}).get(name)
            was, is_now = (None if one is None else float(one) for one in (was, is_now))
            if was == is_now or (
                was is not None and is_now is not None and abs(was - is_now) <= 1e-9 * max(abs(was), abs(is_now))
            ):
                continue
            of_cell = dict(causes.get((at, name, grain, value), {}))
            if was is not None and is_now is not None:
                rest = is_now - was - sum(difference or 0 for difference in of_cell.values())
                if abs(rest) > 1e-6 * max(abs(was), abs(is_now), 1):
                    of_cell[NOT_TOLD] = rest
            yield Figure(at, name, grain, value, was, is_now, of_cell)


def _records(
    connection: duckdb.DuckDBPyConnection, between: list[Publication], month: date | None
) -> list[dict[str, Any]]:
    """The records that a night between found changed, of months that were over, in the order of the nights."""
    result = connection.execute(
        "select left(_moment, 8) as night, month, cause, entity, record_key, field, before, now, file, row_number "
        f"from {rows_of(between)} where kind = 'changed' and record_key is not null and (month = ? or ? is null) "
        "order by _moment, month desc, entity, record_key, field",
        [month, month],
    )
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def text(told: Explained) -> Iterator[str]:
    """As a person reads it."""
    how = "published" if told.is_published else "built from the lake"
    yield f"{how} as of {told.since}Z, and as of {told.until}Z"
    if not told.figures:
        yield "no figure of a month that was over then is another one now"
    of_metric = {one.name: one for one in metrics(_MART)}
    for month, figures in groupby(told.figures, key=lambda one: one.month):
        yield f"{month:%b %Y}"
        for one in figures:
            before, now = apart(of_metric[one.metric], one.before, one.now)
            where = "" if one.grain == "all" else f" of {one.grain} {one.grain_value or '(none)'}"
            causes = ", ".join(
                f"{cause} {_signed(of_metric[one.metric], difference)}"
                for cause, difference in sorted(one.causes.items())
            )
            yield f"  {one.metric}{where} {before} → {now}" + (f": {causes}" if causes else "")
        records = [one for one in told.records if one["month"] == month]
        for key, of_record in groupby(records, key=lambda one: (one["night"], one["entity"], one["record_key"])):
            fields = list(of_record)
            said = "; ".join(f"{one['field']} {one['before'] or 'none'} → {one['now'] or 'none'}" for one in fields)
            place = f" ({fields[0]['file']}, row {fields[0]['row_number']})" if fields[0]["file"] else ""
            yield f"    {key[2]}  {fields[0]['cause']}: {said}{place}"


def _signed(said: Any, value: float | None) -> str:
    if value is None:
        return "?"
    return f"{'+' if value >= 0 else '−'}{written(said, abs(value), 2)}"
