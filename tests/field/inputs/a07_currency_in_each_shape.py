"""The currency of a deal changes, told by a log, versions or extracts: each amount is in the currency of its moment.

Rates are the same whichever source tells them, so that each input has currencies that nobody else tells of.
"""

from tests.field.world import Expected, Input

_DEALS = """
      deals:
        entity: deals
        files: ["deals*.csv"]
        columns: {deal_id: Id, stage: Stage, amount: Amount, currency: Currency, created_at: Created}
      rates:
        entity: exchange_rates
        files: ["rates*.csv"]
        columns: {rate_on: Day, currency: Code, rate: Rate}
"""
_LOG = """
      log:
        entity: deal_changes
        files: ["log*.csv"]
        columns: {deal_id: Id, field: Field, old_value: Old, new_value: New, changed_at: At}
"""
_VERSIONS = """
      versions:
        entity: deal_versions
        files: ["versions*.csv"]
        columns: {deal_id: Id, stage: Stage, amount: Amount, currency: Currency, version_at: At}
"""
_WORTH = "select deal_id, amount, currency, amount_reporting from marts.fct_deals where source = '{source}'"
_MOVED = (
    "select month, created_amount, increased_amount, decreased_amount, won_amount, closing_amount"
    " from marts.mart_pipeline_movements"
    " where source = '{source}' and month between date '2026-01-01' and date '2026-02-01'"
)

