"""Stages nobody configured whose rows say closed: entering them is the close, in all shapes and words."""

from tests.field.world import Expected, Input

_TRANSITIONS = """
    select deal_id, transition_number, to_stage, direction, cast(transitioned_at as date), evidence
    from marts.fct_stage_transitions inner join marts.fct_deals using (deal_key)
    where fct_deals.source = '{source}'
"""
_STATUS = """
    select deal_id, stage, status, cast(closed_at as date), closed_on from marts.fct_deals where source = '{source}'
"""
_STAGES = """
    select stage, is_won, is_lost, is_configured from marts.dim_stages
    where source = '{source}' and not is_configured and stage not in ('Won', 'Lost')
"""
_VISITS = "select deal_key, stage, outcome from marts.fct_stage_visits where source = '{source}'"
_BROKEN = """
    select rule, record_key from quality.hygiene_violations
    where source = '{source}' and rule in ('unmapped_stage', 'stage_disagrees_with_history')
"""

_GENERIC = """
    deliveries: full
    pipelines:
      - {name: default, stages: [{name: New, canonical: contact}, {name: Talk, canonical: demo, qualified: true}]}
    feeds:
      deals:
        entity: deals
        files: ["deals*.csv"]
        columns: {deal_id: Id, stage: Stage, status: Status, created_at: Created, close_on: Closed, amount: Amount}
"""

_HUBSPOT_HEADINGS = (
    "Record ID,Pipeline,Deal Stage,Create Date,Close Date,Is Closed Won,Is Deal Closed?,Date entered 'Due (Renewals)',"
    "Date entered 'Renewed (Renewals)',Date entered 'Churned (Renewals)'"
)

