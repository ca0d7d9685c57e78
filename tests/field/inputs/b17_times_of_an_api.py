"""Times of an API are UTC, those of a UI export are the source's: also where one feed reads both."""

from tests.field.world import Expected, Input

_CREATED = "select deal_id, created_at, closed_at from marts.fct_deals where source = '{source}'"

INPUTS = (
    Input(
        kind="B17",
        source="b17_pipedrive",
        says="add_time is UTC, 'Deal - Deal created' is Berlin's",
        config="vendor: pipedrive\ntimezone: Europe/Berlin\ndeliveries: incremental\n",
        files={
            "deals-2026-02-01.json": '[{"id": 1, "title": "A", "stage_id": "Qualified", "status": "won",'
            ' "add_time": "2026-01-05 23:30:00", "won_time": "2026-01-20 12:00:00"}]',
            "deals-2026-02-02.csv": "Deal - ID,Deal - Title,Deal - Stage,Deal - Status,Deal - Deal created\n"
            "2,B,Qualified,Open,2026-01-05 23:30:00\n",
        },
        expected=(
            Expected(
                _CREATED,
                """
                1 | 2026-01-05 23:30:00 | 2026-01-20 12:00:00
                2 | 2026-01-05 22:30:00 |
                """,
            ),
        ),
    ),
    Input(
        kind="B17",
        source="b17_hubspot",
        says="a connector that drops the API's offset, and the UI's export; a day stays that day",
        config="vendor: hubspot\ntimezone: America/New_York\ndeliveries: incremental\n",
        files={
            "deals-2026-02-01.csv": "hs_object_id,dealname,dealstage,createdate,closedate,"
            "hs_v2_date_entered_closedwon\n"
            "1,A,closedwon,2026-01-05 23:30:00,2026-01-20 00:00:00,2026-01-20 12:00:00\n",
            "deals-2026-02-02.csv": "Record ID,Deal Name,Deal Stage,Create Date\n"
            "2,B,Appointment Scheduled,2026-01-05 23:30\n",
        },
        expected=(
            Expected(
                "select deal_id, created_at, closed_on from marts.fct_deals where source = '{source}'",
                """
                1 | 2026-01-05 23:30:00 | 2026-01-20
                2 | 2026-01-06 04:30:00 |
                """,
            ),
            Expected(
                "select transitioned_at from marts.fct_stage_transitions where source = '{source}'"
                " and to_canonical_stage = 'won'",
                "2026-01-20 12:00:00",
            ),
        ),
    ),
    Input(
        kind="B17",
        source="b17_timezone_of_the_feed",
        says="a timezone that somebody gave the feed is their word",
        config="vendor: pipedrive\nfeeds: {deals: {timezone: Europe/Berlin}}\n",
        files={
            "deals-2026-02-01.json": '[{"id": 1, "title": "A", "stage_id": "Qualified", "status": "open",'
            ' "add_time": "2026-01-05 23:30:00"}]',
        },
        expected=(Expected(_CREATED, "1 | 2026-01-05 22:30:00 |"),),
    ),
    Input(
        kind="B17",
        source="b17_headings_of_ones_own",
        says="a mapping of one's own names its UTC headings",
        config="""
            timezone: Europe/Berlin
            feeds:
              deals:
                entity: deals
                files: ["deals*.csv"]
                columns: {deal_id: Id, stage: Stage, created_at: [created_utc, Created], closed_at: Closed}
                utc_headings: ["*_utc"]
        """,
        files={"deals_2026-02-01.csv": "Id,Stage,created_utc\n1,New,2026-01-05 23:30:00\n"},
        expected=(Expected(_CREATED, "1 | 2026-01-05 23:30:00 |"),),
    ),
)
