"""Words read by lists that nobody configured: `unparseable_value`, never silently nothing."""

from tests.field.world import Expected, Input

_UNREAD = (
    "select record_key, observed from quality.hygiene_violations where source = '{source}'"
    " and rule = 'unparseable_value' and resolved_on is null"
)

INPUTS = (
    Input(
        kind="B16",
        source="b16_words",
        says="status, lead status, done, direction and booleans",
        config="""
            deliveries: full
            feeds:
              deals:
                entity: deals
                files: ["deals*.csv"]
                columns: {deal_id: Id, stage: Stage, created_at: Created, status: Status, is_deleted: Gone}
                values: {status: {won: [Gewonnen]}}
              leads:
                entity: leads
                files: ["leads*.csv"]
                columns: {lead_id: Id, created_at: Created, status: Status, is_converted: Converted}
                lead_statuses: [New, In Arbeit]
                closed_lead_statuses: [Gone]
              calls:
                entity: activities
                files: ["calls*.csv"]
                columns: {activity_id: Id, deal_id: Deal, is_done: Done, direction: Direction, due_at: Due}
              owners:
                entity: owners
                files: ["owners*.csv"]
                columns: {owner_id: Id, is_active: Active}
        """,
        files={
            "deals_2026-02-01.csv": """
                Id,Stage,Created,Status,Gone
                1,New,2026-01-02,Open,no
                2,New,2026-01-02,Dead,no
                3,New,2026-01-02,gewonnen,maybe
                4,New,2026-01-02,,
                5,New,2026-01-02,DELETED,
            """,
            "leads_2026-02-01.csv": """
                Id,Created,Status,Converted
                1,2026-01-05,new,no
                2,2026-01-05,in  arbeit,
                3,2026-01-05,Recycled,perhaps
                4,2026-01-05,GONE,
                5,2026-01-05,,
            """,
            "calls_2026-02-01.csv": """
                Id,Deal,Done,Direction,Due
                1,1,yes,Outbound,2026-01-05
                2,1,kinda,sideways,2026-01-05
                3,1,no,Internal,2026-01-05
            """,
            "owners_2026-02-01.csv": "Id,Active\n1,true\n2,Frozen\n",
        },
        expected=(
            Expected(
                _UNREAD,
                """
                b16_words:deals:2:status         | Dead
                b16_words:deals:3:is_deleted     | maybe
                b16_words:leads:3:status         | Recycled
                b16_words:leads:3:is_converted   | perhaps
                b16_words:activities:2:is_done   | kinda
                b16_words:activities:2:direction | sideways
                b16_words:owners:2:is_active     | Frozen
                """,
            ),
            Expected(
                "select deal_id, status from marts.fct_deals where source = '{source}'",
                "1 | open\n2 | open\n3 | won\n4 | open\n5 | deleted",
            ),
        ),
    ),
    Input(
        kind="B16",
        source="b16_lead_statuses_without_a_list",
        says="a mapping that lists no lead statuses reads none by a list",
        config="""
            deliveries: full
            feeds:
              deals: {entity: deals, files: ["deals*.csv"], columns: {deal_id: Id, stage: Stage, created_at: Created}}
              leads: {entity: leads, files: ["leads*.csv"], columns: {lead_id: Id, created_at: Created, status: Status}}
        """,
        files={
            "deals_2026-02-01.csv": "Id,Stage,Created\n1,New,2026-01-02\n",
            "leads_2026-02-01.csv": "Id,Created,Status\n1,2026-01-05,Whatever\n",
        },
        expected=(Expected(_UNREAD),),
    ),
    Input(
        kind="B16",
        source="b16_status_in_a_log",
        says="a log's status that no list knows",
        config="""
            deliveries: full
            feeds:
              deals: {entity: deals, files: ["deals*.csv"], columns: {deal_id: Id, stage: Stage, created_at: Created}}
              log:
                entity: deal_changes
                files: ["log*.csv"]
                columns: {deal_id: Id, field: Field, old_value: Old, new_value: New, changed_at: At}
        """,
        files={
            "deals_2026-02-01.csv": "Id,Stage,Created\n1,New,2026-01-02\n",
            "log_2026-02-01.csv": "Id,Field,Old,New,At\n1,status,open,Dead,2026-01-05 10:00:00\n",
        },
        expected=(Expected(_UNREAD, "b16_status_in_a_log:deal_changes:1:status | Dead"),),
    ),
)
