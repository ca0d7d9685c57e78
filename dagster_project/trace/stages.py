"""The figures of a stage (metric 10, `drop_off_rate`, and its like): the visits that began in the month."""

from __future__ import annotations

from datetime import date

import duckdb

from dagster_project.config.metrics import metrics
from dagster_project.errors import ConfigurationError
from dagster_project.trace.figures import Listed, Traced, from_sums
from dagster_project.wording import near_name

MART = "mart_stage_metrics"
GRAIN = "stage"
#: Part → which visits are in it; each adds 1, to `days` its days.
_PARTS = {
    "entered": "true",
    "advanced": "outcome = 'advanced'",
    "regressed": "outcome = 'regressed'",
    "lost": "outcome = 'lost'",
    "open": "outcome = 'open'",
    "days": "outcome != 'open'",
}
_WITH_KEYS = (
    f"marts.{MART} as mart inner join marts.dim_stages as stages "
    "on mart.source = stages.source and mart.pipeline = stages.pipeline and mart.stage = stages.stage"
)
#: The value of these is not the sum of parts, but of the days of visits that ended.
_OF_DAYS = {"days_in_stage_mean": "avg", "days_in_stage_median": "median"}


def traceable() -> list[str]:
    """The metrics of a stage whose visits give the figure."""
    known = _PARTS.keys() | _OF_DAYS.keys()
    return [one.name for one in metrics(MART) if one.name in known or one.numerator]


def trace(connection: duckdb.DuckDBPyConnection, name: str, month: date, stage_key: str | None) -> Traced:
    """Raises ConfigurationError for a metric, month or stage that there is not."""
    if name not in traceable():
        near = near_name(name, traceable())
        raise ConfigurationError(
            f"'{name}' of a stage cannot be traced to visits{f'; did you mean {near}?' if near else ''}; "
            f"these can: {', '.join(traceable())}"
        )
    row = connection.execute(
        f"select mart.{name} from {_WITH_KEYS} where mart.month = ? and stages.stage_key = ?", [month, stage_key]
    ).fetchone()
    if row is None:
        raise ConfigurationError(_no_stage(connection, month, stage_key))
    one = next(one for one in metrics(MART) if one.name == name)
    numerator, denominator = (name, "") if one.numerator is None else (one.numerator, str(one.denominator))
    if name in _OF_DAYS:
        numerator = "days"
    named = [part for part in _PARTS if part in f"{numerator} {denominator}".split()]
    records = [listed for part in named for listed in _visits(connection, part, month, stage_key)]
    published = None if row[0] is None else float(row[0])
    formula = f"{numerator} ÷ ({denominator})" if denominator else numerator
    if name in _OF_DAYS:
        formula = f"{name.rpartition('_')[2]} of days_in_stage of visits that ended"
        days = [one.adds for one in records]
        answer = connection.execute(f"select {_OF_DAYS[name]}(day) from unnest(?::double[]) as days(day)", [days])
        (computed,) = answer.fetchone() or (None,)
    else:
        asked = f"({numerator}) / nullif({denominator}, 0)" if denominator else numerator
        computed = from_sums(connection, named, records, asked)
    return Traced(name, month, GRAIN, stage_key, published, formula, records, computed)


def _visits(connection: duckdb.DuckDBPyConnection, part: str, month: date, stage_key: str | None) -> list[Listed]:
    """Each with its deal's key; a deal that came twice stands twice."""
    rows = connection.execute(
        f"select visits.deal_key, deals.deal_name, {'visits.days_in_stage' if part == 'days' else '1'} "
        "from marts.fct_stage_visits as visits left join marts.fct_deals as deals on visits.deal_key = deals.deal_key "
        f"where visits.stage_key = ? and date_trunc('month', visits.entered_on) = ? and {_PARTS[part]} "
        "order by visits.deal_key, visits.entered_at",
        [stage_key, month],
    ).fetchall()
    return [Listed(part, "visits", key, name, float(adds)) for key, name, adds in rows]


def _no_stage(connection: duckdb.DuckDBPyConnection, month: date, stage_key: str | None) -> str:
    first, last = connection.execute(f"select min(month), max(month) from marts.{MART}").fetchone() or (None, None)
    if first is None or not first <= month <= last:
        return f"--month: {month:%Y-%m} is not published; there are the months from {first} to {last}"
    rows = connection.execute(f"select distinct stages.stage_key from {_WITH_KEYS} order by 1").fetchall()
    keys = [key for (key,) in rows]
    near = near_name(stage_key or "", keys)
    meant = f"; did you mean '{near}'?" if near else ""
    return (
        f"--value: there is no open stage '{stage_key or 'none'}'{meant}; a stage is <source>:<pipeline>:<stage>, such "
        f"as {', '.join(keys[:8])}{' …' if len(keys) > 8 else ''}"
    )
