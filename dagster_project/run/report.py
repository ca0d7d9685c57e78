"""run.json: what an attempt did, for people and machines."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dagster_project.errors import DealtrailError, RunInProgressError, printable, told
from dagster_project.files import write_atomically
from dagster_project.run.context import NightlyRun
from dagster_project.run.journal import RUNNING
from dagster_project.run.lock import lock


def tell_of_no_run(warehouse_dir: Path, error: DealtrailError) -> None:
    """Has run.json tell of an attempt that never became a run, where there is one of an earlier run."""
    path = warehouse_dir / "run.json"
    if not path.exists():
        return
    try:
        with lock.hold(warehouse_dir):
            now = datetime.now(UTC).isoformat(timespec="seconds")
            said: dict[str, Any] = dict.fromkeys(json.loads(path.read_text(encoding="utf-8")))
            said |= {"state": "failed", "exit_status": error.exit_status, "message": told(error)}
            said |= {"started_at": now, "finished_at": now, "stopped_by": [], "rows": {}, "warnings": [], "steps": []}
            write_atomically(path, json.dumps(said, indent=2, ensure_ascii=False))
    except RunInProgressError:
        return  # run.json is that run's


def write_report(run: NightlyRun) -> None:
    """Writes run.json as the run stands now."""
    write_atomically(run.settings.warehouse_dir / "run.json", json.dumps(report(run), indent=2, ensure_ascii=False))


def report(run: NightlyRun) -> dict[str, Any]:
    """run.json: what the attempt did, for people and machines."""
    journal = run.journal
    loaded = [record for record in journal.selected if record.state == "loaded"]
    stopped_by = [
        {
            "rule": result.check.name,
            "table": result.check.table.removeprefix("work."),
            "unexpected": result.unexpected,
            "example": printable(result.example) if result.example else None,
        }
        for result in journal.results
        if result.stops_the_publish
    ]
    return {
        "run_id": run.run_id,
        "state": journal.state,
        "exit_status": None if journal.state == RUNNING else journal.exit_status,
        "as_of": run.as_of.isoformat(),
        "started_at": run.started_at.isoformat(timespec="seconds"),
        "finished_at": None if journal.state == RUNNING else datetime.now(UTC).isoformat(timespec="seconds"),
        "message": told(journal.failure) if journal.failure is not None else None,
        "failed_step": journal.failed_step,
        "stopped_by": stopped_by,
        "rows": {
            "in_files": sum(record.rows_in_file for record in loaded),
            "loaded": sum(record.rows_loaded for record in loaded),
            "forgotten": sum(record.rows_forgotten for record in loaded),
            "rejected": sum(record.rows_rejected for record in loaded),
        },
        **journal.facts,
        "warnings": journal.warnings,
        "steps": journal.steps,
    }
