"""What the team makes of the night: downstream of what it publishes."""

import os
from pathlib import Path

import dagster as dg
import duckdb

WAREHOUSE = Path(os.environ.get("WAREHOUSE_DIR", Path(__file__).parents[2] / "warehouse"))


@dg.asset(deps=[dg.AssetKey(["publish", "pipeline_duckdb"])], group_name="sales_ops")
def pipeline_by_team() -> dg.MaterializeResult:
    """Open amount by team, in the reporting currency."""
    with duckdb.connect(str(WAREHOUSE / "pipeline.duckdb"), read_only=True) as connection:
        rows = connection.execute(
            "select coalesce(team, '(none)'), sum(amount_reporting) from marts.deals_wide "
            "where status = 'open' group by all order by all"
        ).fetchall()
    return dg.MaterializeResult(metadata={team: None if amount is None else float(amount) for team, amount in rows})
