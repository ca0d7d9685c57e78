"""A spreadsheet nobody has described is in after the drafted mapping and the edits that the docs show, at most five."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.conftest import DEALTRAIL, PROJECT, Warehouse, environment
from tests.integration import odd_spreadsheet as odd

PAGE = (PROJECT / "docs" / "adding-a-source.md").read_text(encoding="utf-8")
BERLIN = ZoneInfo("Europe/Berlin")


def block(language: str) -> str:
    """The one block of this language on the page."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return found


def edited(draft: str) -> str:
    """The draft with the page's edits; each place they name is there exactly once."""
    for hunk in block("diff").split("@@\n")[1:]:
        lines = hunk.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] in " -")
        new = "".join(line[1:] for line in lines if line[0] in " +")
        # the reports' timezone is the start of a line, the source's is not
        assert ("\n" + draft).count("\n" + old) == 1, old
        draft = ("\n" + draft).replace("\n" + old, "\n" + new)[1:]
    return draft


@dataclass
class Drafted:
    folder: Path
    text: str
    said: str


@pytest.fixture(scope="module")
def drafted(tmp_path_factory: pytest.TempPathFactory) -> Drafted:
    folder = tmp_path_factory.mktemp("draft")
    odd.write(folder / "landing" / "flensburg")
    done = dealtrail(folder, "source", "draft", "landing/flensburg", "--out", "flensburg.yml")
    assert done.returncode == 0, done.stderr
    return Drafted(folder, (folder / "flensburg.yml").read_text(encoding="utf-8"), done.stderr)


@pytest.fixture(scope="module")
def first_run(drafted: Drafted, nightly: Callable[..., Warehouse]) -> Warehouse:
    config = drafted.folder / "edited.yml"
    config.write_text(edited(drafted.text), encoding="utf-8")
    run = nightly(drafted.folder / "warehouse", config, as_of="2025-07-01T00:00:00+02:00")
    assert run.status == 0, run.output
    return run


def dealtrail(folder: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(DEALTRAIL), *words], cwd=folder, env=environment(**settings), capture_output=True, text=True, check=False
    )


# ------------------------------------------------------------------ the draft


def test_the_draft_passes_the_check_as_it_is(drafted: Drafted) -> None:
    done = dealtrail(drafted.folder, "config", "check", PIPELINE_CONFIG="flensburg.yml")
    assert done.returncode == 0, done.stderr
    assert "flensburg: 2 feeds, pipeline default" in done.stdout
    assert "tried deals: 60 rows of deals in 1 file, 0 rejected" in drafted.said
    assert "left to do" not in drafted.said


def test_the_page_shows_the_draft_as_it_is(drafted: Drafted) -> None:
    at = 0
    for part in block("yaml").split("…\n"):
        assert part in drafted.text[at:], part
        at = drafted.text.index(part, at) + len(part)


def test_the_page_shows_the_figures_as_they_are(drafted: Drafted) -> None:
    assert block("console") in drafted.said


def test_at_most_five_lines_are_edited() -> None:
    lines = block("diff").splitlines()
    assert sum(line.startswith("+") for line in lines) == 5
    assert sum(line.startswith("-") for line in lines) <= 5


def test_nobody_is_named_in_the_draft(drafted: Drafted) -> None:
    """Neither the phone numbers of the column `Handy` nor the address among the remarks."""
    assert "+49" not in drafted.text
    assert "@" not in drafted.text


# ------------------------------------------------------------------ the first run, against plain Python


def accepted() -> list[dict[str, str]]:
    return [row for row in odd.deals() if row["Projekt-Nr"]]


def status(row: dict[str, str]) -> str:
    return {odd.WON: "won", odd.LOST: "lost"}.get(row["Phase"], "open")


def amount(row: dict[str, str]) -> Decimal | None:
    said = re.sub(r"[ €.]", "", row["Auftragswert (EUR)"]).replace(",", ".")
    return Decimal(said) if re.fullmatch(r"[\d.]+", said) else None


def history(row: dict[str, str]) -> list[tuple[str, str]]:
    """Stage and evidence of each transition: the dated ones, and where the row stands if they do not end there."""
    dated = [stage for stage in odd.OPEN if row[f"{stage} am"]]
    if not dated:
        return [(row["Phase"], "inferred")]
    after = [(row["Phase"], "observed")] if row["Phase"] != dated[-1] else []
    return [(stage, "dated") for stage in dated] + after


def test_the_page_shows_the_summary_as_it_is(first_run: Warehouse) -> None:
    printed = " ".join(first_run.output.split())
    assert " ".join(block("text").split()) in printed


def test_deals_by_status(first_run: Warehouse) -> None:
    rows = first_run.rows("select status, count(*) from marts.fct_deals group by status")
    assert dict(rows) == Counter(map(status, accepted()))
    assert {state for state, _ in rows} == {"open", "won", "lost"}


def test_amounts_won(first_run: Warehouse) -> None:
    won = sum(amount(row) or Decimal(0) for row in accepted() if status(row) == "won")
    assert first_run.value("select sum(amount) from marts.fct_deals where status = 'won'") == won
    by_month = "select sum(won_amount) from marts.mart_monthly_metrics where grain = 'all'"
    assert first_run.value(by_month) == won > 0


def test_every_transition(first_run: Warehouse) -> None:
    rows = first_run.rows(
        "select split_part(deal_key, ':', 2), to_stage, evidence from marts.fct_stage_transitions "
        "order by deal_key, transition_number"
    )
    assert rows == [
        (row["Projekt-Nr"], stage, evidence)
        for row in sorted(accepted(), key=lambda row: row["Projekt-Nr"])
        for stage, evidence in history(row)
    ]


def test_times_are_those_of_flensburg(first_run: Warehouse) -> None:
    rows = first_run.rows("select deal_id, created_at from marts.fct_deals")
    assert {(deal, created.replace(tzinfo=ZoneInfo("UTC"))) for deal, created in rows} == {
        (row["Projekt-Nr"], datetime.strptime(row["Angelegt am"], "%d.%m.%Y %H:%M").replace(tzinfo=BERLIN))
        for row in accepted()
    }


def test_reasons_of_losses(first_run: Warehouse) -> None:
    rows = first_run.rows("select lost_reason, count(*) from marts.fct_deals where status = 'lost' group by all")
    assert dict(rows) == Counter(row["Warum nicht"] for row in accepted() if status(row) == "lost")


def test_visits_and_calls(first_run: Warehouse) -> None:
    types = {"Besuch": "meeting", "Anruf": "call", "Notiz": "note"}
    rows = first_run.rows("select deal_key, activity_type, is_done from marts.fct_activities")
    assert Counter(rows) == Counter((f"flensburg:{v['Projekt-Nr']}", types[str(v["Art"])], True) for v in odd.visits())


def test_the_row_without_a_number_is_in_quarantine(first_run: Warehouse) -> None:
    rows = first_run.rows("select file, row_number, column_name from quality.quarantined_rows")
    assert rows == [(odd.DEALS_FILE, len(odd.deals()) + 1, "deal_id")]
