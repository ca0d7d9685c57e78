"""marts → publication: what readers open, switched in one step after every check has passed; then Postgres."""

# No `from __future__ import annotations` here: Dagster reads the annotations as types.
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import dagster as dg

from dagster_project.config.load import Settings
from dagster_project.config.postgres_url import POSTGRES_URL
from dagster_project.config.remote import RemoteError
from dagster_project.errors import DealtrailError
from dagster_project.publish.deals.pages import remove_deal_pages, write_deal_pages
from dagster_project.publish.ducklake import DuckLakeError, publish_snapshot
from dagster_project.publish.owners.links import crm_links
from dagster_project.publish.owners.pages import remove_owner_pages, write_owner_pages
from dagster_project.publish.postgres import publish_current
from dagster_project.publish.postgres_tables import PostgresUnavailableError
from dagster_project.publish.publication import keep_only_record, publish
from dagster_project.publish.report.build import write_excuse, write_report
from dagster_project.publish.upload import upload_current
from dagster_project.published import opened
from dagster_project.run.context import NightlyRun

Run = dg.ResourceParam[NightlyRun]

_ONCE_MORE = dg.RetryPolicy(max_retries=2, delay=10, backoff=dg.Backoff.EXPONENTIAL)
Published = TypeVar("Published")

_PARTS = {
    "pipeline_duckdb": "pipeline.duckdb: the schemas marts and quality, for any DuckDB client.",
    "marts_parquet": "marts/<table>.parquet: the same tables as files.",
    "data_docs": "data_docs/index.html: every expectation and what it found.",
    "report": "report/index.html: the morning's page, self-contained: metrics, funnel, forecast, hygiene, freshness; "
    "report/owners/: a page and a CSV for each owner; report/deals/: a page for each of the worst deals.",
}


def publish_assets(upstream: list[dg.AssetKey]) -> dg.AssetsDefinition:
    """The publication. It depends on every asset that carries a check, or a failed one would not stop it."""

    @dg.multi_asset(
        name="publish",
        specs=[
            dg.AssetSpec(
                ["publish", name],
                deps=upstream,
                group_name="publish",
                kinds={"duckdb" if name == "pipeline_duckdb" else "parquet" if name == "marts_parquet" else "html"},
                owners=["team:data"],
                description=description,
            )
            for name, description in _PARTS.items()
        ],
    )
    def publish_version(run: Run) -> Iterator[dg.MaterializeResult]:
        try:
            with run.journal.step("report"):
                built, folder, config = run.databases.built(), run.building_dir / "report", run.settings.config
                # first, for the report leads to them
                links = crm_links(config)
                write_owner_pages(built, folder, config, run.as_of, links)
                deal_pages = write_deal_pages(built, run.lake_dir, folder, config, run.as_of, links)
                since = run.journal.facts.get("restated")
                write_report(built, folder, run.settings, run.as_of, since, deal_pages)
                run.journal.note(report="report/index.html")
        except Exception as error:  # the tables are more than their page: report_is_there fails the run for it
            remove_owner_pages(run.building_dir / "report")
            remove_deal_pages(run.building_dir / "report")
            write_excuse(run.building_dir / "report", run.run_id, error)
        with run.journal.step("publish"):
            version = publish(run)
            run.journal.end("published")
        rows = _rows(version / "pipeline.duckdb")
        counted = {"pipeline_duckdb": sum(rows.values()), "marts_parquet": rows["marts"]}
        for name in _PARTS:
            row_count = {"dagster/row_count": counted[name]} if name in counted else {}
            yield dg.MaterializeResult(
                asset_key=dg.AssetKey(["publish", name]),
                metadata={"version": dg.MetadataValue.path(str(version)), **row_count, **_counts(run)},
            )

    return publish_version


def night_record(upstream: list[dg.AssetKey]) -> dg.AssetsDefinition:
    """What a past night leaves. Like the publication, it waits for every asset that carries a check."""

    @dg.asset(
        key_prefix="lake",
        name="night_record",
        deps=upstream,
        group_name="lake",
        kinds={"parquet"},
        owners=["team:data"],
        description="What a past night found, in lake/violations and lake/scores; unpublished (`dealtrail backfill`).",
    )
    def keep_night_record(run: Run) -> None:
        with run.journal.step("record"):
            keep_only_record(run)
            run.journal.end("recorded")

    return keep_night_record


