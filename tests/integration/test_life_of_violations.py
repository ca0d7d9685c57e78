"""A violation appears, is mended in a later delivery, and comes back; with a rule of the team's own beside it.

Deal D1 has an owner on the second night only; D2 is worth more than the team's own rule lets lie without a lead.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tests.conftest import Warehouse, comparable
from tests.faults.nights import Nights, forks
from tests.faults.webhook import Webhook, listening

CONFIG = """
timezone: Europe/Berlin
currency: EUR
landing_dir: landing
rules:
  missing_account: {enabled: false}
  big_deal_without_lead:
    table: fct_deals
    severity: warning
    says: A deal of more than 10,000 came from a lead.
    where: status = 'open' and deal_name not like '% :test{1}$' -- a colon, braces and a comment are no harm
    broken_when: amount_reporting > 10000 and lead_key is null
    observed: amount_reporting
    allowed: "'a lead'"
    message: "{deal_name} is worth {amount_reporting} and nobody knows where it came from"
sources:
  - name: crm
    feeds:
      deals:
        entity: deals
        files: ["deals_*.csv"]
        columns: {deal_id: Id, deal_name: Name, stage: Stage, amount: Amount, owner_id: Owner, created_at: Created}
      owners:
        entity: owners
        files: ["owners_*.csv"]
        columns: {owner_id: Id, owner_name: Name}
    pipelines:
      - name: default
        stages:
          - {name: New, canonical: prospecting}
          - {name: Won, canonical: won}
          - {name: Lost, canonical: lost}
"""

DAYS = ["2026-03-02", "2026-03-03", "2026-03-04"]
OWNER_OF_D1 = ["", "O1", ""]
Violation = tuple[str, str, str, str, str | None]


@pytest.fixture(scope="module")
def webhook() -> Iterator[Webhook]:
    with listening() as webhook:
        yield webhook


def rows(warehouse: Warehouse, table: str) -> list[tuple[Any, ...]]:
    return sorted(map(comparable, warehouse.rows(f"from quality.{table}")), key=repr)


TABLES = ("hygiene_violations", "hygiene_scores", "worklists", "check_results")


class Told:
    """What three nights and what came after them left behind."""

    def __init__(self, nights: Nights, webhook: Webhook) -> None:
        self.nights = nights
        nights.config.write_text(CONFIG, encoding="utf-8")
        for day, owner in zip(DAYS, OWNER_OF_D1, strict=True):
            nights.deliver(f"crm/owners_{day}.csv", "Id,Name\nO1,Ada")
            nights.deliver(
                f"crm/deals_{day}.csv",
                f"""Id,Name,Stage,Amount,Owner,Created
                D1,Pump,New,100,{owner},2026-03-01
                D2,Tower,New,20000,O1,2026-03-01
                D3,Valve,New,300,O1,2026-03-01
                D4,Won long ago,Won,300,O1,2026-03-01""",
            )
            self.warehouse = nights.play(f"{day}T12:00:00Z")
            assert self.warehouse.status == 0, self.warehouse.output
        self.tables = {table: rows(self.warehouse, table) for table in TABLES}
        self.lives = self.warehouse.rows(
            "select rule, record_key, cast(first_seen_on as varchar), cast(last_seen_on as varchar), "
            "cast(resolved_on as varchar) from quality.hygiene_violations order by all"
        )
        self.scores = self.warehouse.rows(
            "select cast(date_day as varchar), owner_key, open_deals, clean_deals, score, "
            "cast(open_amount as integer), cast(clean_amount as integer), score_by_amount "
            "from quality.hygiene_scores order by all"
        )
        self.worklists = self.warehouse.rows(
            "select owner_name, place, record_name, cast(amount_at_stake as integer), rules, messages "
            "from quality.worklists order by owner_name nulls last, place"
        )
        self.checks = forks.Pool(1).apply(_checks, (str(nights.warehouse / "dagster"),))
        self.told_of_scores = list(webhook.messages)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, webhook: Webhook) -> Told:
    # a quote in a path ends no SQL
    return Told(Nights(tmp_path_factory.mktemp("life") / "it's"), webhook)


def _checks(home: str) -> dict[str, dict[str, Any]]:
    """The last evaluation of two checks as Dagster's own storage has it: its severity, outcome and metadata."""
    os.environ["DAGSTER_HOME"] = home
    keys = [
        dg.AssetCheckKey(dg.AssetKey(["marts", "fct_deals"]), name)
        for name in ("missing_owner", "big_deal_without_lead")
    ]
    with dg.DagsterInstance.from_config(home) as instance:
        records = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    found = {}
    for key, record in records.items():
        assert record.event is not None
        event = record.event.get_dagster_event().asset_check_evaluation_data
        found[key.name] = {
            **{name: value.value for name, value in event.metadata.items()},
            "passed": event.passed,
            "severity": event.severity.name,
        }
    return found


