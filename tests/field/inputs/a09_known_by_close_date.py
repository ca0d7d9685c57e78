"""Wins and losses known by their date column alone, creation unknown: created no later, closed on it by both clocks."""

from tests.field.world import Expected, Input

_CLOCKS = """
    select deal_id, status, created_at, created_at_is_estimated, closed_at, closed_on, sales_cycle_days
    from marts.fct_deals where source = '{source}'
"""
_MOVED = """
    select month, created_deals, won_deals, lost_deals, closing_deals from marts.mart_pipeline_movements
    where source = '{source}' and created_deals + won_deals + lost_deals > 0
"""

INPUTS = (
    Input(
        kind="A9",
        source="a09_pipedrive",
        says="won and lost times of a list without a creation date; an open deal was there when it was first delivered",
        config="vendor: pipedrive",
        files={
            "deals_2026-02-01.csv": """
                id,title,stage_id,status,value,currency,won_time,lost_time
                1,A,Qualified,won,100,EUR,2026-01-10 09:00:00,
                2,B,Qualified,lost,100,EUR,,2026-01-12 09:00:00
                3,C,Qualified,open,100,EUR,,
                4,D,Qualified,won,100,EUR,,
            """
        },
        expected=(
            Expected(
                _CLOCKS,
                """
                1 | won  | 2026-01-10 09:00:00 | True | 2026-01-10 09:00:00 | 2026-01-10 |
                2 | lost | 2026-01-12 09:00:00 | True | 2026-01-12 09:00:00 | 2026-01-12 |
                3 | open | 2026-02-01 00:00:00 | True |                     |            |
                4 | won  | 2026-02-01 00:00:00 | True | 2026-02-01 00:00:00 | 2026-02-01 |
                """,
            ),
            Expected(_MOVED, "2026-01-01 | 2 | 1 | 1 | 0\n2026-02-01 | 2 | 1 | 0 | 1"),
        ),
    ),
    Input(
        kind="A9",
        source="a09_hubspot",
        says="one close date for both, which of an open deal says nothing of its past",
        config="vendor: hubspot",
        files={
            "deals_2026-02-01.csv": """
                hs_object_id,dealname,pipeline,dealstage,amount,closedate,hs_is_closed_won,hs_is_closed
                1,A,default,closedwon,100,2026-01-15T09:00:00Z,true,true
                2,B,default,contractsent,100,2026-01-16T09:00:00Z,false,false
            """
        },
        expected=(
            Expected(
                _CLOCKS,
                """
                1 | won  | 2026-01-15 00:00:00 | True | 2026-01-15 00:00:00 | 2026-01-15 |
                2 | open | 2026-02-01 00:00:00 | True |                     |            |
                """,
            ),
        ),
    ),
    Input(
        kind="A9",
        source="a09_spreadsheet",
        says="a date later than the extract tells nothing before it; a known creation stands, even after the close",
        config="""
            deliveries: full
            pipelines:
              - {name: default, stages: [{name: New, canonical: contact}, {name: Signed, canonical: won}]}
            feeds:
              deals:
                entity: deals
                files: ["deals*.csv"]
                columns: {deal_id: Id, stage: Stage, created_at: Created, close_on: Closed}
        """,
        files={
            "deals_2026-02-01.csv": """
                Id,Stage,Created,Closed
                1,Signed,,2025-12-20
                2,Signed,,2026-05-20
                3,Signed,2026-01-20,2026-01-10
            """
        },
        expected=(
            Expected(
                _CLOCKS,
                """
                1 | won | 2025-12-20 00:00:00 | True  | 2025-12-20 00:00:00 | 2025-12-20 |
                2 | won | 2026-02-01 00:00:00 | True  | 2026-02-01 00:00:00 | 2026-05-20 |
                3 | won | 2026-01-20 00:00:00 | False | 2026-01-20 00:00:00 | 2026-01-10 |
                """,
            ),
        ),
    ),
)
