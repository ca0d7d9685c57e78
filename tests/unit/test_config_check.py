"""`dealtrail config check` on set-ups that are wrong: each is answered with the line to change; no night is run."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dagster_project.cli import app
from dagster_project.errors import ConfigurationError

CONFIG = """\
timezone: Europe/Berlin
currency: EUR
as_of: 2026-01-31T00:00:00Z
sources:
  - name: crm
    timezone: Europe/Berlin
    extracted_at: 2026-01-30T09:00:00Z
    pipelines:
      - name: default
        stages:
          - {name: New, canonical: prospecting}
          - {name: Offer, canonical: proposal}
          - {name: Won, canonical: won}
          - {name: Lost, canonical: lost}
    feeds:
      deals:
        entity: deals
        files: "deals*.csv"
        columns:
          deal_id: ["Deal No"]
          stage: ["Stage"]
          amount: ["Value"]
          created_at: ["Created"]
"""


def rows(*stages: str, created: str = "2026-01-0{n} 10:00:00") -> str:
    lines = [
        f"D-{number},{stage},{number}0.50,{created.format(n=number % 9 + 1)}"
        for number, stage in enumerate(stages, start=1)
    ]
    return "\n".join(["Deal No,Stage,Value,Created", *lines]) + "\n"


FINE = rows("New", "Offer", "Won", "Lost")


@dataclass
class Answer:
    """What the command printed, and how it ended."""

    text: str
    error: Exception | None

    @property
    def is_fine(self) -> bool:
        return self.error is None


#: A configuration and files of landing → what the command says of them.
Check = Callable[..., Answer]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """A configuration and files of landing → what the command says of them."""

    def run(config: str = CONFIG, **files: str) -> Answer:
        for name, content in files.items():
            path = tmp_path / "landing" / name.replace("__", ".").replace("--", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        (tmp_path / "pipeline.yml").write_text(config, encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        for name in ("PIPELINE_CONFIG", "LANDING_DIR", "AS_OF", "WAREHOUSE_DIR"):
            monkeypatch.delenv(name, raising=False)
        done = CliRunner().invoke(app, ["config", "check"])
        error = done.exception if isinstance(done.exception, Exception) else None
        if error is not None and not isinstance(error, ConfigurationError):
            raise error
        return Answer(done.output + (f"\n{error}" if error else ""), error)

    return run


def line_of(config: str, text: str) -> int:
    """The number of the line that has this."""
    return next(number for number, line in enumerate(config.splitlines(), start=1) if text in line)


def test_a_set_up_that_is_right_is_fine(check: Check) -> None:
    answer = check(**{"crm--deals__csv": FINE})
    assert answer.is_fine, answer.text
    assert "crm: 1 feed, pipeline default" in answer.text
    assert "deals: 4 rows in 1 file" in answer.text
    assert "!" not in answer.text


def test_an_id_that_is_not_mapped(check: Check) -> None:
    config = CONFIG.replace('          deal_id: ["Deal No"]\n', "")
    answer = check(config, **{"crm--deals__csv": FINE})
    assert not answer.is_fine
    assert f"pipeline.yml line {line_of(config, 'deals:')}" in answer.text
    assert "deal_id" in answer.text
    assert "'Deal No'" in answer.text


@pytest.mark.parametrize("column", ["Deal No", "Value"])
def test_a_heading_with_a_slip(check: Check, column: str) -> None:
    config = CONFIG.replace(f'["{column}"]', f'["{column[:-1]}"]')
    answer = check(config, **{"crm--deals__csv": FINE})
    assert not answer.is_fine
    assert f"'{column[:-1]}'" in answer.text
    assert f"did you mean '{column}'?" in answer.text
    assert f"pipeline.yml line {line_of(config, column[:-1])}" in answer.text


def test_stages_of_other_names_come_with_the_lines_to_add(check: Check) -> None:
    stages = ["New"] * 20 + ["Closed Lost"] * 21 + ["Closed Won"] * 11 + ["Ofer"] * 3 + ["Legal"] * 2
    answer = check(**{"crm--deals__csv": rows(*stages)})
    assert answer.is_fine, "a night is published, with a word of it"
    assert (
        "crm: 37 of 57 deals stand in stages you did not name: Closed Lost 21 (did you mean Lost?), "
        "Closed Won 11 (did you mean Won?), Ofer 3 (did you mean Offer?), Legal 2" in answer.text
    )
    assert f"pipeline.yml line {line_of(CONFIG, 'stages:')}" in answer.text
    assert "- {name: Lost, canonical: lost, aliases: [Closed Lost]}" in answer.text
    assert "- {name: Offer, canonical: proposal, aliases: [Ofer]}" in answer.text


def test_the_lines_to_add_are_all_that_is_missing(check: Check) -> None:
    files = {"crm--deals__csv": rows(*["New"] * 3, *["Closed Lost"] * 4, "Legal", "Signed: yes")}
    said = check(**files).text
    added = re.findall(r"^ *(- \{name: .*\})", said, flags=re.MULTILINE)
    for line in added:
        name = re.match(r"- \{name: ([^,]*)", line)
        assert name
        kept = [each for each in CONFIG.splitlines() if f"- {{name: {name[1]}," not in each]
        config = "\n".join(kept)
        files_config = config.replace("        stages:\n", f"        stages:\n          {line}\n")
        assert files_config != config
    config = CONFIG
    for line in added:
        name = re.match(r"- \{name: ([^,]*),", line)
        assert name
        config = "\n".join(each for each in config.splitlines() if f"- {{name: {name[1]}," not in each) + "\n"
        config = config.replace("        stages:\n", f"        stages:\n          {line}\n")
    answer = check(config, **files)
    assert answer.is_fine, answer.text
    assert "did not name" not in answer.text


def test_a_pattern_with_a_slip(check: Check) -> None:
    config = CONFIG.replace("deals*.csv", "deal_*.csv")
    answer = check(config, **{"crm--deals__csv": FINE})
    assert not answer.is_fine
    assert f"pipeline.yml line {line_of(config, 'deal_*.csv')}" in answer.text
    assert '"deal_*.csv" matches no file; in crm/ no feed takes deals.csv' in answer.text
    assert 'patterns tried: deals "deal_*.csv"' in answer.text


def test_a_file_that_no_pattern_takes(check: Check) -> None:
    answer = check(**{"crm--deals__csv": FINE, "crm--contacts__csv": "a,b\n1,2\n"})
    assert answer.is_fine
    assert 'crm/: no feed takes contacts.csv; patterns tried: deals "deals*.csv"' in answer.text


@pytest.mark.parametrize("has_folder", [True, False])
def test_a_file_loose_in_landing(check: Check, has_folder: bool) -> None:
    files = {"deals__csv": FINE} | ({"crm--deals__csv": FINE} if has_folder else {})
    answer = check(**files)
    assert answer.is_fine == has_folder
    if has_folder:
        assert "landing/deals.csv: lies loose in landing/" in answer.text
    else:
        assert "there is no folder landing/crm" in answer.text
        assert "beside them lies deals.csv" in answer.text


def test_a_timezone_that_there_is_not(check: Check) -> None:
    config = CONFIG.replace("    timezone: Europe/Berlin", "    timezone: Europe/Berlni")
    answer = check(config, **{"crm--deals__csv": FINE})
    assert not answer.is_fine
    assert f"pipeline.yml line {line_of(config, 'Berlni')}: sources.0.timezone" in answer.text
    assert "did you mean Europe/Berlin?" in answer.text


def test_a_timezone_by_which_records_are_later_than_their_export(check: Check) -> None:
    config = CONFIG.replace("    timezone: Europe/Berlin", "    timezone: America/Los_Angeles")
    answer = check(config, **{"crm--deals__csv": rows("New", "Offer", "Won", created="2026-01-30 09:5{n}:00")})
    assert f"pipeline.yml line {line_of(config, 'Los_Angeles')}: sources.0.timezone" in answer.text
    assert "hours after its file was exported" in answer.text


def test_two_sources_of_one_folder(check: Check) -> None:
    second = CONFIG[CONFIG.index("  - name: crm") :]
    answer = check(CONFIG + second, **{"crm--deals__csv": FINE})
    assert not answer.is_fine
    lines = [number for number, line in enumerate((CONFIG + second).splitlines(), 1) if "- name: crm" in line]
    assert f"pipeline.yml line {lines[1]}: sources.1.name" in answer.text
    assert f"line {lines[0]}" in answer.text
    assert "one folder" in answer.text


def test_old_data(check: Check) -> None:
    config = CONFIG.replace("    extracted_at: 2026-01-30T09:00:00Z\n", "")
    answer = check(config, **{"crm--deals__csv": rows("New", "Won", created="2025-08-0{n} 10:00:00")})
    assert answer.is_fine
    assert "newest record 2025-08-03" in answer.text
    assert "AS_OF=2025-08-03T08:00:00Z" in answer.text
    assert "`extracted_at: 2025-08-03T08:00:00Z`" in answer.text
    assert f"pipeline.yml line {line_of(config, '- name: crm')}" in answer.text


NO_DEALS = {
    "only a heading": {"crm--deals__csv": "Deal No,Stage,Value,Created\n"},
    "no file": {"crm--README__md": "exports come here"},
    "no ids": {"crm--deals__csv": "Deal No,Stage,Value,Created\n,New,1,2026-01-02\n,Won,2,2026-01-03\n"},
}


@pytest.mark.parametrize("files", NO_DEALS.values(), ids=NO_DEALS.keys())
def test_no_deals(check: Check, files: dict[str, str]) -> None:
    answer = check(**files)
    assert not answer.is_fine
    assert f"pipeline.yml line {line_of(CONFIG, 'deals:')}" in answer.text
    assert "not a single usable deal" in answer.text


def test_no_feed_of_deals(check: Check) -> None:
    config = CONFIG.replace("entity: deals", "entity: leads").replace("deal_id", "lead_id").replace("stage:", "status:")
    config = config.replace('          amount: ["Value"]\n', "")
    answer = check(config, **{"crm--deals__csv": FINE})
    assert not answer.is_fine
    assert "no feed of deals" in answer.text
    assert "not a single usable deal" in answer.text
