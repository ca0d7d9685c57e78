"""A source that delivers no activities says nothing of answers."""

from tests.field.world import Expected, Input

INPUTS = (
    Input(
        kind="B13",
        source="b13_no_activities",
        says="all four response metrics are NULL, in every grain of that source, and no lead is listed",
        config="""
            deliveries: full
            feeds:
              deals: {entity: deals, files: ["deals*.csv"], columns: {deal_id: Id, stage: Stage, created_at: Created}}
              leads:
                entity: leads
                files: ["leads*.csv"]
                columns: {lead_id: Id, created_at: Created, owner_id: Owner, lead_source: Source}
        """,
        files={
            "deals_2026-02-01.csv": "Id,Stage,Created\n9,New,2026-01-02\n",
            "leads_2026-02-01.csv": "Id,Created,Owner,Source\n1,2026-01-05,ann,b13 web\n",
        },
        expected=(
            Expected(
                "select grain, new_leads, response_hours, response_hours_median, leads_unanswered, answered_leads,"
                " response_within_sla_rate from marts.mart_monthly_metrics where month = date '2026-01-01'"
                " and grain_value in ('{source}', '{source}:ann', 'b13 web')",
                """
                source      | 1 | | | | |
                owner       | 1 | | | | |
                lead_source | 1 | | | | |
                """,
            ),
            Expected(
                "select is_unanswered, is_answered_within_sla, response_hours from marts.fct_leads"
                " where source = '{source}'",
                "| |",
            ),
            Expected(
                "select record_key from quality.hygiene_violations where source = '{source}'"
                " and rule = 'unanswered_lead'"
            ),
        ),
    ),
)
