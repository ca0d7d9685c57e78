"""field_sheet: the list of public tenders, a small tab that somebody saves every evening, Christmas or not.

It is written out by hand, so that a feed with enough deliveries to be compared with shows what a careless evening
looks like: on the 30th a filter was left on, on the 31st a column is new, two cells are no longer filled in, one row
has a remark too many, and four tenders were sent at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from seeds.make_extracts.business import World
from seeds.make_extracts.clock import DELIVERY_DAYS, NEWEST
from seeds.make_extracts.delivery import Dialect, Extract, Table

_SHEET = Dialect(delimiter=";", line_end="\r\n")
#: Evenings before the first night of the other tabs.
_EARLIER = (date(2025, 12, 26), date(2025, 12, 27), date(2025, 12, 28))
#: That evening only what is not sent yet was shown, and saved.
_FILTERED = DELIVERY_DAYS[1]
_SENT_LAST = date(2025, 12, 30)  # and the evening of that day shows it

#: Number, title, value, place of the customer, rep, day of publication, days until the award, how it ends and when.
_TENDERS = (
    ("T-071", "School gym, floor", 46500, 2, 1, date(2025, 8, 4), 60, ("Awarded", date(2025, 10, 6))),
    ("T-072", "Town hall, windows", 88200, 5, 2, date(2025, 8, 20), 70, ("Not awarded", date(2025, 11, 3))),
    ("T-073", "Depot, gates", 23900, 8, 3, date(2025, 9, 9), 55, ("Not awarded", date(2025, 11, 11))),
    ("T-074", "Clinic, ward 3", 134000, 11, 1, date(2025, 9, 15), 75, ("Awarded", date(2025, 12, 1))),
    ("T-075", "Harbour office, roof", 61250, 14, 4, date(2025, 10, 1), 70, ("Not awarded", date(2025, 12, 10))),
    ("T-076", "Library, shelving", 18700, 17, 2, date(2025, 10, 13), 65, ("Awarded", date(2025, 12, 17))),
    ("T-077", "Fire station, lockers", 27400, 20, 5, date(2025, 12, 3), 62, None),
    ("T-078", "Kindergarten, kitchen", 39800, 23, 3, date(2025, 12, 4), 66, None),
    ("T-079", "Waterworks, fence", 15600, 26, 1, date(2025, 12, 5), 58, None),
    ("T-080", "Museum, lighting", 72300, 29, 4, date(2025, 12, 8), 80, None),
    ("T-081", "Bus station, benches", 21150, 32, 2, date(2025, 12, 10), 61, None),
    ("T-082", "Court, archive room", 54000, 35, 5, date(2025, 12, 12), 74, None),
    ("T-083", "Swimming bath, cabins", 96800, 38, 3, date(2025, 12, 15), 90, None),
    ("T-084", "Town hall, counters", 33300, 5, 2, date(2025, 12, 16), 69, None),
    ("T-085", "School, blackboards", 12900, 2, 1, date(2025, 12, 17), 57, None),
    ("T-086", "Depot, sanitary rooms", 48600, 8, 4, date(2025, 12, 19), 84, None),
)
_SENT = ("T-077", "T-078", "T-079", "T-080")
_ASKED = ("T-081", "T-082")
_UNSOURCED = ("T-085", "T-086")


def tenders(world: World) -> Iterator[Extract]:
    """One file an evening."""
    for day in (*_EARLIER, *DELIVERY_DAYS):
        path = f"{world.business.name}/tenders_{day}.csv"
        yield Extract(world.business.name, "tenders", "deals", day, path, _SHEET, _table(world, day))


def _table(world: World, day: date) -> Table:
    rows = []
    for number, title, value, customer, rep, published, days, end in _TENDERS:
        phase = end[0] if end else _phase(number, day)
        if day == _FILTERED and (end or number in _SENT):
            continue
        row = {
            "Tender No": number,
            "Title": title,
            "Authority": world.accounts[customer].id,
            "Phase": phase,
            "Value": f"{value}.00",
            "Rep": world.owners[rep].id,
            "Published": f"{published:%d.%m.%Y}",
            "Award": f"{end[1] if end else published + timedelta(days=days):%d.%m.%Y}",
            "Why lost": "Price" if phase == "Not awarded" else "",
            "Found via": "" if day == NEWEST and number in _UNSOURCED else "Public Tender",
        }
        rows.append(row | ({"Lot": "1"} if day == NEWEST else {}))
    return Table.of(rows)


def _phase(number: str, day: date) -> str:
    if number in _SENT:
        return "Bid sent" if day > _SENT_LAST else "Announced"
    return "Documents in" if number in _ASKED else "Announced"
