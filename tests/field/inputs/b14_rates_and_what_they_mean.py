"""Exchange rates: which currency for one of which, until when, and since ever.

Rates are the same whichever source tells them, so that each input has currencies that nobody else tells of.
"""

from tests.field.world import Expected, Input

_DEALS = """
      deals:
        entity: deals
        files: ["deals*.csv"]
        columns: {deal_id: Id, stage: Stage, amount: Amount, currency: Currency, created_at: Created, close_on: Closed,
                  status: Status}
"""
_AMOUNTS = "select deal_id, amount_reporting from marts.fct_deals where source = '{source}'"
_MISSING = (
    "select record_key from quality.hygiene_violations where source = '{source}'"
    " and rule = 'missing_exchange_rate' and resolved_on is null"
)

INPUTS = (
    Input(
        kind="B14",
        source="b14_units_per_reporting",
        says="2.5 of it for one of ours, until its end however old; since ever; none after the end",
        config="deliveries: full\nfeeds:"
        + _DEALS
        + """
      rates:
        entity: exchange_rates
        files: ["rates*.csv"]
        rate_means: units_per_reporting
        columns: {rate_on: From, valid_until: Until, currency: Code, rate: Rate}
        """,
        files={
            "deals_2026-02-01.csv": """
                Id,Stage,Amount,Currency,Created,Closed,Status
                before,New,1000,BGN,2005-01-02,2010-01-20,won
                first_day,New,1000,BGN,2005-01-02,2015-01-01,won
                long_after,New,1000,BGN,2005-01-02,2025-11-20,won
                ended,New,1000,RON,2005-01-02,2025-11-21,won
                last_day,New,1000,RON,2005-01-02,2025-11-20,won
            """,
            "rates_2026-02-01.csv": """
                Code,From,Until,Rate
                BGN,0000-12-30 00:00:00,2015-01-01 00:00:00,4
                BGN,2015-01-01 00:00:00,9999-12-31 00:00:00,2.5
                RON,2025-11-01 00:00:00,2025-11-20 00:00:00,5
            """,
        },
        expected=(
            Expected(
                _AMOUNTS,
                """
                before     | 250.00
                first_day  | 400.00
                long_after | 400.00
                ended      |
                last_day   | 200.00
                """,
            ),
            Expected(_MISSING, "b14_units_per_reporting:ended"),
            Expected(
                "select record_key from quality.hygiene_violations where source = '{source}' and rule = 'missing_key'"
            ),
        ),
    ),
    Input(
        kind="B14",
        source="b14_reporting_per_unit",
        says="by default a rate is ours for one of theirs, and too old after 62 days",
        config="deliveries: full\nfeeds:"
        + _DEALS
        + """
      rates:
        entity: exchange_rates
        files: ["rates*.csv"]
        columns: {rate_on: From, currency: Code, rate: Rate}
        """,
        files={
            "deals_2026-02-01.csv": """
                Id,Stage,Amount,Currency,Created,Closed,Status
                fresh,New,1000,HUF,2025-01-02,2025-11-20,won
                old,New,1000,HUF,2025-01-02,2026-01-20,won
            """,
            "rates_2026-02-01.csv": "Code,From,Rate\nHUF,2025-11-01,0.0025\n",
        },
        expected=(
            Expected(_AMOUNTS, "fresh | 2.50\nold |"),
            Expected(_MISSING, "b14_reporting_per_unit:old"),
        ),
    ),
)
