"""A converted lead's calls move to its contact or deal: they still answer the lead."""

from tests.field.world import Expected, Input

_LEADS = (
    "select lead_id, first_response_at, round(response_hours, 4), is_unanswered from marts.fct_leads"
    " where source = '{source}'"
)
_PLAIN = """
    deliveries: full
    feeds:
      deals:
        entity: deals
        files: ["deals*.csv"]
        columns: {deal_id: Id, stage: Stage, created_at: Created, lead_id: Lead}
      leads:
        entity: leads
        files: ["leads*.csv"]
        columns: {lead_id: Id, created_at: Created, is_converted: Converted, contact_id: Contact}
      calls:
        entity: activities
        files: ["calls*.csv"]
        constants: {activity_type: call}
        columns: {activity_id: Id, lead_id: Lead, contact_id: Contact, deal_id: Deal, completed_at: Done}
"""

INPUTS = (
    Input(
        kind="B10",
        source="b10_moved_to_the_contact",
        says="the only extract shows the call on the contact: of both leads that became it, of no lead that did not",
        config=_PLAIN,
        files={
            "deals_2026-02-01.csv": "Id,Stage,Created,Lead\n9,New,2026-01-08,\n",
            "leads_2026-02-01.csv": """
                Id,Created,Converted,Contact
                1,2026-01-05 09:00:00,true,31
                2,2026-01-05 08:00:00,true,31
                3,2026-01-05 09:00:00,false,
                4,2026-01-05 09:00:00,false,32
            """,
            "calls_2026-02-01.csv": """
                Id,Lead,Contact,Deal,Done
                a,,31,9,2026-01-05 10:00:00
                b,,32,,2026-01-05 10:00:00
                c,,31,,2026-01-05 07:00:00
            """,
        },
        expected=(
            Expected(
                _LEADS,
                """
                1 | 2026-01-05 10:00:00 | 1.0 | False
                2 | 2026-01-05 10:00:00 | 2.0 | False
                3 |                     |     | True
                4 |                     |     | True
                """,
            ),
            Expected(
                "select activity_id, lead_key from marts.fct_activities where source = '{source}'",
                """
                a | b10_moved_to_the_contact:2
                b |
                c | b10_moved_to_the_contact:2
                """,
            ),
            Expected(
                "select record_key from quality.hygiene_violations where source = '{source}'"
                " and rule = 'unanswered_lead' and resolved_on is null",
                "b10_moved_to_the_contact:3\nb10_moved_to_the_contact:4",
            ),
        ),
    ),
    Input(
        kind="B10",
        source="b10_moved_to_the_deal",
        says="a link once delivered stays when the CRM takes the call to the deal; a call moved by hand was corrected",
        config=_PLAIN,
        files={
            "deals_2026-01-06.csv": "Id,Stage,Created,Lead\n8,New,2026-01-02,\n",
            "leads_2026-01-06.csv": """
                Id,Created,Converted,Contact
                1,2026-01-05 09:00:00,false,
                2,2026-01-05 09:00:00,false,
                3,2026-01-05 09:00:00,false,
            """,
            "calls_2026-01-06.csv": """
                Id,Lead,Contact,Deal,Done
                a,1,,,2026-01-05 10:00:00
                b,2,,,2026-01-05 11:00:00
            """,
            "deals_2026-02-01.csv": "Id,Stage,Created,Lead\n8,New,2026-01-02,\n9,New,2026-01-08,\n",
            "leads_2026-02-01.csv": """
                Id,Created,Converted,Contact
                1,2026-01-05 09:00:00,true,
                2,2026-01-05 09:00:00,false,
                3,2026-01-05 09:00:00,false,
            """,
            "calls_2026-02-01.csv": """
                Id,Lead,Contact,Deal,Done
                a,,,9,2026-01-05 10:00:00
                b,3,,,2026-01-05 11:00:00
            """,
        },
        expected=(
            Expected(
                _LEADS,
                """
                1 | 2026-01-05 10:00:00 | 1.0 | False
                2 |                     |     | True
                3 | 2026-01-05 11:00:00 | 2.0 | False
                """,
            ),
        ),
    ),
    Input(
        kind="B10",
        source="b10_pipedrive_api",
        says="the inbox lead became a deal of its person: the call on that person is one on the lead",
        config="vendor: pipedrive\ntimezone: Europe/Berlin\n",
        files={
            "deals-2026-01-06.json": '[{"id": 1, "title": "Old", "stage_id": "Qualified", "status": "open",'
            ' "add_time": "2026-01-02 09:00:00", "person_id": 7}]',
            "leads-2026-01-06.json": '[{"id": "aa", "title": "Ada", "person_id": 5, "organization_id": null,'
            ' "add_time": "2026-01-05 09:00:00"},'
            ' {"id": "bb", "title": "Bea", "person_id": 6, "organization_id": null,'
            ' "add_time": "2026-01-05 09:00:00"}]',
            "deals-2026-02-01.json": '[{"id": 1, "title": "Old", "stage_id": "Qualified", "status": "open",'
            ' "add_time": "2026-01-02 09:00:00", "person_id": 7},'
            ' {"id": 2, "title": "Ada", "stage_id": "Qualified", "status": "open",'
            ' "add_time": "2026-01-08 09:00:00", "person_id": 5}]',
            "leads-2026-02-01.json": '[{"id": "bb", "title": "Bea", "person_id": 6, "organization_id": null,'
            ' "add_time": "2026-01-05 09:00:00"}]',
            "activities-2026-02-01.json": '[{"id": 1, "type": "call", "lead_id": null, "deal_id": 2, "person_id": 5,'
            ' "done": true, "due_date": "2026-01-05", "due_time": "10:00", "add_time": "2026-01-05 09:30:00",'
            ' "marked_as_done_time": "2026-01-05 10:30:00"}]',
        },
        expected=(
            Expected(
                _LEADS,
                """
                aa | 2026-01-05 10:30:00 | 1.5 | False
                bb |                     |     | True
                """,
            ),
        ),
    ),
)
