"""When the nightly job runs: every night, and (if switched on) when new files have come to rest in landing."""

# No `from __future__ import annotations` here: Dagster reads the annotations as types.
import hashlib

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from dagster_project.config.load import load_settings
from dagster_project.config.models import Configuration
from dagster_project.ingest.landing import look
from dagster_project.runs import SETTLE_TAG


def nightly_schedule(config: Configuration, job: UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """Every night at the configured time, in the configured timezone."""
    hour, minute = config.schedule.at.split(":")
    return dg.ScheduleDefinition(
        name="every_night",
        job=job,
        cron_schedule=f"{int(minute)} {int(hour)} * * *",
        execution_timezone=config.schedule.timezone or config.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="The nightly run, at `schedule.at` of the configuration.",
    )


def landing_sensor(job: UnresolvedAssetJobDefinition) -> dg.SensorDefinition:
    """Requests a run when the landing folder holds something new that has come to rest."""

    @dg.sensor(
        name="new_landing_files",
        job=job,
        minimum_interval_seconds=60,
        description="Runs the job when files in landing changed and have been still for `schedule.settle_seconds`.",
    )
    def new_landing_files(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        settings = load_settings()
        settle_seconds = settings.config.schedule.settle_seconds
        seen = hashlib.sha256()
        count = 0
        for source in settings.config.sources:
            if not (settings.landing_dir / source.name).is_dir():
                continue
            for file in look(source, settings.landing_dir, settle_seconds).files:
                seen.update(f"{file.source}/{file.name} {file.bytes} {file.modified_ns}\n".encode())
                count += 1
        cursor = seen.hexdigest()
        if count == 0 or cursor == context.cursor:
            return dg.SkipReason("nothing new in landing")
        request = dg.RunRequest(run_key=cursor, tags={SETTLE_TAG: str(settle_seconds)})
        return dg.SensorResult(run_requests=[request], cursor=cursor)

    return new_landing_files
