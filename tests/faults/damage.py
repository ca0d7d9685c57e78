"""A landing folder with one source for each way in which an export goes wrong.

Every source delivers 80 deals, D1 to D80, in file rows 2 to 81 (header = 1), on 4 December 2025. Of those whose
delivery cannot be used there is another one, a day older, which is good.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterator

ROWS = 80
HEADINGS = ["Id", "Name", "Stage", "Amount", "Created", "Close"]
OLD, NEW = "deals_2025-12-03.csv", "deals_2025-12-04.csv"

SOURCE = """
  - name: {name}
    date_formats: ["%d.%m.%Y"]
    feeds:
      deals:
        entity: deals
        files: ["deals_*.csv"]
        columns:
          deal_id: [Id]
          deal_name: [Name]
          stage: [Stage, Phase]
          amount: [Amount, Value]
          created_at: [Created]
          close_on: [Close]
{more}    pipelines:
      - name: default
        stages:
          - {{name: New, canonical: prospecting}}
          - {{name: Offer, canonical: proposal}}
          - {{name: Won, canonical: won}}
          - {{name: Lost, canonical: lost}}
"""

RATES = """      rates:
        entity: exchange_rates
        files: ["rates_*.csv"]
        columns: {rate_on: [Day], currency: [Currency], rate: [Rate]}
