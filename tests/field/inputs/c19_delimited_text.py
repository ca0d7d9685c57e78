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
)
