"""A lead that leaves its inbox when it becomes a deal."""

from tests.field.world import Expected, Input

_LEADS = (
    "select lead_id, is_converted, is_closed, split_part(converted_deal_key, ':', 2) from marts.fct_leads"
    " where source = '{source}' and lead_id not like 'stay%'"
)
#: A full extract with less than half of its usual rows would be held back.
_STAY = "".join(f"stay{number},2026-01-05,,\n" for number in range(6))
_FILES: dict[str, str | bytes] = {
    "deals_2026-01-10.csv": "Id,Stage,Created,Lead,Person,Org\n0,New,2026-01-02,,7,8\n",
    "leads_2026-01-10.csv": "Id,Created,Person,Org\nby_itself,2026-01-05,1,\nby_person,2026-01-05,2,\n"
    "by_organisation,2026-01-05,3,33\nof_an_older_deal,2026-01-05,7,8\nfor_nothing,2026-01-05,4,44\n"
    "still_there,2026-01-05,2,\n" + _STAY,
    "deals_2026-02-01.csv": """
        Id,Stage,Created,Lead,Person,Org
        0,New,2026-01-02,,7,8
        10,New,2026-01-20,by_itself,9,
        11,New,2026-01-15,,2,
        12,New,2026-01-10,,9,33
        13,New,2026-01-18,,9,33
    """,
    "leads_2026-02-01.csv": "Id,Created,Person,Org\nstill_there,2026-01-05,2,\n" + _STAY,
}
_CONFIG = """
    deliveries: full
    feeds:
      deals:
        entity: deals
        files: ["deals*.csv"]
        columns: {deal_id: Id, stage: Stage, created_at: Created, lead_id: Lead, contact_id: Person, account_id: Org}
      leads:
        entity: leads
        files: ["leads*.csv"]
        columns: {lead_id: Id, created_at: Created, contact_id: Person, account_id: Org}
"""

INPUTS = (
    Input(
        kind="B12",
        source="b12_when_gone_converted",
        says="converted where a deal created since names it, its person or its organisation; else closed",
        config=_CONFIG + "        when_gone: converted\n",
        files=_FILES,
        expected=(
            Expected(
                _LEADS,
                """
                by_itself        | True  | True  | 10
                by_person        | True  | True  | 11
                by_organisation  | True  | True  | 12
                of_an_older_deal | False | True  |
                for_nothing      | False | True  |
                still_there      | False | False |
                """,
            ),
            Expected(
                "select new_leads, converted_leads from marts.mart_monthly_metrics"
                " where grain = 'source' and grain_value = '{source}' and month = date '2026-01-01'",
                "12 | 3",
            ),
        ),
    ),
    Input(
        kind="B12",
        source="b12_when_gone_deleted",
        says="by default a lead that is gone was deleted",
        config=_CONFIG,
        files=_FILES,
        expected=(Expected(_LEADS, "still_there | False | False |"),),
    ),
    Input(
        kind="B12",
        source="b12_pipedrive_inbox",
        says="the preset's inbox is one that leads leave by becoming deals",
        config="vendor: pipedrive\n",
        files={
            "2026-01-10/deals-1-1.csv": "Deal - ID,Deal - Title,Deal - Stage,Deal - Status,Deal - Deal created\n"
            "1,A,Qualified,Open,2026-01-02 09:00:00\n",
            "2026-01-10/leads-1-2.csv": "Lead - ID,Lead - Title,Lead - Contact person,Lead - Organization,"
            "Lead - Lead created\nu1,Ada,Ada Ahl,Ahl AG,2026-01-05 09:00:00\nu2,Bea,Bea Bo,Bo AG,2026-01-05 09:00:00\n"
            "u4,Di,,,2026-01-05 09:00:00\nu3,Cy,Cy Co,Co AG,2026-01-05 09:00:00\n",
            "2026-02-01/deals-1-1.csv": "Deal - ID,Deal - Title,Deal - Stage,Deal - Status,Deal - Deal created,"
            "Deal - Contact person,Deal - Organization\n1,A,Qualified,Open,2026-01-02 09:00:00,,\n"
            "2,Ada,Qualified,Open,2026-01-12 09:00:00,Ada Ahl,Ahl AG\n",
            "2026-02-01/leads-1-2.csv": "Lead - ID,Lead - Title,Lead - Contact person,Lead - Organization,"
            "Lead - Lead created\nu3,Cy,Cy Co,Co AG,2026-01-05 09:00:00\nu4,Di,,,2026-01-05 09:00:00\n",
        },
        expected=(
            Expected(_LEADS, "u1 | True | True | 2\nu2 | False | True |\nu3 | False | False |\nu4 | False | False |"),
        ),
    ),
)
