"""A call known by its day only, on the day the lead came."""

from tests.field.world import Expected, Input

_CALLS = "select activity_id, completed_at from marts.fct_activities where source = '{source}'"
_LEADS = "select lead_id, round(response_hours, 4), is_unanswered from marts.fct_leads where source = '{source}'"
_DEALS = {"deals_2026-02-01.csv": "Id,Stage,Created\n9,New,2026-01-02\n"}

INPUTS = (
    Input(
        kind="B11",
        source="b11_completed_on_a_day",
        says="its own creation where that is a time of that day, else the day's last second, at most the extract",
        config="""
            deliveries: full
            timezone: Europe/Berlin
            feeds:
              deals: {entity: deals, files: ["deals*.csv"], columns: {deal_id: Id, stage: Stage, created_at: Created}}
              leads: {entity: leads, files: ["leads*.csv"], columns: {lead_id: Id, created_at: Created}}
              calls:
                entity: activities
                files: ["calls*.csv"]
                constants: {activity_type: call}
                columns: {activity_id: Id, lead_id: Lead, completed_at: Done, created_at: Created}
        """,
        files={
            **_DEALS,
            "leads_2026-02-01.csv": """
                Id,Created
                1,2026-01-05 10:00:00
                2,2026-01-05 10:00:00
                3,2026-01-05 10:00:00
                4,2026-01-31 10:00:00
                5,2026-01-05
            """,
            "calls_2026-01-31T1800.csv": """
                Id,Lead,Done,Created
                created_that_day,1,2026-01-05,2026-01-05 13:00:00
                created_before,2,2026-01-05,2026-01-03 13:00:00
                created_by_day,3,2026-01-05,2026-01-05
                not_over,4,2026-01-31,
                midnight,5,2026-01-05 00:00:00,2026-01-05 13:00:00
                future,,2026-04-01,
            """,
        },
        expected=(
            Expected(
                _CALLS,
                """
                created_that_day | 2026-01-05 12:00:00
                created_before   | 2026-01-05 23:59:59
                created_by_day   | 2026-01-05 23:59:59
                not_over         | 2026-01-31 17:00:00
                midnight         | 2026-01-04 23:00:00
                future           | 2026-04-01 00:00:00
                """,
            ),
            Expected(
                _LEADS,
                """
                1 | 3.0     | False
                2 | 14.9997 | False
                3 | 14.9997 | False
                4 | 8.0     | False
                5 |         | True
                """,
            ),
        ),
    ),
    Input(
        kind="B11",
        source="b11_due_on_a_day",
        says="done without a completion time and due on a day: the same, of tasks and of events that nobody ticks off",
        config="vendor: salesforce\ntimezone: UTC\n",
        files={
            "2026-02-01/Opportunity.csv": """
                Id,IsDeleted,AccountId,Name,StageName,Amount,CloseDate,IsClosed,IsWon,OwnerId,CreatedDate
                0061,0,,A,Prospecting,1,2026-03-20 00:00:00,0,0,005A,2026-01-02 09:00:00
            """,
            "2026-02-01/Lead.csv": """
                Id,IsDeleted,LastName,Status,OwnerId,CreatedDate,IsConverted
                00Q1,0,A,Working - Contacted,005A,2026-01-05 09:00:00,0
                00Q2,0,B,Working - Contacted,005A,2026-01-05 09:00:00,0
                00Q3,0,C,Working - Contacted,005A,2026-01-05 09:00:00,0
            """,
            "2026-02-01/Task.csv": """
                Id,IsDeleted,WhoId,Subject,ActivityDate,Status,OwnerId,IsClosed,TaskSubtype,CallType,CreatedDate
                00T1,0,00Q1,Call,2026-01-05 00:00:00,Completed,005A,1,Call,Outbound,2026-01-05 09:55:00
                00T2,0,00Q2,Call,2026-01-05 00:00:00,Completed,005A,1,Call,Outbound,2026-01-03 09:55:00
            """,
            "2026-02-01/Event.csv": """
                Id,IsDeleted,WhoId,Subject,ActivityDate,ActivityDateTime,OwnerId,CreatedDate
                00U1,0,00Q3,Visit,2026-01-06 00:00:00,,005A,2026-01-03 09:55:00
            """,
        },
        expected=(
            Expected(
                _CALLS,
                """
                00T1 | 2026-01-05 09:55:00
                00T2 | 2026-01-05 23:59:59
                00U1 | 2026-01-06 23:59:59
                """,
            ),
        ),
    ),
)
