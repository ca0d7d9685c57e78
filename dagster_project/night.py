"""The Dagster job run in this process, its storage inside the warehouse; imports late, as the command does."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_project.errors import DealtrailError
from dagster_project.transform.dbt_command import collect_seldom

if TYPE_CHECKING:
    from dagster_project.backfill import RunJob
    from dagster_project.run.summary import Progress

#: Dagster's settings in a warehouse of our own: quiet, one run at a time, and once more if a run's process is killed.
_DAGSTER_SETTINGS = """\
# Written anew by dealtrail; for settings of your own, set DAGSTER_HOME to a folder of yours.
storage:
  custom:
    module: dagster_project.assets.storage
    class: WarehouseStorage
    config:
      base_dir: {env: DAGSTER_HOME}
telemetry:
  enabled: false
nux:
  enabled: false
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config:
    max_concurrent_runs: 1
run_retries:
  enabled: true
  retry_on_asset_or_op_failure: false
"""


def is_sample() -> bool:
    """Whether what is read are the sample's extracts."""
    from dagster_project.config.load import load_settings
    from dagster_project.package_files import PROJECT_DIR

    return load_settings().landing_dir == PROJECT_DIR / "seeds" / "extracts"


def run_night(warehouse_dir: Path, debug: bool, tags: dict[str, str] | None = None) -> int:
    """Runs the Dagster job `nightly` in this process and prints its summary; returns the exit status."""
    from dagster_project.run.summary import Progress, print_summary

    with Progress() as progress, dagster_in(warehouse_dir, debug, progress) as run_job:
        attempt, status = run_job("nightly", tags or {})
    print_summary(attempt, warehouse_dir, is_sample())
    return status


@contextmanager
def dagster_in(warehouse_dir: Path, debug: bool, progress: Progress) -> Iterator[RunJob]:
    """A function that runs a job of Dagster's in this process; it may be called again and again."""
    progress.show("start")
    collect_seldom()
    use_dagster_home(warehouse_dir)
    import dagster as dg

    from dagster_project import logs
    from dagster_project.assets import resources
    from dagster_project.definitions import defs
    from dagster_project.files import write_atomically
    from dagster_project.run.tags import FROM_LAKE_TAG

    resources.on_step = progress.show
    resources.on_line = None if debug else progress.show_line
    resources.on_event = logs.event
    with dg.DagsterInstance.get() as instance:
        close_killed_runs(instance, warehouse_dir, once_more=False)

        def run_job(name: str, tags: dict[str, str]) -> tuple[dict[str, Any], int]:
            before = _stamp(warehouse_dir / "run.json")
            job = defs.resolve_job_def(name)
            keys = job.asset_layer.executable_asset_keys
            result = job.execute_in_process(
                instance=instance,
                asset_selection=[key for key in keys if key.path[0] != "landing"] if FROM_LAKE_TAG in tags else None,
                raise_on_error=False,
                # whoever calls the command sees how it ends, and calls again
                tags={"dagster/max_retries": "0", **tags},
                # its own storage keeps every event; the screen is for progress and summary
                run_config={"loggers": {"console": {"config": {"log_level": "DEBUG" if debug else "CRITICAL"}}}},
            )
            if _stamp(warehouse_dir / "run.json") == before:
                for event in result.all_events:
                    if event.is_failure:
                        raise DealtrailError(event.message or "the run failed before it began")
                raise DealtrailError("the run failed before it began")
            attempt: dict[str, Any] = json.loads((warehouse_dir / "run.json").read_text(encoding="utf-8"))
            status = 0 if result.success else int(attempt["exit_status"]) or 3
            if status == 3 and attempt["message"] is None:  # not in a step of ours: Dagster's books on a full disk
                attempt["message"] = _said_bydagster_in(result, warehouse_dir)
                run_json = json.dumps(attempt, indent=2, ensure_ascii=False)
                write_atomically(warehouse_dir / "run.json", run_json)
            facts = {
                key: attempt.get(key)
                for key in ("run_id", "state", "as_of", "message", "failed_step", "stopped_by", "rows", "violations")
            }
            logs.event("run ended", "error" if status else "info", exit_status=status, **facts)
            return attempt, status

        yield run_job


def _said_bydagster_in(result: Any, warehouse_dir: Path) -> str:
    """The innermost error of a run that failed, as Dagster tells it. On a full disk it cannot keep even that."""
    errors = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
    error = next((error for error in errors if error), None)
    while error is not None and error.cause is not None:
        error = error.cause
    if error is not None:
        return str(error.message).strip()
    free = shutil.disk_usage(warehouse_dir).free // 1_000_000
    return (
        f"Dagster could not go on; {free:,} MB are free on the disk of {warehouse_dir} (run with --debug for its log)"
    )


def close_killed_runs(instance: Any, warehouse_dir: Path, once_more: bool) -> None:
    """Marks this warehouse's runs that still count as in progress as failed: we hold the lock, so they are gone.

    Left alone they would keep the UI's queue waiting for ever. With `once_more` the daemon starts the night again.
    """
    import dagster as dg

    from dagster_project.run.tags import WAREHOUSE_TAG

    unfinished = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING]
    for run in instance.get_runs(dg.RunsFilter(statuses=unfinished)):
        is_in_a_storage_of_ours = instance.root_directory and Path(instance.root_directory).name == "dagster"
        if is_in_a_storage_of_ours or run.tags.get(WAREHOUSE_TAG) == str(warehouse_dir):
            if not once_more:
                instance.add_run_tags(run.run_id, {"dagster/max_retries": "0"})
            instance.report_run_failed(run, "its process ended before the run did")


def _stamp(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.exists() else None


def use_dagster_home(warehouse_dir: Path) -> None:
    """Gives Dagster a home inside the warehouse, without telemetry, unless the user has one."""
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    if os.environ.get("DAGSTER_HOME"):
        return
    from dagster_project.files import write_atomically

    home = warehouse_dir / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    settings = home / "dagster.yaml"
    if not settings.exists() or settings.read_text(encoding="utf-8") != _DAGSTER_SETTINGS:
        write_atomically(settings, _DAGSTER_SETTINGS)
    os.environ["DAGSTER_HOME"] = str(_as_dagster_takes_it(home))


def _as_dagster_takes_it(home: Path) -> Path:
    """The folder, under another name where Dagster, which looks for its settings by pattern, would find none."""
    if not set("[*") & set(str(home)):
        return home
    import atexit
    import tempfile

    link = Path(tempfile.mkdtemp(prefix="dealtrail-")) / home.name
    link.symlink_to(home, target_is_directory=True)
    atexit.register(shutil.rmtree, link.parent)
    return link