@dg.asset_check(
    asset=dg.AssetKey(["publish", "report"]),
    description="critical: the report was made. A night without one is published, and fails here.",
)
def report_is_there(run: Run) -> dg.AssetCheckResult:
    """After the switch, and nothing waits for it: whoever watches the run is told, and the tables stand."""
    if run.journal.failed_step == "report":
        raise dg.Failure(f"the report could not be made: {run.journal.failure}", allow_retries=False)
    return dg.AssetCheckResult(passed=True)


@dg.asset(
    key_prefix="publish",
    name="postgres",
    deps=[dg.AssetKey(["publish", "pipeline_duckdb"])],
    group_name="publish",
    kinds={"postgres"},
    owners=["team:data"],
    description=f"The schemas marts and quality in the database of {POSTGRES_URL}, in one transaction. Off without it.",
    output_required=False,
    retry_policy=_ONCE_MORE,
)
def publish_postgres(context: dg.AssetExecutionContext, run: Run) -> Iterator[dg.MaterializeResult]:
    """A step of its own after the switch: if it fails, the local publication stands."""
    if run.settings.postgres is None:
        context.log.info(f"off: {POSTGRES_URL} is not set")
        return
    published = _besides(run, "postgres", publish_current)
    run.journal.note(postgres=published.facts)
    for warning in published.warnings:
        run.journal.warn(warning)
    yield dg.MaterializeResult(metadata={**published.facts, "dagster/row_count": published.rows})


@dg.asset(
    key_prefix="publish",
    name="uploaded",
    deps=[dg.AssetKey(["publish", "pipeline_duckdb"])],
    group_name="publish",
    kinds={"storage"},
    owners=["team:data"],
    description="The publication in the bucket or on the server of `publish_to`: a folder for each version, then "
    "current.json, which names it. Off without it.",
    output_required=False,
    retry_policy=_ONCE_MORE,
)
def publish_upload(context: dg.AssetExecutionContext, run: Run) -> Iterator[dg.MaterializeResult]:
    """A step of its own after the switch, as for Postgres: if it fails, the local publication stands."""
    if run.settings.publish_to is None:
        context.log.info("off: publish_to is not set")
        return
    uploaded = _besides(run, "upload", upload_current)
    run.journal.note(uploaded=uploaded.facts)
    for warning in uploaded.said:
        run.journal.warn(warning)
    yield dg.MaterializeResult(metadata=uploaded.facts)


@dg.asset(
    key_prefix="publish",
    name="ducklake",
    deps=[dg.AssetKey(["publish", "pipeline_duckdb"])],
    group_name="publish",
    kinds={"ducklake"},
    owners=["team:data"],
    description="A snapshot of the publication in the DuckLake catalog of `ducklake`. Off without it.",
    output_required=False,
    retry_policy=_ONCE_MORE,
)
def publish_ducklake(context: dg.AssetExecutionContext, run: Run) -> Iterator[dg.MaterializeResult]:
    """A step of its own after the switch, as for Postgres."""
    if run.settings.ducklake is None:
        context.log.info("off: ducklake is not set")
        return
    snapshot = _besides(run, "ducklake", publish_snapshot)
    run.journal.note(ducklake=snapshot.facts)
    yield dg.MaterializeResult(metadata=snapshot.facts)


def _besides(run: NightlyRun, step: str, publish: Callable[[Settings], Published]) -> Published:
    """Publishes somewhere else after the switch: if it fails, the local publication stands.

    What passes by itself is tried again; a wrong password is no better a minute later.
    """
    try:
        with run.journal.step(step):
            published = publish(run.settings)
    except (PostgresUnavailableError, RemoteError, DuckLakeError):
        raise
    except DealtrailError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    run.journal.repeat(step)
    run.journal.end("published")  # also where this step alone is run
    return published


def _rows(database: Path) -> dict[str, int]:
    """Rows of each published schema, by DuckDB's own books."""
    with opened(database) as connection:
        counts = connection.execute(
            "select schema_name, sum(estimated_size)::bigint from duckdb_tables() group by schema_name"
        ).fetchall()
    return dict(counts)


def _counts(run: NightlyRun) -> dict[str, int]:
    violations = run.journal.facts.get("violations", {})
    return {f"violations_{severity}": count for severity, count in violations.items()}
