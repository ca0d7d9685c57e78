"""Stage ids of another pipeline in a deal's history: looked up in every pipeline of the source."""

from tests.field.world import Expected, Input

_TRANSITIONS = (
    "select transition_number, pipeline, to_stage, direction from marts.fct_stage_transitions where source = '{source}'"
)

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
)
