"""Columns that everything rests on and most of which nobody can read: the delivery is refused, with examples."""

from tests.field.world import Expected, Input
from tests.unit.delivering import xlsx

_CONFIG = """
    deliveries: full
    pipelines:
      - {{name: default, stages: [{{name: New, canonical: prospecting}}, {{name: Won, canonical: won}}]}}
    feeds:
      deals:
        entity: deals
        files: ["deals*.csv"]
        columns: {{deal_id: Id, stage: Stage, amount: Amount, created_at: Created, close_on: Closed}}
        {more}
"""
_GOOD = "Id,Stage,Amount,Created,Closed\n1,New,5,2026-01-02,\n2,New,6,2026-01-03,\n"
_DEALS = "select deal_id, amount, created_on, expected_close_on from marts.fct_deals where source = '{source}'"
_FILES = "select file, state from quality.deliveries where source = '{source}'"


def _refused(
    source: str, says: str, bad: str | bytes, *said: str, more: str = "", name: str = "deals_2026-02-02.csv"
) -> Input:
    return Input(
        kind="C24",
        source=source,
        says=says,
        config=_CONFIG.format(more=more),
        files={"deals_2026-02-01.csv": _GOOD, name: bad},
        expected=(
            Expected(_DEALS, "1 | 5.00 | 2026-01-02 | \n 2 | 6.00 | 2026-01-03 |"),
            Expected(_FILES, f"deals_2026-02-01.csv | loaded \n {name} | refused"),
        ),
        output=said,
        oracle=False,  # it refuses nothing
    )


INPUTS = (
    _refused(
        "c24_created",
        "words for moments of creation",
        """
            Id,Stage,Amount,Created,Closed
            1,New,5,last week,
            2,New,6,yesterday,
            3,New,6,2026-01-03,
        """,
        "created_at ('Created'): 2 of 3 values cannot be read ('last week' in row 2, 'yesterday' in row 3)",
    ),
    _refused(
        "c24_format",
        "another format than the configured one",
        """
            Id,Stage,Amount,Created,Closed
            1,New,5,13/01/2026,
            2,New,6,14/01/2026,
        """,
        'date_formats of the feed are ["%Y%m%d"]: correct them',
        more='date_formats: ["%Y%m%d"]',
    ),
    _refused(
        "c24_amount",
        "words for amounts",
        """
            Id,Stage,Amount,Created,Closed
            1,New,tbd,2026-01-02,
            2,New,ask Ann,2026-01-03,
            3,New,5,2026-01-03,
        """,
        "amount ('Amount'): 2 of 3 values cannot be read",
    ),
    _refused(
        "c24_close",
        "quarters for days",
        """
            Id,Stage,Amount,Created,Closed
            1,New,5,2026-01-02,Q1 26
            2,New,6,2026-01-03,Q2 26
        """,
        "close_on ('Closed'): 2 of 2 values cannot be read",
    ),
    _refused(
        "c24_errors_of_a_workbook",
        "a column of stages that is a broken formula",
        xlsx(
            {
                "Deals": [
                    ["Id", "Stage", "Amount", "Created", "Closed"],
                    ["1", ("error", "#REF!"), 5, "2026-01-02", None],
                    ["2", ("error", "#REF!"), 6, "2026-01-03", None],
                    ["3", "New", 6, "2026-01-03", None],
                ]
            }
        ),
        "stage ('Stage'): 2 of 3 values cannot be read ('#REF!' in row 2",
        name="deals_2026-02-02.xlsx",
    ),
    Input(
        kind="C24",
        source="c24_half",
        says="half of a column is not most of it, and one slip proves nothing",
        config=_CONFIG.format(more=""),
        files={
            "deals_2026-02-01.csv": """
                Id,Stage,Amount,Created,Closed
                1,New,5,2026-01-02,
                2,New,tbd,soon,
                3,New,,,someday
            """
        },
        expected=(
            Expected(
                "select deal_id, amount, expected_close_on from marts.fct_deals where source = '{source}'",
                "1 | 5.00 | \n 2 | | \n 3 | |",
            ),
            Expected(
                "select record_key from quality.hygiene_violations where source = '{source}'"
                " and rule = 'unparseable_value'",
                "c24_half:deals:2:amount \n c24_half:deals:2:created_at \n c24_half:deals:3:close_on",
            ),
        ),
    ),
)
