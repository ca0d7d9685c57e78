"""The oracle against the known facts of real extracts; skipped where they are not at hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from . import Result, compute
from .configuration import PROJECT

EXTRACTS = PROJECT.parent / "shared" / "data"
pytestmark = pytest.mark.skipif(not EXTRACTS.is_dir(), reason="no real extracts beside the project")


def _computed(source: str, as_of: str, landing: Path = EXTRACTS) -> tuple[Result, Counter[str]]:
    result = compute(PROJECT / "examples" / f"{source}.yml", landing, as_of)
    return result, Counter(deal["status"] for deal in result.deals)


def test_pipedrive() -> None:
    result, statuses = _computed("pipedrive", "2025-03-31")
    assert statuses == {"won": 1080, "lost": 915}
    assert Counter(row["to_stage"] == "Lost" for row in result.transitions) == {False: 8904, True: 1999}
    assert {row["evidence"] for row in result.transitions} == {"logged"}


def test_salesforce() -> None:
    result, statuses = _computed("salesforce", "2026-03-31")
    assert statuses == {"won": 12, "lost": 8, "open": 16}
    assert (len(result.leads), sum(lead["is_converted"] for lead in result.leads)) == (22, 5)
    assert {row["evidence"] for row in result.transitions} == {"versioned"}


def test_maven() -> None:
    result, statuses = _computed("maven", "2018-01-31")
    assert statuses == {"won": 4238, "lost": 2473, "open": 2089}
    won = [deal for deal in result.deals if deal["status"] == "won"]
    assert float(sum(deal["amount_reporting"] for deal in won) / len(won)) == pytest.approx(2360.91, abs=0.005)
    assert sum(deal["sales_cycle_days"] for deal in won) / len(won) == pytest.approx(51.78, abs=0.005)
    assert result.visits == []
