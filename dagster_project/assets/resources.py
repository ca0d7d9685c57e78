"""What the assets share: the run in progress."""

# No `from __future__ import annotations` here: Dagster reads the annotations as types.
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg

from dagster_project.config.load import Settings
from dagster_project.errors import ConfigurationError
from dagster_project.run.context import NightlyRun
from dagster_project.run.folders import check_folders
from dagster_project.run.nightly import nightly_run
from dagster_project.run.tags import AS_OF_TAG, FROM_LAKE_TAG, KEEPS_PUBLICATION_TAG, SETTLE_TAG
from dagster_project.transform.spark.requirements import check_engine

#: Set by the command line to show progress: called with the name of each step, and with each line dbt prints.
on_step: Callable[[str], None] | None = None
on_line: Callable[[str], None] | None = None
#: Set by the command line to keep a log: called with each event, its level and its facts.
on_event: Callable[..., None] | None = None


def run_in_progress(load: Callable[[], Settings]) -> dg.ResourceDefinition:
    """The run, with the configuration as it is then, also where the definitions were loaded long ago."""

    @dg.resource(description="The run in progress: the lock on the warehouse, its folders, what it knows so far.")
    @contextmanager
    def run(context: dg.InitResourceContext) -> Iterator[NightlyRun | None]:
        if _has_ended(context):
            yield None
            return
        settings = load()
        check_folders(settings)
        check_engine(settings)
        as_of = context.run.tags.get(AS_OF_TAG) if context.run else None
        if as_of:
            settings = replace(settings, as_of=datetime.fromisoformat(as_of).astimezone(UTC))
        elif context.run and context.run.job_name == "past_night":
            raise ConfigurationError(
                f"past_night needs the moment of its night, such as {AS_OF_TAG}: 2026-01-31T02:00:00Z"
            )
        run_id = context.run.run_id if context.run else "unknown"
        # a run that the sensor asked for takes no file that is still being written
        settle_seconds = int(context.run.tags.get(SETTLE_TAG, 0)) if context.run else 0
        is_from_lake = context.run is not None and FROM_LAKE_TAG in context.run.tags
        keeps = context.run is not None and KEEPS_PUBLICATION_TAG in context.run.tags
        with nightly_run(settings, run_id, on_step, on_line, settle_seconds, on_event, is_from_lake, keeps) as run:
            yield run

    return run


def _has_ended(context: dg.InitResourceContext) -> bool:
    """`dagster job execute` asks for a job's resources once more when all is done, and uses none of them.

    A run that began then would be an empty one, and the last that is told of.
    """
    kept = context.instance.get_run_by_id(context.run.run_id) if context.run and context.instance else None
    return kept is not None and kept.is_finished
