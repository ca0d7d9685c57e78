"""When the nightly job runs: every night, and (if switched on) when new files have come to rest in landing."""

# No `from __future__ import annotations` here: Dagster reads the annotations as types.
import hashlib
from collections.abc import Callable, Iterator
from datetime import timedelta

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from dagster_project.config.feeds import Source
from dagster_project.config.load import Settings
from dagster_project.config.models import Configuration
from dagster_project.errors import RunInProgressError
from dagster_project.read.folders import printable
from dagster_project.read.landing import look
from dagster_project.read.patterns import one_form
from dagster_project.read.spool import removed_from_spool
from dagster_project.run.fetching import fetch
from dagster_project.run.tags import SETTLE_TAG, WAREHOUSE_TAG

#: How long after its time a night may still be at work before its publication counts as late.
_PATIENCE = timedelta(hours=1)


def run_tags(settings: Settings) -> dict[str, str]:
    """Of every run of the job: whose it is, should warehouses share a Dagster, and what to do if its process dies.

    A run whose process was killed starts once more, as a whole: what it had built is wiped. One that failed or was
    blocked would only do so again.
    """
    return {
        WAREHOUSE_TAG: str(settings.warehouse_dir),
        "dagster/max_retries": "1",
        "dagster/retry_strategy": "ALL_STEPS",
        "dagster/retry_on_asset_or_op_failure": "false",
    }


def expected(spec: dg.AssetSpec, settings: Settings) -> dg.AssetSpec:
    """What is published, with its freshness policy: made since the last scheduled time, by whomever."""
    switches = {
        "postgres": settings.postgres,
        "uploaded": settings.publish_to,
        "ducklake": settings.ducklake,
    }
    is_off = switches.get(spec.key.path[-1], spec) is None
    if spec.group_name != "publish" or is_off:
        return spec
    hour, minute = settings.config.schedule.at.split(":")
    late = timedelta(hours=int(hour), minutes=int(minute)) + _PATIENCE
    return spec.replace_attributes(
        freshness_policy=dg.FreshnessPolicy.cron(
            deadline_cron=f"{late.seconds // 60 % 60} {late.seconds // 3600} * * *",
            lower_bound_delta=_PATIENCE,
            timezone=_zone(settings.config),
        )
    )


def nightly_schedule(config: Configuration, job: UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """Every night at the configured time, in the configured timezone."""
    hour, minute = config.schedule.at.split(":")
    return dg.ScheduleDefinition(
        name="every_night",
        job=job,
        cron_schedule=f"{int(minute)} {int(hour)} * * *",
        execution_timezone=_zone(config),
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="The nightly run, at `schedule.at` of the configuration.",
    )


def _zone(config: Configuration) -> str:
    return config.schedule.timezone or config.timezone


def landing_sensor(job: UnresolvedAssetJobDefinition, load: Callable[[], Settings]) -> dg.SensorDefinition:
    """Requests a run when the landing folder holds something new that has come to rest."""

    @dg.sensor(
        name="new_landing_files",
        job=job,
        minimum_interval_seconds=60,
        description="Runs the job when files in landing changed and have been still for `schedule.settle_seconds`.",
    )
    def new_landing_files(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        settings = load()
        settle_seconds = settings.config.schedule.settle_seconds
        try:
            fetch(settings)
        except RunInProgressError:
            return dg.SkipReason("a run is in progress")
        seen = sorted({line for source in settings.config.sources for line in _lying(settings, source, settle_seconds)})
        cursor = hashlib.sha256("".join(seen).encode()).hexdigest()
        if not seen or cursor == context.cursor:
            return dg.SkipReason("nothing new in landing")
        request = dg.RunRequest(run_key=cursor, tags={SETTLE_TAG: str(settle_seconds)})
        return dg.SensorResult(run_requests=[request], cursor=cursor)

    return new_landing_files


def _lying(settings: Settings, source: Source, settle_seconds: int) -> Iterator[str]:
    """A line for each file of a source, with what tells it from another; also of those the spool no longer needs."""
    if not (settings.landing_dir / source.name).is_dir():
        return
    for file in look(source, settings.landing_dir, settle_seconds).files:
        yield f"{file.source}/{file.name} {file.bytes} {file.modified_ns}\n"
    if settings.landing_url is not None:
        for name, (size, modified_ns) in removed_from_spool(settings.landing_dir, source.name).items():
            yield f"{source.name}/{one_form(printable(name))} {size} {modified_ns}\n"
