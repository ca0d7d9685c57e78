"""What goes wrong on the way out: ids twice, rows without id, ragged rows, files that are no extract."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from seeds.make_extracts.cases import FS, HS, PD, SF
from seeds.make_extracts.clock import DELIVERY_DAYS, NEWEST
from seeds.make_extracts.delivery import Extract
from seeds.make_extracts.planted import Planted

FIRST, SECOND = DELIVERY_DAYS[0], DELIVERY_DAYS[1]

#: (source, feed, id column, (heading that differs in the earlier row, what it says), places of the rows)
DUPLICATES = [
    (SF, "leads", "lead_id", ("Status", "Open - Not Contacted"), (211, 907)),
    (SF, "opportunities", "deal_id", ("Name", "Working title"), (88,)),
    (PD, "deals", "deal_id", ("Deal - Title", "(untitled deal)"), (140, 402)),
    (PD, "activities", "activity_id", ("Activity - Subject", "Call (draft)"), (12,)),
    (FS, "opportunities", "deal_id", ("Customer Project", "Arbeitstitel"), (77,)),
    (FS, "customers", "account_id", ("Branch", "Other"), (19,)),
    (HS, "deals", "deal_id", ("Deal Name", "New deal"), (75,)),
    (HS, "contacts", "lead_id", ("Company Name", "unknown"), (333,)),
]
#: (source, feed, night, heading of the id, places): rows without id that count.
NAMELESS = [
    (SF, "leads", NEWEST, "Id", (300, 900)),
    (SF, "opportunities", NEWEST, "Id", (300,)),
    (SF, "tasks", NEWEST, "Id", (2750,)),
    (PD, "activities", FIRST, "Activity - ID", (900, 4000)),
    (PD, "deals", NEWEST, "Deal - ID", (210,)),
    (PD, "deal_changes", SECOND, "deal_id", (15,)),
    (FS, "visits", FIRST, "Visit No", (1234,)),
    (FS, "opportunities", NEWEST, "Deal No", (99,)),
    (HS, "deals", NEWEST, "Record ID", (120,)),
    (HS, "calls", NEWEST, "Record ID", (256, 512)),
]
#: And rows without id in full extracts of earlier nights, which a later one has replaced.
NAMELESS_LONG_AGO = [
    (SF, "leads", FIRST, "Id", (42,)),
    (PD, "deals", FIRST, "Deal - ID", (33,)),
    (FS, "opportunities", FIRST, "Deal No", (7, 8)),
    (HS, "deals", FIRST, "Record ID", (64,)),
]

#: (rule, source, feed, night): deliveries that differ from those before, come late, or lack most of their rows.
COMPARED = [
    ("schema_drift", FS, "tenders", NEWEST),
    ("schema_drift", HS, "owners", NEWEST),
    ("null_spike", FS, "tenders", NEWEST),
    ("stage_mix_drift", FS, "tenders", NEWEST),
    ("quarantine_share", FS, "tenders", NEWEST),
    ("delivery_held_back", FS, "tenders", SECOND),
    ("late_delivery", FS, "spend", SECOND),
]

SESSION_EXPIRED = '[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]\n'
LOGIN_PAGE = (
    '<!DOCTYPE html>\n<html lang="en"><head><title>Login | Salesforce</title></head>\n'
    '<body><form id="login_form" method="post"><label for="username">Username</label></form></body></html>\n'
)


def spoil_files(extracts: Iterable[Extract], planted: Planted) -> None:
    """All of it, in place."""
    by_name = {(extract.source, extract.feed, extract.day): extract for extract in extracts}
    for source, feed, id_column, cell, places in DUPLICATES:
        for place in places:
            extract = by_name[source, feed, NEWEST]
            planted.duplicate(extract, _repeat_earlier(extract, place, cell), id_column)
    _repeat_earlier(by_name[FS, "leads", SECOND], 300, ("State", "new"))  # a night that has been replaced
    for source, feed, place in ((SF, "leads", 700), (FS, "opportunities", 150), (PD, "deals", 60)):
        rows = by_name[source, feed, NEWEST].table.rows
        rows.insert(place + 3, list(rows[place]))  # word for word the same: no contradiction
    for source, feed, day, heading, places in [*NAMELESS, *NAMELESS_LONG_AGO]:
        for place in places:
            extract = by_name[source, feed, day]
            row = _without_id(extract, place, heading)
            if (source, feed, day, heading, places) in NAMELESS:
                planted.nameless_row(extract, row)
    _add_ragged_rows(by_name[FS, "leads", NEWEST], planted)
    for extract in _break(by_name):
        planted.refused(extract)
    _add_a_remark(by_name[FS, "tenders", NEWEST], planted)
    for rule, source, feed, day in COMPARED:
        planted.delivery(rule, by_name[source, feed, day])


def _repeat_earlier(extract: Extract, place: int, cell: tuple[str, str]) -> str:
    """Puts a differing row with the same id before a row, the true one, and returns the id."""
    table = extract.table
    row = list(table.rows[place])
    heading, text = cell
    row[table.headings.index(heading)] = text
    assert row != table.rows[place], f"{extract.path}: row {place} says '{text}' already"
    table.rows.insert(place - 2, row)
    return row[0]


def _without_id(extract: Extract, place: int, heading: str) -> list[str]:
    """Inserts a row like its neighbour that has lost its id."""
    table = extract.table
    row = list(table.rows[place])
    row[table.headings.index(heading)] = ""
    table.rows.insert(place, row)
    return row


def _add_ragged_rows(extract: Extract, planted: Planted) -> None:
    """Rows that somebody typed between the others: a remark, and two leads with too many cells."""
    rows = extract.table.rows
    typed = (
        (410, "Stand 30.12. - bitte prüfen!"),
        (600, "L-90001|Erika Beispiel|Granit Glas AG||R02|Web|new|12.06.2025 10:00||dringend|!"),
        (720, "L-90002|Max|Beispiel|Hafen Foods KG||R03|Web|new|12.11.2025 16:20|?"),
    )
    for place, cells in typed:
        row = cells.split("|")
        rows.insert(place, row)
        planted.ragged_row(extract, row)


def _add_a_remark(extract: Extract, planted: Planted) -> None:
    """One cell too many: of a list this short, that is more than one row in twenty."""
    row = [*extract.table.rows[-1], "siehe Mail"]
    row[0] = "T-087"
    extract.table.rows.append(row)
    planted.ragged_row(extract, row)


def _break(by_name: dict[tuple[str, str, date], Extract]) -> Iterable[Extract]:
    """Files of earlier nights that cannot be taken: without their key column, or another page altogether."""
    for source, feed, day, heading in (
        (FS, "customers", SECOND, "Customer"),
        (PD, "organizations", FIRST, "Organization - ID"),
        (FS, "rates", FIRST, "EUR per unit"),
        (HS, "companies", SECOND, "Record ID"),
    ):
        extract = by_name[source, feed, day]
        at = extract.table.headings.index(heading)
        for row in (extract.table.headings, *extract.table.rows):
            del row[at]
        yield extract
    for source, feed, day, page in (
        (SF, "accounts", SECOND, SESSION_EXPIRED),
        (SF, "users", FIRST, LOGIN_PAGE),
    ):
        extract = by_name[source, feed, day]
        extract.page = page
        yield extract
