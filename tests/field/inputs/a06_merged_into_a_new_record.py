"""Merges: the past keeps the deals that stood there, from the merge on there is one."""

from tests.field.world import Expected, Input

_MOVED = """
    select month, created_deals, deleted_deals, won_deals, merged_deals, closing_deals, merged_amount, closing_amount
    from marts.mart_pipeline_movements where source = '{source}' and month in ('2026-01-01', '2026-02-01')
"""
_STOOD = "select snapshot_on, deal_key, amount_reporting from marts.fct_pipeline_snapshots where source = '{source}'"
_DAILY = """
    select date_day, sum(open_deals), sum(open_amount) from marts.mart_pipeline_daily
    where source = '{source}' and date_day in ('2026-01-02', '2026-02-09', '2026-02-10', '2026-03-01') group by date_day
"""
_KEPT = "select deal_id, status, merged_into_deal_key from marts.fct_deals where source = '{source}'"

_GENERIC = """
    pipelines:
      - {name: default, stages: [{name: New, canonical: contact}, {name: Signed, canonical: won}]}
    feeds:
      deals:
        entity: deals
        files: ["deals*.csv"]
        id_separator: ";"
        columns: {deal_id: Id, stage: Stage, created_at: Created, amount: Amount, close_on: Closed,
                  merged_ids: Swallowed, merged_into_id: Into}
"""

INPUTS = (
    Input(
        kind="A6",
        source="a06_hubspot",
        says="the CRM makes a new record of two; the extract that first has it is the day of the merge",
        config="vendor: hubspot",
        files={
            "deals_2026-01-10.csv": """
                hs_object_id,dealname,pipeline,dealstage,amount,createdate,hs_merged_object_ids
                1,A,default,contractsent,100,2026-01-02T09:00:00Z,
                2,B,default,qualifiedtobuy,50,2026-01-05T09:00:00Z,
                5,E,default,qualifiedtobuy,10,2026-01-05T09:00:00Z,77;78
            """,
            "deals_2026-02-10.csv": """
                hs_object_id,dealname,pipeline,dealstage,amount,createdate,hs_merged_object_ids
                3,A,default,contractsent,120,2026-01-02T09:00:00Z,1;2
                5,E,default,qualifiedtobuy,10,2026-01-05T09:00:00Z,77;78
            """,
        },
        expected=(
            Expected(_MOVED, "2026-01-01|3|0|0|0|3|0.00|160.00\n2026-02-01|0|0|0|-1|2|-30.00|130.00"),
            Expected(
                _STOOD,
                """
                2026-01-31 | a06_hubspot:1 | 100.00
                2026-01-31 | a06_hubspot:2 | 50.00
                2026-01-31 | a06_hubspot:5 | 10.00
                2026-02-28 | a06_hubspot:3 | 120.00
                2026-02-28 | a06_hubspot:5 | 10.00
                """,
            ),
            Expected(
                _DAILY,
                """
                2026-01-02 | 1 | 100.00
                2026-02-09 | 3 | 160.00
                2026-02-10 | 2 | 130.00
                2026-03-01 | 2 | 130.00
                """,
            ),
            Expected(
                _KEPT,
                """
                1 | deleted | a06_hubspot:3
                2 | deleted | a06_hubspot:3
                3 | open    |
                5 | open    |
                """,
            ),
            Expected(
                "select record_key from quality.hygiene_violations where source = '{source}' and rule = 'deleted_deal'"
            ),
        ),
    ),
    Input(
        kind="A6",
        source="a06_survivor_was_there",
        says="one of them is what is left: it stands where it stood",
        config="    deliveries: full" + _GENERIC,
        files={
            "deals_2026-01-10.csv": """
                Id,Stage,Created,Amount,Closed,Swallowed,Into
                1,New,2026-01-02,100,,,
                2,New,2026-01-02,50,,,
            """,
            "deals_2026-02-10.csv": """
                Id,Stage,Created,Amount,Closed,Swallowed,Into
                1,New,2026-01-02,100,,2,
            """,
        },
        expected=(
            Expected(_MOVED, "2026-01-01|2|0|0|0|2|0.00|150.00\n2026-02-01|0|0|0|-1|1|-50.00|100.00"),
            Expected(
                _DAILY,
                """
                2026-01-02 | 2 | 150.00
                2026-02-09 | 2 | 150.00
                2026-02-10 | 1 | 100.00
                2026-03-01 | 1 | 100.00
                """,
            ),
        ),
    ),
    Input(
        kind="A6",
        source="a06_merged_again",
        says="a new record of two, and another one of that and a third: each comes in when the others go; two stay",
        config="    deliveries: full" + _GENERIC,
        files={
            "deals_2026-01-10.csv": """
                Id,Stage,Created,Amount,Closed,Swallowed,Into
                1,New,2026-01-02,100,,,
                2,New,2026-01-02,50,,,
                3,New,2026-01-02,20,,,
                20,New,2026-01-02,1,,,
                21,New,2026-01-02,1,,,
            """,
            "deals_2026-02-10.csv": """
                Id,Stage,Created,Amount,Closed,Swallowed,Into
                10,New,2026-01-02,140,,1;2,
                3,New,2026-01-02,20,,,
                20,New,2026-01-02,1,,,
                21,New,2026-01-02,1,,,
            """,
            "deals_2026-02-20.csv": """
                Id,Stage,Created,Amount,Closed,Swallowed,Into
                11,New,2026-01-02,150,,10;3,
                20,New,2026-01-02,1,,,
                21,New,2026-01-02,1,,,
            """,
        },
        expected=(
            Expected(_MOVED, "2026-01-01|5|0|0|0|5|0.00|172.00\n2026-02-01|0|0|0|-2|3|-20.00|152.00"),
            Expected(
                _DAILY,
                """
                2026-01-02 | 5 | 172.00
                2026-02-09 | 5 | 172.00
                2026-02-10 | 4 | 162.00
                2026-03-01 | 3 | 152.00
                """,
            ),
        ),
    ),
    Input(
        kind="A6",
        source="a06_by_its_own_word",
        says="increments: the swallowed record tells it, and what is left of it was won later",
        config="    deliveries: incremental" + _GENERIC,
        files={
            "deals_2026-01-10.csv": """
                Id,Stage,Created,Amount,Closed,Swallowed,Into
                1,New,2026-01-02,100,,,
                2,New,2026-01-02,50,,,
            """,
            "deals_2026-02-10.csv": """
                Id,Stage,Created,Amount,Closed,Swallowed,Into
                1,New,2026-01-02,100,,,3
                3,New,2026-01-02,120,,,
            """,
            "deals_2026-02-20.csv": """
                Id,Stage,Created,Amount,Closed,Swallowed,Into
                3,Signed,2026-01-02,120,2026-02-20,,
            """,
        },
        expected=(Expected(_MOVED, "2026-01-01|2|0|0|0|2|0.00|150.00\n2026-02-01|0|0|1|0|1|20.00|50.00"),),
    ),
)
