"""`dealtrail trace <metric>`: the records that a cell of the monthly metrics is made of, part by part.

The figure is computed from the listed records again, beside what is published.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

import duckdb

from dagster_project import sql
from dagster_project.config.metrics import metrics
from dagster_project.errors import ConfigurationError
from dagster_project.trace import customers, stages
from dagster_project.trace.figures import Listed, Traced, from_sums
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


def traceable() -> list[str]:
    """The metrics whose records can be listed."""
    parts = said("metric_parts").keys() | said("metric_quotients").keys() | _MEDIANS.keys()
    parts |= customers.formulas(None).keys()
    return [one.name for one in metrics(MART) if one.name in parts]


def trace(connection: duckdb.DuckDBPyConnection, name: str, month: date, grain: str, grain_value: str | None) -> Traced:
    """A figure of the monthly metrics, or of a stage (grain `stage`), with its records.

    Raises ConfigurationError for a metric, grain, month or value that there is not.
    """
    if grain == stages.GRAIN:
        return stages.trace(connection, name, month, grain_value)
    _check(name)
    grains = _grains(connection)
    if grain not in grains:
        raise ConfigurationError(f"--grain: there is no grain '{grain}'; allowed: {', '.join(grains)}, {stages.GRAIN}")
    value = "all" if grain == "all" else grain_value
    row = connection.execute(
        f"select {name} from marts.{MART} where month = ? and grain = ? and grain_value is not distinct from ?",
        [month, grain, value],
    ).fetchone()
    if row is None:
        raise ConfigurationError(_no_cell(connection, month, grain, value))
    published = None if row[0] is None else float(row[0])
    formula, asked = _formula(connection, name)
    of_customers = [part for part in customers.PARTS if name in customers.formulas(None) and _names(asked, part)]
    named = [part for part in metric_parts() if _names(asked, part)]
    records = [one for part in of_customers for one in customers.records(connection, part, month, grain, value)]
    records += [one for part in named for one in _records(connection, part, month, grain, value)]
    if published is None:
        # what is not defined in the grain, or told by no source
        computed = None
    elif name in _MEDIANS:
        computed = _median(connection, name, records)
    else:
        computed = from_sums(connection, [*of_customers, *named], records, asked)
    return Traced(name, month, grain, value, published, formula, records, computed)


def _names(asked: str, part: str) -> bool:
    return re.search(rf"\b{part}\b", asked) is not None


def _grains(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Those that are published: the usual ones, and fields of deals."""
    found = connection.execute(f"select distinct grain from marts.{MART}").fetchall()
    return [*_GRAINS, *sorted({grain for (grain,) in found} - _GRAINS.keys())]


def _check(name: str) -> None:
    allowed = traceable()
    if name in allowed:
        return
    near = near_name(name, [*allowed, *stages.traceable()])
    meant = f"; did you mean {near}?" if near else ""
    raise ConfigurationError(
        f"'{name}' cannot be traced to records{meant}; these can: {', '.join(allowed)}; with `--grain stage --value "
        f"<source>:<pipeline>:<stage>` {', '.join(stages.traceable())}; and a deal, as `deal <key>`"
    )


def _formula(connection: duckdb.DuckDBPyConnection, name: str) -> tuple[str, str]:
    """How a metric is computed of parts: in words, and as SQL over their sums; of a median over what it is taken of."""
    if name in _MEDIANS:
        part, value = _MEDIANS[name]
        return f"median of {value}", part
    of_revenue = customers.formulas(customers.gross_margin(connection))
    if name in of_revenue:
        return of_revenue[name]
    found = parts_of(name)
    assert found is not None, name
    numerator, denominator = found
    if not denominator:
        return numerator, numerator
    return f"{numerator} ÷ {denominator}", f"({numerator}) / nullif({denominator}, 0)"


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


def _median(connection: duckdb.DuckDBPyConnection, name: str, records: list[Listed]) -> float | None:
    """Of the listed records alone."""
    keys = [one.record_key for one in records]
    fact, key, _, _ = _FACTS["leads" if name.startswith("response") else "deals"]
    row = connection.execute(
        f"select median({_MEDIANS[name][1]}) from {fact} where list_contains(?, {key})", [keys]
    ).fetchone()
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
