"""What a mapping can say since Zoho and Dynamics: conditions, names, patterns, shared files."""

from tests.field.world import Expected, Input

_TRANSITIONS = (
    "select deal_id, transition_number, to_stage, direction, evidence from marts.fct_stage_transitions "
    "inner join marts.fct_deals using (source, deal_key) where source = '{source}'"
)

INPUTS = (
    Input(
        kind="E",
        source="e_actual_when_won",
        says="the actual revenue of a won deal, where it has one; else the estimated, also of one that is lost",
        config="""
            feeds:
              deals:
                entity: deals
                files: ["deals*.csv"]
                columns:
                  deal_id: Id
                  stage: Stage
                  status: State
                  amount: Estimated
                  actual_amount: Actual
                  created_at: Created
                  closed_at: Closed
                  lost_reason: Nothing
                  reason: Why
                values: {status: {open: ["0"], won: ["1"], lost: ["2"]}}
                references:
                  amount: {column: actual_amount, when: {status: [won]}}
                  lost_reason: {column: reason, when: {status: [lost]}}
        """,
        files={
            "deals_2026-02-01.csv": """
                Id,Stage,State,Estimated,Actual,Created,Closed,Why
                1,A,0,100,7,2026-01-02,,In progress
                2,A,1,200,180,2026-01-02,2026-01-10,Won
                3,A,1,300,,2026-01-02,2026-01-10,Won
                4,A,2,400,1,2026-01-02,2026-01-10,Out-Sold
            """
        },
        expected=(
            Expected(
                "select deal_id, status, amount, lost_reason from marts.fct_deals where source = '{source}'",
                """
                1 | open | 100.00 |
                2 | won  | 180.00 |
                3 | won  | 300.00 |
                4 | lost | 400.00 | Out-Sold
                """,
            ),
        ),
    ),
    Input(
        kind="E",
        source="e_first_filled",
        says="the first of several columns that is filled; a condition can ask for an empty cell",
        config="""
            feeds:
              deals:
                entity: deals
                files: ["deals*.csv"]
                columns: {deal_id: Id, stage: Phase, own: Stage, lead_source: Source, campaign: Campaign, none: Web}
                references:
                  stage: {column: own}
                  lead_source: [{column: campaign}, {column: none, when: {campaign: [""]}, means: Web}]
        """,
        files={
            "deals_2026-02-01.csv": """
                Id,Phase,Stage,Source,Campaign,Web
                1,A,B,Fair,,
                2,A,,Fair,Spring,yes
                3,A,,Fair,,yes
            """
        },
        expected=(
            Expected(
                "select deal_id, stage, lead_source from marts.fct_deals where source = '{source}'",
                """
                1 | B | Fair
                2 | A | Spring
                3 | A | Web
                """,
            ),
        ),
    ),
    Input(
        kind="E",
        source="e_looked_up",
        says="a name means the one record that has it; an id means itself; a name of two, or of nobody, nobody's id",
        config="""
            feeds:
              deals:
                entity: deals
                files: ["deals*.csv"]
                columns: {deal_id: Id, deal_name: Name, stage: Is, owner_id: Owner, account_id: Account, lead_id: Lead}
                look_up: [owner_id, account_id, lead_id]
              tasks:
                entity: activities
                files: ["tasks*.csv"]
                columns: {activity_id: Id, deal_id: About, account_id: About, lead_id: About, owner_id: Owner}
                look_up: [deal_id, account_id, lead_id, owner_id]
              leads:
                entity: leads
                files: ["leads*.csv"]
                columns: {lead_id: Id, lead_name: Name, owner_id: Owner}
                look_up: owner_id
              users: {entity: owners, files: ["users*.csv"], columns: {owner_id: Id, owner_name: Name}}
              accounts: {entity: accounts, files: ["accounts*.csv"], columns: {account_id: Id, account_name: Name}}
        """,
        files={
            "deals_2026-02-01.csv": """
                Id,Name,Is,Owner,Account,Lead
                d1,Roof,A,Ann Lee,Alpha  LTD,Pat Low
                d2,Hall,A,u2,Twin,
                d3,Hall,A,Somebody Else,Nobody,
            """,
            "tasks_2026-02-01.csv": """
                Id,About,Owner
                t1,roof,Ann Lee
                t2,Hall,u2
                t3,d2,Bo Kay
                t4,Alpha Ltd,Gone
                t5,Pat Low,
                t6,Unheard of,
            """,
            "leads_2026-02-01.csv": """
                Id,Name,Owner
                l1,Pat Low,Bo Kay
                l2,Ida Fin,Nobody
            """,
            "users_2026-02-01.csv": """
                Id,Name
                u1,Ann Lee
                u2,Bo Kay
            """,
            "accounts_2026-02-01.csv": """
                Id,Name
                a1,Alpha Ltd
                a2,Twin
                a3,Twin
            """,
        },
        expected=(
            Expected(
                "select deal_id, owner_key, account_key, lead_key from marts.fct_deals where source = '{source}'",
                """
                d1 | e_looked_up:u1            | e_looked_up:a1     | e_looked_up:l1
                d2 | e_looked_up:u2            | e_looked_up:Twin   |
                d3 | e_looked_up:Somebody Else | e_looked_up:Nobody |
                """,
            ),
            Expected(
                "select activity_key, deal_key, account_key, lead_key, owner_key from marts.fct_activities "
                "where source = '{source}'",
                """
                e_looked_up:t1 | e_looked_up:d1 |                |                | e_looked_up:u1
                e_looked_up:t2 |                |                |                | e_looked_up:u2
                e_looked_up:t3 | e_looked_up:d2 |                |                | e_looked_up:u2
                e_looked_up:t4 |                | e_looked_up:a1 |                | e_looked_up:Gone
                e_looked_up:t5 |                |                | e_looked_up:l1 |
                e_looked_up:t6 |                |                |                |
                """,
            ),
            Expected(
                "select lead_id, owner_key from marts.fct_leads where source = '{source}'",
                """
                l1 | e_looked_up:u2
                l2 | e_looked_up:Nobody
                """,
            ),
        ),
    ),
    Input(
        kind="E",
        source="e_gone_names",
        says="who is there goes before who is gone; who is gone is still known by name",
        config="""
            feeds:
              deals:
                entity: deals
                files: ["deals*.csv"]
                columns: {deal_id: Id, stage: Stage, owner_id: Owner}
                look_up: owner_id
              users: {entity: owners, files: ["users*.csv"], columns: {owner_id: Id, owner_name: Name}}
        """,
        files={
            "deals_2026-02-01.csv": "Id,Stage,Owner\n1,A,Ann\n2,A,Bo\n",
            "deals_2026-02-02.csv": "Id,Stage,Owner\n1,A,Ann\n2,A,Bo\n",
            "users_2026-02-01.csv": "Id,Name\nu1,Ann\nu2,Bo\n",
            "users_2026-02-02.csv": "Id,Name\nu3,Ann\n",
        },
        expected=(
            Expected(
                "select deal_id, owner_key from marts.fct_deals where source = '{source}'",
                """
                1 | e_gone_names:u3
                2 | e_gone_names:u2
                """,
            ),
            Expected("select * from marts.fct_deal_changes where source = '{source}' and field = 'owner'"),
        ),
    ),
    Input(
        kind="E",
        source="e_only_where",
        says="rows are records only where a cell is filled, or only where one is empty; one file feeds both feeds",
        config="""
            feeds:
              deals:
                entity: deals
                files: ["history*.csv"]
                only_when: {Moved To: [""]}
                columns: {deal_id: Deal, stage: Stage, created_at: Created}
              moves:
                entity: deal_versions
                files: ["history*.csv"]
                only_when: {Deal: ["*"]}
                columns: {version_id: Id, deal_id: Deal, stage: Stage, version_at: Since}
        """,
        files={
            "history_2026-02-01.csv": """
                Id,Deal,Stage,Moved To,Since,Created
                1,d1,A,B,2026-01-02 10:00:00,2026-01-02 10:00:00
                2,d1,B,,2026-01-05 10:00:00,2026-01-02 10:00:00
                3,,A,B,2026-01-05 10:00:00,
                4,d2,A,,2026-01-06 10:00:00,2026-01-06 10:00:00
            """
        },
        expected=(
            Expected(
                _TRANSITIONS,
                """
                d1 | 1 | A | created  | versioned
                d1 | 2 | B | advanced | versioned
                d2 | 1 | A | created  | versioned
                """,
            ),
            Expected(
                "select feed, file, rows_in_file, current_rows, balance from quality.row_accounting "
                "where source = '{source}'",
                """
                deals | history_2026-02-01.csv | 2 | 2 | 0
                moves | history_2026-02-01.csv | 3 | 3 | 0
                """,
            ),
        ),
    ),
    Input(
        kind="E",
        source="e_headings_by_pattern",
        says="a heading is found by what stands around the view's own words; its own name goes before a pattern",
        config="""
            feeds:
              deals:
                entity: deals
                files: ["deals*.csv"]
                columns:
                  deal_id: ["(Do Not Modify) *"]
                  deal_name: [Topic, "*_Topic"]
                  stage: ["*Stage"]
                  amount: [Est. revenue, "*_Est. revenue"]
                  account_id: ["Name (*) (Account)"]
                  owner_id: [[" *First Name", "*Last Name"]]
        """,
        files={
            "deals_2026-02-01.csv": (
                "(Do Not Modify) Thing, Topic,My_Topic,Opp_Stage,Quote_Est. revenue,Opp_Est. revenue,"
                "Name (Payer) (Account),My First Name,My Last Name\n"
                "1,Roof,no,A,10,20,Alpha,Ann,Lee\n"
            )
        },
        expected=(
            Expected(
                "select deal_id, deal_name, stage, amount, account_key, owner_key from marts.fct_deals "
                "where source = '{source}'",
                "1 | Roof | A | 10.00 | e_headings_by_pattern:Alpha | e_headings_by_pattern:Ann Lee",
            ),
        ),
    ),
    Input(
        kind="E",
        source="e_stages_delivered",
        says="a list of stages with order, probability and outcome configures what nobody configured",
        config="""
            pipelines:
              - {name: Sales, aliases: ["7"], stages: [{name: Talk, canonical: contact, win_probability: 0.15}]}
            feeds:
              stages:
                entity: stages
                files: ["stages*.csv"]
                columns:
                  stage_id: Id
                  stage_name: Name
                  pipeline: Pipe
                  stage_order: Order
                  win_probability: Probability
                  is_won: Won
                  is_lost: Lost
                  canonical_stage: Compared
              deals:
                entity: deals
                files: ["deals*.csv"]
                columns: {deal_id: Id, pipeline: Pipe, stage: Stage, created_at: Created, close_on: Close}
        """,
        files={
            "stages_2026-02-01.csv": """
                Id,Name,Pipe,Order,Probability,Won,Lost,Compared
                13,Signed,7,30,100,true,false,
                10,Heard of,7,5,5,false,false,
                11,Talk,7,10,20,false,false,
                12,Offer,7,20,60,false,false,proposal
                14,No thanks,7,40,0,false,true,
                21,Renewal due,8,1,50,false,false,
                22,Renewed,8,2,100,true,false,
            """,
            "deals_2026-02-01.csv": """
                Id,Pipe,Stage,Created,Close
                1,7,10,2026-01-02,
                2,7,13,2026-01-02,2026-01-20
                3,7,14,2026-01-02,2026-01-21
                4,8,22,2026-01-02,2026-01-22
                5,8,21,2026-01-02,
            """,
        },
        expected=(
            Expected(
                "select pipeline, stage, cast(stage_order as int), canonical_stage, win_probability, is_configured "
                "from marts.dim_stages where source = '{source}' and stage not in ('Won', 'Lost')",
                """
                Sales | Heard of    | 1 | prospecting | 0.05 | True
                Sales | Talk        | 2 | contact     | 0.15 | True
                Sales | Offer       | 3 | proposal    | 0.6  | True
                Sales | Signed      | 4 | won         | 1.0  | True
                Sales | No thanks   | 5 | lost        | 0.0  | True
                8     | Renewal due | 1 | prospecting | 0.5  | True
                8     | Renewed     | 2 | won         | 1.0  | True
                """,
            ),
            Expected(
                "select deal_id, pipeline, stage, status from marts.fct_deals where source = '{source}'",
                """
                1 | Sales | Heard of    | open
                2 | Sales | Signed      | won
                3 | Sales | No thanks   | lost
                4 | 8     | Renewed     | won
                5 | 8     | Renewal due | open
                """,
            ),
            Expected("select * from quality.hygiene_violations where source = '{source}' and rule = 'unmapped_stage'"),
        ),
    ),
)
