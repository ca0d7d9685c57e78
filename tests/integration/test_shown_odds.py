"""Odds are shown to people where they were better than the base rate, worked by hand; the tables keep all of them."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from dagster_project.publish.shown_odds import SHOWN_OUTLOOK, why_left_out
from tests.conftest import Warehouse


@pytest.fixture
def published() -> Iterator[duckdb.DuckDBPyConnection]:
    """A deal with odds. This month's were better than the base rate, the quarter's in one cut of two and not in all."""
    with duckdb.connect() as connection:
        connection.execute("""
            create schema marts;
            create table marts.mart_deal_outlook as select
                'crm:1' as deal_key, 0.1 as p_won_this_month, 0.15 as p_won_next_month, 0.2 as p_won_this_quarter,
                0.3 as p_won, 0.4 as slip_probability;
            create table marts.mart_outlook_calibration as from (values
                ('this_month', 'combined', 30, 0.10, 0.20), ('this_month', 'combined', 10, 0.20, 0.10),
                ('this_quarter', 'combined', 10, 0.10, 0.20), ('this_quarter', 'combined', 30, 0.20, 0.10),
                ('this_quarter', 'ours', 90, 0.00, 0.20)
            ) as cells (horizon, odds, deals, combined_brier, base_brier);
        """)
        yield connection


def test_odds_that_were_worse_than_the_base_rate_or_were_never_judged_are_not_shown(
    published: duckdb.DuckDBPyConnection,
) -> None:
    shown = published.execute(f"""
        select p_won_this_month, p_won_next_month, p_won_this_quarter, p_won, slip_probability from {SHOWN_OUTLOOK}
    """).fetchall()
    assert [tuple(map(str, row)) for row in shown] == [("0.1", "0.15", "None", "None", "None")]


def test_and_it_is_said_why(published: duckdb.DuckDBPyConnection) -> None:
    # the quarter: (10 × 0.10 + 30 × 0.20) / 40 = 0.175 against (10 × 0.20 + 30 × 0.10) / 40 = 0.125
    assert why_left_out(published) == [
        "Odds of being won this quarter are left out: at past month-ends they were no better than the base rate "
        "(Brier score 0.1750, base rate 0.1250).",
        "Odds of being won at all are left out: no past month-end tells yet how right they are.",
    ]


def test_the_sample_shows_its_odds(sample: Warehouse) -> None:
    differing = f"""
        select count(*) from {SHOWN_OUTLOOK} as shown
        inner join marts.mart_deal_outlook as kept on shown.deal_key = kept.deal_key
        where (shown.p_won, shown.p_won_this_quarter) is distinct from (kept.p_won, kept.p_won_this_quarter)
    """
    assert sample.value(differing) == 0
    assert sample.value("select count(p_won) from marts.mart_deal_outlook") > 100