INPUTS = (
    Input(
        kind="A7",
        source="a07_log",
        says="open, won, back in the first currency after the win, emptied, and without a rate before or after",
        config="deliveries: full\ncurrency: EUR\nfeeds:" + _DEALS + _LOG,
        files={
            "deals_2026-02-20.csv": """
                Id,Stage,Amount,Currency,Created
                open,New,100,EUR,2026-01-05
                won,Won,100,BMD,2026-01-05
                emptied,New,100,,2026-01-05
                unrated_once,New,100,EUR,2026-01-05
                unrated_now,New,100,BND,2026-01-05
            """,
            "log_2026-02-20.csv": """
                Id,Field,Old,New,At
                open,currency,bmd,EUR,2026-01-12 10:00:00
                won,currency,BMD,EUR,2026-01-12 10:00:00
                won,stage,New,Won,2026-01-15 10:00:00
                won,currency,EUR,BMD,2026-02-10 10:00:00
                emptied,currency,BMD,,2026-02-10 10:00:00
                unrated_once,currency,BND,EUR,2026-02-10 10:00:00
                unrated_now,currency,EUR,BND,2026-02-10 10:00:00
            """,
            "rates_2026-02-20.csv": "Day,Code,Rate\n2026-01-02,BMD,0.5\n",
        },
        expected=(
            Expected(
                _WORTH,
                """
                open         | 100.00 | EUR | 100.00
                won          | 100.00 | EUR | 100.00
                emptied      | 100.00 | EUR | 100.00
                unrated_once | 100.00 | EUR | 100.00
                unrated_now  | 100.00 | BND |
                """,
            ),
            # created: three at a half, one whole, one unknown (0); in February the whole one becomes unknown
            Expected(
                _MOVED,
                """
                2026-01-01 | 250.00 | 100.00 | 0.00   | 100.00 | 250.00
                2026-02-01 | 0.00   | 150.00 | 100.00 | 0.00   | 300.00
                """,
            ),
            Expected("select field from marts.fct_deal_changes where source = '{source}' and field = 'currency'"),
        ),
    ),
    Input(
        kind="A7",
        source="a07_amount_and_currency",
        says="saved together the amount and its currency are one step; each at the one rate of the deal's close",
        config="deliveries: full\ncurrency: EUR\nfeeds:" + _DEALS + _LOG,
        files={
            "deals_2026-02-20.csv": """
                Id,Stage,Amount,Currency,Created
                both,Won,300,EUR,2026-01-05
            """,
            "log_2026-02-20.csv": """
                Id,Field,Old,New,At
                both,amount,1000,300,2026-01-12 10:00:00
                both,currency,BBD,EUR,2026-01-12 10:00:00
                both,stage,New,Won,2026-02-05 10:00:00
            """,
            "rates_2026-02-20.csv": "Day,Code,Rate\n2026-01-02,BBD,0.4\n2026-02-05,BBD,0.2\n2026-02-10,BBD,9\n",
        },
        expected=(
            Expected(_WORTH, "both | 300.00 | EUR | 300.00"),
            Expected(
                _MOVED,
                """
                2026-01-01 | 200.00 | 100.00 | 0.00 | 0.00   | 300.00
                2026-02-01 | 0.00   | 0.00   | 0.00 | 300.00 | 0.00
                """,
            ),
        ),
    ),
    Input(
        kind="A7",
        source="a07_kept_first",
        says="a first close that stands is in the currency it closed in, and so is its amount",
        config="deliveries: full\ncurrency: EUR\nafter_close: keep_first\nfeeds:" + _DEALS + _LOG,
        files={
            "deals_2026-02-20.csv": """
                Id,Stage,Amount,Currency,Created
                back,New,700,EUR,2026-01-05
            """,
            "log_2026-02-20.csv": """
                Id,Field,Old,New,At
                back,stage,New,Won,2026-01-15 10:00:00
                back,stage,Won,New,2026-01-20 10:00:00
                back,amount,100,700,2026-01-21 10:00:00
                back,currency,KYD,EUR,2026-01-21 10:00:00
            """,
            "rates_2026-02-20.csv": "Day,Code,Rate\n2026-01-02,KYD,0.5\n",
        },
        expected=(Expected(_WORTH, "back | 100.00 | KYD | 50.00"),),
    ),
    Input(
        kind="A7",
        source="a07_versions",
        says="versions with a currency of their own; those before a version that names none are in the source's",
        config="deliveries: full\ncurrency: EUR\nfeeds:" + _DEALS + _VERSIONS,
        files={
            "deals_2026-02-20.csv": """
                Id,Stage,Amount,Currency,Created
                open,Demo,100,EUR,2026-01-05
                won,Won,100,BSD,2026-01-05
            """,
            "versions_2026-02-20.csv": """
                Id,Stage,Amount,Currency,At
                open,New,100,BSD,2026-01-05 10:00:00
                open,Demo,100,,2026-01-12 10:00:00
                won,New,100,BSD,2026-01-05 10:00:00
                won,New,100,EUR,2026-01-12 10:00:00
                won,Won,100,EUR,2026-01-15 10:00:00
                won,Won,100,BSD,2026-02-10 10:00:00
            """,
            "rates_2026-02-20.csv": "Day,Code,Rate\n2026-01-02,BSD,0.5\n",
        },
        expected=(
            Expected(
                _WORTH,
                """
                open | 100.00 | EUR | 100.00
                won  | 100.00 | EUR | 100.00
                """,
            ),
            Expected(
                _MOVED,
                """
                2026-01-01 | 100.00 | 100.00 | 0.00 | 100.00 | 100.00
                2026-02-01 | 0.00   | 0.00   | 0.00 | 0.00   | 100.00
                """,
            ),
        ),
    ),
    Input(
        kind="A7",
        source="a07_snapshots",
        says="full extracts, in which nothing but the currency changes",
        config="deliveries: full\ncurrency: EUR\nfeeds:" + _DEALS,
        files={
            "deals_2026-01-05.csv": """
                Id,Stage,Amount,Currency,Created
                open,New,100,FJD,2026-01-05
                won,New,100,FJD,2026-01-05
            """,
            "deals_2026-01-12.csv": """
                Id,Stage,Amount,Currency,Created
                open,New,100,EUR,2026-01-05
                won,New,100,EUR,2026-01-05
            """,
            "deals_2026-01-15.csv": """
                Id,Stage,Amount,Currency,Created
                open,New,100,EUR,2026-01-05
                won,Won,100,EUR,2026-01-05
            """,
            "deals_2026-02-20.csv": """
                Id,Stage,Amount,Currency,Created
                open,New,100,EUR,2026-01-05
                won,Won,100,EUR,2026-01-05
            """,
            "rates_2026-02-20.csv": "Day,Code,Rate\n2026-01-02,FJD,0.5\n",
        },
        expected=(
            Expected(
                _WORTH,
                """
                open | 100.00 | EUR | 100.00
                won  | 100.00 | EUR | 100.00
                """,
            ),
            Expected(
                _MOVED,
                """
                2026-01-01 | 100.00 | 100.00 | 0.00 | 100.00 | 100.00
                2026-02-01 | 0.00   | 0.00   | 0.00 | 0.00   | 100.00
                """,
            ),
        ),
    ),
)
