"""Dynamics 365 Sales: views and tables, words and numbers, prefixes, names for lookups, dates as numbers."""

from tests.field.world import Expected, Input

_DYNAMICS = """
    vendor: dynamics
    timezone: UTC
"""
_DEALS = (
    "select deal_id, deal_name, stage, status, amount, currency, owner_key, account_key, closed_on, lost_reason "
    "from marts.fct_deals where source = '{source}'"
)

INPUTS = (
    Input(
        kind="E",
        source="e_dynamics_table",
        says="a table of the API: statecode, salesstage and statuscode are numbers, lookups are ids",
        config=_DYNAMICS,
        files={
            "opportunity_2026-02-01.csv": """
                opportunityid,name,stepname,salesstage,estimatedvalue,actualvalue,_ownerid_value,_parentaccountid_value,statecode,statuscode,createdon,estimatedclosedate,actualclosedate
                o1,Roof,2-Develop,,1000,,u1,a1,0,1,2026-01-05T09:00:00Z,2026-03-01,
                o2,Hall,4-Close,3,2000,1800,u1,a1,1,3,2026-01-05T09:00:00Z,2026-01-31,2026-01-20
                o3,Gate,1-Qualify,0,500,0,u2,a9,2,5,2026-01-05T09:00:00Z,2026-01-31,2026-01-21
            """,
            "systemusers_2026-02-01.csv": "systemuserid,fullname,isdisabled\nu1,Ann Lee,false\nu2,Bo Kay,true\n",
            "account_2026-02-01.csv": "accountid,name,industrycode\na1,Alpha Ltd,Tools\n",
        },
        expected=(
            Expected(
                _DEALS,
                """
                o1 | Roof | Develop | open | 1000.00 | EUR | e_dynamics_table:u1 | e_dynamics_table:a1 |            |
                o2 | Hall | Won     | won  | 1800.00 | EUR | e_dynamics_table:u1 | e_dynamics_table:a1 | 2026-01-20 |
                o3 | Gate | Lost    | lost | 500.00  | EUR | e_dynamics_table:u2 | e_dynamics_table:a9 | 2026-01-21 | Out-Sold
                """,
            ),
            Expected(
                "select owner_key, owner_name, is_active from marts.dim_owners where owner_key like '{source}:%'",
                """
                e_dynamics_table:u1 | Ann Lee | True
                e_dynamics_table:u2 | Bo Kay  | False
                """,
            ),
        ),
    ),
    Input(
        kind="E",
        source="e_dynamics_view",
        says="a view with its table's name before every heading, lookups by name, a status in words",
        config=_DYNAMICS,
        files={
            "2026-02-01/All Opportunities 2-1-2026 8-00-00 AM.csv": """
                (Do Not Modify) Opportunity,(Do Not Modify) Row Checksum,(Do Not Modify) Modified On,Opportunity_Topic,Opportunity_Account,Opportunity_Sales Stage,Opportunity_Est. revenue,Opportunity_Actual Revenue,Opportunity_Status,Opportunity_Status Reason,Opportunity_Owner,Opportunity_Currency,Opportunity_Created On,Opportunity_Est. close date,Opportunity_Actual Close Date
                o1,x,2026-01-31,Roof,alpha ltd,Develop,1000,,Open,In Progress,Ann Lee,Euro,2026-01-05 09:00:00,2026-03-01,
                o2,x,2026-01-31,Hall,Twin,Close,2000,1900,Won,Won,Ann Lee,US Dollar,2026-01-05 09:00:00,2026-01-31,2026-01-20
                o3,x,2026-01-31,Gate,,Propose,500,100,Lost,Canceled,Gone Person,Euro,2026-01-05 09:00:00,2026-01-31,2026-01-21
            """,
            "2026-02-01/Enabled Users 2-1-2026 8-00-00 AM.csv": """
                (Do Not Modify) User,Full Name,Primary Email,Status
                u1,Ann Lee,ann@crm.example,Enabled
            """,
            "2026-02-01/All Accounts 2-1-2026 8-00-00 AM.csv": """
                (Do Not Modify) Account,Company_Account Name,Company_Industry
                a1,Alpha Ltd,Tools
                a2,Twin,Food
                a3,Twin,Food
            """,
        },
        expected=(
            Expected(
                _DEALS,
                """
                o1 | Roof | Develop | open | 1000.00 | EUR | e_dynamics_view:u1          | e_dynamics_view:a1   |            |
                o2 | Hall | Won     | won  | 1900.00 | USD | e_dynamics_view:u1          | e_dynamics_view:Twin | 2026-01-20 |
                o3 | Gate | Lost    | lost | 500.00  | EUR | e_dynamics_view:Gone Person |                      | 2026-01-21 | Canceled
                """,
            ),
        ),
    ),
    Input(
        kind="E",
        source="e_dynamics_activities",
        says="activities of all kinds in one view, about whatever record alone is called so",
        config=_DYNAMICS,
        files={
            "All Opportunities 2026-02-01.csv": """
                (Do Not Modify) Opportunity,Topic,Pipeline Phase,Status,Created On
                o1,Roof,1-Qualify,Open,2026-01-05 09:00:00
                o2,Twin,1-Qualify,Open,2026-01-05 09:00:00
                o3,Twin,1-Qualify,Open,2026-01-05 09:00:00
            """,
            "All Leads 2026-02-01.csv": """
                (Do Not Modify) Lead, Full Name,Status,Status Reason,Owner,Created On
                l1,Pat Low,Open,New,Ann Lee,2026-01-10 09:00:00
                l2,Ida Fin,Qualified,Qualified,Ann Lee,2026-01-10 09:00:00
                l3,Ole Bo,Disqualified,Cannot Contact,Ann Lee,2026-01-10 09:00:00
            """,
            "All Activities 2026-02-01.csv": """
                (Do Not Modify) Activity,Subject,Regarding,Activity Type,Activity Status,Direction,Due Date,Actual End,Created On
                t1,a,Roof,Phone Call,Completed,Outgoing,2026-01-12 10:00:00,2026-01-12 10:00:00,2026-01-11 10:00:00
                t2,b,Pat Low,Email,Completed,Incoming,,2026-01-12 11:00:00,2026-01-12 11:00:00
                t3,c,Twin,Appointment,Scheduled,,2026-01-13 10:00:00,,2026-01-11 10:00:00
                t4,d,Roof,Task,Canceled,,2026-01-13 10:00:00,2026-01-14 10:00:00,2026-01-11 10:00:00
                t5,e,Roof,Opportunity Close,Completed,,,2026-01-14 10:00:00,2026-01-14 10:00:00
            """,
        },
        expected=(
            Expected(
                "select split_part(activity_key, ':', 2), activity_type, direction, is_done, deal_key, lead_key "
                "from marts.fct_activities where source = '{source}'",
                """
                t1 | call              | outbound | True  | e_dynamics_activities:o1 |
                t2 | email             | inbound  | True  |                          | e_dynamics_activities:l1
                t3 | meeting           |          | False |                          |
                t4 | task              |          | False | e_dynamics_activities:o1 |
                t5 | Opportunity Close |          | True  | e_dynamics_activities:o1 |
                """,
            ),
            Expected(
                "select lead_id, status, is_converted from marts.fct_leads where source = '{source}'",
                """
                l1 | New            | False
                l2 | Qualified      | True
                l3 | Cannot Contact | False
                """,
            ),
        ),
    ),
    Input(
        kind="E",
        source="e_dynamics_serials",
        says="dates as a workbook counts days; a related table's columns carry it behind",
        config=_DYNAMICS,
        files={
            "Opportunities 2026-02-01.csv": """
                (Do Not Modify) Opportunity,Topic,Account Name (Potential Customer) (Account),Sales Stage,Status,Est. revenue,Created On,Est. close date,Actual Close Date
                o1,Roof,Alpha,Propose,Open,100,46027.5,46082,
                o2,Hall,Beta,Close,Won,200,46028.25,46050,46042
            """
        },
        expected=(
            Expected(
                "select deal_id, account_key, strftime(created_at, '%Y-%m-%d %H:%M'), expected_close_on, closed_on "
                "from marts.fct_deals where source = '{source}'",
                """
                o1 | e_dynamics_serials:Alpha | 2026-01-05 12:00 | 2026-03-01 |
                o2 | e_dynamics_serials:Beta  | 2026-01-06 06:00 | 2026-01-28 | 2026-01-20
                """,
            ),
        ),
        # the oracle reads ISO 8601 alone
        oracle=False,
    ),
)
