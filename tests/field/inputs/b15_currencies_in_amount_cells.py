"""Currency signs and codes in the cells of amounts."""

from tests.field.world import Expected, Input

_AMOUNTS = "select deal_id, amount, currency, amount_reporting from marts.fct_deals where source = '{source}'"
_UNREAD = (
    "select record_key, observed from quality.hygiene_violations where source = '{source}'"
    " and rule = 'unparseable_value' and resolved_on is null"
)
_CONFIG = """
    deliveries: full
    feeds:
      deals:
        entity: deals
        files: ["deals*.csv"]
        columns: {deal_id: Id, stage: Stage, amount: Amount, currency: Currency, created_at: Created}
"""

INPUTS = (
    Input(
        kind="B15",
        source="b15_three_things",
        says="€ is euros, USD dollars, $ nobody knows whose; codes that are none, and order numbers, are no amounts",
        config=_CONFIG,
        files={
            "deals_2026-02-01.csv": """
                Id,Stage,Amount,Created
                1,New,€ 900,2026-01-02
                2,New,$ 1000,2026-01-02
                3,New,USD 1000,2026-01-02
                4,New,SHP001,2026-01-02
                5,New,ABC 12,2026-01-02
                6,New,700,2026-01-02
                7,New,1000 zł,2026-01-02
                8,New,"$1,250.50 USD",2026-01-02
                9,New,(€ 5),2026-01-02
                10,New,900 kr.,2026-01-02
                11,New,US$ 20,2026-01-02
                12,New,Rs. 300 INR,2026-01-02
            """,
        },
        expected=(
            Expected(
                _AMOUNTS,
                """
                1  | 900.00  | EUR | 900.00
                2  |         | EUR |
                3  | 1000.00 | USD |
                4  |         | EUR |
                5  |         | EUR |
                6  | 700.00  | EUR | 700.00
                7  | 1000.00 | PLN |
                8  | 1250.50 | USD |
                9  | -5.00   | EUR | -5.00
                10 |         | EUR |
                11 | 20.00   | USD |
                12 | 300.00  | INR |
                """,
            ),
            Expected(
                _UNREAD,
                """
                b15_three_things:deals:2:amount  | $ 1000
                b15_three_things:deals:4:amount  | SHP001
                b15_three_things:deals:5:amount  | ABC 12
                b15_three_things:deals:10:amount | 900 kr.
                """,
            ),
        ),
    ),
    Input(
        kind="B15",
        source="b15_the_sources_dollar",
        says="a sign of several currencies is the source's where that is one of them, else what the column says",
        config="currency: CAD\n" + _CONFIG.replace("\n    ", "\n"),
        files={
            "deals_2026-02-01.csv": """
                Id,Stage,Amount,Currency,Created
                1,New,$ 1000,,2026-01-02
                2,New,$ 1000,AUD,2026-01-02
                3,New,$ 1000,EUR,2026-01-02
                4,New,EUR 1000,USD,2026-01-02
                5,New,1000 kr,SEK,2026-01-02
                6,New,€ 1000,eur,2026-01-02
            """,
        },
        expected=(
            Expected(
                "select deal_id, amount, currency from marts.fct_deals where source = '{source}'",
                """
                1 | 1000.00 | CAD
                2 | 1000.00 | AUD
                3 |         | EUR
                4 |         | USD
                5 | 1000.00 | SEK
                6 | 1000.00 | EUR
                """,
            ),
            Expected(
                _UNREAD,
                """
                b15_the_sources_dollar:deals:3:amount | $ 1000
                b15_the_sources_dollar:deals:4:amount | EUR 1000
                """,
            ),
        ),
    ),
    Input(
        kind="B15",
        source="b15_money_elsewhere",
        says="spend, revenue, versions and logs read their amounts alike",
        config="""
            deliveries: full
            feeds:
              deals: {entity: deals, files: ["deals*.csv"], columns: {deal_id: Id, stage: Stage, created_at: Created}}
              spend: {entity: spend, files: ["spend*.csv"], columns: {spent_on: Day, amount: Amount}}
              log:
                entity: deal_changes
                files: ["log*.csv"]
                columns: {deal_id: Id, field: Field, old_value: Old, new_value: New, changed_at: At}
        """,
        files={
            "deals_2026-02-01.csv": "Id,Stage,Created\n1,New,2026-01-02\n",
            "spend_2026-02-01.csv": "Day,Amount\n" + "2026-01-03,€ 5\n" * 24 + "2026-01-04,$ 50\n",
            "log_2026-02-01.csv": """
                Id,Field,Old,New,At
                1,amount,,€ 900,2026-01-05 10:00:00
                1,amount,€ 900,$ 1000,2026-01-06 10:00:00
            """,
        },
        expected=(
            Expected(
                "select spend from marts.mart_monthly_metrics where grain = 'source' and grain_value = '{source}'"
                " and month = date '2026-01-01'",
                "120.00",
            ),
            Expected(
                "select value, reason from quality.quarantined_rows where source = '{source}'",
                "$ 50 | amount cannot be read",
            ),
            Expected(_UNREAD, "b15_money_elsewhere:deal_changes:1:amount | $ 1000"),
        ),
    ),
)
