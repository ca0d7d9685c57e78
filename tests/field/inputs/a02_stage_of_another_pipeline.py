"""Stage ids of another pipeline in a deal's history: looked up in every pipeline of the source."""

from tests.field.world import Expected, Input

_TRANSITIONS = (
    "select transition_number, pipeline, to_stage, direction from marts.fct_stage_transitions where source = '{source}'"
)

_MOVES = """
    select deal_key, old_value, new_value, cast(changed_at as date) from marts.fct_deal_changes
    where source = '{source}' and field = 'pipeline'
"""
#: No stage of one pipeline is made up in another.
_MADE_UP = """
    select pipeline, stage from marts.dim_stages
    where source = '{source}' and not is_configured and stage not in ('Won', 'Lost')
"""

_HUBSPOT = """
    vendor: hubspot
    pipelines:
      - {name: Sales Pipeline, aliases: [default], template: hubspot}
      - name: Renewals
        aliases: ["41278305"]
        stages:
          - {name: Renewal due, aliases: ["95480112"], canonical: contact}
          - {name: Terms agreed, aliases: ["95480113"], canonical: proposal, qualified: true}
"""

INPUTS = (
    Input(
        kind="A2",
        source="a02_dates_of_two_pipelines",
        says="a date column of the pipeline the deal left is a stage there",
        config="""
            deliveries: full
            pipelines:
              - {name: First, stages: [{name: New, canonical: prospecting}, {name: Talk, canonical: contact}]}
              - {name: Second, stages: [{name: Due, canonical: contact}, {name: Agreed, canonical: proposal}]}
            feeds:
              deals:
                entity: deals
                files: ["deals*.csv"]
                columns: {deal_id: Id, pipeline: Pipeline, stage: Stage, created_at: Created}
                stage_dates: ["Entered {stage}"]
        """,
        files={
            "deals_2026-02-01.csv": """
                Id,Pipeline,Stage,Created,Entered New,Entered Talk,Entered Due
                1,Second,Due,2026-01-02,2026-01-02,2026-01-05,2026-01-20
            """
        },
        expected=(
            Expected(
                _TRANSITIONS,
                """
                1 | First  | New  | created
                2 | First  | Talk | advanced
                3 | Second | Due  | advanced
                """,
            ),
        ),
    ),
    Input(
        kind="A2",
        source="a02_hubspot_dates",
        says="date columns by id, of the pipeline the deal left and of the one it is in",
        config=_HUBSPOT,
        files={
            "deals_2026-02-01.csv": """
                hs_object_id,dealname,pipeline,dealstage,amount,createdate,hs_v2_date_entered_qualifiedtobuy,hs_v2_date_entered_95480112,hs_v2_date_entered_95480113
                1,A,41278305,95480112,100,2026-01-02T09:00:00Z,2026-01-05T09:00:00Z,2026-01-20T09:00:00Z,
                2,B,default,qualifiedtobuy,100,2026-01-02T09:00:00Z,2026-01-25T09:00:00Z,,2026-01-20T09:00:00Z
            """
        },
        expected=(
            Expected(
                """
                    select deal_key, pipeline, to_stage, direction
                    from marts.fct_stage_transitions where source = '{source}'
                """,
                """
                a02_hubspot_dates:1 | Sales Pipeline | Qualified To Buy | created
                a02_hubspot_dates:1 | Renewals       | Renewal due      | regressed
                a02_hubspot_dates:2 | Renewals       | Terms agreed     | created
                a02_hubspot_dates:2 | Sales Pipeline | Qualified To Buy | regressed
                """,
            ),
            Expected(
                _MOVES,
                """
                a02_hubspot_dates:1 | Sales Pipeline | Renewals       | 2026-01-20
                a02_hubspot_dates:2 | Renewals       | Sales Pipeline | 2026-01-25
                """,
            ),
            Expected(_MADE_UP),
        ),
    ),
    Input(
        kind="A2",
        source="a02_hubspot_log",
        says="a property history of stages only, and one that tells of the pipeline a moment after the stage",
        config=_HUBSPOT,
        files={
            "deals_2026-02-01.csv": """
                hs_object_id,dealname,pipeline,dealstage,amount,createdate,closedate
                1,A,41278305,95480112,100,2026-01-02T09:00:00Z,2026-03-15T09:00:00Z
                2,B,41278305,95480113,100,2026-01-02T09:00:00Z,2026-03-15T09:00:00Z
            """,
            "deal_property_history_2026-02-01.csv": """
                dealId,property,value,timestamp
                1,dealstage,95480112,2026-01-20T09:00:00Z
                1,dealstage,qualifiedtobuy,2026-01-05T09:00:00Z
                1,dealstage,appointmentscheduled,2026-01-02T09:00:00Z
                2,pipeline,default,2026-01-02T09:00:00Z
                2,dealstage,qualifiedtobuy,2026-01-02T09:00:00Z
                2,dealstage,95480113,2026-01-20T09:00:00.100Z
                2,pipeline,41278305,2026-01-20T09:00:00.200Z
            """,
        },
        expected=(
            Expected(
                """
                    select deal_key, transition_number, pipeline, to_stage, direction
                    from marts.fct_stage_transitions where source = '{source}'
                """,
                """
                a02_hubspot_log:1 | 1 | Sales Pipeline | Appointment Scheduled | created
                a02_hubspot_log:1 | 2 | Sales Pipeline | Qualified To Buy      | advanced
                a02_hubspot_log:1 | 3 | Renewals       | Renewal due           | regressed
                a02_hubspot_log:2 | 1 | Sales Pipeline | Qualified To Buy      | created
                a02_hubspot_log:2 | 2 | Renewals       | Terms agreed          | advanced
                """,
            ),
            Expected(
                _MOVES,
                """
                a02_hubspot_log:1 | Sales Pipeline | Renewals | 2026-01-20
                a02_hubspot_log:2 | Sales Pipeline | Renewals | 2026-01-20
                """,
            ),
            Expected(
                "select deal_key, is_qualified from marts.fct_deals where source = '{source}'",
                "a02_hubspot_log:1 | True\na02_hubspot_log:2 | True",
            ),
            Expected(_MADE_UP),
        ),
    ),
    Input(
        kind="A2",
        source="a02_salesforce_versions",
        says="record types: versions name stages only; one that both sales processes have is of that of the moment",
        config="""
            vendor: salesforce
            pipelines:
              - {name: New Business, aliases: ["0120001"], template: salesforce}
              - name: Renewal
                aliases: ["0120002"]
                stages:
                  - {name: Renewal due, canonical: contact}
                  - {name: Negotiation/Review, canonical: closing}
                  - {name: Renewed, canonical: won}
        """,
        files={
            "2026-02-01/Opportunity.csv": """
                Id,IsDeleted,Name,RecordTypeId,StageName,Amount,CloseDate,IsClosed,IsWon,OwnerId,CreatedDate
                006A,0,A,0120002,Negotiation/Review,100,2026-03-20 00:00:00,0,0,005A,2026-01-02 09:00:00
            """,
            "2026-02-01/OpportunityHistory.csv": """
                Id,OpportunityId,CreatedDate,StageName,Amount,CloseDate,FromOpportunityStageName,IsDeleted
                1,006A,2026-01-02 09:00:00,Prospecting,100,2026-03-20 00:00:00,,0
                2,006A,2026-01-05 09:00:00,Negotiation/Review,100,2026-03-20 00:00:00,Prospecting,0
                3,006A,2026-01-20 09:00:00,Renewal due,100,2026-03-20 00:00:00,Negotiation/Review,0
                4,006A,2026-01-25 09:00:00,Negotiation/Review,100,2026-03-20 00:00:00,Renewal due,0
            """,
        },
        expected=(
            Expected(
                _TRANSITIONS,
                """
                1 | New Business | Prospecting        | created
                2 | New Business | Negotiation/Review | advanced
                3 | Renewal      | Renewal due        | regressed
                4 | Renewal      | Negotiation/Review | advanced
                """,
            ),
            Expected(_MOVES, "a02_salesforce_versions:006A | New Business | Renewal | 2026-01-20"),
            Expected(_MADE_UP),
        ),
    ),
    Input(
        kind="A2",
        source="a02_salesforce_unconfigured",
        says="record types that nobody configured have the vendor's stages: nothing moved",
        config="vendor: salesforce",
        files={
            "2026-02-01/Opportunity.csv": """
                Id,IsDeleted,Name,RecordTypeId,StageName,Amount,CloseDate,IsClosed,IsWon,OwnerId,CreatedDate
                006A,0,A,0120002,Closed Won,100,2026-01-20 00:00:00,1,1,005A,2026-01-02 09:00:00
                006B,0,B,,Prospecting,100,2026-03-20 00:00:00,0,0,005A,2026-01-02 09:00:00
            """,
            "2026-02-01/OpportunityHistory.csv": """
                Id,OpportunityId,CreatedDate,StageName,Amount,CloseDate,FromOpportunityStageName,IsDeleted
                1,006A,2026-01-02 09:00:00,Prospecting,100,2026-03-20 00:00:00,,0
                2,006A,2026-01-05 09:00:00,Closed Won,100,2026-03-20 00:00:00,Prospecting,0
                3,006B,2026-01-02 09:00:00,Prospecting,100,2026-03-20 00:00:00,,0
            """,
        },
        expected=(
            Expected(_MOVES),
            Expected(
                "select deal_key, pipeline, status from marts.fct_deals where source = '{source}'",
                """
                a02_salesforce_unconfigured:006A | 0120002 | won
                a02_salesforce_unconfigured:006B | default | open
                """,
            ),
        ),
    ),
    Input(
        kind="A2",
        source="a02_pipedrive_flow",
        says="a flow of numbered stages, named by the table of stages, without a word of the pipeline",
        config="""
            vendor: pipedrive
            pipelines:
              - {name: Pipeline, aliases: ["1"], template: pipedrive}
              - name: Partners
                aliases: ["2"]
                stages: [{name: Met, canonical: contact}, {name: Agreed, canonical: proposal}]
        """,
        files={
            "deals_2026-02-01.csv": """
                id,title,pipeline_id,stage_id,status,value,currency,add_time
                1,A,2,12,open,100,EUR,2026-01-02 09:00:00
                2,B,1,2,open,100,EUR,2026-01-02 09:00:00
            """,
            "stages_2026-02-01.csv": """
                id,name,pipeline_id
                1,Qualified,1
                2,Contact Made,1
                11,Met,2
                12,Agreed,2
            """,
            "deal_changes_2026-02-01.csv": """
                deal_id,field_key,old_value,new_value,log_time
                1,stage_id,1,2,2026-01-05 09:00:00
                1,stage_id,2,12,2026-01-20 09:00:00
            """,
        },
        expected=(
            Expected(
                """
                    select deal_key, transition_number, pipeline, to_stage, direction
                    from marts.fct_stage_transitions where source = '{source}'
                """,
                """
                a02_pipedrive_flow:1 | 1 | Pipeline | Qualified    | created
                a02_pipedrive_flow:1 | 2 | Pipeline | Contact Made | advanced
                a02_pipedrive_flow:1 | 3 | Partners | Agreed       | advanced
                a02_pipedrive_flow:2 | 1 | Pipeline | Contact Made | created
                """,
            ),
            Expected(_MOVES, "a02_pipedrive_flow:1 | Pipeline | Partners | 2026-01-20"),
            Expected(_MADE_UP),
        ),
    ),
    Input(
        kind="A2",
        source="a02_no_pipelines_told",
        says="extracts that name stages only, of two configured pipelines; one that both have tells of neither",
        config="""
            deliveries: full
            pipelines:
              - name: First
                stages: [{name: New, canonical: prospecting}, {name: Talk, canonical: contact}]
              - {name: Second, stages: [{name: Due, canonical: contact}, {name: Talk, canonical: proposal}]}
            feeds:
              deals:
                entity: deals
                files: ["deals*.csv"]
                columns: {deal_id: Id, stage: Stage, created_at: Created}
        """,
        files={
            "deals_2026-01-10.csv": """
                Id,Stage,Created
                1,New,2026-01-02
                2,Talk,2026-01-02
            """,
            "deals_2026-02-01.csv": """
                Id,Stage,Created
                1,Due,2026-01-02
                2,Talk,2026-01-02
            """,
        },
        expected=(
            Expected(
                _TRANSITIONS,
                """
                1 | First  | New  | created
                2 | Second | Due  | advanced
                1 | default | Talk | created
                """,
            ),
            Expected(_MOVES, "a02_no_pipelines_told:1 | First | Second | 2026-02-01"),
            Expected(_MADE_UP, "default | Talk"),
        ),
    ),
)
