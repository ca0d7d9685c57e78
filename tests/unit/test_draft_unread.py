"""Cells that cannot be read are said by the draft: how many, which, and where to change it."""

from __future__ import annotations

from pathlib import Path

from tests.unit.delivering import delimited
from tests.unit.test_draft import draft

SAID = "2 of 5 cannot be read and count as empty, such as '12k', '1,5 Mio'"


def test_amounts_in_words_are_said_beside_their_column(tmp_path: Path) -> None:
    rows = [["Deal ID", "Stage", "Amount"], *([f"D{n}", "Won", f"${n},500"] for n in (1, 2, 3))]
    drafted = draft(tmp_path, deals__csv=delimited([*rows, ["D4", "Won", "12k"], ["D5", "Won", "1,5 Mio"]]))
    (line,) = [line for line in drafted.text.splitlines() if line.strip().startswith("amount:")]
    assert SAID in line and "null_values" in line
    assert f"amount: {SAID}" in drafted.figures
    assert "won: 5 deals, 7,500.00 USD" in drafted.figures


def test_of_amounts_that_can_all_be_read_nothing_is_said(tmp_path: Path) -> None:
    rows = [["Deal ID", "Stage", "Amount"], *([f"D{n}", "Won", f"${n},500"] for n in (1, 2, 3))]
    drafted = draft(tmp_path, deals__csv=delimited(rows))
    assert "cannot be read" not in drafted.text + "\n".join(drafted.figures)
