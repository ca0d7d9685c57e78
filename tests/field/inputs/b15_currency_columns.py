"""What the column of a currency says: codes, signs, and words that are neither."""

from tests.field.world import Expected, Input

_AMOUNTS = "select deal_id, status, amount, currency, amount_reporting from marts.fct_deals where source = '{source}'"
_UNREAD = (
    "select record_key, observed from quality.hygiene_violations where source = '{source}'"
    " and rule = 'unparseable_value' and resolved_on is null"
)
_SNAPSHOTS = (
    "select snapshot_on, split_part(deal_key, ':', 2), amount_reporting from marts.fct_pipeline_snapshots"
    " where source = '{source}'"
)
_RATES = """
      rates:
        entity: exchange_rates
        files: ["rates*.csv"]
        columns: {rate_on: Day, currency: Currency, rate: Rate}
"""
_DEALS = """
    deliveries: full
    pipelines:
      - {name: default, stages: [{name: New, canonical: prospecting}, {name: Won, canonical: won}]}
    feeds:
      deals:
        entity: deals
        files: ["deals*.csv"]
        columns: {deal_id: Id, stage: Stage, amount: Amount, currency: Currency, created_at: Created, close_on: Closed}
"""

INPUTS = (
    Input(
        kind="B15",
        source="b15_currency_words",
        says="three letters that are no code, and words, are no currency, and least of all the source's",
        config=_DEALS + _RATES,
        files={
            "rates_2026-02-01.csv": """
                Day,Currency,Rate
                2026-02-20,BRL,0.5
                2026-02-20,BTC,60000
                2026-01-20,BRL,0.25
            """,
            "deals_2026-02-01.csv": """
                Id,Stage,Amount,Currency,Created,Closed
                1,New,100,ABC,2026-01-02,
                2,Won,200,ABC,2026-01-02,2026-01-20
                3,New,300,Euros,2026-01-02,
                4,New,400,brl,2026-01-02,
                5,New,500,$,2026-01-02,
                6,New,600,€,2026-01-02,
                7,New,700,,2026-01-02,
                8,New,€ 800,ABC,2026-01-02,
                9,New,$ 900,ABC,2026-01-02,
                10,New,,ABC,2026-01-02,
                11,New,1100,XXX,2026-01-02,
                12,Won,1200,R$,2026-01-02,2026-01-20
                13,New,BRL 1300,R$,2026-01-02,
                14,New,1400,BTC,2026-01-02,
            """,
        },
        expected=(
            Expected(
                _AMOUNTS,
                """
                1  | open | 100.00  |     |
                2  | won  | 200.00  |     |
                3  | open | 300.00  |     |
                4  | open | 400.00  | BRL | 200.00
                5  | open | 500.00  |     |
                6  | open | 600.00  | EUR | 600.00
                7  | open | 700.00  | EUR | 700.00
                8  | open | 800.00  | EUR | 800.00
                9  | open |         |     |
                10 | open |         |     |
                11 | open | 1100.00 |     |
                12 | won  | 1200.00 | BRL | 300.00
                13 | open | 1300.00 | BRL | 650.00
                14 | open | 1400.00 |     |
                """,
            ),
            Expected(
                _UNREAD,
                """
                b15_currency_words:deals:1:currency  | ABC
                b15_currency_words:deals:2:currency  | ABC
                b15_currency_words:deals:3:currency  | Euros
                b15_currency_words:deals:5:currency  | $
                b15_currency_words:deals:8:currency  | ABC
                b15_currency_words:deals:9:currency  | ABC
                b15_currency_words:deals:9:amount    | $ 900
                b15_currency_words:deals:10:currency | ABC
                b15_currency_words:deals:11:currency | XXX
                b15_currency_words:deals:14:currency | BTC
                """,
            ),
            Expected(
                "select deals_won, won_amount, won_deals_with_amount from marts.mart_monthly_metrics"
                " where grain = 'source' and grain_value = '{source}' and month = date '2026-01-01'",
                "2 | 300.00 | 1",
            ),
            Expected(
                "select record_key, observed from quality.hygiene_violations where source = '{source}'"
                " and rule = 'missing_exchange_rate' and resolved_on is null",
                """
                b15_currency_words:1 |
                b15_currency_words:2 |
                b15_currency_words:3 |
                b15_currency_words:5 |
                b15_currency_words:11 |
                b15_currency_words:14 |
                """,
            ),
        ),
    ),
    Input(
        kind="B15",
        source="b15_currency_words_in_extracts",
        says="an extract whose word for a currency is none leaves the amount unknown from then on",
        config=_DEALS,
        files={
            "deals_2026-01-15.csv": """
                Id,Stage,Amount,Currency,Created
                1,New,10,EUR,2026-01-02
                2,New,20,XYZ,2026-01-02
            """,
            "deals_2026-02-15.csv": """
                Id,Stage,Amount,Currency,Created
                1,New,10,EUX,2026-01-02
                2,New,20,EUR,2026-01-02
            """,
        },
        expected=(
            Expected(_AMOUNTS, "1 | open | 10.00 | | \n 2 | open | 20.00 | EUR | 20.00"),
            Expected(_UNREAD, "b15_currency_words_in_extracts:deals:1:currency | EUX"),
            Expected(
                _SNAPSHOTS,
                """
                2026-01-31 | 1 | 10.00
                2026-01-31 | 2 |
                2026-02-28 | 1 |
                2026-02-28 | 2 | 20.00
                """,
            ),
        ),
    ),
    Input(
        kind="B15",
        source="b15_currency_words_told",
        says="logs and versions whose word for a currency is none leave the amounts of then unknown",
        config="""
            deliveries: full
            pipelines:
              - {name: default, stages: [{name: New, canonical: prospecting}, {name: Demo, canonical: demo}]}
            feeds:
              log:
                entity: deal_changes
                files: ["log*.csv"]
                columns: {deal_id: Id, field: Field, old_value: Old, new_value: New, changed_at: At}
              versions:
                entity: deal_versions
                files: ["versions*.csv"]
                columns: {deal_id: Id, stage: Stage, version_at: At, amount: Amount, currency: Currency}
        """,
        files={
            "log_2026-02-15.csv": """
                Id,Field,Old,New,At
                1,stage,,New,2026-01-05 10:00:00
                1,amount,,10,2026-01-05 10:00:00
                1,currency,ABC,EUR,2026-02-03 10:00:00
                2,stage,,New,2026-01-05 10:00:00
                2,amount,,20,2026-01-05 10:00:00
                2,currency,€,Points,2026-02-03 10:00:00
            """,
            "versions_2026-02-15.csv": """
                Id,Stage,At,Amount,Currency
                3,New,2026-01-05 10:00:00,30,eur
                3,Demo,2026-02-05 10:00:00,30,QQQ
                4,New,2026-01-05 10:00:00,40,
                4,Demo,2026-02-05 10:00:00,40,EUR
            """,
        },
        expected=(
            Expected(
                _AMOUNTS,
                """
                1 | open | 10.00 | EUR | 10.00
                2 | open | 20.00 |     |
                3 | open | 30.00 |     |
                4 | open | 40.00 | EUR | 40.00
                """,
            ),
            Expected(
                _UNREAD,
                """
                b15_currency_words_told:deal_changes:2:currency  | Points
                b15_currency_words_told:deal_versions:3:currency | QQQ
                """,
            ),
            Expected(
                _SNAPSHOTS,
                """
                2026-01-31 | 1 |
                2026-01-31 | 2 | 20.00
                2026-01-31 | 3 | 30.00
                2026-01-31 | 4 | 40.00
                2026-02-28 | 1 | 10.00
                2026-02-28 | 2 |
                2026-02-28 | 3 |
                2026-02-28 | 4 | 40.00
                """,
            ),
        ),
    ),
    Input(
        kind="B15",
        source="b15_currency_words_of_money",
        says="spend and revenue in a word that is no currency are in no figure",
        config="""
            currency: USD
            deliveries: full
            feeds:
              deals: {entity: deals, files: ["deals*.csv"], columns: {deal_id: Id, stage: Stage, created_at: Created}}
              spend:
                entity: spend
                files: ["spend*.csv"]
                columns: {spent_on: Day, amount: Amount, currency: Currency, campaign: Campaign}
        """,
        files={
            "deals_2026-02-01.csv": "Id,Stage,Created\n1,New,2026-01-02\n",
            "spend_2026-02-01.csv": """
                Day,Amount,Currency,Campaign
                2026-01-03,5,EUR,mail
                2026-01-04,7,EU,fair
            """,
        },
        expected=(
            Expected(
                "select campaign, amount, currency, amount_reporting from marts.fct_spend where source = '{source}'",
                "mail | 5.00 | EUR | 5.00 \n fair | 7.00 | |",
            ),
            Expected(_UNREAD, "b15_currency_words_of_money:spend:fair:currency | EU"),
        ),
    ),
)
