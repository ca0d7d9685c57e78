"""Which deals have a page of their own in the report: those that stand highest in what it lists."""

from __future__ import annotations

import duckdb

from dagster_project.publish.report.queries import OPEN_DEALS_SQL, with_fields

#: Pages of deals that a night writes.
PAGES = 200

# the worst of each list in turn: open deals as the report orders them, those of the worklists by what is at stake, and
# those of which a past month tells otherwise, by amount
_WORST_SQL = f"""
with listed as (
    select deal_key, place from open_deals
    union all
    select record_key, row_number() over (
        order by severity = 'critical' desc, amount_at_stake desc nulls last, record_key
    )
    from quality.worklists where entity = 'deals'
    union all
    select deal_key, row_number() over (order by amount_reporting desc nulls last, deal_key)
    from marts.fct_deals
    where deal_key in (
        select records.record_key
        from quality.restatement_records as records
        inner join (select distinct month from quality.restatements where is_complete_month) as months
            on records.month = months.month
        where records.entity = 'deals' and records.grain = 'all'
    )
)

select deal_key
from listed inner join marts.fct_deals using (deal_key)
group by deal_key
order by min(place), deal_key
limit {PAGES}
"""


def worst_deals(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Keys of at most PAGES deals, the worst first, of published tables."""
    connection.execute(with_fields(OPEN_DEALS_SQL, ()))
    try:
        return [key for (key,) in connection.execute(_WORST_SQL).fetchall()]
    finally:
        connection.execute("drop table open_deals")
