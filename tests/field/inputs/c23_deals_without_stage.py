"""Deals without a stage column: nothing without a history that was really delivered, and the rest all the same."""

from tests.field.world import Expected, Input

_DEALS = "select deal_id, stage from marts.fct_deals where source = '{source}'"
_FILES = "select file, state, rows_loaded from quality.deliveries where source = '{source}'"
_LEADS = "select lead_id from marts.fct_leads where source = '{source}'"
_FEEDS = """
    deliveries: full
    pipelines:
      - {name: default, stages: [{name: New, canonical: prospecting}, {name: Won, canonical: won}]}
    feeds:
      deals: {entity: deals, files: ["deals*.csv"], columns: {deal_id: Id, stage: Stage, created_at: Created}}
      leads: {entity: leads, files: ["leads*.csv"], columns: {lead_id: Id, created_at: Created}}
      log:
        entity: deal_changes
        files: ["log*.csv"]
        columns: {deal_id: Id, field: Field, old_value: Old, new_value: New, changed_at: At}
"""
_GOOD = "Id,Stage,Created\n1,New,2026-01-02\n"
_WITHOUT = "Id,Created\n1,2026-01-02\n2,2026-01-03\n"


def _refused(source: str, says: str, files: dict[str, str | bytes], others: str = "") -> Input:
    """Its newest deals have no stage: the earlier ones stay, and the leads are published."""
    return Input(
        kind="C23",
        source=source,
        says=says,
        config=_FEEDS,
        files={
            "deals_2026-02-01.csv": _GOOD,
            "deals_2026-02-02.csv": _WITHOUT,
            "leads_2026-02-02.csv": "Id,Created\n7,2026-01-02\n",
            **files,
        },
        expected=(
            Expected(_DEALS, "1 | New"),
            Expected(_LEADS, "7"),
            Expected(
                _FILES,
                f"""
                deals_2026-02-01.csv | loaded  | 1
                deals_2026-02-02.csv | refused | 0
                leads_2026-02-02.csv | loaded  | 1
                {others}
                """,
            ),
        ),
        output=(f"{source}/deals_2026-02-02.csv: refused: has no column for deals.stage",),
        oracle=False,  # it refuses nothing
    )


INPUTS = (
    _refused("c23_no_log_came", "a log that is configured is not one that was delivered", {}),
    _refused(
        "c23_log_without_rows",
        "nor is one without a row",
        {"log_2026-02-02.csv": "Id,Field,Old,New,At\n"},
        "log_2026-02-02.csv | loaded | 0",
    ),
    _refused(
        "c23_log_refused",
        "nor one that is refused itself",
        {"log_2026-02-02.csv": 'Id,Field,Old,New,At\n1,stage,,"New,2026-01-02 10:00:00\n'},
        "log_2026-02-02.csv | refused | 0",
    ),
    _refused(
        "c23_log_of_tomorrow",
        "nor one that this run does not see yet",
        {"log_2026-04-01.csv": "Id,Field,Old,New,At\n1,stage,,New,2026-01-02 10:00:00\n"},
    ),
    Input(
        kind="C23",
        source="c23_log_came",
        says="with a log the deals stand where it says",
        config=_FEEDS,
        files={
            "deals_2026-02-02.csv": _WITHOUT,
            "log_2026-02-02.csv": """
                Id,Field,Old,New,At
                1,stage,,New,2026-01-02 10:00:00
                1,stage,New,Won,2026-01-05 10:00:00
            """,
        },
        expected=(
            Expected(
                "select deal_id, stage, status from marts.fct_deals where source = '{source}'",
                "1 | Won | won \n 2 | | open",
            ),
        ),
    ),
    Input(
        kind="C23",
        source="c23_list_of_a_preset",
        says="a list export of a preset without its stage column, beside one with it",
        config="vendor: pipedrive\ncurrency: EUR",
        files={
            "2026-02-01/deals-1.csv": """
                Deal - ID,Deal - Title,Deal - Stage,Deal - Status,Deal - Deal created
                1,Hall,Qualified,Open,2026-01-02 10:00:00
            """,
            "2026-02-02/deals-1.csv": """
                Deal - ID,Deal - Title,Deal - Status,Deal - Deal created
                1,Hall,Won,2026-01-02 10:00:00
            """,
        },
        expected=(
            Expected(
                "select deal_id, stage, status from marts.fct_deals where source = '{source}'", "1 | Qualified | open"
            ),
            Expected(_FILES, "2026-02-01/deals-1.csv | loaded | 1 \n 2026-02-02/deals-1.csv | refused | 0"),
        ),
        output=("c23_list_of_a_preset/2026-02-02/deals-1.csv: refused: has no column for deals.stage",),
        oracle=False,
    ),
)
