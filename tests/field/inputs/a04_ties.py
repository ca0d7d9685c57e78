"""Several changes in one second follow old value → new value; a file written newest first is read from its end."""

from tests.field.world import Expected, Input

_CONFIG = """
    timezone: UTC
    deliveries: full
    pipelines:
      - name: Sales
        stages:
          - {name: New, canonical: prospecting}
          - {name: Talk, canonical: contact}
          - {name: Demo, canonical: demo}
          - {name: Offer, canonical: proposal}
    feeds:
      deals:
        entity: deals
        files: ["deals*.csv"]
        columns: {deal_id: Id, pipeline: Pipeline, stage: Stage, created_at: Created, status: Status}
      log:
        entity: deal_changes
        files: ["log*.csv"]
        columns: {deal_id: Id, field: Field, old_value: Old, new_value: New, changed_at: At}
"""
_PATH = (
    "select deal_key[strlen(source) + 2:], string_agg(to_stage, ' ' order by transition_number)"
    " from marts.fct_stage_transitions where source = '{source}' group by all"
)

INPUTS = (
    Input(
        kind="A4",
        source="a04_one_second",
        says="a chain, a ring that ends where it began, a step that tells no old value, two fields at once",
        config=_CONFIG,
        files={
            "deals_2026-02-01.csv": """
                Id,Pipeline,Stage,Created,Status
                1,Sales,Offer,2026-01-02,open
                2,Sales,Talk,2026-01-02,open
                3,Sales,Demo,2026-01-02,open
                4,Sales,Talk,2026-01-02,open
            """,
            "log_2026-02-01.csv": """
                Id,Field,Old,New,At
                1,stage,Demo,Offer,2026-01-10 09:00:00
                1,stage,Talk,Demo,2026-01-10 09:00:00
                1,stage,New,Talk,2026-01-10 09:00:00
                2,stage,New,Talk,2026-01-05 09:00:00
                2,stage,Demo,Talk,2026-01-10 09:00:00
                2,stage,Talk,Demo,2026-01-10 09:00:00
                3,stage,Talk,Demo,2026-01-10 09:00:00
                3,stage,,Talk,2026-01-10 09:00:00
                4,stage,New,Talk,2026-01-05 09:00:00
                4,status,lost,open,2026-01-10 09:00:00
                4,status,open,lost,2026-01-10 09:00:00
                4,status,lost,open,2026-01-12 09:00:00
                4,status,open,lost,2026-01-11 09:00:00
            """,
        },
        expected=(
            Expected(
                _PATH + " having min(deal_key) not like '%:4'",
                """
                1 | New Talk Demo Offer
                2 | New Talk Demo Talk
                3 | Talk Demo
                """,
            ),
        ),
    ),
    Input(
        kind="A4",
        source="a04_newest_first",
        says="a file whose times run backwards is read from its end where no old values say it",
        config=_CONFIG,
        files={
            "deals_2026-02-01.csv": """
                Id,Pipeline,Stage,Created,Status
                1,Sales,Offer,2026-01-02,open
                2,Sales,Talk,2026-01-02,open
            """,
            "log_2026-02-01.csv": """
                Id,Field,Old,New,At
                1,stage,,Offer,2026-01-10 09:00:00
                1,stage,,Demo,2026-01-10 09:00:00
                1,stage,,New,2026-01-02 09:00:00
                2,status,lost,open,2026-01-10 09:00:00
                2,status,open,lost,2026-01-10 09:00:00
                2,stage,New,Talk,2026-01-05 09:00:00
            """,
        },
        expected=(
            Expected(
                _PATH,
                """
                1 | New Demo Offer
                2 | New Talk Lost Talk
                """,
            ),
            Expected(
                "select deal_key, stage, status from marts.fct_deals where source = '{source}'",
                """
                a04_newest_first:1 | Offer | open
                a04_newest_first:2 | Talk  | open
                """,
            ),
        ),
    ),
    Input(
        kind="A4",
        source="a04_versions",
        says="versions of one second follow from-stage → stage, backwards ones too",
        config="""
            timezone: UTC
            deliveries: full
            pipelines:
              - name: Sales
                stages:
                  - {name: New, canonical: prospecting}
                  - {name: Talk, canonical: contact}
                  - {name: Demo, canonical: demo}
            feeds:
              deals:
                entity: deals
                files: ["deals*.csv"]
                columns: {deal_id: Id, pipeline: Pipeline, stage: Stage, created_at: Created}
              versions:
                entity: deal_versions
                files: ["versions*.csv"]
                columns: {version_id: Version, deal_id: Id, stage: Stage, from_stage: From, version_at: At,
                  amount: Amount}
        """,
        files={
            "deals_2026-02-01.csv": """
                Id,Pipeline,Stage,Created
                1,Sales,New,2026-01-02
                2,Sales,Talk,2026-01-02
                3,Sales,Talk,2026-01-02
            """,
            "versions_2026-02-01.csv": """
                Version,Id,Stage,From,At,Amount
                a,1,New,,2026-01-02 09:00:00,10
                b,1,New,Talk,2026-01-10 09:00:00,30
                c,1,Talk,Demo,2026-01-10 09:00:00,20
                d,1,Demo,New,2026-01-10 09:00:00,15
                e,2,Demo,New,2026-01-10 09:00:00,10
                f,2,Talk,Demo,2026-01-10 09:00:00,10
                g,3,Talk,New,2026-01-10 09:00:00,10
                h,3,Talk,Talk,2026-01-10 09:00:00,20
            """,
        },
        expected=(
            Expected(
                _PATH,
                """
                1 | New Demo Talk New
                2 | New Demo Talk
                3 | New Talk
                """,
            ),
            Expected(
                "select transition_number, amount from marts.fct_stage_transitions where deal_key = '{source}:1'",
                """
                1 | 10.00
                2 | 15.00
                3 | 20.00
                4 | 30.00
                """,
            ),
        ),
    ),
    Input(
        kind="A4",
        source="a04_property_history",
        says="a history without old values, newest first as its API gives it: read from its end",
        config="""
            vendor: hubspot
            timezone: UTC
            currency: EUR
        """,
        files={
            "2026-02-01/deals.csv": """
                hs_object_id,dealname,pipeline,dealstage,amount,createdate
                1,A,default,contractsent,100,2026-01-02T09:00:00Z
                2,B,default,qualifiedtobuy,100,2026-01-02T09:00:00Z
            """,
            "2026-02-01/deal_property_history.csv": """
                deal_id,property,value,timestamp
                1,dealstage,contractsent,2026-01-10T09:00:00Z
                1,dealstage,presentationscheduled,2026-01-10T09:00:00Z
                1,dealstage,appointmentscheduled,2026-01-02T09:00:00Z
                2,dealstage,qualifiedtobuy,2026-01-12T09:00:00Z
                2,dealstage,closedlost,2026-01-12T09:00:00Z
                2,dealstage,appointmentscheduled,2026-01-02T09:00:00Z
            """,
        },
        expected=(
            Expected(
                _PATH,
                """
                1 | Appointment Scheduled Presentation Scheduled Contract Sent
                2 | Appointment Scheduled Closed Lost Qualified To Buy
                """,
            ),
            Expected(
                "select deal_key, stage, status from marts.fct_deals where source = '{source}'",
                """
                a04_property_history:1 | Contract Sent    | open
                a04_property_history:2 | Qualified To Buy | open
                """,
            ),
        ),
    ),
    Input(
        kind="A4",
        source="a04_opportunity_history",
        says="versions of one second from the stage they came from, against the order of the stages; own amounts",
        config="""
            vendor: salesforce
            timezone: UTC
            currency: EUR
        """,
        files={
            "2026-02-01/OpportunityHistory.csv": """
                Id,OpportunityId,CreatedDate,StageName,FromOpportunityStageName,Amount,CloseDate
                008A1,006A,2026-01-02 09:00:00,Prospecting,,100,2026-03-20
                008A2,006A,2026-01-10 09:00:00,Qualification,Needs Analysis,300,2026-03-20
                008A3,006A,2026-01-10 09:00:00,Needs Analysis,Prospecting,200,2026-03-20
            """,
            "2026-02-01/Opportunity.csv": """
                Id,IsDeleted,Name,StageName,Amount,CloseDate,IsClosed,IsWon,OwnerId,CreatedDate
                006A,0,a,Qualification,300,2026-03-20 00:00:00,0,0,005B,2026-01-02 09:00:00
            """,
        },
        expected=(
            Expected(
                """
                    select to_stage, cast(amount as integer)
                    from marts.fct_stage_transitions where source = '{source}'
                """,
                """
                Prospecting    | 100
                Needs Analysis | 200
                Qualification  | 300
                """,
            ),
            Expected(_PATH, "006A | Prospecting Needs Analysis Qualification"),
        ),
    ),
)
