"""Everything of one warehouse in Dagster: assets, checks, jobs, when they run.

landing/<source>/<entity> → lake/<entity> → staging → intermediate → marts, quality → publish → Postgres
"""

import json
from collections.abc import Callable

import dagster as dg

from dagster_project.assets.checks import expectation_checks, found_assets
from dagster_project.assets.ingest import ingest_assets, open_lake
from dagster_project.assets.links import explained
from dagster_project.assets.notify import tell_of_failure, tell_of_worse_scores
from dagster_project.assets.publish import (
    night_record,
    publish_assets,
    publish_ducklake,
    publish_postgres,
    publish_upload,
    report_is_there,
)
from dagster_project.assets.resources import run_in_progress
from dagster_project.assets.schedules import expected, landing_sensor, nightly_schedule, run_tags
from dagster_project.assets.transform import transform_assets
from dagster_project.config.load import Settings
from dagster_project.quality.own_rules import check_own_rules
from dagster_project.run.tags import AS_OF_TAG
from dagster_project.transform.project import manifest


def location(load: Callable[[], Settings]) -> dg.Definitions:
    """The definitions, as the settings are now; a run loads them again. Of no other assets that stand beside them.

    Raises ConfigurationError with file, line and key of each mistake in the configuration or in a rule of one's own.
    """
    settings = load()
    check_own_rules(settings.config, manifest(settings))
    parsed = json.loads(manifest(settings).read_text(encoding="utf-8"))
    transform = transform_assets(parsed)
    found = found_assets(sorted(transform.keys), parsed)
    upstream = sorted({*transform.keys, *(spec.key for spec in found)})
    record = night_record(upstream)
    assets = dg.map_asset_specs(
        lambda spec: expected(explained(spec, settings.warehouse_dir), settings),
        [
            *ingest_assets(settings.config),
            open_lake(settings.config),
            transform,
            *found,
            publish_assets(upstream),
            publish_postgres,
            publish_upload,
            publish_ducklake,
            record,
        ],
    )
    # with their checks; what only the checks make is no step of its own
    everything = dg.AssetSelection.assets(*(one for one in assets if isinstance(one, dg.AssetsDefinition)))
    publication = everything & dg.AssetSelection.groups("publish")
    nightly = dg.define_asset_job(
        name="nightly",
        selection=everything - dg.AssetSelection.assets(record),
        hooks={tell_of_failure, tell_of_worse_scores},
        tags=run_tags(settings),
        # DuckDB has one writer
        executor_def=dg.in_process_executor,
        description="Landing to publication: ingest, transform, check, publish.",
    )
    past_night = dg.define_asset_job(
        name="past_night",
        selection=everything - publication - dg.AssetSelection.checks(report_is_there),
        tags=run_tags(settings),
        executor_def=dg.in_process_executor,
        description="A night of the past, recorded and not published (`dealtrail backfill`). "
        f"Its moment: tag {AS_OF_TAG}.",
    )
    return dg.Definitions(
        assets=assets,
        asset_checks=[expectation_checks(settings, parsed), report_is_there],
        jobs=[nightly, past_night],
        schedules=[nightly_schedule(settings.config, nightly)],
        sensors=[landing_sensor(nightly, load)],
        resources={"run": run_in_progress(load)},
    )