def test_it_is_dated_by_the_nights_that_saw_it_and_a_new_row_when_it_returns(told: Told) -> None:
    of_d1 = [life for life in told.lives if life[:2] == ("missing_owner", "crm:D1")]
    assert of_d1 == [
        ("missing_owner", "crm:D1", "2026-03-02", "2026-03-02", "2026-03-03"),
        ("missing_owner", "crm:D1", "2026-03-04", "2026-03-04", None),
    ]


def test_what_is_broken_every_night_is_one_row(told: Told) -> None:
    assert [life for life in told.lives if life[0] == "big_deal_without_lead"] == [
        ("big_deal_without_lead", "crm:D2", "2026-03-02", "2026-03-04", None)
    ]


def test_scores_are_of_each_published_day_and_owner(told: Told) -> None:
    """D3 is clean; D2 breaks the team's own rule; D1 is nobody's on the first and third day."""
    assert told.scores == [
        ("2026-03-02", "crm:O1", 2, 1, 0.5, 20300, 300, 300 / 20300),
        ("2026-03-02", None, 1, 0, 0.0, 100, 0, 0.0),
        ("2026-03-03", "crm:O1", 3, 2, 2 / 3, 20400, 400, 400 / 20400),
        ("2026-03-04", "crm:O1", 2, 1, 0.5, 20300, 300, 300 / 20300),
        ("2026-03-04", None, 1, 0, 0.0, 100, 0, 0.0),
    ]


def test_worklists_say_what_each_owner_has_to_mend(told: Told) -> None:
    assert told.worklists == [
        (
            "Ada",
            1,
            "Tower",
            20000,
            "big_deal_without_lead",
            "Tower is worth 20000.00 and nobody knows where it came from",
        ),
        (None, 1, "Pump", 100, "missing_owner", "has no owner"),
    ]


def test_an_own_rule_is_a_check_like_any_other(told: Told) -> None:
    (result,) = told.warehouse.rows(
        'select suite, "table", severity, applies, success, evaluated, unexpected from quality.check_results '
        "where expectation = 'big_deal_without_lead'"
    )
    assert result == ("own_rules", "marts.fct_deals", "warning", True, False, 3, 1)
    pages = [path.read_text(encoding="utf-8") for path in (told.nights.warehouse / "data_docs").rglob("*.html")]
    assert any("A deal of more than 10,000 came from a lead." in page for page in pages)
    assert "big_deal_without_lead 1" in told.warehouse.output


def test_dagster_shows_severity_counts_and_where_the_violations_are(told: Told) -> None:
    shown = told.checks["big_deal_without_lead"]
    assert (shown["passed"], shown["severity"]) == (False, "WARN")
    assert (shown["evaluated"], shown["unexpected"]) == (3, 1)
    (violation,) = shown["first_violations"].records
    assert (violation.data["record_key"], violation.data["observed"]) == ("crm:D2", "20000.00")
    assert "quality.hygiene_violations where rule = 'big_deal_without_lead'" in shown["all_violations"]
    assert Path(shown["data_docs"]).is_file()
    assert (told.checks["missing_owner"]["evaluated"], told.checks["missing_owner"]["unexpected"]) == (3, 1)


def test_a_rule_that_is_switched_off_is_no_check(told: Told) -> None:
    assert told.warehouse.value("select count(*) from quality.check_results where expectation = 'missing_account'") == 0


def test_columns_are_described(told: Told) -> None:
    assert (
        told.warehouse.rows(
            "select table_name, column_name from duckdb_columns() where schema_name = 'quality' and comment is null"
        )
        == []
    )


def test_a_worse_score_is_told(told: Told) -> None:
    """67 % of the open deals were clean on the second day, 33 % on the third; it was no worse on the second."""
    (message,) = told.told_of_scores
    assert message["text"] == "Dealtrail: fewer open deals are clean than the night before: crm 67% → 33%"
    assert message["state"] == "published"
    assert message["hygiene"] == [{"source": "crm", "open_deals": 3, "score": 1 / 3, "score_before": 2 / 3}]


def test_a_rebuild_from_the_lake_tells_the_same_life(told: Told) -> None:
    for path in told.nights.warehouse.iterdir():
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.name not in ("lake", "dbt"):
            shutil.rmtree(path)
    again = told.nights.play(f"{DAYS[-1]}T12:00:00Z")
    assert again.status == 0, again.output
    assert {table: rows(again, table) for table in TABLES} == told.tables


def test_a_critical_own_rule_blocks_and_the_webhook_is_told_why(told: Told, webhook: Webhook) -> None:
    webhook.messages.clear()
    strict = told.nights.folder / "strict.yml"
    strict.write_text(
        CONFIG.replace("table: fct_deals\n    severity: warning", "table: fct_deals\n    severity: critical")
    )
    blocked = told.nights.play("2026-03-05T12:00:00Z", strict)
    assert blocked.status == 1, blocked.output
    (message,) = webhook.messages
    assert message["state"] == "blocked"
    assert message["text"].startswith("Dealtrail: the night was blocked in step expectations. big_deal_without_lead: ")
    assert "Tower is worth 20000.00" in message["text"]
    kept = told.nights.warehouse / "attempts" / blocked.run_json["run_id"] / "quality"
    assert (kept / "worklists.parquet").is_file()
