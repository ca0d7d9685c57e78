"""`dealtrail trace <metric>`: the records that a cell of the monthly metrics is made of, part by part.

The figure is computed from the listed records again, beside what is published.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import duckdb

from dagster_project import sql
from dagster_project.config.metrics import metrics
from dagster_project.errors import ConfigurationError
from dagster_project.trace.parts import metric_parts, parts_of, said
from dagster_project.wording import near_name

MART = "mart_monthly_metrics"
#: Entity → its fact, key and name, and the day of its creation; of a deal also what the parts ask for.
_FACTS = {
    "deals": ("marts.fct_deals", "deal_key", "deal_name", "created_on"),
    "leads": ("marts.fct_leads", "lead_key", "lead_name", "created_on"),
    "spend": (
        "(select *, concat_ws(' ', source, spent_on, pipeline, owner_key, segment, lead_source, campaign) "
        "as spend_key, campaign as spend_name, case when amount_reporting is null then 1 end as rows_without_rate, "
        "'spent' as status from marts.fct_spend)",
        "spend_key",
        "spend_name",
        "spent_on",
    ),
}
_GRAINS = {
    "all": "'all'",
    "source": "source",
    "pipeline": "case when pipeline is not null then concat_ws('', source, ':', pipeline) end",
    "owner": "owner_key",
    "segment": "segment",
    "lead_source": "lead_source",
}
#: Of metrics that are no quotient of parts: the values whose median is taken.
_MEDIANS = {
    "response_hours_median": ("answered_leads", "response_hours"),
    "sales_cycle_days_median": ("won_deals_with_cycle", "sales_cycle_days"),
}


@dataclass(frozen=True)
class Listed:
    """A record of a part: what it adds to it."""

    part: str
    entity: str
    record_key: str
    name: str | None
    adds: float


@dataclass(frozen=True)
class Traced:
    """A published figure, how it is computed, its records, and what they give."""

    metric: str
    month: date
    grain: str
    grain_value: str | None
    published: float | None
    formula: str
    records: list[Listed]
    computed: float | None

    @property
    def plain(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {**asdict(self), "month": self.month.isoformat()}


def traceable() -> list[str]:
    """The metrics whose records can be listed."""
    parts = said("metric_parts").keys() | said("metric_quotients").keys() | _MEDIANS.keys()
    return [one.name for one in metrics(MART) if one.name in parts]


def trace(connection: duckdb.DuckDBPyConnection, name: str, month: date, grain: str, grain_value: str | None) -> Traced:
    """Raises ConfigurationError for a metric, grain, month or value that there is not."""
    _check(name)
    grains = _grains(connection)
    if grain not in grains:
        raise ConfigurationError(f"--grain: there is no grain '{grain}'; allowed: {', '.join(grains)}")
    value = "all" if grain == "all" else grain_value
    row = connection.execute(
        f"select {name} from marts.{MART} where month = ? and grain = ? and grain_value is not distinct from ?",
        [month, grain, value],
    ).fetchone()
    if row is None:
        raise ConfigurationError(_no_cell(connection, month, grain, value))
    numerator, denominator = _formula(name)
    named = [part for part in metric_parts() if re.search(rf"\b{part}\b", f"{numerator} {denominator}")]
    records = [listed for part in named for listed in _records(connection, part, month, grain, value)]
    published = None if row[0] is None else float(row[0])
    formula = f"{numerator} ÷ {denominator}" if denominator else numerator
    if name in _MEDIANS:
        formula = f"median of {_MEDIANS[name][1]}"
    computed = _computed(connection, name, named, records, numerator, denominator)
    if computed is not None and published is None:
        # what is not defined in the grain, or told by no source
        computed = None
    return Traced(name, month, grain, value, published, formula, records, computed)


def _grains(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Those that are published: the usual ones, and fields of deals."""
    found = connection.execute(f"select distinct grain from marts.{MART}").fetchall()
    return [*_GRAINS, *sorted({grain for (grain,) in found} - _GRAINS.keys())]


def _check(name: str) -> None:
    allowed = traceable()
    if name in allowed:
        return
    near = near_name(name, allowed)
    meant = f"; did you mean {near}?" if near else ""
    raise ConfigurationError(
        f"'{name}' cannot be traced to records{meant}; these can: {', '.join(allowed)}; and a deal, as `deal <key>`"
    )


