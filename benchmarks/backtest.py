"""How well the forecast did beside the naive ones, as a Markdown table: `python benchmarks/backtest.py WAREHOUSE_DIR`.

Errors are sums of absolute errors over the sum of what came (WAPE), by months ahead, over the rows of
`mart_forecast_backtest` in which both the forecast and the naive one it is compared with have a value.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import duckdb

NAIVE = {
    "trailing_mean_amount": "trailing mean",
    "last_year_amount": "last year",
    "crm_amount": "CRM probability",
}

QUERY = """
with told as (
    select * from marts.mart_forecast_backtest
    where expected_amount is not null
)

select
    months_ahead,
    count(*) as forecasts,
    sum(actual_amount) as actual,
    sum(abs(error)) / nullif(sum(actual_amount), 0) as ours,
    sum(error) / nullif(sum(actual_amount), 0) as bias,
    avg(cast(is_within_interval as integer)) as coverage
    {comparisons}
from told
group by months_ahead
having sum(actual_amount) > 0
order by months_ahead
"""

COMPARISON = """,
    sum(abs(error)) filter ({name} is not null) / nullif(sum(actual_amount) filter ({name} is not null), 0),
    sum(abs({name} - actual_amount)) filter ({name} is not null)
    / nullif(sum(actual_amount) filter ({name} is not null), 0),
    count({name})
"""


def table(warehouse: Path) -> list[str]:
    """The lines of the table, of the published database of a warehouse folder."""
    query = QUERY.format(comparisons="".join(COMPARISON.format(name=name) for name in NAIVE))
    with duckdb.connect(str(warehouse / "pipeline.duckdb"), read_only=True) as connection:
        rows = connection.execute(query).fetchall()
    heads = ["months ahead", "forecasts", "error", "bias", "in the interval"]
    heads += [f"error: ours / {label} (of)" for label in NAIVE.values()]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for months, forecasts, _, ours, bias, coverage, *compared in rows:
        cells = [str(months), str(forecasts), _percent(ours), _percent(bias, sign=True), _percent(coverage)]
        for mine, theirs, count in zip(*[iter(compared)] * 3, strict=True):
            cells.append(f"{_percent(mine)} / {_percent(theirs)} ({count})" if count and mine is not None else "")
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _percent(value: float, sign: bool = False) -> str:
    return f"{value:+.0%}" if sign else f"{value:.0%}"


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("warehouse", type=Path, help="a WAREHOUSE_DIR that a night has published to")
    print("\n".join(table(parser.parse_args().warehouse)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
