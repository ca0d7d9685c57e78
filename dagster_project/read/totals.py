"""Rows of totals that people write among or below their records: `Total`, `Summe`, `Итого`. None is a record."""

from __future__ import annotations

from dagster_project.config.entities import ENTITIES
from dagster_project.config.feeds import Feed
from dagster_project.read.cells import CellRules
from dagster_project.read.headings import Matched
from dagster_project.sql import text

#: What such a row says in its first cell with a text, whatever its case.
WORDS = (
    "total", "totals", "grand total", "grand totals", "sub total", "subtotal", "sub-total", "sum", "sums", "overall",
    "summe", "summen", "gesamt", "gesamtsumme", "gesamtergebnis", "zwischensumme", "teilsumme", "insgesamt", "endsumme",
    "total général", "sous-total", "somme", "total general", "suma", "suma total", "totale", "totale generale", "somma",
    "totaal", "totalt", "summa", "i alt", "ialt", "yhteensä", "razem", "ogółem", "łącznie", "celkem", "spolu",
    "összesen", "итого", "итог", "всего", "сумма", "общий итог", "разом", "усього", "toplam", "genel toplam",
    "合計", "小計", "合计", "总计",
)  # fmt: skip
#: Behind the word: a colon, an equals sign, how many there are: `Total (60)`, `Total: 60`.
_LABEL = r"^(?:{words})\s*[:=]?\s*(?:\([^)]*\)|[0-9][0-9 .,]*)?$"


def is_label(cell: str) -> str:
    """SQL: whether a cell says that its row holds totals."""
    words = "|".join(word.replace(" ", r"\s+") for word in sorted(WORDS, key=len, reverse=True))
    return f"regexp_full_match(lower(trim({cell})), {text(_LABEL.replace('{words}', words))})"


def is_of_totals(feed: Feed, matched: Matched, rules: CellRules) -> str | None:
    """SQL: whether a row holds totals; None for a feed whose rows it cannot be told of.

    Its first cell with a text names them, and it lacks what every record has: its id; or, where the name stands in the
    place of the id, another required value, or everything else that is read. A deal called `Total` is a deal.
    """
    required = [name for name in ENTITIES[feed.entity].required_columns if name in matched.positions]
    if not required:
        return None
    cells = {at: rules.cell(at) for at in sorted({0, *matched.used})}
    label = _first(list(cells.values()))
    id_cells = [cells[at] for at in matched.positions[required[0]]]
    others = [_first([cells[at] for at in matched.positions[name]]) for name in required[1:]]
    beside = [cell for at, cell in cells.items() if at not in (0, *matched.positions[required[0]])]
    without_id = " or ".join(f"{cell} is null" for cell in id_cells)
    if others:
        is_none = f"{_first(id_cells)} = {label} and ({' or '.join(f'{cell} is null' for cell in others)})"
    else:
        is_none = f"{_first(id_cells)} = {label} and {_first(beside)} is null" if beside else "false"
    # of nearly every row nothing is missing, and only a `case` spares it the question behind (an `and` asks both)
    return f"coalesce(case when {without_id} or ({is_none}) then {is_label(label)} end, false)"


def _first(cells: list[str]) -> str:
    return f"coalesce({', '.join(cells)})" if len(cells) > 1 else cells[0]


def totals_note(rows: int) -> str:
    """What a person should know about it."""
    return f"{rows} row{'s' if rows > 1 else ''} of totals passed over"
