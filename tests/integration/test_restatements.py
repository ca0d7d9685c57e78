"""What was published of past months and is not the same any more: every cause, by nights of a small CRM.

The second night brings, all at once, what a CRM does to its past; the third another configuration, with no new file;
the fourth both, for the same records.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from dagster_project.errors import ConfigurationError
from dagster_project.run.folders import APART
from dagster_project.trace.explain import explain, text
from tests.conftest import Warehouse
from tests.faults.nights import Nights
from tests.oracle import compute
from tests.oracle.restatements import differences, restatements

CONFIG = """
timezone: UTC
currency: EUR
landing_dir: landing
notifications: {max_restatement: 0.2}
sources:
  - name: crm
    currency: EUR
    feeds:
      deals:
        entity: deals
        files: ["deals_*.csv"]
        columns:
          deal_id: Id
          deal_name: Name
          stage: Stage
          amount: Amount
          currency: Currency
          owner_id: Owner
          account_id: Account
          created_at: Created
          closed_at: Closed
          merged_into_id: Into
      leads:
        entity: leads
        files: ["leads_*.csv"]
        columns: {lead_id: Id, created_at: Created, status: Status, owner_id: Owner}
        converted_lead_statuses: [Converted]
      calls:
        entity: activities
        deliveries: incremental
        files: ["calls_*.csv"]
        columns: {activity_id: Id, activity_type: Type, lead_id: Lead, completed_at: Done}
      rates:
        entity: exchange_rates
        files: ["rates_*.csv"]
        columns: {rate_on: Day, currency: Currency, rate: Rate}
      spend:
        entity: spend
        files: ["spend_*.csv"]
        columns: {spent_on: Day, amount: Amount, lead_source: Channel}
    pipelines:
      - name: default
        stages:
          - {name: New, canonical: prospecting}
          - {name: Talks, canonical: proposal}
          - {name: Won, canonical: won}
          - {name: Lost, canonical: lost}