def _formula(name: str) -> tuple[str, str]:
    if name in _MEDIANS:
        return _MEDIANS[name][0], ""
    found = parts_of(name)
    assert found is not None, name
    return found


def _records(
    connection: duckdb.DuckDBPyConnection, part: str, month: date, grain: str, value: str | None
) -> Iterator[Listed]:
    of_month, entity, adds = metric_parts()[part]
    fact, key, name, created = _FACTS[entity]
    # a field that is a grain is one of deals
    value_of = _GRAINS.get(grain, f"json_extract_string(fields, '$.{grain}')")
    if (entity == "leads" and grain in ("pipeline", "segment")) or (entity != "deals" and grain not in _GRAINS):
        return
    start = f"date '{month.isoformat()}'"
    closed = "closed_on" if entity == "deals" else "null::date"
    when = {
        "created": f"date_trunc('month', {created}) = {start}",
        "closed": f"date_trunc('month', {closed}) = {start}",
        "worked": f"date_trunc('month', {created}) <= {start} and ({closed} is null or ({closed} >= {start} "
        f"and date_trunc('month', {closed}) >= date_trunc('month', {created})))",
    }[of_month]
    counted = "status != 'deleted'" if entity == "deals" else "true"
    # money without the attribute counts in no value of the grain
    counted += f" and {value_of} is not null" if entity == "spend" else ""
    rows = connection.execute(
        f"select {key}, {name}, cast({adds} as double) as adds from {fact} "
        f"where {counted} and {when} and {value_of} is not distinct from {sql.text(value) if value else 'null'} "
        f"and ({adds}) != 0 order by {key}"
    ).fetchall()
    yield from (Listed(part, entity, record_key, record_name, added) for record_key, record_name, added in rows)


def _computed(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    named: list[str],
    records: list[Listed],
    numerator: str,
    denominator: str,
) -> float | None:
    """The figure from the listed records alone."""
    if name in _MEDIANS:
        keys = [one.record_key for one in records]
        fact, key, _, _ = _FACTS["leads" if name.startswith("response") else "deals"]
        row = connection.execute(
            f"select median({_MEDIANS[name][1]}) from {fact} where list_contains(?, {key})", [keys]
        ).fetchone()
        return None if row is None or row[0] is None else float(row[0])
    sums = {part: sum(one.adds for one in records if one.part == part) for part in named}
    values = ", ".join(f"cast({total!r} as double) as {part}" for part, total in sums.items())
    asked = f"({numerator}) / nullif({denominator}, 0)" if denominator else numerator
    row = connection.execute(f"select {asked} from (select {values})").fetchone()
    return None if row is None or row[0] is None else float(row[0])


def _no_cell(connection: duckdb.DuckDBPyConnection, month: date, grain: str, value: str | None) -> str:
    first, last = connection.execute(f"select min(month), max(month) from marts.{MART}").fetchone() or (None, None)
    if first is None or not first <= month <= last:
        return f"--month: {month:%Y-%m} is not published; there are the months from {first} to {last}"
    values = [
        str(row[0])
        for row in connection.execute(
            f"select distinct grain_value from marts.{MART} where grain = ? and grain_value is not null order by 1",
            [grain],
        ).fetchall()
    ]
    near = near_name(value or "", values)
    meant = f"; did you mean '{near}'?" if near else ""
    return (
        f"--value: the grain {grain} has no value '{value or 'none'}'{meant}; there are "
        f"{', '.join(values[:8])}{' …' if len(values) > 8 else ''}"
    )


def text(traced: Traced) -> Iterator[str]:
    """As a person reads it."""
    where = traced.grain if traced.grain == "all" else f"{traced.grain} {traced.grain_value or '(none)'}"
    yield f"{traced.metric}, {traced.month:%Y-%m}, {where}: {_said(traced.published)} = {traced.formula}"
    if traced.published is None and traced.computed is None and not traced.records:
        yield "  no record counts here, or the figure is not defined for this grain"
    for part in dict.fromkeys(one.part for one in traced.records):
        of_part = [one for one in traced.records if one.part == part]
        yield f"  {part}: {_said(sum(one.adds for one in of_part))}"
        for one in of_part:
            adds = "" if one.adds == 1 else f"  {_said(one.adds)}"
            yield f"    {one.record_key}  {one.name or ''}{adds}"


def _said(value: float | None) -> str:
    if value is None:
        return "unknown"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.6g}" if abs(value) < 1000 else f"{value:,.2f}"
