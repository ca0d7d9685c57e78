"""The figures of revenue (metric 11, `clv`, and what it is made of): the customers of the twelve months."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import duckdb

from dagster_project import sql
from dagster_project.trace.figures import Listed

#: Part → what a month of a customer adds to it (fct_customer_months).
PARTS = {
    "revenue": "revenue_reporting",
    "active_customer_months": "case when is_active then 1 end",
    "active_months_before": "case when was_active_month_before then 1 end",
    "churned_customers": "case when is_churned then 1 end",
}
_VALUES = {"all": "'all'", "source": "months.source", "segment": "months.segment"}
_PER_MONTH = "revenue / nullif(active_customer_months, 0)"
_CHURN = "churned_customers / nullif(active_months_before, 0)"


def formulas(gross_margin: float | None) -> dict[str, tuple[str, str]]:
    """Metric → how it is computed of PARTS, `spend` and `new_customers`: in words, and as SQL."""
    margin = f"cast({gross_margin!r} as double)" if gross_margin is not None else "null"
    clv = f"{_PER_MONTH} * {margin} / nullif({_CHURN}, 0)"
    said = "revenue ÷ active_customer_months × gross_margin ÷ (churned_customers ÷ active_months_before)"
    return {
        "revenue_12_months": ("revenue of the twelve months", "revenue"),
        **{part: (f"{part} of the twelve months", part) for part in PARTS if part != "revenue"},
        "clv": (said, clv),
        "clv_to_cac": (f"{said} ÷ (spend ÷ new_customers)", f"({clv}) / nullif(spend / nullif(new_customers, 0), 0)"),
    }


def gross_margin(connection: duckdb.DuckDBPyConnection) -> float | None:
    """That of the configuration the night was published with."""
    row = connection.execute("select max(gross_margin) from marts.fct_customer_years").fetchone()
    return None if row is None or row[0] is None else float(row[0])


def records(
    connection: duckdb.DuckDBPyConnection, part: str, month: date, grain: str, value: str | None
) -> Iterator[Listed]:
    """The customers of a grain value, with what each adds in the twelve months that end with this one."""
    if grain not in _VALUES:
        return
    rows = connection.execute(
        f"select months.account_key, any_value(accounts.account_name), cast(sum({PARTS[part]}) as double) as adds "
        "from marts.fct_customer_months as months "
        "left join marts.dim_accounts as accounts on months.account_key = accounts.account_key "
        f"where months.month between date '{month}' - interval 11 month and date '{month}' "
        f"and {_VALUES[grain]} is not distinct from {sql.text(value) if value else 'null'} "
        "group by months.account_key having adds != 0 order by months.account_key"
    ).fetchall()
    yield from (Listed(part, "accounts", key, name, adds) for key, name, adds in rows)
