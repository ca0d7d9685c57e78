"""A close date written within a minute of the close, before or after it, is the CRM's bookkeeping and no push."""

from tests.field.world import Expected, Input

INPUTS = (
    Input(
        kind="A8",
        source="a08_written_by_the_close",
        says="sixty seconds before or after the close is no push, sixty-one are",
        config="""
            vendor: salesforce
            timezone: UTC
            currency: EUR
            pipelines: [{name: default, template: salesforce}]
        """,
        files={
            "2026-02-01/Opportunity.csv": """
                Id,IsDeleted,Name,StageName,Amount,CloseDate,IsClosed,IsWon,OwnerId,CreatedDate
                006A,0,a,Closed Won,100,2026-01-20 00:00:00,1,1,005A,2026-01-02 09:00:00
                006B,0,b,Closed Won,100,2026-01-20 00:00:00,1,1,005A,2026-01-02 09:00:00
                006C,0,c,Closed Lost,100,2026-01-20 00:00:00,1,0,005A,2026-01-02 09:00:00
            """,
            "2026-02-01/OpportunityFieldHistory.csv": """
                Id,OpportunityId,CreatedDate,Field,OldValue,NewValue
                1,006A,2026-01-05 09:00:00,CloseDate,2026-01-10,2026-01-15
                2,006A,2026-01-20 08:59:00,CloseDate,2026-01-15,2026-01-20
                3,006A,2026-01-20 09:00:00,StageName,Prospecting,Closed Won
                4,006B,2026-01-20 08:58:59,CloseDate,2026-01-15,2026-01-20
                5,006B,2026-01-20 09:00:00,StageName,Prospecting,Closed Won
                6,006C,2026-01-20 09:00:00,StageName,Prospecting,Closed Lost
                7,006C,2026-01-20 09:01:00,CloseDate,2026-01-15,2026-01-18
                8,006C,2026-01-20 09:01:01,CloseDate,2026-01-18,2026-01-20
            """,
        },
        expected=(
            Expected(
                "select deal_id, close_date_pushes from marts.fct_deals where source = '{source}'",
                """
                006A | 1
                006B | 1
                006C | 1
                """,
            ),
            Expected(
                "select pushes, pushes_while_closed from marts.mart_close_date_slippage where source = '{source}'"
                " and month = date '2026-01-01' and pipeline = 'default'",
                """
                2 | 1
                """,
            ),
        ),
    ),
)
