"""Zoho CRM: its lists, the module of stage history under both of its names, activities, names instead of ids."""

from tests.field.world import Expected, Input

_TRANSITIONS = (
    "select deal_key, transition_number, to_stage, strftime(transitioned_at, '%Y-%m-%d %H:%M'), direction, evidence "
    "from marts.fct_stage_transitions where source = '{source}'"
)
_ACTIVITIES = (
    "select activity_id, activity_type, direction, is_done, deal_key, account_key, lead_key "
    "from marts.fct_activities where source = '{source}'"
)
_ZOHO = """
    vendor: zoho
    timezone: UTC
"""

INPUTS = (
    Input(
        kind="E",
        source="e_zoho_history",
        says="a row of stage history is a stay, entered at its Modified Time; the last one is where the deal stands",
        config=_ZOHO,
        files={
            "Deals_2026_02_01.csv": """
                Record Id,Deal Owner.id,Deal Owner,Amount,Deal Name,Closing Date,Stage,Created Time
                zcrm_31,zcrm_91,Ann Lee,1000,Roof,2026-02-20,Value Proposition,2026-01-05 09:00:00
                zcrm_32,zcrm_91,Ann Lee,2000,Hall,2026-01-20,Closed Won,2026-01-05 10:00:00
                zcrm_33,zcrm_91,Ann Lee,500,Gate,2026-01-12,Closed-Lost to Competition,2026-01-06 10:00:00
            """,
            "Deals__2026_02_01.csv": """
                Record Id,Deal Name.id,Deal Name,Stage,Stage Duration (Calendar Days),Moved To,Amount,Closing Date,Modified Time
                zcrm_46,zcrm_33,Gate,Closed-Lost to Competition,,,500,2026-01-12,2026-01-12 10:00:00
                zcrm_45,zcrm_33,Gate,Qualification,6,Closed-Lost to Competition,500,2026-02-28,2026-01-06 10:00:00
                zcrm_44,zcrm_32,Hall,Closed Won,,,2000,2026-01-20,2026-01-20 10:00:00
                zcrm_43,zcrm_32,Hall,Qualification,15,Closed Won,1500,2026-01-31,2026-01-05 10:00:00
                zcrm_42,zcrm_31,Roof,Value Proposition,,,1000,2026-02-20,2026-01-09 12:00:00
                zcrm_41,zcrm_31,Roof,Qualification,4,Value Proposition,900,2026-02-20,2026-01-05 09:00:00
            """,
        },
        expected=(
            Expected(
                _TRANSITIONS,
                """
                e_zoho_history:zcrm_31 | 1 | Qualification              | 2026-01-05 09:00 | created  | versioned
                e_zoho_history:zcrm_31 | 2 | Value Proposition          | 2026-01-09 12:00 | advanced | versioned
                e_zoho_history:zcrm_32 | 1 | Qualification              | 2026-01-05 10:00 | created  | versioned
                e_zoho_history:zcrm_32 | 2 | Closed Won                 | 2026-01-20 10:00 | won      | versioned
                e_zoho_history:zcrm_33 | 1 | Qualification              | 2026-01-06 10:00 | created  | versioned
                e_zoho_history:zcrm_33 | 2 | Closed Lost to Competition | 2026-01-12 10:00 | lost     | versioned
                """,
            ),
            Expected(
                "select deal_id, status, pipeline, closed_on, owner_key from marts.fct_deals where source = '{source}'",
                """
                zcrm_31 | open | Standard |            | e_zoho_history:zcrm_91
                zcrm_32 | won  | Standard | 2026-01-20 | e_zoho_history:zcrm_91
                zcrm_33 | lost | Standard | 2026-01-12 | e_zoho_history:zcrm_91
                """,
            ),
        ),
    ),
    Input(
        kind="E",
        source="e_zoho_other_history",
        says="the history under its other name, by deal id and changed time",
        config=_ZOHO,
        files={
            "Deals_2026_02_01.csv": """
                Deal Id,Deal Name,Stage,Closing Date,Created Time
                7,Roof,Negotiation/Review,2026-02-20,2026-01-05 09:00:00
            """,
            "Deals_Stage_History_2026_02_01.csv": """
                Deal Id,Stage,Changed Time,Duration,Changed By
                7,Qualification,2026-01-05 09:00:00,2,Ann
                7,Identify Decision Makers,2026-01-07 09:00:00,3,Ann
                7,Negotiation/Review,2026-01-10 09:00:00,,Ann
            """,
        },
        expected=(
            Expected(
                _TRANSITIONS,
                """
                e_zoho_other_history:7 | 1 | Qualification            | 2026-01-05 09:00 | created  | versioned
                e_zoho_other_history:7 | 2 | Identify Decision Makers | 2026-01-07 09:00 | advanced | versioned
                e_zoho_other_history:7 | 3 | Negotiation/Review       | 2026-01-10 09:00 | advanced | versioned
                """,
            ),
        ),
    ),
    Input(
        kind="E",
        source="e_zoho_activities",
        says="calls, tasks and meetings, each with its words; what one is related to is a deal or an account",
        config=_ZOHO,
        files={
            "Deals_2026_02_01.csv": """
                Record Id,Deal Name,Stage,Account Name.id,Closing Date,Created Time
                zcrm_31,Roof,Qualification,zcrm_21,2026-03-20,2026-01-05 09:00:00
            """,
            "Accounts_2026_02_01.csv": """
                Record Id,Account Name,Industry
                zcrm_21,Alpha Ltd,Tools
            """,
            "Leads_2026_02_01.csv": """
                Record Id,First Name,Last Name,Email,Lead Status,Created Time,Is Converted
                zcrm_11,Pat,Low,pat@mail.example,Contacted,2026-01-10 09:00:00,false
            """,
            "Calls_2026_02_01.csv": """
                Record Id,Subject,Call Type,Call Start Time,Call Status,Related To.id,Contact Name.id
                zcrm_51,a,Outbound,2026-01-10 10:00:00,Attended Dialled,zcrm_31,
                zcrm_52,b,Inbound,2026-01-11 10:00:00,Received,zcrm_21,zcrm_11
                zcrm_53,c,Missed,2026-01-12 10:00:00,Missed,,zcrm_11
                zcrm_54,d,Outbound,2026-01-13 10:00:00,Overdue,zcrm_31,
                zcrm_55,e,Outbound,2026-01-14 10:00:00,,zcrm_31,
            """,
            "Tasks_2026_02_01.csv": """
                Record Id,Subject,Due Date,Status,Closed Time,Related To.id,Related To
                zcrm_56,f,2026-01-20,Completed,2026-01-19 10:00:00,zcrm_31,Roof
                zcrm_57,g,2026-03-20,Waiting for input,,zcrm_31,Roof
            """,
            "Events_2026_02_01.csv": """
                Record Id,Title,From,To,Related To.id
                zcrm_58,h,2026-01-21 10:00:00,2026-01-21 11:00:00,zcrm_31
                zcrm_59,i,2026-03-21 10:00:00,2026-03-21 11:00:00,zcrm_21
            """,
        },
        expected=(
            Expected(
                _ACTIVITIES.replace("activity_id", "split_part(activity_key, ':', 2)"),
                """
                zcrm_51 | call    | outbound | True  | e_zoho_activities:zcrm_31 |                           |
                zcrm_52 | call    | inbound  | True  |                           | e_zoho_activities:zcrm_21 | e_zoho_activities:zcrm_11
                zcrm_53 | call    | inbound  | False |                           |                           | e_zoho_activities:zcrm_11
                zcrm_54 | call    | outbound | False | e_zoho_activities:zcrm_31 |                           |
                zcrm_55 | call    | outbound | True  | e_zoho_activities:zcrm_31 |                           |
                zcrm_56 | task    |          | True  | e_zoho_activities:zcrm_31 |                           |
                zcrm_57 | task    |          | False | e_zoho_activities:zcrm_31 |                           |
                zcrm_58 | meeting |          | True  | e_zoho_activities:zcrm_31 |                           |
                zcrm_59 | meeting |          | False |                           | e_zoho_activities:zcrm_21 |
                """,
            ),
        ),
    ),
    Input(
        kind="E",
        source="e_zoho_names",
        says="an export without the columns of ids: names that one record alone has stand for it",
        config=_ZOHO,
        files={
            "Deals_2026_02_01.csv": """
                Record Id,Deal Owner,Amount,Deal Name,Closing Date,Account Name,Stage,Created Time
                zcrm_31,Ann Lee,1000,Roof,2026-03-20,Alpha Ltd,Qualification,2026-01-05 09:00:00
                zcrm_32,Bo Kay,1000,Hall,2026-03-20,Twin,Qualification,2026-01-05 09:00:00
            """,
            "Users_2026_02_01.csv": """
                Record Id,First Name,Last Name,Full Name,Status
                zcrm_91,Ann,Lee,Ann Lee,active
                zcrm_92,Bo,Kay,Bo Kay,inactive
            """,
            "Accounts_2026_02_01.csv": """
                Record Id,Account Name
                zcrm_21,Alpha Ltd
                zcrm_22,Twin
                zcrm_23,Twin
            """,
            "Tasks_2026_02_01.csv": """
                Record Id,Subject,Due Date,Status,Related To,Task Owner
                zcrm_56,f,2026-01-20,Completed,Roof,Bo Kay
            """,
        },
        expected=(
            Expected(
                "select deal_id, owner_key, account_key, is_active from marts.fct_deals "
                "inner join marts.dim_owners using (owner_key) where fct_deals.source = '{source}'",
                """
                zcrm_31 | e_zoho_names:zcrm_91 | e_zoho_names:zcrm_21 | True
                zcrm_32 | e_zoho_names:zcrm_92 | e_zoho_names:Twin    | False
                """,
            ),
            Expected(
                "select deal_key, owner_key from marts.fct_activities where source = '{source}'",
                "e_zoho_names:zcrm_31 | e_zoho_names:zcrm_92",
            ),
        ),
    ),
    Input(
        kind="E",
        source="e_zoho_words_for_dates",
        says="times as a user's locale writes them",
        config=_ZOHO,
        files={
            "Deals_2026_02_01.csv": """
                Record Id,Deal Name,Stage,Closing Date,Created Time
                zcrm_31,Roof,Qualification,"Mar 7, 2026","Jan 7, 2026 6:55 PM"
            """
        },
        expected=(
            Expected(
                "select strftime(created_at, '%Y-%m-%d %H:%M'), expected_close_on from marts.fct_deals "
                "where source = '{source}'",
                "2026-01-07 18:55 | 2026-03-07",
            ),
        ),
        # the oracle reads ISO 8601 alone
        oracle=False,
    ),
    Input(
        kind="E",
        source="e_zoho_stages_delivered",
        says="an account's own stages, delivered with order and probability, are no unmapped ones",
        config=_ZOHO,
        files={
            "Stages_2026_02_01.csv": """
                Pipeline,Stage,Order,Probability (%),Deal Category
                Standard,Qualification,1,15,Open
                Standard,Site Visit,2,35,Open
                Standard,Closed Won,3,100,Closed Won
                Standard,Gone Cold,4,0,Closed Lost
            """,
            "Deals_2026_02_01.csv": """
                Record Id,Deal Name,Stage,Closing Date,Created Time
                zcrm_31,Roof,Site Visit,2026-03-20,2026-01-05 09:00:00
                zcrm_32,Hall,Gone Cold,2026-01-20,2026-01-05 09:00:00
            """,
        },
        expected=(
            Expected(
                "select stage, canonical_stage, win_probability from marts.dim_stages "
                "where source = '{source}' and stage in ('Qualification', 'Site Visit', 'Gone Cold')",
                """
                Qualification | qualifying | 0.15
                Site Visit    | qualifying | 0.35
                Gone Cold     | lost       | 0.0
                """,
            ),
            Expected(
                "select deal_id, stage, status from marts.fct_deals where source = '{source}'",
                """
                zcrm_31 | Site Visit | open
                zcrm_32 | Gone Cold  | lost
                """,
            ),
        ),
    ),
)
