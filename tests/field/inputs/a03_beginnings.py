"""Beginnings: what held since creation is the first old value a log names; a deal that never moved was somewhere."""

from tests.field.world import Expected, Input

_PIPEDRIVE = """
    vendor: pipedrive
    timezone: UTC
    currency: EUR
    pipelines:
      - {name: Pipeline, aliases: ["1"], template: pipedrive}
      - {name: Zwei, aliases: ["2"], stages: [{name: Neu, canonical: contact}, {name: Angebot, canonical: proposal}]}
"""
_STAGES = """
    id,name,pipeline_id
    1,Qualified,1
    2,Contact Made,1
    11,Neu,2
    12,Angebot,2
"""
_TOLD = (
    "select deal_id, transition_number, t.pipeline, to_stage, strftime(transitioned_at, '%m-%d'), direction, evidence"
    " from marts.fct_stage_transitions as t inner join marts.fct_deals using (deal_key) where t.source = '{source}'"
)

INPUTS = (
    Input(
        kind="A3",
        source="a03_closed_where_it_began",
        says="statuses beside stages: a deal whose log tells no stage was in its row's stage since its creation",
        config=_PIPEDRIVE,
        files={
            "2026-02-01/stages.csv": _STAGES,
            "2026-02-01/deals.csv": """
                id,title,pipeline_id,stage_id,status,value,currency,add_time,won_time,lost_time
                1,lost,1,2,lost,10,EUR,2026-01-02 09:00:00,,2026-01-20 09:00:00
                2,lost and reopened,1,2,open,10,EUR,2026-01-02 09:00:00,,
                3,open and only its value changed,1,2,open,20,EUR,2026-01-02 09:00:00,,
                4,won and the log does not say so,1,2,won,20,EUR,2026-01-02 09:00:00,2026-01-25 09:00:00,
                5,lost and moved after it was opened again,1,2,open,20,EUR,2026-01-02 09:00:00,,
            """,
            "2026-02-01/deal_changes.csv": """
                deal_id,field_key,old_value,new_value,log_time
                1,add_time,,2026-01-02 09:00:00,2026-01-02 09:00:00
                1,status,open,lost,2026-01-20 09:00:00
                2,status,open,lost,2026-01-10 09:00:00
                2,status,lost,open,2026-01-12 09:00:00
                3,value,10,20,2026-01-05 09:00:00
                4,value,10,20,2026-01-05 09:00:00
                5,status,open,lost,2026-01-10 09:00:00
                5,status,lost,open,2026-01-12 09:00:00
                5,stage_id,1,2,2026-01-14 09:00:00
            """,
        },
        expected=(
            Expected(
                _TOLD,
                """
                1 | 1 | Pipeline | Contact Made | 01-02 | created  | inferred
                1 | 2 | Pipeline | Lost         | 01-20 | lost     | logged
                2 | 1 | Pipeline | Contact Made | 01-02 | created  | inferred
                2 | 2 | Pipeline | Lost         | 01-10 | lost     | logged
                2 | 3 | Pipeline | Contact Made | 01-12 | reopened | logged
                3 | 1 | Pipeline | Contact Made | 01-02 | created  | inferred
                4 | 1 | Pipeline | Contact Made | 01-02 | created  | inferred
                4 | 2 | Pipeline | Won          | 01-25 | won      | observed
                5 | 1 | Pipeline | Qualified    | 01-02 | created  | inferred
                5 | 2 | Pipeline | Lost         | 01-10 | lost     | logged
                5 | 3 | Pipeline | Qualified    | 01-12 | reopened | logged
                5 | 4 | Pipeline | Contact Made | 01-14 | advanced | logged
                """,
            ),
            Expected(
                "select deal_id, v.stage, strftime(entered_at, '%m-%d'), outcome from marts.fct_stage_visits as v"
                " inner join marts.fct_deals using (deal_key) where v.source = '{source}'"
                " and deal_id in ('1', '3', '4')",
                """
                1 | Contact Made | 01-02 | lost
                3 | Contact Made | 01-02 | open
                4 | Contact Made | 01-02 | advanced
                """,
            ),
        ),
    ),
    Input(
        kind="A3",
        source="a03_moved_before_its_first_step",
        says="a pipeline that changed before the first stage change: it was in the old one, in the stage left first",
        config="""
            timezone: UTC
            deliveries: full
            pipelines:
              - {name: First, stages: [{name: New, canonical: prospecting}, {name: Demo, canonical: demo}]}
              - {name: Second, stages: [{name: Demo, canonical: demo}, {name: Agreed, canonical: proposal}]}
            feeds:
              deals:
                entity: deals
                files: ["deals*.csv"]
                columns: {deal_id: Id, pipeline: Pipeline, stage: Stage, created_at: Created, amount: Amount,
                  owner_id: Owner}
              log:
                entity: deal_changes
                files: ["log*.csv"]
                columns: {deal_id: Id, field: Field, old_value: Old, new_value: New, changed_at: At}
        """,
        files={
            "deals_2026-02-01.csv": """
                Id,Pipeline,Stage,Created,Amount,Owner
                1,Second,Agreed,2026-01-02,30,8
                2,First,New,2026-01-02,20,8
            """,
            "log_2026-02-01.csv": """
                Id,Field,Old,New,At
                1,amount,10,20,2026-01-03 10:00:00
                1,pipeline,First,Second,2026-01-05 10:00:00
                1,stage,Demo,Agreed,2026-01-09 10:00:00
                1,amount,20,30,2026-01-09 10:00:00
                1,owner_id,7,8,2026-01-11 10:00:00
                2,pipeline,First,Second,2026-01-05 10:00:00
                2,pipeline,Second,First,2026-01-06 10:00:00
                2,stage,Demo,New,2026-01-09 10:00:00
            """,
        },
        expected=(
            Expected(
                _TOLD,
                """
                1 | 1 | First  | Demo   | 01-02 | created  | inferred
                1 | 2 | Second | Demo   | 01-05 | advanced | logged
                1 | 3 | Second | Agreed | 01-09 | advanced | logged
                2 | 1 | First  | Demo   | 01-02 | created   | inferred
                2 | 2 | Second | Demo   | 01-05 | advanced  | logged
                2 | 3 | First  | Demo   | 01-06 | advanced  | logged
                2 | 4 | First  | New    | 01-09 | regressed | logged
                """,
            ),
            Expected(
                "select transition_number, amount, owner_key from marts.fct_stage_transitions where source = '{source}'"
                " and deal_key = '{source}:1'",
                """
                1 | 10.00 | a03_moved_before_its_first_step:7
                2 | 20.00 | a03_moved_before_its_first_step:7
                3 | 30.00 | a03_moved_before_its_first_step:7
                """,
            ),
        ),
    ),
)
