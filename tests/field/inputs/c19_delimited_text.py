"""Delimited text as people and programs leave it: joined files, wrapped ids, words for nothing, ragged rows."""

from tests.field.world import Expected, Input

_CONFIG = """
    deliveries: full
    pipelines:
      - {name: default, stages: [{name: New, canonical: prospecting}, {name: Won, canonical: won}]}
    feeds:
      deals:
        entity: deals
        files: ["deals*.csv"]
        columns: {deal_id: Id, deal_name: Name, stage: Stage, owner_id: Owner, created_at: Created}
"""
_DEALS = "select deal_id, deal_name, stage, status, owner_key from marts.fct_deals where source = '{source}'"

INPUTS = (
    Input(
        kind="C19",
        source="c19_joined_files",
        says="headings again are no row, ids lose Excel's wrapping, NULL is nobody",
        config=_CONFIG,
        files={
            "deals_2026-02-01.csv": """
                All deals,,,,
                Id,Name,Stage,Owner,Created
                ="007",Hall,New,NULL,2026-01-02
                \ufeffId,Name,Stage,Owner,Created
                '008,Roof,New,ann,2026-01-03
            """
        },
        expected=(
            Expected(
                _DEALS,
                """
                007 | Hall | New | open |
                008 | Roof | New | open | c19_joined_files:ann
                """,
            ),
        ),
        oracle=False,  # it reads files that are plainly well-formed
    ),
    Input(
        kind="C25",
        source="c25_rejects_prove_nothing",
        says="a rejected row's deal stays",
        config=_CONFIG,
        files={
            "deals_2026-02-01.csv": """
                Id,Name,Stage,Owner,Created
                1,Hall,New,ann,2026-01-02
                2,Roof,New,ann,2026-01-03
            """,
            "deals_2026-02-02.csv": """
                Id,Name,Stage,Owner,Created
                1,Hall,New,ann,2026-01-02
                2,Roof,New,ann
            """,
        },
        expected=(
            Expected(
                _DEALS,
                """
                1 | Hall | New | open | c25_rejects_prove_nothing:ann
                2 | Roof | New | open | c25_rejects_prove_nothing:ann
                """,
            ),
        ),
        oracle=False,  # it takes no account of rejects
    ),
    Input(
        kind="C19",
        source="c19_words_for_nothing",
        says="words of programs for nothing are no owner, account, name or status, said once a column",
        config="""
            deliveries: full
            pipelines:
              - {name: default, stages: [{name: New, canonical: prospecting}, {name: Won, canonical: won}]}
            feeds:
              deals:
                entity: deals
                files: ["deals*.csv"]
                columns: {deal_id: Id, deal_name: Name, stage: Stage, status: Status, amount: Amount, owner_id: Owner,
                          account_id: Account, created_at: Created, expected_close_on: Close}
        """,
        files={
            "deals_2026-02-01.csv": """
                Id,Name,Stage,Status,Amount,Owner,Account,Created,Close
                1,Hall,New,open,5,ann,acme,2026-01-02,2026-03-02
                2,NULL,New,NULL,NULL,NULL,NULL,2026-01-02,NULL
                3,#N/A,New,#N/A,#N/A,#N/A,#N/A,2026-01-02,#N/A
                4,null,New,null,null,null,null,2026-01-02,null
                5,(null),New,(null),(null),(null),(null),2026-01-02,(null)
                6,None,New,None,None,None,None,2026-01-02,None
                7,-,New,-,-,-,-,2026-01-02,-
                8,nan,New,nan,nan,nan,nan,2026-01-02,NaT
                9,Mr None - NULL Ltd,New,open,7,-ann-,nullx,2026-01-02,
            """
        },
        expected=(
            Expected(
                "select deal_id, deal_name, status, amount, owner_key, account_key, expected_close_on"
                " from marts.fct_deals where source = '{source}'",
                """
                1 | Hall | open | 5.00 | c19_words_for_nothing:ann | c19_words_for_nothing:acme | 2026-03-02
                2 | | open | | | |
                3 | | open | | | |
                4 | | open | | | |
                5 | | open | | | |
                6 | | open | | | |
                7 | | open | | | |
                8 | | open | | | |
                9 | Mr None - NULL Ltd | open | 7.00 | c19_words_for_nothing:-ann- | c19_words_for_nothing:nullx |
                """,
            ),
            Expected(
                "select count(*) from quality.hygiene_violations where source = '{source}'"
                " and rule = 'unparseable_value'",
                "0",
            ),
        ),
        output=("column 'Owner': 7 cells say #N/A, (null), -, NULL, None, nan, null, read as empty",),
        oracle=False,  # it knows no words for nothing
    ),
    Input(
        kind="C19",
        source="c19_words_that_are_values",
        says="what a mapping or a configured stage names is a value",
        config="""
            deliveries: full
            pipelines:
              - {name: default, stages: [{name: "-", canonical: prospecting}, {name: Won, canonical: won}]}
            feeds:
              deals:
                entity: deals
                files: ["deals*.csv"]
                columns: {deal_id: Id, stage: Stage, status: Status, created_at: Created}
                values: {status: {won: ["None"]}}
        """,
        files={
            "deals_2026-02-01.csv": """
                Id,Stage,Status,Created
                1,-,,2026-01-02
                2,-,None,2026-01-02
            """
        },
        expected=(
            Expected(
                "select deal_id, stage, status from marts.fct_deals where source = '{source}'",
                "1 | - | open \n 2 | Won | won",
            ),
        ),
        oracle=False,
    ),
)
