"""What the assets share: the run in progress, and dbt."""

# No `from __future__ import annotations` here: Dagster reads the annotations as types.
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource
from packaging.version import Version

from dagster_project.config.load import load_settings
from dagster_project.errors import ConfigurationError
from dagster_project.run.context import NightlyRun
from dagster_project.run.folders import check_folders
from dagster_project.run.nightly import nightly_run
from dagster_project.run.tags import AS_OF_TAG, FROM_LAKE_TAG, SETTLE_TAG
from dagster_project.transform.project import DBT_DIR, DBT_EXECUTABLE

#: Set by the command line to show progress: called with the name of each step, and with each line dbt prints.
on_step: Callable[[str], None] | None = None
on_line: Callable[[str], None] | None = None
#: Set by the command line to keep a log: called with each event, its level and its facts.
on_event: Callable[..., None] | None = None


@dg.resource(description="The run in progress: the lock on the warehouse, its folders, what it knows so far.")
@contextmanager
def run_in_progress(context: dg.InitResourceContext) -> Iterator[NightlyRun]:
    """Opens the run with the configuration as it is now, also where the definitions were loaded long ago."""
    settings = load_settings()
    check_folders(settings)
    as_of = context.run.tags.get(AS_OF_TAG) if context.run else None
    if as_of:
        settings = replace(settings, as_of=datetime.fromisoformat(as_of).astimezone(UTC))
    elif context.run and context.run.job_name == "past_night":
        raise ConfigurationError(f"past_night needs the moment of its night, such as {AS_OF_TAG}: 2026-01-31T02:00:00Z")
    run_id = context.run.run_id if context.run else "unknown"
    # a run that the sensor asked for takes no file that is still being written
    settle_seconds = int(context.run.tags.get(SETTLE_TAG, 0)) if context.run else 0
    is_from_lake = context.run is not None and FROM_LAKE_TAG in context.run.tags
    with nightly_run(settings, run_id, on_step, on_line, settle_seconds, on_event, is_from_lake) as run:
        yield run


class DbtCommand(DbtCliResource):
    """The dbt command, without a second dbt inside Dagster's process.

    dagster-dbt loads dbt's adapter into this process for each call, to be able to fetch row counts and column
    metadata while dbt runs. That costs seconds, and DuckDB would refuse the connection anyway: the file has one
    writer. The counts are read from the finished file instead (assets/transform.py). Its version is that of the
    installed package: asking `dbt --version`, as dagster-dbt does twice, costs 3 s a night.
    """

    @cached_property
    def _cli_version(self) -> Version:
        return Version(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:
        return None


def dbt() -> DbtCliResource:
    """The dbt command of this environment."""
    return DbtCommand(project_dir=str(DBT_DIR), profiles_dir=str(DBT_DIR), dbt_executable=str(DBT_EXECUTABLE))