"""

Row = list[str]


def sources(names: list[str]) -> str:
    """Their part of `pipeline.yml`."""
    return "".join(SOURCE.format(name=name, more=RATES if name == "rates" else "") for name in names)


def configuration(names: list[str]) -> str:
    """A `pipeline.yml` with these sources."""
    return "timezone: UTC\ncurrency: EUR\nlanding_dir: landing\nsources:\n" + sources(names)


def deals(rows: int = ROWS) -> list[Row]:
    """A header and good rows."""
    stages = ["New", "Offer", "Won", "Lost"]
    return [
        HEADINGS,
        *(
            [f"D{n}", f"Deal {n}", stages[n % 4], f"{n * 10}.50", f"{n % 28 + 1:02}.11.2025", "31.12.2025"]
            for n in range(1, rows + 1)
        ),
    ]


def text(rows: list[Row], delimiter: str = ",") -> bytes:
    """Rows as CSV."""
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


def many_deals(rows: int) -> bytes:
    """A file of more than a buffer or two."""
    return text([HEADINGS, *([f"D{n}", f"Deal {n}", "New", "1", "01.11.2025", ""] for n in range(1, rows + 1))])


def changed(cells: dict[tuple[str, str], str]) -> bytes:
    """The good file with some cells, named by deal and heading, written otherwise."""
    rows = deals()
    for (deal, heading), value in cells.items():
        rows[int(deal[1:])][HEADINGS.index(heading)] = value
    return text(rows)


def _without(heading: str) -> bytes:
    at = HEADINGS.index(heading)
    return text([row[:at] + row[at + 1 :] for row in deals()])


def _with_column(heading: str, value: Callable[[int, Row], str]) -> bytes:
    header, *rows = deals()
    return text([[*header, heading], *([*row, value(n, row)] for n, row in enumerate(rows, 1))])


def _ragged() -> bytes:
    rows = deals()
    rows[10] = rows[10][:3]
    rows[20] = [*rows[20], "one", "more"]
    rows[5][1] = "a name\nof two lines"  # so that lines and records are numbered differently
    return text(rows)


def _blank_lines() -> bytes:
    rows = deals()
    rows[20] = rows[20][:3]
    rows[50][0] = ""
    lines = text(rows).splitlines(keepends=True)
    return b"".join([*lines[:11], b"\n", *lines[11:40], b"\n\n", *lines[40:]])


def _mixture() -> bytes:
    """Rows rejected for two reasons, one in quarantine, one of which a value cannot be read: no number may drift."""
    rows = deals()
    rows[5] = rows[5][:2]
    rows[10][1] = "a\0b"
    rows[15][0] = ""
    rows[20] = [*rows[20], "more"]
    rows[30][3] = "tbd"
    return text(rows)


def _stray_quotes() -> bytes:
    """Quotes inside unquoted cells, as people write inches: no quoting at all."""
    return text(deals()).replace(b"Deal 7,", b'Screen 27",').replace(b"Deal 9,", b'The "big" one,')


def _repeated_ids() -> bytes:
    rows = deals()
    again = [*rows[4][:3], "4444.00", *rows[4][4:]]  # D4, another amount
    return text([*rows, again, rows[6]])  # D6, the very same


def _unreadable_cells() -> bytes:
    return changed(
        {
            ("D3", "Amount"): "about 500",
            ("D4", "Amount"): "1.2.3",
            ("D5", "Created"): "31.02.2025",
            ("D6", "Created"): "soon",
            ("D8", "Close"): "12/31/2025",
            ("D9", "Close"): "01.01.1025",
        }
    )


def _rates() -> bytes:
    good = [["2025-11-01", f"X{n:02}", "1.5"] for n in range(ROWS)]
    return text([["Day", "Currency", "Rate"], *good, ["2025-11-01", "USD", "?"]])


#: Deliveries that cannot be used as a whole: source → the files of its second delivery.
REFUSED: dict[str, Callable[[], dict[str, bytes]]] = {
    "no_stage_column": lambda: {NEW: _without("Stage")},
    "no_id_column": lambda: {NEW: _without("Id")},
    "picture": lambda: {NEW: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0\0\0\1\0" + bytes(range(256)) * 20},
    "web_page": lambda: {NEW: b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\n</html>\n"},
    "no_bytes": lambda: {NEW: b""},
    "no_text": lambda: {NEW: b"\n\n  \n"},
    "legacy_xls": lambda: {NEW: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(range(256)) * 20},
    "half_a_gz": lambda: {f"{NEW}.gz": gzip.compress(text(deals()), mtime=0)[:-300]},
    "no_gz": lambda: {f"{NEW}.gz": text(deals())},
    "open_quote": lambda: {NEW: text(deals()).replace(b"Deal 40,", b'"Deal 40,')},
    "twins_differ": lambda: {NEW: _with_column("Stage", lambda n, row: "Offer" if n == 7 else row[2])},
    "one_of_two_files": lambda: {"deals_2025-12-04_a.csv": text(deals()), "deals_2025-12-04_b.csv": _without("Id")},
}

#: Full extracts much smaller than the one before.
HELD_BACK: dict[str, Callable[[], dict[str, bytes]]] = {
    "only_a_header": lambda: {NEW: text(deals(0))},
    "shrunken": lambda: {NEW: text(deals(30))},
}

#: Deliveries of which all or nearly all rows can be used.
LOADED: dict[str, Callable[[], dict[str, bytes]]] = {
    "ragged": lambda: {NEW: _ragged()},
    "nul_byte": lambda: {NEW: changed({("D12", "Name"): "a\0b", ("D30", "Stage"): "Ne\0w"})},
    "nul_in_gz": lambda: {f"{NEW}.gz": gzip.compress(changed({("D12", "Name"): "a\0b"}), mtime=0)},
    "nul_padding": lambda: {NEW: text(deals()) + b"\0" * 64},
    "mixture": lambda: {NEW: _mixture()},
    "blank_lines": lambda: {NEW: _blank_lines()},
    "stray_quotes": lambda: {NEW: _stray_quotes()},
    "utf16": lambda: {NEW: text(deals()).decode().encode("utf-16")},
    "latin_1": lambda: {NEW: changed({("D11", "Name"): "Müller"}).decode().encode("latin-1")},
    "two_encodings": lambda: {
        NEW: changed({("D10", "Name"): "Zoë", ("D11", "Name"): "M?ller"}).replace(b"M?ller", b"M\xfcller")
    },
    "unreadable_cells": lambda: {NEW: _unreadable_cells()},
    "unknown_stage": lambda: {NEW: changed({("D2", "Stage"): "Legal review"})},
    "synonyms": lambda: {NEW: _with_column("Phase", lambda n, row: "Lost")},
    "twins_agree": lambda: {NEW: _with_column("Stage", lambda n, row: row[2])},
    "repeated_ids": lambda: {NEW: _repeated_ids()},
    "no_ids": lambda: {NEW: changed({("D10", "Id"): "", ("D20", "Id"): "  ", ("D21", "Stage"): ""})},
    "rates": lambda: {
        NEW: text(deals()),
        "rates_2025-12-04.csv": _rates(),
    },
    "other_words": lambda: {NEW: _with_column("Mood", lambda n, row: "sunny")},
    "excel_style": lambda: {NEW: b"\xef\xbb\xbf" + text(deals(), ";").replace(b"\n", b"\r\n")},
    "unfinished": lambda: {
        NEW: text(deals()),
        f"{NEW}.part": b"Id,St",
        ".deals_2025-12-04.csv": b"Id",
        "notes.txt": b"-",
    },
    "undated": lambda: {"deals_today.csv": text(deals())},
}


NAMES = [*REFUSED, *HELD_BACK, *LOADED]


def landing() -> Iterator[tuple[str, bytes]]:
    """Every file of the landing folder: `<source>/<name>` and its bytes."""
    for name, files in {**REFUSED, **HELD_BACK}.items():
        yield f"{name}/{OLD}", text(deals())
        yield from ((f"{name}/{file}", content) for file, content in files().items())
    for name, files in LOADED.items():
        yield from ((f"{name}/{file}", content) for file, content in files().items())
    yield "no_source_of_this_name/deals_2025-12-04.csv", text(deals())


def records(content: bytes) -> list[Row]:
    """The records of a file as Python's csv module reads them, the header first: the word of somebody else."""
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    delimiter = ";" if content.startswith(b"\xef\xbb\xbf") else ","
    encoding = "utf-16" if content.startswith(b"\xff\xfe") else "utf-8-sig"
    decoded = content.decode(encoding, errors="replace")
    return [row for row in csv.reader(io.StringIO(decoded, newline=""), delimiter=delimiter) if row]
