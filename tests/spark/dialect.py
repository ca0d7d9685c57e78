"""Every dispatched macro with inputs and what both engines must give: one row each, by the macro's name.

An input is SQL that both read alike; an expected value is what Python has for it. `None` is NULL.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

BERLIN, AZORES = "'Europe/Berlin'", "'Atlantic/Azores'"


def moment(text: str) -> str:
    return f"cast('{text}' as timestamp)"


def day(text: str) -> str:
    return f"cast('{text}' as date)"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


_DATES = "['%d/%m/%y', '%d/%m/%Y', '%d/%b/%Y', '%d/%B/%Y']"
_TIMES = "['%H:%M', '%H:%M:%S', '%I:%M/%p', '%I:%M:%S/%p']"

#: A call in the words of a model → what it gives.
SCALARS: dict[str, Any] = {
    # a zone's ordinary hours, both of its clock changes, and the hour that exists twice (the first is meant)
    f"to_utc({moment('2026-01-15 12:00:00')!r}, {BERLIN!r})": at("2026-01-15 11:00:00"),
    f"to_utc({moment('2026-07-15 12:00:00')!r}, {BERLIN!r})": at("2026-07-15 10:00:00"),
    f"to_utc({moment('2026-03-29 02:30:00')!r}, {BERLIN!r})": at("2026-03-29 01:30:00"),
    f"to_utc({moment('2026-10-25 02:30:00')!r}, {BERLIN!r})": at("2026-10-25 00:30:00"),
    f"to_utc({moment('2026-10-25 00:00:00')!r}, {AZORES!r})": at("2026-10-25 00:00:00"),
    f"to_utc({moment('2026-10-25 12:00:00')!r}, \"'UTC'\")": at("2026-10-25 12:00:00"),
    f"day_in({moment('2026-01-31 23:30:00')!r}, {BERLIN!r})": date(2026, 2, 1),
    f"day_in({moment('2026-07-31 21:59:59')!r}, {BERLIN!r})": date(2026, 7, 31),
    f"day_in({moment('2026-07-31 22:00:00')!r}, {BERLIN!r})": date(2026, 8, 1),
    "utc_of_offset(\"'2026-03-05T10:00:00Z'\")": at("2026-03-05 10:00:00"),
    "utc_of_offset(\"'2026-03-05T10:00:00.250+02:00'\")": at("2026-03-05 08:00:00.250"),
    "utc_of_offset(\"'2026-03-05 10:00 UTC'\")": at("2026-03-05 10:00:00"),
    "utc_of_offset(\"'2026-03-05 10:00:00 -05:00'\")": at("2026-03-05 15:00:00"),
    "utc_of_offset(\"'2026-02-30T10:00:00Z'\")": None,
    f"seconds_between({moment('2026-01-01 00:00:00')!r}, {moment('2026-01-01 00:01:30.5')!r})": 90.5,
    f"seconds_between({moment('2026-01-02 00:00:00')!r}, {moment('2026-01-01 00:00:00')!r})": -86400.0,
    f"days_between({day('2024-02-28')!r}, {day('2024-03-01')!r})": 2,
    f"days_between({day('2026-03-01')!r}, {day('2026-02-28')!r})": -1,
    f"add_months({day('2026-01-31')!r}, 1)": date(2026, 2, 28),
    f"add_months({day('2026-03-31')!r}, -1)": date(2026, 2, 28),
    f"day_of_week({day('2026-03-02')!r})": 1,
    f"day_of_week({day('2026-03-01')!r})": 7,
    f"iso_year_of({day('2027-01-03')!r})": 2026,
    f"iso_year_of({day('2024-12-30')!r})": 2025,
    f"moment_as_text({moment('2026-01-31 02:00:00')!r})": "2026-01-31T02:00:00Z",
    "matches(\"'it''s 12 %'\", \"^it's [0-9]+ %$\")": True,
    r"matches(\"'12.5'\", '^\\d+[.]\\d$')".replace('\\"', '"'): True,
    "matches(\"'a.b'\", '^a[.]c$')": False,
    "matches('cast(null as string)', '.')": None,
    "without(\"'1.234,50 EUR'\", '[^0-9,]')": "1234,50",
    "extracted(\"'EUR 12'\", '^([A-Z]+) ')": "EUR",
    "extracted(\"'12 EUR'\", '^([A-Z]+) ')": None,
    "json_text(\"'Süd, /1/'\")": '"Süd, /1/"',
    "json_text(\"concat_ws('', chr(34), 'a', chr(34), chr(92), chr(10), chr(9), chr(1))\")": (r'"\"a\"\\\n\t\u0001"'),
    "json_text('cast(null as string)')": None,
    'json_value("\'{\\"a\\":\\"x y\\",\\"b\\":true}\'", \'a\')': "x y",
    'json_value("\'{\\"a\\":\\"x y\\",\\"b\\":true}\'", \'b\')': "true",
    'json_value("\'{\\"a\\":\\"x y\\",\\"b\\":true}\'", \'c\')': None,
    'extracted("\'{\\"b\\":1,\\"arr\\":-1234.56}\'", \'[{,]\\"arr\\":([-0-9.]+)\')': "-1234.56",
    f"by_formats(\"'05/03/26'\", {_DATES})": at("2026-03-05 00:00:00"),
    f"by_formats(\"'05/03/69'\", {_DATES})": at("1969-03-05 00:00:00"),
    f"by_formats(\"'05/03/68'\", {_DATES})": at("2068-03-05 00:00:00"),
    f"by_formats(\"'5/3/2026'\", {_DATES})": at("2026-03-05 00:00:00"),
    f"by_formats(\"'5/Mar/2026'\", {_DATES})": at("2026-03-05 00:00:00"),
    f"by_formats(\"'5/March/2026'\", {_DATES})": at("2026-03-05 00:00:00"),
    f"by_formats(\"'31/02/2026'\", {_DATES})": None,
    f"by_formats(\"'05/03/2026/14:30'\", {_DATES}, {_TIMES})": at("2026-03-05 14:30:00"),
    f"by_formats(\"'05/03/2026T14:30:05'\", {_DATES}, {_TIMES})": at("2026-03-05 14:30:05"),
    f"by_formats(\"'05/03/2026/2:30/PM'\", {_DATES}, {_TIMES})": at("2026-03-05 14:30:00"),
    f"by_formats(\"'05/03/2026/12:00/AM'\", {_DATES}, {_TIMES})": at("2026-03-05 00:00:00"),
    "by_formats(\"'20260305'\", ['%Y%m%d'])": at("2026-03-05 00:00:00"),
    # letters that are no directive stand for themselves
    "by_formats(\"'2026-03-05T00:00:00Z'\", ['%Y-%m-%dT00:00:00Z'])": at("2026-03-05 00:00:00"),
    "by_formats(\"'05.03.2026 um 14:30 Uhr'\", ['%d.%m.%Y um %H:%M Uhr'])": at("2026-03-05 14:30:00"),
    "moment_of_epoch(\"'1772704800'\")": at("2026-03-05 10:00:00"),
    "moment_of_epoch(\"'1772704800250'\")": at("2026-03-05 10:00:00.250"),
    "moment_of_serial(\"'46086'\")": at("2026-03-05 00:00:00"),
    "moment_of_serial(\"'46086.75'\")": at("2026-03-05 18:00:00"),
    "normalized(\"'  Größe   ÉTÉ '\")": "große ete",
    "normalized(\"'Ǆ\u00a0Łódź 한국'\")": "ǆ łodz 한국",
    "ratio('1', '4')": 0.25,
    "ratio('1', '0')": None,
}

_CELLS = """'[{"x":"1","y":null},{"x":"2"}]'"""
_PAIR = "(select 'x' as a, cast(null as string) as b) as s"

#: A call in a query of its own over `t (n, a, b)` → its rows in order. Rows: (1, 'x', 2), (2, NULL, 1), (3, 'y', NULL).
QUERIES: dict[str, list[tuple[Any, ...]]] = {
    "select {{ numbers_to(2) }} as n from t where n = 1 order by 1": [(0,), (1,), (2,)],
    "select {{ numbers_to(-1) }} as n from t where n = 1": [],
    "select {{ parts_of(\"'a|b|'\", \"'|'\") }} as p from t where n = 1 order by 1": [("",), ("a",), ("b",)],
    "select {{ listed('a', 'n') }} as l from t": [("x, y",)],
    "select {{ listed(\"coalesce(a, 'z')\", '-n', '; ') }} as l from t": [("y; z; x",)],
    "select {{ median('b') }} as m from t": [(1.5,)],
    "select n, {{ last_filled('a') }} over (order by n rows between unbounded preceding and current row) as l "
    "from t order by n": [(1, "x"), (2, "x"), (3, "y")],
    "select n, {{ first_filled('a') }} over (order by n rows between 1 following and unbounded following) as l "
    "from t order by n": [(1, "y"), (2, "y"), (3, None)],
    "select * {{ except_columns(['a', 'b']) }} from t order by n": [(1,), (2,), (3,)],
    f"select cell.x as x, cell.y as y from (select {{{{ objects_of({_CELLS!r}, ['x', 'y']) }}}} as cell from t "
    "where n = 1) as s order by 1": [("1", None), ("2", None)],
    f"select {{{{ fingerprint(['a', 'b']) }}}} = {{{{ fingerprint(['b', 'a']) }}}} as f from {_PAIR}": [(False,)],
    f"select {{{{ fingerprint(['a', 'b']) }}}} = {{{{ fingerprint(['a', 'b']) }}}} as f from {_PAIR}": [(True,)],
    "with u as {{ not_materialized() }} (select n from t) select count(*) as c from u": [(3,)],
}
