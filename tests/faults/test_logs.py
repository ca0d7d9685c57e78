"""What a log collector reads: every line an object, of a night that is blocked and a command that does not begin."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from dagster_project import logs
from dagster_project.errors import ConfigurationError
from dagster_project.runs import lock
from tests.conftest import Warehouse
from tests.faults import crm
from tests.faults.nights import Nights

#: Stops the publish: crm's log of changes is not delivered, and an extract of deals is a web page.
BLOCKING = """
rules:
  no_deal_is_worth_more_than_a_cent:
    table: fct_deals
    severity: critical
    broken_when: amount_reporting > 0.01
    message: "{deal_id} is"
"""

JSON = ("nightly", "--log-format", "json")


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    nights = Nights(tmp_path_factory.mktemp("logs"))
    nights.config.write_text(crm.CONFIG + BLOCKING, encoding="utf-8")
    crm.deliver(nights, (crm.deals, crm.DAYS[0]), (crm.leads, crm.DAYS[0]))
    nights.deliver("crm/deals_2025-12-01.csv", "<!doctype html><title>Sign in</title>")
    return nights


@pytest.fixture(scope="module")
def blocked(nights: Nights) -> Warehouse:
    return nights.play(crm.FIRST, arguments=JSON)


@pytest.fixture(scope="module")
def events(blocked: Warehouse) -> list[dict[str, Any]]:
    """The log: what is on stderr comes before the summary, which is no log."""
    log, _, _ = blocked.output.partition("blocked: the last publication stands")
    return [json.loads(line) for line in log.splitlines()]


def test_every_line_has_time_level_event_and_run(events: list[dict[str, Any]], blocked: Warehouse) -> None:
    assert {tuple(event)[:4] for event in events} == {("time", "level", "event", "run_id")}
    assert {event["run_id"] for event in events} == {blocked.run_json["run_id"]}
    times = [datetime.fromisoformat(event["time"]) for event in events]
    assert times == sorted(times) and all(time.tzinfo for time in times)


def test_every_step_starts_and_ends(events: list[dict[str, Any]], blocked: Warehouse) -> None:
    started = [event["step"] for event in events if event["event"] == "step started"]
    ended = [event["step"] for event in events if event["event"] in ("step ended", "step failed")]
    assert sorted(started) == sorted(ended)
    assert {event["name"] for event in blocked.run_json["steps"]} == set(started)
    assert all(event["seconds"] >= 0 for event in events if event["event"] == "step ended")


def test_a_refused_file_is_named_with_its_source(events: list[dict[str, Any]]) -> None:
    (delivery,) = [event for event in events if event.get("state") == "refused"]
    assert (delivery["level"], delivery["source"], delivery["feed"], delivery["file"]) == (
        "warning",
        "crm",
        "deals",
        "deals_2025-12-01.csv",
    )
    assert "is a web page" in delivery["message"]


def test_no_warning_is_missing(events: list[dict[str, Any]], blocked: Warehouse) -> None:
    told = [event["message"] for event in events if event["event"] == "warning"]
    assert told and told == blocked.run_json["warnings"]


def test_the_end_has_state_status_and_why(events: list[dict[str, Any]], blocked: Warehouse) -> None:
    last = events[-1]
    assert blocked.status == 1
    assert (last["event"], last["level"], last["state"], last["exit_status"]) == ("run ended", "error", "blocked", 1)
    assert last["stopped_by"][0]["rule"] == "no_deal_is_worth_more_than_a_cent"


def test_a_command_that_does_not_begin_says_so_in_one_object(nights: Nights, blocked: Warehouse) -> None:
    with lock.hold(nights.warehouse):
        second = nights.play(crm.FIRST, arguments=JSON)
    (event,) = [json.loads(line) for line in second.output.splitlines()]
    assert (second.status, event["level"], event["exit_status"]) == (3, "error", 3)
    assert "is writing to" in event["message"]


def test_text_where_stderr_is_no_terminal_and_no_escape_codes(sample: Warehouse) -> None:
    lines = sample.output.splitlines()
    assert any("[info] step ended step=publish seconds=" in line for line in lines)
    assert any("[warning] warning " in line and "source=acme_salesforce" in line for line in lines)
    assert any(line.startswith("published  as of") for line in lines)
    assert "\x1b" not in sample.output


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="log format 'xml': there are text and json"):
        logs.start("xml")
