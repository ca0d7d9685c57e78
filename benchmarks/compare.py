"""The core results of a run, and where two databases disagree about them.

The published database and the baseline's have tables and columns of the same names, so both are asked the
same questions.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import duckdb

#: DOUBLE values are the same up to this relative difference; sums of them depend on their order.
RELATIVE_TOLERANCE = 1e-9

#: The rules that the baseline computes.
RULES = ("stale_deal", "past_close_date", "closed_before_created", "missing_amount", "orphan_activity")

#: Question → SQL that answers with pairs of a label and a figure.
QUESTIONS = {
    "deals by status": """
        select
            status,
            count(*)
        from marts.fct_deals
        group by status
    """,
    "leads": """
        select
            unnest(['all', 'converted', 'answered']) as label,
            unnest([count(*), count(*) filter (where is_converted), count(first_response_at)]) as figure
        from marts.fct_leads
    """,
    "activities": """
        select
            unnest(['all', 'done', 'on a deal', 'on a lead']) as label,
            unnest([count(*), count(*) filter (where is_done), count({deal}), count({lead})]) as figure
        from marts.fct_activities
    """,
    "transitions by direction": """
        select
            direction,
            count(*)
        from marts.fct_stage_transitions
        group by direction
    """,
    "visits by outcome": """
        select
            outcome,
            count(*)
        from marts.fct_stage_visits
        group by outcome
    """,
    "days in stage of visits, summed by stage": """
        select
            stage,
            sum(days_in_stage)
        from marts.fct_stage_visits
        group by stage
    """,
    "drop-off rate by stage": """
        select
            stage,
            sum(lost) / nullif(sum(entered - open), 0)
        from marts.mart_stage_metrics
        group by stage
    """,
    "violations by rule": """
        select
            rule,
            count(*)
        from quality.hygiene_violations
        where
            resolved_on is null
            and rule in {rules}
        group by rule
    """,
    **{
        f"{column} by month": f"""
            select
                month,
                {column}
            from marts.mart_monthly_metrics
            where grain = 'all'
        """
        for column in (
            "won_amount",
            "deals_won",
            "deals_lost",
            "opportunities_created",
            "win_rate",
            "avg_deal_size",
            "sales_cycle_days",
            "sales_cycle_days_median",
            "new_leads",
            "converted_leads",
            "response_hours",
            "response_hours_median",
        )
    },
    "won_amount by lead source": """
        select
            grain_value,
            sum(won_amount)
        from marts.mart_monthly_metrics
        where grain = 'lead_source'
        group by grain_value
    """,
    "won_amount by segment": """
        select
            grain_value,
            sum(won_amount)
        from marts.mart_monthly_metrics
        where grain = 'segment'
        group by grain_value
    """,
}

Answers: TypeAlias = dict[str, dict[str, float | None]]


def core_results(database: Path) -> Answers:
    """Every question's answer: label → figure. Opens the database read-only."""
    with duckdb.connect(str(database), read_only=True) as connection:
        return {question: _answer(connection, sql) for question, sql in QUESTIONS.items()}


def _answer(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, float | None]:
    asked = sql.format(rules=RULES, deal=_reference(connection, "deal"), lead=_reference(connection, "lead"))
    rows = connection.execute(asked).fetchall()
    return {str(label): None if figure is None else float(figure) for label, figure in rows}


def _reference(connection: duckdb.DuckDBPyConnection, entity: str) -> str:
    """How activities point at an entity: by `<entity>_key` where there are keys, else by the CRM's own id."""
    columns = {row[0] for row in connection.execute("describe marts.fct_activities").fetchall()}
    return f"{entity}_key" if f"{entity}_key" in columns else f"{entity}_id"


def differences(expected: Answers, found: Answers) -> list[str]:
    """One line per figure that is not the same in both, naming the question and the label."""
    return [
        f"{question}: {label}: baseline {_shown(expected[question].get(label))}, "
        f"nightly {_shown(found[question].get(label))}"
        for question in expected
        for label in sorted(expected[question].keys() | found[question].keys())
        if not _same(expected[question].get(label), found[question].get(label))
    ]


def _same(expected: float | None, found: float | None) -> bool:
    if expected is None or found is None:
        return expected is found
    return abs(expected - found) <= RELATIVE_TOLERANCE * max(abs(expected), abs(found))


def _shown(figure: float | None) -> str:
    return "nothing" if figure is None else f"{figure:,.12g}"
