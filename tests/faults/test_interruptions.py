"""Ctrl-C and SIGTERM end a night with a sentence; and run.json tells of the last attempt, whatever became of it."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.faults import crm
from tests.faults.nights import Nights, until
from tests.faults.week import dbt_is_building


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    """A source with a first delivery, and no run yet."""
    nights = Nights(tmp_path)
    nights.config.write_text(crm.CONFIG, encoding="utf-8")
    crm.deliver(nights, (crm.deals, crm.DAYS[0]))
    return nights


def test_sigterm_while_dbt_builds(nights: Nights) -> None:
    running = nights.start(crm.FIRST)
    until(lambda: dbt_is_building(nights))
    assert json.loads((nights.warehouse / "run.json").read_text())["state"] == "running"
    os.kill(running.process.pid, signal.SIGTERM)
    assert running.wait() == 3
    assert "failed: nothing is published" in running.said and "interrupted" in running.said
    assert "Traceback" not in running.said
    left = json.loads((nights.warehouse / "run.json").read_text())
    assert (left["state"], left["exit_status"], left["message"]) == ("failed", 3, "interrupted")


def test_ctrl_c_before_the_job_begins(nights: Nights) -> None:
    running = nights.start(crm.FIRST)
    until(lambda: (nights.warehouse / ".lock").exists())
    os.killpg(running.process.pid, signal.SIGINT)
    assert running.wait() == 3
    assert "interrupted" in running.said and "Traceback" not in running.said


def test_a_wrong_configuration_is_the_last_attempt_too(nights: Nights) -> None:
    nights.warehouse.mkdir()
    (nights.warehouse / "run.json").write_text(json.dumps({"state": "published", "exit_status": 0, "message": None}))
    nights.config.write_text(crm.CONFIG.replace("currency:", "curency:"), encoding="utf-8")
    assert nights.play(crm.FIRST).status == 2
    left = json.loads((nights.warehouse / "run.json").read_text())
    assert (left["state"], left["exit_status"]) == ("failed", 2)
    assert "curency" in left["message"]
