"""A warehouse wherever people put folders: spaces, quotes, brackets, percent signs, letters of any language."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dagster_project.run.summary import print_summary
from tests.faults import crm
from tests.faults.nights import Nights, fingerprints, tables

PUBLISHED: dict[str, Any] = {
    "state": "published",
    "as_of": "2025-12-31T00:00:00+00:00",
    "rows": {"in_files": 1, "loaded": 1, "forgotten": 0, "rejected": 0},
    "violations": {"warning": 1},
    "violations_by_rule": [{"rule": "stale_deal", "severity": "warning", "count": 1}],
    "steps": [{"name": "ingest", "seconds": 0.1}],
    "stopped_by": [],
    "message": None,
    "failed_step": None,
    "warnings": ["crm/deals [new].csv: 1 row rejected"],
}


@pytest.mark.parametrize("folder", ["/data/crm [1]", "/data/[bold]", "/data/[/b]", "/data/it's"])
def test_the_summary_shows_a_path_as_it_is(capsys: pytest.CaptureFixture[str], folder: str) -> None:
    print_summary(PUBLISHED, Path(folder))
    said = capsys.readouterr().out
    assert f"{folder}/pipeline.duckdb" in said
    assert "crm/deals [new].csv" in said


ODD = [pytest.param(name, marks=pytest.mark.long) for name in ("a b", "it's", "50%20 ü", "what*", "a,b")]


@pytest.mark.parametrize("folder", ["[1]", *ODD])
def test_a_night_needs_no_tidy_folder_name(tmp_path: Path, folder: str) -> None:
    nights = Nights(tmp_path / folder)
    nights.config.write_text(crm.CONFIG, encoding="utf-8")
    crm.deliver(nights, *((feed, crm.DAYS[0]) for feed in (crm.deals, crm.log, crm.calls, crm.leads)))
    night = nights.play(crm.FIRST)
    assert night.status == 0, night.output
    assert night.output.startswith("published"), "nothing else is said, of telemetry least of all"
    assert len(tables(nights.warehouse)["marts.fct_deals"]) > 20
    assert fingerprints(nights.warehouse)["link marts"] == "current/marts"


def test_a_question_mark_that_duckdb_cannot_take_is_refused_by_name(tmp_path: Path) -> None:
    nights = Nights(tmp_path / "what?")
    nights.config.write_text(crm.CONFIG, encoding="utf-8")
    night = nights.play(crm.FIRST)
    assert night.status == 2
    assert "what?" in night.output and "question mark" in night.output and "Traceback" not in night.output