INPUTS = (
    Input(
        kind="A1",
        source="a01_salesforce_versions",
        says="closed stages of the record's own flags, one of them without flags in its row",
        config="vendor: salesforce",
        files={
            "2026-02-01/Opportunity.csv": """
                Id,IsDeleted,Name,StageName,Amount,CloseDate,IsClosed,IsWon,OwnerId,CreatedDate
                006A,0,A,Closed - No Decision,100,2026-01-31 00:00:00,1,0,005A,2026-01-02 09:00:00
                006B,0,B,Signed,100,2026-01-15 00:00:00,1,1,005A,2026-01-02 09:00:00
                006C,0,C,closed - no decision,100,2026-01-31 00:00:00,,,005A,2026-01-02 09:00:00
                006D,0,D,Legal Review,100,2026-03-31 00:00:00,0,0,005A,2026-01-02 09:00:00
            """,
            "2026-02-01/OpportunityHistory.csv": """
                Id,OpportunityId,CreatedDate,StageName,Amount,CloseDate,FromOpportunityStageName,IsDeleted
                1,006A,2026-01-02 09:00:00,Qualification,100,2026-01-31 00:00:00,,0
                2,006A,2026-01-15 09:00:00,Closed - No Decision,100,2026-01-31 00:00:00,Qualification,0
                3,006B,2026-01-02 09:00:00,Qualification,100,2026-01-31 00:00:00,,0
                4,006B,2026-01-15 09:00:00,Signed,100,2026-01-15 00:00:00,Qualification,0
                5,006C,2026-01-02 09:00:00,Qualification,100,2026-01-31 00:00:00,,0
                6,006C,2026-01-10 09:00:00,Closed - No Decision,100,2026-01-31 00:00:00,Qualification,0
                7,006D,2026-01-02 09:00:00,Qualification,100,2026-01-31 00:00:00,,0
                8,006D,2026-01-10 09:00:00,Legal Review,100,2026-01-31 00:00:00,Qualification,0
            """,
        },
        expected=(
            Expected(
                _TRANSITIONS,
                """
                006A | 1 | Qualification        | created  | 2026-01-02 | versioned
                006A | 2 | Closed - No Decision | lost     | 2026-01-15 | versioned
                006B | 1 | Qualification        | created  | 2026-01-02 | versioned
                006B | 2 | Signed               | won      | 2026-01-15 | versioned
                006C | 1 | Qualification        | created  | 2026-01-02 | versioned
                006C | 2 | Closed - No Decision | lost     | 2026-01-10 | versioned
                006D | 1 | Qualification        | created  | 2026-01-02 | versioned
                006D | 2 | Legal Review         | advanced | 2026-01-10 | versioned
                """,
            ),
            Expected(
                _STATUS,
                """
                006A | Closed - No Decision | lost | 2026-01-15 | 2026-01-31
                006B | Signed               | won  | 2026-01-15 | 2026-01-15
                006C | Closed - No Decision | lost | 2026-01-10 | 2026-01-31
                006D | Legal Review         | open |            |
                """,
            ),
            Expected(
                _VISITS,
                """
                a01_salesforce_versions:006A | Qualification | lost
                a01_salesforce_versions:006B | Qualification | advanced
                a01_salesforce_versions:006C | Qualification | lost
                a01_salesforce_versions:006D | Qualification | advanced
                a01_salesforce_versions:006D | Legal Review  | open
                """,
            ),
            Expected(
                _STAGES,
                """
                Closed - No Decision | False | True  | False
                Signed               | True  | False | False
                Legal Review         | False | False | False
                """,
            ),
            Expected(
                _BROKEN,
                """
                unmapped_stage | a01_salesforce_versions:006A
                unmapped_stage | a01_salesforce_versions:006B
                unmapped_stage | a01_salesforce_versions:006C
                unmapped_stage | a01_salesforce_versions:006D
                """,
            ),
            Expected(
                """
                    select month, created_deals, won_deals, lost_deals, closing_deals
                    from marts.mart_pipeline_movements where source = '{source}' and month = '2026-01-01'
                """,
                "2026-01-01 | 4 | 1 | 2 | 1",
            ),
        ),
    ),
    Input(
        kind="A1",
        source="a01_salesforce_fields",
        says="a log of fields enters a closed stage that only the rows' flags explain",
        config="vendor: salesforce",
        files={
            "2026-02-01/Opportunity.csv": """
                Id,IsDeleted,Name,StageName,Amount,CloseDate,IsClosed,IsWon,OwnerId,CreatedDate
                006A,0,A,Disqualified,100,2026-01-31 00:00:00,true,false,005A,2026-01-02 09:00:00
            """,
            "2026-02-01/OpportunityFieldHistory.csv": """
                OpportunityId,Field,OldValue,NewValue,CreatedDate,IsDeleted
                006A,created,,,2026-01-02 09:00:00,0
                006A,StageName,Prospecting,Disqualified,2026-01-15 09:00:00,0
            """,
        },
        expected=(
            Expected(
                _TRANSITIONS,
                """
                006A | 1 | Prospecting  | created | 2026-01-02 | inferred
                006A | 2 | Disqualified | lost    | 2026-01-15 | logged
                """,
            ),
            Expected(_BROKEN, "unmapped_stage | a01_salesforce_fields:006A"),
        ),
    ),
    Input(
        kind="A1",
        source="a01_hubspot_dates",
        says="date columns of a pipeline that nobody configured, with HubSpot's own flags",
        config="vendor: hubspot",
        files={
            "deals_2026-02-01.csv": _HUBSPOT_HEADINGS
            + """
1,Renewals,Renewed,2026-01-02 09:00,2026-01-20 09:00,true,true,2026-01-02 09:00,2026-01-20 09:00,
2,Renewals,Churned,2026-01-02 09:00,2026-01-20 09:00,false,true,2026-01-02 09:00,,2026-01-20 09:00
3,Renewals,Due,2026-01-02 09:00,2026-03-20 09:00,false,false,2026-01-02 09:00,,
            """
        },
        expected=(
            Expected(
                _TRANSITIONS,
                """
                1 | 1 | Due     | created | 2026-01-02 | dated
                1 | 2 | Renewed | won     | 2026-01-20 | dated
                2 | 1 | Due     | created | 2026-01-02 | dated
                2 | 2 | Churned | lost    | 2026-01-20 | dated
                3 | 1 | Due     | created | 2026-01-02 | dated
                """,
            ),
            Expected(_STAGES, "Renewed|True|False|False\nChurned|False|True|False\nDue|False|False|False"),
        ),
    ),
    Input(
        kind="A1",
        source="a01_hubspot_log",
        says="stage ids without a table of stages",
        config="vendor: hubspot",
        files={
            "deals_2026-02-01.csv": """
                hs_object_id,dealname,pipeline,dealstage,amount,createdate,closedate,hs_is_closed_won,hs_is_closed
                1,A,default,9001,100,2026-01-02T09:00:00Z,2026-01-15T09:00:00Z,true,true
                2,B,default,9002,100,2026-01-02T09:00:00Z,2026-01-16T09:00:00Z,false,true
            """,
            "deal_property_history_2026-02-01.csv": """
                dealId,property,value,timestamp
                1,dealstage,appointmentscheduled,2026-01-02T09:00:00Z
                1,dealstage,9001,2026-01-15T09:00:00Z
                2,dealstage,appointmentscheduled,2026-01-02T09:00:00Z
                2,dealstage,9002,2026-01-16T09:00:00Z
            """,
        },
        expected=(
            Expected(
                _TRANSITIONS,
                """
                1 | 1 | Appointment Scheduled | created | 2026-01-02 | logged
                1 | 2 | 9001                  | won     | 2026-01-15 | logged
                2 | 1 | Appointment Scheduled | created | 2026-01-02 | logged
                2 | 2 | 9002                  | lost    | 2026-01-16 | logged
                """,
            ),
        ),
    ),
    Input(
        kind="A1",
        source="a01_pipedrive_status",
        says="a stage in which every deal is won, and the status told in the same second: one step",
        config="vendor: pipedrive",
        files={
            "deals_2026-02-01.csv": """
                id,title,stage_id,status,value,currency,add_time,won_time
                1,A,Signed off,won,100,EUR,2026-01-02 09:00:00,2026-01-15 09:00:00
                2,B,Qualified,open,100,EUR,2026-01-02 09:00:00,
            """,
            "deal_changes_2026-02-01.csv": """
                deal_id,field_key,old_value,new_value,log_time
                1,stage_id,Qualified,Signed off,2026-01-15 09:00:00
                1,status,open,won,2026-01-15 09:00:00
            """,
        },
        expected=(
            Expected(
                _TRANSITIONS,
                """
                1 | 1 | Qualified  | created | 2026-01-02 | inferred
                1 | 2 | Signed off | won     | 2026-01-15 | logged
                2 | 1 | Qualified  | created | 2026-01-02 | inferred
                """,
            ),
        ),
    ),
    Input(
        kind="A1",
        source="a01_snapshots",
        says="extracts that show deals in closed stages, one of them reopened later",
        config=_GENERIC,
        files={
            "deals_2026-01-10.csv": """
                Id,Stage,Status,Created,Closed,Amount
                1,New,open,2026-01-02,,100
                2,New,open,2026-01-02,,100
                3,New,open,2026-01-02,,100
            """,
            "deals_2026-01-20.csv": """
                Id,Stage,Status,Created,Closed,Amount
                1,Signed,won,2026-01-02,2026-01-18,100
                2,Dropped,lost,2026-01-02,2026-01-18,100
                3,Dropped,lost,2026-01-02,2026-01-18,100
            """,
            "deals_2026-02-01.csv": """
                Id,Stage,Status,Created,Closed,Amount
                1,Signed,won,2026-01-02,2026-01-18,100
                2,Talk,open,2026-01-02,,100
                3,Dropped,lost,2026-01-02,2026-01-18,100
            """,
        },
        expected=(
            Expected(
                _TRANSITIONS,
                """
                1 | 1 | New     | created  | 2026-01-02 | inferred
                1 | 2 | Signed  | won      | 2026-01-20 | observed
                2 | 1 | New     | created  | 2026-01-02 | inferred
                2 | 2 | Dropped | lost     | 2026-01-20 | observed
                2 | 3 | Talk    | reopened | 2026-02-01 | observed
                3 | 1 | New     | created  | 2026-01-02 | inferred
                3 | 2 | Dropped | lost     | 2026-01-20 | observed
                """,
            ),
        ),
    ),
    Input(
        kind="A1",
        source="a01_current",
        says="rows alone: closed in their own stage at their close date; rows that disagree are won or lost each",
        config=_GENERIC,
        files={
            "deals_2026-02-01.csv": """
                Id,Stage,Status,Created,Closed,Amount
                1,Signed,won,2026-01-02,2026-01-18,100
                2,Dropped,lost,2026-01-02,2026-01-18,100
                3,Closed,won,2026-01-02,2026-01-18,100
                4,Closed,lost,2026-01-02,2026-01-19,100
                5,Parked,,2026-01-02,,100
            """
        },
        expected=(
            Expected(
                _TRANSITIONS,
                """
                1 | 1 | Signed  | created | 2026-01-18 | inferred
                2 | 1 | Dropped | created | 2026-01-18 | inferred
                3 | 1 | Won     | created | 2026-01-18 | inferred
                4 | 1 | Lost    | created | 2026-01-19 | inferred
                5 | 1 | Parked  | created | 2026-01-02 | inferred
                """,
            ),
            Expected(
                _STATUS,
                """
                1 | Signed  | won  | 2026-01-18 | 2026-01-18
                2 | Dropped | lost | 2026-01-18 | 2026-01-18
                3 | Won     | won  | 2026-01-18 | 2026-01-18
                4 | Lost    | lost | 2026-01-19 | 2026-01-19
                5 | Parked  | open |            |
                """,
            ),
            Expected(
                _STAGES,
                """
                Signed  | True  | False | False
                Dropped | False | True  | False
                Closed  | False | False | False
                Parked  | False | False | False
                """,
            ),
        ),
    ),
)
