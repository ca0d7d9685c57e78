"""The currency of a deal changes: each amount of its history is in its own. Nobody else tells of these currencies."""

from tests.field.world import Expected, Input

_RATES = """
  rates:
    entity: exchange_rates
    files: ["rates*.csv"]
    columns: {rate_on: From, currency: Code, rate: Rate}
"""
_SNAPSHOTS = (
    "select snapshot_on, split_part(deal_key, ':', 2), amount_reporting from marts.fct_pipeline_snapshots"
    " where source = '{source}' and snapshot_on >= date '2026-01-01'"
)
_DEALS = (
    "select deal_id, amount, currency, amount_reporting, reporting_rate from marts.fct_deals where source = '{source}'"
)

INPUTS = (
    Input(
        kind="A7",
        source="a07_logged",
        says="a log tells currency and amount in one second; a closed deal is told in what it closed in",
        config="""
            deliveries: full
            feeds:
              deals:
                entity: deals
                files: ["deals*.csv"]
                columns: {deal_id: Id, stage: Stage, amount: Amount, currency: Currency, created_at: Created,
                          close_on: Closed, status: Status}
              log:
                entity: deal_changes
                files: ["log*.csv"]
                columns: {deal_id: Id, field: Field, old_value: Old, new_value: New, changed_at: At}
        """.replace("\n            ", "\n")
        + _RATES,
        files={
            "deals_2026-02-20.csv": """
                Id,Stage,Amount,Currency,Created,Closed,Status
                1,New,900,EUR,2026-01-02,,open
                2,New,50,ZMW,2026-01-02,,open
                3,New,70,ZMW,2026-01-02,2026-02-10,won
            """,
            "log_2026-02-20.csv": """
                Id,Field,Old,New,At
                1,currency,ZMW,EUR,2026-02-05 10:00:00
                1,amount,1000,900,2026-02-05 10:00:00
                2,currency,EUR,ZMW,2026-02-05 10:00:00
                3,currency,EUR,ZMW,2026-01-05 10:00:00
                3,stage,,New,2026-01-02 10:00:00
                3,status,open,won,2026-02-10 10:00:00
            """,
            "rates_2026-02-20.csv": "Code,From,Rate\nZMW,2026-01-01,0.04\nZMW,2026-02-08,0.1\n",
        },
        expected=(
            Expected(
                _DEALS,
                """
                1 | 900.00 | EUR | 900.00 | 1.0000000000
                2 | 50.00  | ZMW | 5.00   | 0.1000000000
                3 | 70.00  | ZMW | 7.00   | 0.1000000000
                """,
            ),
            Expected(
                _SNAPSHOTS,
                """
                2026-01-31 | 1 | 100.00
                2026-01-31 | 2 | 50.00
                2026-01-31 | 3 | 7.00
                2026-02-28 | 1 | 900.00
                2026-02-28 | 2 | 5.00
                """,
            ),
            Expected(
                "select increased_amount, decreased_amount, closing_amount from marts.mart_pipeline_movements"
                " where source = '{source}' and month = date '2026-02-01'",
                "800.00 | 45.00 | 905.00",
            ),
            Expected(
                "select distinct field from marts.fct_deal_changes where source = '{source}' and field = 'currency'"
            ),
        ),
    ),
    Input(
        kind="A7",
        source="a07_extracts_and_cells",
        says="two extracts, and amounts whose cells name another currency than before",
        config="""
            deliveries: full
            feeds:
              deals:
                entity: deals
                files: ["deals*.csv"]
                columns: {deal_id: Id, stage: Stage, amount: Amount, created_at: Created}
              log:
                entity: deal_changes
                files: ["log*.csv"]
                columns: {deal_id: Id, field: Field, old_value: Old, new_value: New, changed_at: At}
        """.replace("\n            ", "\n")
        + _RATES,
        files={
            "deals_2026-01-20.csv": """
                Id,Stage,Amount,Created
                1,New,MWK 1000,2026-01-02
                2,New,MWK 500,2026-01-02
            """,
            "deals_2026-02-20.csv": """
                Id,Stage,Amount,Created
                1,New,€ 10,2026-01-02
                2,New,€ 900,2026-01-02
            """,
            "log_2026-02-20.csv": "Id,Field,Old,New,At\n2,amount,MWK 500,€ 900,2026-02-05 10:00:00\n",
            "rates_2026-02-20.csv": "Code,From,Rate\nMWK,2026-01-01,0.02\n",
        },
        expected=(
            Expected(_DEALS, "1 | 10.00 | EUR | 10.00 | 1.0000000000\n2 | 900.00 | EUR | 900.00 | 1.0000000000"),
            Expected(
                _SNAPSHOTS,
                """
                2026-01-31 | 1 | 20.00
                2026-01-31 | 2 | 10.00
                2026-02-28 | 1 | 10.00
                2026-02-28 | 2 | 900.00
                """,
            ),
        ),
    ),
)
