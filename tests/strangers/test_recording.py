"""docs/try.md shows what a terminal shows."""

from __future__ import annotations

import pytest

from tests.strangers.recording import COLUMNS, PAGE, block, played


@pytest.mark.long
@pytest.mark.parametrize("columns", COLUMNS)
def test_the_page_shows_the_terminal_as_it_is(columns: int) -> None:
    assert block(PAGE.read_text(encoding="utf-8"), columns) == played(columns), (
        "docs/try.md has drifted: `python -m tests.strangers.recording` writes it anew"
    )


def test_the_page_fits_its_columns() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for columns in COLUMNS:
        lines = block(page, columns).splitlines()
        assert lines
        # a path or a command stands in a line of its own, to be copied
        assert all(len(line) <= columns for line in lines if "dealtrail" not in line)
