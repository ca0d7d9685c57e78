"""What a night says before anything else: unnamed stages, old data, or that there is nothing to report on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Warehouse, run_nightly

CONFIG = """
timezone: UTC
currency: EUR
landing_dir: landing
sources:
  - name: crm
    deliveries: full
    pipelines:
      - name: default
        stages: [{name: New, canonical: prospecting}, {name: Won, canonical: won}, {name: Lost, canonical: lost}]
    feeds:
      deals:
        entity: deals
        files: "deals*.csv"
        columns: {deal_id: Id, stage: Stage, created_at: Created}
"""
UNNAMED = "crm: 3 of 5 deals stand in stages you did not name: Closed Won 2 (did you mean Won?), Legal 1"
OLD = (
    "newest record 2025-08-30, 123 days before this run's moment; to look at it as of then: AS_OF=2025-08-30T00:00:00Z"
)


def play(folder: Path, rows: str) -> Warehouse:
    landing = folder / "landing" / "crm"
    landing.mkdir(parents=True)
    (landing / "deals_2025-08-30.csv").write_text(f"Id,Stage,Created\n{rows}", encoding="utf-8")
    (folder / "pipeline.yml").write_text(CONFIG, encoding="utf-8")
    return run_nightly(folder / "warehouse", folder / "pipeline.yml", as_of="2025-12-31T00:00:00Z")


@pytest.fixture(scope="module")
def misleading(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    stages = ("New", "Closed Won", "Closed Won", "Legal", "Lost")
    rows = "".join(f"{day},{stage},2025-01-0{day}\n" for day, stage in enumerate(stages, start=1))
    return play(tmp_path_factory.mktemp("misleading"), rows)


@pytest.mark.parametrize("sentence", [UNNAMED, OLD])
def test_the_summary_and_the_top_of_the_report_say_it(misleading: Warehouse, sentence: str) -> None:
    assert misleading.status == 0
    assert f"! {sentence}" in misleading.output
    page = (misleading.path / "report" / "index.html").read_text(encoding="utf-8")
    # up to its apostrophe, which the page writes otherwise
    assert sentence.partition("'")[0] in page


def test_a_night_without_a_usable_deal_stops_before_anything_is_built(tmp_path: Path) -> None:
    night = play(tmp_path, ",New,2025-01-01\n,Won,2025-01-02\n")
    assert night.status == 1
    said = " ".join(night.output.split())
    assert "not a single usable deal" in said and "crm/deals_2025-08-30.csv" in said and "config check" in said
    assert "transform" not in {step["name"] for step in night.run_json["steps"]}
    assert not (night.path / "pipeline.duckdb").exists()
