"""Which paths a feed's patterns take."""

import unicodedata

import pytest

from dagster_project.read.patterns import takes


@pytest.mark.parametrize(
    ("pattern", "path", "taken"),
    [
        ("deals*.csv", "deals_1.csv", True),
        ("deals*.csv", "2026-01-05/Deals_1.JSON.gz", True),
        ("deals/*.csv", "deals/2026.csv", True),
        ("deals/*.csv", "Deals/2026.xlsx", True),
        ("deals/*.csv", "deals/2026.csv.zst", True),
        ("deals/*.csv", "deals/2025/2026.csv", False),
        ("deals/*.csv", "accounts/2026.csv", False),
        ("deals/*.csv", "deals.csv", False),
        ("deals/*.csv", "old/deals/2026.csv", False),
        ("./deals/*.csv", "deals/2026.csv", True),
        ("deals/**/*.csv", "deals/2026.csv", True),
        ("deals/**/*.csv", "deals/a/b/2026.csv", True),
        ("**/deals/*.csv", "deals/2026.csv", True),
        ("**/deals/*.csv", "2026-01-05/crm/deals/2026.csv", True),
        ("**/deals/*.csv", "2026-01-05/deals.csv", False),
        ("**/*.csv", "x.csv", True),
        ("**/*.csv", "a/b/x.csv", True),
        ("deals/**", "deals/a/2026.csv", True),
        ("deals/", "deals/2026.csv", True),
        ("deals/", "deals/a/2026.csv", False),
        ("*/deals.csv", "2026-01-05/deals.csv", True),
        ("deals_20??-*/part[0-9].csv", "deals_2026-01/part7.csv", True),
        (unicodedata.normalize("NFC", "Geschäfte*.csv"), unicodedata.normalize("NFD", "GESCHÄFTE 1.csv"), True),
        (unicodedata.normalize("NFD", "Größe/*.csv"), unicodedata.normalize("NFC", "größe/1.csv"), True),
    ],
)
def test_takes(pattern: str, path: str, taken: bool) -> None:
    assert takes([pattern], path) is taken
