"""What is said of how a text was read: what the file proved, what is configured, whose local time it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_project.publish.origins.proofs import Proof, proofs
from tests.unit.reading import Landing, source


@pytest.mark.parametrize(
    ("amount", "created", "said"),
    [
        ("1500", "2026-02-01", ("a plain number", "ISO 8601")),
        (
            "1.500,50",
            "25.12.2025",
            ("a decimal comma, as the numbers of the column prove", "the day first, as the dates of the column prove"),
        ),
        (
            "$1,500.50",
            "12/25/2025",
            (
                "a decimal point, as the numbers of the column prove",
                "the month first, as the dates of the column prove",
            ),
        ),
        ("1500", "5 Mar 2026", ("a plain number", "a date that can be read one way only")),
        (
            "1500",
            "46000",
            ("a plain number", "days since 1899-12-30, as spreadsheets count them: nothing else stands in the column"),
        ),
    ],
)
def test_what_a_file_proves(tmp_path: Path, amount: str, created: str, said: tuple[str, str]) -> None:
    record = Landing(tmp_path).read(
        "deals_2026-03-06.csv", f'Id,Name,Stage,Amount,Created\n1,a,New,"{amount}",{created}'.encode()
    )
    proved = proofs(record, source())
    assert (proved["amount"].of(amount), proved["created_at"].of(created)) == said


def test_what_is_configured(tmp_path: Path) -> None:
    settings = {"date_formats": ["%d/%m/%Y"], "decimal_separator": ","}
    content = b'Id,Name,Stage,Amount,Created\n1,a,New,"1.500",05/03/2026'
    record = Landing(tmp_path).read("deals_2026-03-06.csv", content, **settings)
    proved = proofs(record, source(**settings))
    assert proved["amount"].how == "a decimal comma, as decimal_separator says"
    assert proved["created_at"].how == "%d/%m/%Y, as date_formats says, or ISO 8601"


@pytest.mark.parametrize(
    ("text", "is_local"),
    [
        ("2026-03-05 10:00:00", True),
        ("2026-03-05T10:00", True),
        ("5.3.2026 9:05", True),
        ("2026-03-05", False),
        ("2026-03-05T10:00:00Z", False),
        ("2026-03-05 10:00:00 UTC", False),
        ("2026-03-05T10:00:00.000+0200", False),
        ("2026-03-05T10:00:00-05:00", False),
    ],
)
def test_whose_local_time_it_is(text: str, is_local: bool) -> None:
    assert ("Europe/Berlin" in Proof("ISO 8601", "Europe/Berlin").of(text)) == is_local
