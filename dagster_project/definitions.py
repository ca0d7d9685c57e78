"""Everything Dagster shows, on one screen: assets, checks, the job, when it runs.

landing/<source>/<entity> → lake/<entity> → staging → intermediate → marts, quality → publish → Postgres
"""

import json

import dagster as dg

from dagster_project.assets.checks import expectation_checks, found_assets
from dagster_project.assets.ingest import ingest_assets, open_lake
from dagster_project.assets.links import explained
from dagster_project.assets.notify import tell_of_failure, tell_of_worse_scores
from dagster_project.assets.publish import night_record, publish_assets, publish_postgres, report_is_there
from dagster_project.assets.resources import run_in_progress
from dagster_project.assets.schedules import expected, landing_sensor, nightly_schedule, run_tags
from dagster_project.assets.transform import transform_assets
from dagster_project.config.load import load_settings
from dagster_project.quality.own_rules import check_own_rules
from dagster_project.run.tags import AS_OF_TAG
from dagster_project.transform.project import manifest

settings = load_settings()
config = settings.config

check_own_rules(config, manifest(settings))
parsed = json.loads(manifest(settings).read_text(encoding="utf-8"))
transform = transform_assets(parsed)

everything = dg.AssetSelection.all() | dg.AssetSelection.all_asset_checks()
publication = dg.AssetSelection.groups("publish")
found = found_assets(sorted(transform.keys), parsed)
upstream = sorted({*transform.keys, *(spec.key for spec in found)})
record = night_record(upstream)

nightly = dg.define_asset_job(
    name="nightly",
    selection=everything - dg.AssetSelection.assets(record),
    hooks={tell_of_failure, tell_of_worse_scores},
    tags=run_tags(settings),
    description="Landing to publication: ingest, transform, check, publish.",
)

past_night = dg.define_asset_job(
    name="past_night",
    selection=everything - publication - dg.AssetSelection.checks(report_is_there),
    tags=run_tags(settings),
    description=f"A night of the past, recorded and not published (`dealtrail backfill`). Its moment: tag {AS_OF_TAG}.",
)

defs = dg.Definitions(
    assets=dg.map_asset_specs(
        lambda spec: expected(explained(spec, settings.warehouse_dir), settings),
        [
            *ingest_assets(config),
            open_lake(config),
            transform,
            *found,
            publish_assets(upstream),
            publish_postgres,
            record,
        ],
    ),
    asset_checks=[expectation_checks(settings, parsed), report_is_there],
    jobs=[nightly, past_night],
    schedules=[nightly_schedule(config, nightly)],
    sensors=[landing_sensor(nightly)],
    resources={"run": run_in_progress},
    # DuckDB has one writer; also for what is materialized without the job
    executor=dg.in_process_executor,
)
