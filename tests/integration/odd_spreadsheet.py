"""A spreadsheet nobody has described: the list of deals and the visits of a small sales team in Flensburg."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path

from tests.unit.delivering import Cell, delimited, xlsx

#: The stages as the team calls them; the last two end a deal.
OPEN = ["Erstkontakt", "Bedarf klar", "Angebot raus", "Handschlag"]
WON, LOST = "Im Sack", "Versandet"
DEALS_FILE = "Vertriebsliste 2025-06-30.csv"
VISITS_FILE = "Besuche 2025-06-30.xlsx"

_HEADINGS = [
    *("Projekt-Nr", "Customer Name", "Worum geht's", "Wer", "Phase", "Auftragswert (EUR)", "Angelegt am"),
    *(f"{stage} am" for stage in OPEN),
    *("Abschluss am", "Warum nicht", "Woher", "Handy", "Bemerkung"),
]
_CUSTOMERS = ["Fördewerft", "Möwe & Söhne", "Kappeln Kran", "Strandgut GmbH", "Nordlicht Optik", "Geest Logistik"]
_THINGS = ["Hallentor", "Kranbahn", "Lichtband", "Rolltor; zwei Stück", 'Tor "Nord"']
_REASONS = ["zu teuer", "kein Budget", "meldet sich nicht"]
_DAY_ZERO = date(2024, 9, 2)
_EXCEL_ZERO = date(1899, 12, 30)


def deals() -> list[dict[str, str]]:
    """The rows of the list, by heading; the last has no number, and the amounts of two are words."""
    rng = random.Random(4)
    rows = [_deal(rng, number) for number in range(1, 61)]
    for at in (16, 23):
        rows[at]["Auftragswert (EUR)"] = "auf Anfrage"
    rows[-1]["Projekt-Nr"] = ""
    return rows


def _deal(rng: random.Random, number: int) -> dict[str, str]:
    row = dict.fromkeys(_HEADINGS, "")
    created = _DAY_ZERO + timedelta(days=number * 4 + rng.randrange(4))
    row["Projekt-Nr"] = f"P-{1000 + number}"
    row["Customer Name"] = rng.choice(_CUSTOMERS)
    row["Worum geht's"] = rng.choice(_THINGS)
    row["Wer"] = rng.choice(["Antje", "Bengt", "Ole"])
    row["Auftragswert (EUR)"] = f"{rng.randrange(900, 48_000):,}".replace(",", ".") + rng.choice([",00", ",50", " €"])
    row["Angelegt am"] = f"{created:%d.%m.%Y} {rng.randrange(8, 18):02}:{rng.randrange(60):02}"
    row["Woher"] = rng.choice(["Messe", "Empfehlung", "Website"])
    row["Handy"] = f"+49 461 {rng.randrange(10**6, 10**7)}"
    row["Bemerkung"] = rng.choice(["", "", "ruft zurück", "Mail an einkauf@werft.example"])
    if number <= 6:  # older deals were listed before the team noted days
        row["Phase"] = rng.choice([*OPEN, WON, LOST])
        day = created + timedelta(days=30)
    else:
        reached = rng.randrange(1, len(OPEN) + 1)
        day = created
        for stage in OPEN[:reached]:
            day += timedelta(days=rng.randrange(1, 9))
            row[f"{stage} am"] = f"{day:%d.%m.%Y}"
        row["Phase"] = rng.choice([OPEN[reached - 1], WON, LOST])
    day += timedelta(days=rng.randrange(1, 9))
    if row["Phase"] in (WON, LOST) or rng.random() < 0.5:
        row["Abschluss am"] = f"{day:%d.%m.%Y}"
    if row["Phase"] == LOST:
        row["Warum nicht"] = rng.choice(_REASONS)
    return row


def visits() -> list[dict[str, Cell]]:
    """The rows of the workbook, by heading."""
    rng = random.Random(5)
    rows: list[dict[str, Cell]] = []
    for number in range(1, 81):
        day = _DAY_ZERO + timedelta(days=number * 3)
        rows.append(
            {
                "Besuch Nr": number,
                "Projekt-Nr": f"P-{1000 + rng.randrange(1, 60)}",
                "Datum": ("date", float((day - _EXCEL_ZERO).days)),
                "Rep": rng.choice(["Antje", "Bengt", "Ole"]),
                "Art": rng.choice(["Besuch", "Anruf", "Notiz"]),
            }
        )
    return rows


def write(folder: Path) -> list[Path]:
    """The two files, as Excel in Germany writes them: semicolons, Windows-1252, titles above a table."""
    folder.mkdir(parents=True, exist_ok=True)
    cells = [_HEADINGS, *([row[heading] for heading in _HEADINGS] for row in deals())]
    listed = folder / DEALS_FILE
    listed.write_bytes(delimited(cells, delimiter=";", line_end="\r\n").encode("cp1252"))
    done = visits()
    sheet: list[list[Cell]] = [["Besuchsbuch Flensburg"], [], list(done[0]), *(list(row.values()) for row in done)]
    workbook = folder / VISITS_FILE
    workbook.write_bytes(xlsx({"Besuche": sheet, "Legende": [["Art"], ["Besuch"], ["Anruf"], ["Notiz"]]}))
    return [listed, workbook]
