"""What a log collector reads: every line an object, of a night that is blocked and a command that does not begin."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from dagster_project import logs
from dagster_project.errors import ConfigurationError
from dagster_project.run.lock import lock
from tests.conftest import Warehouse
from tests.faults import crm
from tests.faults.nights import Nights
from tests.faults.week import LOGGED, Night

pytest_plugins = ["tests.faults.week"]


def test_every_line_has_time_level_event_and_run(blocked: Night) -> None:
    assert {tuple(event)[:4] for event in blocked.log} == {("time", "level", "event", "run_id")}
    assert {event["run_id"] for event in blocked.log} == {blocked.run_json["run_id"]}
    times = [datetime.fromisoformat(event["time"]) for event in blocked.log]
    assert times == sorted(times) and all(time.tzinfo for time in times)


def test_every_step_starts_and_ends(blocked: Night) -> None:
    started = [event["step"] for event in blocked.log if event["event"] == "step started"]
    ended = [event["step"] for event in blocked.log if event["event"] == "step ended"]
    assert sorted(started) == sorted(ended)
    assert {step["name"] for step in blocked.run_json["steps"]} == set(started) >= {"ingest", "transform"}
    assert all(event["seconds"] >= 0 for event in blocked.log if event["event"] == "step ended")


def test_a_refused_file_is_named_with_its_source(first: Night) -> None:
    refused = [event for event in first.log if event.get("state") == "refused"]
    assert len(refused) > 3
    for event in refused:
        assert (event["event"], event["level"], event["feed"]) in {
            ("delivery", "warning", feed) for feed in ("deals", "rates")
        }
        assert f"{event['source']}/{event['file']}: refused: {event['message']}" in first.run_json["warnings"]


def test_no_warning_is_missing(first: Night, blocked: Night) -> None:
    for night in (first, blocked):
        told = [event["message"] for event in night.log if event["event"] == "warning"]
        assert told and told == night.run_json["warnings"]


def test_the_end_has_state_status_and_why(first: Night, blocked: Night) -> None:
    end = first.log[-1]
    assert (end["event"], end["level"], end["state"], end["exit_status"]) == ("run ended", "info", "published", 0)
    end = blocked.log[-1]
    assert (end["event"], end["level"], end["state"], end["exit_status"]) == ("run ended", "error", "blocked", 1)
    assert end["stopped_by"] == blocked.run_json["stopped_by"]


def test_a_command_that_does_not_begin_says_so_in_one_object(tmp_path_factory: pytest.TempPathFactory) -> None:
    nights = Nights(tmp_path_factory.mktemp("busy"))
    nights.config.write_text(crm.CONFIG, encoding="utf-8")
    crm.deliver(nights, (crm.deals, crm.DAYS[0]))
    with lock.hold(nights.warehouse):
        second = nights.play(arguments=LOGGED)
    (event,) = [json.loads(line) for line in second.output.splitlines()]
    assert (second.status, event["exit_status"], event["level"], event["event"]) == (3, 3, "error", "failed")
    assert "is writing to" in event["message"]


def test_text_where_stderr_is_no_terminal_and_no_escape_codes(sample: Warehouse) -> None:
    lines = sample.output.splitlines()
    assert any("[info] step ended step=publish seconds=" in line for line in lines)
    assert any("[warning] warning " in line and "source=acme_salesforce" in line for line in lines)
    assert any(line.startswith("published  as of") for line in lines)
    assert "\x1b" not in sample.output


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="log format 'xml': there are text, json, none"):
        logs.start("xml")
