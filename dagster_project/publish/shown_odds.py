"""Which odds of open deals are shown to people: those that were better than the base rate at past month-ends.

The tables have all of them, with `mart_outlook_calibration` beside them; pages, lists and digests are for people who do
not read that first (docs/outlook.md).
"""

from __future__ import annotations

import duckdb

#: Column of mart_deal_outlook → the horizon that it is judged by. Of a close in time, the quarter has to do.
_JUDGED_BY = {
    "p_won_this_month": "this_month",
    "p_won_this_quarter": "this_quarter",
    "p_won": "ever",
    "slip_probability": "this_quarter",
}
_SAID = {"this_month": "this month", "this_quarter": "this quarter", "ever": "at all"}

#: Horizon → Brier scores of the odds and of the base rate over all past month-ends, of the same deals.
SCORES = """
    select
        horizon,
        sum(deals * combined_brier) / sum(deals) as brier,
        sum(deals * base_brier) / sum(deals) as base_brier
    from marts.mart_outlook_calibration
    where odds = 'combined'
    group by horizon
"""
_SHOWN = ", ".join(
    f"case when {horizon} then outlook.{column} end as {column}" for column, horizon in _JUDGED_BY.items()
)
_HORIZONS = ", ".join(
    f"coalesce(bool_or(horizon = '{horizon}' and brier <= base_brier), false) as {horizon}" for horizon in _SAID
)
#: mart_deal_outlook as a relation to select from, its odds NULL where they are not shown.
SHOWN_OUTLOOK = f"""(
    select outlook.* replace ({_SHOWN})
    from marts.mart_deal_outlook as outlook
    cross join (select {_HORIZONS} from ({SCORES}))
)"""


def why_left_out(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """A sentence for each horizon whose odds are not shown."""
    scores = {horizon: (brier, base) for horizon, brier, base in connection.execute(SCORES).fetchall()}
    said = []
    for horizon, words in _SAID.items():
        brier, base = scores.get(horizon, (None, None))
        if brier is None or base is None:
            said.append(f"Odds of being won {words} are left out: no past month-end tells yet how right they are.")
        elif brier > base:
            said.append(
                f"Odds of being won {words} are left out: at past month-ends they were no better than the base rate "
                f"(Brier score {brier:.4f}, base rate {base:.4f})."
            )
    return said