"""

FIRST, SECOND, THIRD = "2026-01-02T06:00:00Z", "2026-01-03T06:00:00Z", "2026-01-04T06:00:00Z"
FOURTH, FIFTH = "2026-01-05T06:00:00Z", "2026-01-06T06:00:00Z"
STRICT = f"thresholds: {{lead_response_sla_hours: 1.5}}\n{CONFIG}"
#: Every deal is of one campaign, which another reading of the files says; Held is lost, and leads may wait a day again.
OTHERWISE = CONFIG.replace("entity: deals\n", "entity: deals\n        constants: {lead_source: Web}\n").replace(
    "- {name: Lost,", "- {name: Held, canonical: lost}\n          - {name: Lost,"
)
HEADING = "Id,Name,Stage,Amount,Currency,Owner,Account,Created,Closed,Into"
DEALS = f"""{HEADING}
stays,Stays,Won,1000,EUR,u1,acme,2025-10-01,2025-11-10,
reopened,Reopened,Lost,500,EUR,u1,acme,2025-10-02,2025-11-11,
amended,Amended,Won,800,EUR,u2,bolt,2025-10-03,2025-11-12,
deleted,Deleted,Lost,100,EUR,u2,,2025-10-04,2025-11-13,
swallowed,Swallowed,Won,50,EUR,u2,corp,2025-10-05,2025-11-14,
rated,Rated,Won,1000,USD,u1,dash,2025-10-06,2025-11-15,
signs,Signs,Talks,700,EUR,u1,echo,2025-11-16,,
backdated,Backdated,Talks,600,EUR,u1,fuel,2025-11-17,,
handed,Handed,New,10,EUR,u1,,2025-11-18,,"""
DEALS_LATER = f"""{HEADING}
stays,Stays,Won,1000,EUR,u1,acme,2025-10-01,2025-11-10,
reopened,Reopened,Talks,500,EUR,u1,acme,2025-10-02,,
amended,Amended,Won,900,EUR,u2,bolt,2025-10-03,2025-11-12,
swallowed,Swallowed,Won,50,EUR,u2,corp,2025-10-05,2025-11-14,stays
rated,Rated,Won,1000,USD,u1,dash,2025-10-06,2025-11-15,
signs,Signs,Won,700,EUR,u1,echo,2025-11-16,2026-01-02,
backdated,Backdated,Won,600,EUR,u1,fuel,2025-11-17,2025-11-30,
handed,Handed,New,10,EUR,u3,,2025-11-18,,
late,Late,Won,300,EUR,u3,bolt,2025-11-01,2025-11-05,"""
DEALS_AT_LAST = f"""{HEADING}
stays,Stays,Won,1000,EUR,u1,acme,2025-10-01,2025-11-10,
reopened,Reopened,Held,500,EUR,u1,acme,2025-10-02,2025-11-20,
amended,Amended,Won,950,EUR,u2,bolt,2025-10-03,2025-11-12,
deleted,Deleted,Lost,100,EUR,u2,,2025-10-04,2025-11-13,
swallowed,Swallowed,Won,50,EUR,u2,corp,2025-10-05,2025-11-14,stays
rated,Rated,Won,1000,USD,u1,dash,2025-10-06,2025-11-15,
signs,Signs,Won,700,EUR,u1,echo,2025-11-16,2026-01-02,
backdated,Backdated,Won,600,EUR,u1,fuel,2025-11-17,2025-11-30,
handed,Handed,New,10,EUR,u3,,2025-11-18,,"""


def lead(*lines: str) -> str:
    return "\n".join(("Id,Created,Status,Owner", *lines))


#: With the names left out, which the configuration of then would have read.
WITHOUT_NAMES = OTHERWISE.replace(
    "entity: deals\n", "entity: deals\n        personal_data: {deal_name: drop}\n"
).replace("- {name: Held, canonical: lost}", "- {name: Held, canonical: won}")


class Told:
    """Nights of one CRM."""

    def __init__(self, nights: Nights) -> None:
        self.nights = nights
        nights.config.write_text(CONFIG, encoding="utf-8")
        nights.deliver("crm/deals_2026-01-02.csv", DEALS)
        nights.deliver(
            "crm/leads_2026-01-02.csv", lead("a,2025-11-03T09:00:00Z,New,u1", "b,2025-11-04T09:00:00Z,New,u2")
        )
        nights.deliver("crm/calls_2026-01-02.csv", "Id,Type,Lead,Done\nc0,call,b,2025-11-04T11:00:00Z")
        nights.deliver("crm/rates_2026-01-02.csv", "Day,Currency,Rate\n2025-11-01,USD,0.5")
        nights.deliver("crm/spend_2026-01-02.csv", "Day,Amount,Channel\n2025-11-01,400,Web\n2025-11-02,100,Fair")
        self.first = self._publish(FIRST)
        nights.deliver("crm/deals_2026-01-03.csv", DEALS_LATER)
        nights.deliver(
            "crm/leads_2026-01-03.csv", lead("a,2025-11-03T09:00:00Z,New,u1", "b,2025-11-04T09:00:00Z,Converted,u2")
        )
        nights.deliver("crm/calls_2026-01-03.csv", "Id,Type,Lead,Done\nc1,call,a,2025-11-03T10:00:00Z")
        nights.deliver("crm/rates_2026-01-03.csv", "Day,Currency,Rate\n2025-11-01,USD,0.8")
        nights.deliver("crm/spend_2026-01-03.csv", "Day,Amount,Channel\n2025-11-01,500,Web\n2025-11-03,60,Fair")
        self.second = self._publish(SECOND)
        self.summary = self.second["output"]
        self.after_second = differences_to(nights, (FIRST, SECOND))
        nights.config.write_text(STRICT, encoding="utf-8")
        self.third = self._publish(THIRD)
        self.after_third = differences_to(nights, (SECOND, THIRD), CONFIG)
        nights.deliver("crm/deals_2026-01-05.csv", DEALS_AT_LAST)
        nights.deliver(
            "crm/leads_2026-01-05.csv", lead("a,2025-11-03T09:00:00Z,New,u1", "b,2025-11-04T09:00:00Z,Converted,u3")
        )
        nights.config.write_text(OTHERWISE, encoding="utf-8")
        self.fourth = self._publish(FOURTH)
        self.after_fourth = differences_to(nights, (THIRD, FOURTH), STRICT)
        nights.deliver("crm/deals_2026-01-06.csv", DEALS_AT_LAST.replace("Reopened,Held,500", "Reopened,Held,510"))
        nights.config.write_text(WITHOUT_NAMES, encoding="utf-8")
        self.fifth = self._publish(FIFTH)
        # what is asked from here on is asked with the configuration of the third
        nights.config.write_text(STRICT, encoding="utf-8")
        self.kept = sorted(path.name.split("-")[0] for path in (nights.warehouse / "lake" / "published").iterdir())

    def _publish(self, as_of: str) -> dict[str, Any]:
        warehouse = self.nights.play(as_of)
        assert warehouse.status == 0, warehouse.output
        return {
            "rows": figures(warehouse),
            "records": records(warehouse),
            "records_of_every_grain": records(warehouse, "true"),
            "run": run_json(warehouse),
            "output": warehouse.output,
            "page": page_data(warehouse),
        }


def differences_to(nights: Nights, moments: tuple[str, str], config_before: str = "") -> list[str]:
    """Against plain Python over the same files."""
    was = nights.folder / "before.yml"
    was.write_text(config_before or nights.config.read_text(), encoding="utf-8")
    before, now = compute(was, nights.landing, moments[0]), compute(nights.config, nights.landing, moments[1])
    between = compute(was, nights.landing, moments[1]) if config_before else None
    expected = restatements(before, now, nights.config, nights.landing, moments, between)
    return differences(expected, nights.warehouse / "pipeline.duckdb")


def figures(warehouse: Warehouse) -> dict[tuple[str, str, str, str | None, str], tuple[Any, Any, float | None]]:
    rows = warehouse.rows(
        "select cast(month as varchar), metric, grain, grain_value, cause, value_before, value_now, difference "
        "from quality.restatements"
    )
    return {row[:5]: row[5:] for row in rows}


def records(warehouse: Warehouse, where: str = "grain = 'all'") -> set[tuple[Any, ...]]:
    return set(
        warehouse.rows(
            "select distinct entity, record_key, cause, field, before, now, file, row_number "
            f"from quality.restatement_records where {where} and month < date '2026-01-01' and cause != 'several'"
        )
    )


def page_data(warehouse: Warehouse) -> dict[str, Any]:
    page = (warehouse.path / "report" / "index.html").read_text(encoding="utf-8")
    return dict(json.loads(page.split('<script type="application/json" id="data">')[1].split("</script>")[0]))


def run_json(warehouse: Warehouse) -> dict[str, Any]:
    return dict(json.loads((warehouse.path / "run.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return Told(Nights(tmp_path_factory.mktemp("restated") / "it's"))


def of_november(told: dict[str, Any], metric: str) -> dict[str, float | None]:
    return {
        cause: difference
        for (month, name, grain, _, cause), (_, _, difference) in told["rows"].items()
        if (month, name, grain) == ("2025-11-01", metric, "all")
    }


def test_a_first_night_restates_nothing(told: Told) -> None:
    assert told.first["rows"] == {} and told.first["run"]["restated"] is None


def test_every_cause_of_a_past_month_is_told(told: Told) -> None:
    """Won: late and backdated came, swallowed went. Lost: reopened and deleted are gone. signs was won in January."""
    assert of_november(told.second, "deals_won") == {"late": 1, "merged": -1, "rewritten": 1}
    assert of_november(told.second, "deals_lost") == {"deleted": -1, "rewritten": -1}
    assert of_november(told.second, "won_amount") == {"late": 300, "merged": -50, "rate": 300, "rewritten": 700}
    assert of_november(told.second, "opportunities_created_won") == {"late": 1, "rewritten": 1, "time": 1}
    assert of_november(told.second, "answered_leads") == {"late": 1}
    assert of_november(told.second, "converted_leads") == {"time": 1}
    # the fair of the 2nd is gone, that of the 3rd new, the web of the 1st dearer
    assert of_november(told.second, "spend") == {"deleted": -100, "late": 60, "rewritten": 100}


def test_causes_of_a_ratio_add_up(told: Told) -> None:
    """4 of 6 before, 5 of 5 now."""
    causes = of_november(told.second, "win_rate")
    assert causes.keys() == {"deleted", "late", "merged", "rewritten"}
    assert sum(adds or 0 for adds in causes.values()) == pytest.approx(1 - 4 / 6, abs=1e-12)


def test_a_record_is_told_with_its_row(told: Told) -> None:
    assert {
        ("deals", "crm:reopened", "rewritten", "status", "lost", "open", "deals_2026-01-03.csv", 3),
        ("deals", "crm:amended", "rewritten", "amount", "800.00", "900.00", "deals_2026-01-03.csv", 4),
        ("deals", "crm:deleted", "deleted", "record", "lost", "deleted", "deals_2026-01-02.csv", 5),
        ("deals", "crm:swallowed", "merged", "record", "won", "merged", "deals_2026-01-03.csv", 5),
        ("deals", "crm:late", "late", "record", None, "won", "deals_2026-01-03.csv", 10),
    } <= told.second["records"]
    # no row of theirs says anything new
    assert {record[1:3] for record in told.second["records"] if record[1] in ("crm:rated", "crm:stays")} == {
        ("crm:rated", "rate")
    }


def test_plain_python_over_the_files_of_both_nights_says_the_same(told: Told) -> None:
    assert told.after_second == []
    assert told.after_third == []
    assert told.after_fourth == []


def test_a_configuration_that_changed_is_told_apart(told: Told) -> None:
    """b was answered after two hours: no longer in time, though no row of it is new."""
    assert {cause for (*_, cause) in told.third["rows"] if cause != "several"} == {"configuration"}
    assert of_november(told.third, "leads_answered_within_sla") == {"configuration": -1}


def test_where_both_changed_rows_and_configuration_are_told_apart(told: Told) -> None:
    """amended is dearer by its row, and of Web by another reading; reopened is lost by the configuration; late is gone,
    deleted is back; b went to u3 by its row and is in time by the configuration."""
    assert of_november(told.fourth, "won_amount") == {"deleted": -300, "rewritten": 50}
    assert of_november(told.fourth, "deals_lost") == {"rewritten": 1, "configuration": 1}
    assert of_november(told.fourth, "leads_answered_within_sla") == {"configuration": 1}
    of_u3 = {key[4]: row[2] for key, row in told.fourth["rows"].items() if key[1:4] == ("new_leads", "owner", "crm:u3")}
    assert of_u3 == {"rewritten": 1}
    assert {
        ("crm:amended", "rewritten", "amount", "900.00", "950.00"),
        ("crm:amended", "configuration", "lead_source", None, "Web"),
        ("crm:rated", "configuration", "lead_source", None, "Web"),
        ("crm:deleted", "rewritten", "record", "deleted", "lost"),
        ("crm:b", "rewritten", "owner", "crm:u2", "crm:u3"),
        ("crm:b", "configuration", "is_answered_within_sla", "false", "true"),
    } <= {record[1:6] for record in told.fourth["records_of_every_grain"]}
    # what only the configuration did is not the rows'
    assert ("crm:amended", "rewritten", "lead_source", None, "Web") not in {
        record[1:6] for record in told.fourth["records_of_every_grain"]
    }


def test_what_cannot_be_computed_again_is_the_rows_and_is_said(told: Told) -> None:
    """reopened is dearer by its row, and won by the configuration; but what that of then would have read is not to be
    read again."""
    assert of_november(told.fifth, "won_amount") == {"rewritten": 510}
    (said,) = [line for line in told.fifth["run"]["warnings"] if "could not be computed again" in line]
    assert "crm.deals has other personal data" in said


def test_each_night_keeps_what_it_published(told: Told) -> None:
    assert told.kept == ["20260102T060000", "20260103T060000", "20260104T060000", "20260105T060000", "20260106T060000"]


def test_it_is_told(told: Told) -> None:
    restated = told.second["run"]["restated"]
    assert restated["since_day"] == "2026-01-02" and restated["months"] == 2
    (november,) = [line for line in restated["lines"] if line.startswith("Nov 2025")]
    assert november.startswith("Nov 2025 win rate 66.7 % → 100.0 %: ")
    assert "1 deal reopened" in november and "1 deal deleted" in november
    assert "what changed" in told.summary and "Nov 2025 win rate" in told.summary


def test_the_page_has_a_section_of_it(told: Told) -> None:
    data = told.second["page"]
    assert data["about"]["restated"]["since_day"] == "2026-01-02"
    assert "crm:reopened" in data["tables"]["restated_records"]["columns"]["deal_key"]["texts"]


def test_what_is_kept_is_small(told: Told) -> None:
    kept = list((told.nights.warehouse / "lake" / "published").iterdir())
    assert all(path.stat().st_size < 0.03 * (told.nights.warehouse / "pipeline.duckdb").stat().st_size for path in kept)


def test_two_nights_apart_are_explained_by_those_between(told: Told) -> None:
    """From the first to the third: what the second restated, and the configuration of the third."""
    explained = explain(
        told.nights.warehouse / "lake", date(2026, 1, 2), date(2026, 1, 4), None, date(2025, 11, 1), "all", None
    )
    found = {one.metric: one for one in explained.figures}
    assert (found["won_amount"].before, found["won_amount"].now) == (2350, 3600)
    assert found["won_amount"].causes == of_november(told.second, "won_amount")
    # b was answered in time for the first night, a for the last
    assert "leads_answered_within_sla" not in found
    assert sum(adds or 0 for adds in found["win_rate"].causes.values()) == pytest.approx(1 - 4 / 6)
    assert {one["record_key"] for one in explained.records if one["entity"] == "deals"} >= {
        *("crm:reopened", "crm:amended", "crm:deleted", "crm:swallowed", "crm:late", "crm:rated"),
    }
    assert any("reopened  rewritten: " in line for line in text(explained))


def test_what_was_not_published_cannot_be_explained(told: Told) -> None:
    lake = told.nights.warehouse / "lake"
    with pytest.raises(ConfigurationError, match="nothing was published by then; published nights: 2026-01-02"):
        explain(lake, date(2025, 12, 1), None, None, None, "all", None)
    with pytest.raises(ConfigurationError, match="nothing was published after 2026-01-06"):
        explain(lake, date(2026, 1, 6), None, None, None, "all", None)


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file of a warehouse but its lock, by size and time."""
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_moments_that_nobody_published_are_built_and_leave_no_trace(told: Told) -> None:
    """Half a day after the first two publications, the later one named first, with the configuration of the third.

    b was answered after two hours, and so never in time.
    """
    before = files(told.nights.warehouse)
    moments = ("--as-of", "2026-01-03T12:00:00+00:00", "--as-of", "2026-01-02T12:00:00")
    built = told.nights.play(arguments=("explain", *moments, "--month", "2025-11", "--json"))
    assert built.status == 0, built.output
    explained = json.loads(built.output)
    assert (explained["since"], explained["until"], explained["published"]) == (
        "2026-01-02T12:00:00Z",
        "2026-01-03T12:00:00Z",
        False,
    )
    found = {one["metric"]: one for one in explained["figures"]}
    assert (found["won_amount"]["before"], found["won_amount"]["now"]) == (2350, 3600)
    assert found["won_amount"]["causes"] == of_november(told.second, "won_amount")
    assert found["deals_lost"]["causes"] == {"deleted": -1, "rewritten": -1}
    assert found["leads_answered_within_sla"]["causes"] == {"late": 1}
    assert {one["record_key"] for one in explained["records"]} >= {"crm:reopened", "crm:amended", "crm:deleted"}
    assert files(told.nights.warehouse) == before
    assert not (told.nights.warehouse / APART).exists()


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("--as-of", "2025-06-01", "--as-of", "2026-01-02T12:00:00Z"), 2, "nothing had been delivered yet"),
        (("--as-of", "2026-01-02"), 2, "--as-of is given twice"),
        (("--as-of", "2026-01-02", "--as-of", "2026-01-02T00:00:00Z"), 2, "is the same moment twice"),
        (("--as-of", "2026-01-02", "--as-of", "yesterday"), 2, "--as-of: 'yesterday' is no ISO 8601 moment"),
        (("--since", "2026-01-02", "--as-of", "2026-01-02", "--as-of", "2026-01-03"), 2, "without --since"),
        ((), 2, "say since when"),
    ],
)
def test_moments_that_cannot_be_compared(told: Told, arguments: tuple[str, ...], status: int, says: str) -> None:
    before = files(told.nights.warehouse)
    asked = told.nights.play(arguments=("explain", *arguments))
    assert (asked.status, says in asked.output) == (status, True), asked.output
    assert files(told.nights.warehouse) == before


def test_a_build_that_was_killed_is_wiped_by_the_next(told: Told) -> None:
    folder = told.nights.warehouse / APART
    (folder / "lake").mkdir(parents=True)
    (folder / "lake" / "left").write_text("crm:reopened", encoding="utf-8")
    asked = told.nights.play(arguments=("explain", "--as-of", "2025-06-01", "--as-of", "2025-06-02"))
    assert asked.status == 2 and not folder.exists()
