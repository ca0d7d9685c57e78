"""Lines longer than any reader takes: none vanishes, and none takes its neighbours along."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.reading import Landing

#: A record of this size is no CRM's, but a stray quote or a program that forgot its line ends makes one.
MB_40 = 40 * 1024 * 1024


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path)


@pytest.mark.parametrize("cell", [b"x" * MB_40, b'"' + b"x" * MB_40 + b'"'], ids=["bare", "quoted"])
def test_a_line_of_40_mb_is_one_rejected_row(landing: Landing, cell: bytes) -> None:
    rows = b"Id,Stage,Amount\n1,New,5\n2," + cell + b",6\n3,New,7\n"
    record = landing.read("deals_2026-01-31.csv", rows)
    assert (record.state, record.rows_in_file, record.rows_rejected, record.rows_loaded) == ("loaded", 3, 1, 2)
    ((row_number, reason, text),) = landing.rejects(record)
    assert (row_number, reason.split(":")[0]) == (3, "too long")
    assert len(text) < 11_000


def test_a_file_that_forgot_its_line_ends_is_no_file_without_rows(landing: Landing) -> None:
    record = landing.read("deals_2026-01-31.csv", b"Id,Stage,Amount\n" + b"1,New,5," * (MB_40 // 8))
    assert record.state == "refused"
    assert "has no row that can be read" in record.message
