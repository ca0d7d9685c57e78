"""lake → marts: the whole dbt project in one call, each model and test an asset or asset check of its own."""

# No `from __future__ import annotations` here: Dagster reads the annotations as types.
import warnings
from collections.abc import Iterator, Mapping
from threading import Thread
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, dbt_assets
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from dagster_project.errors import DealtrailError
from dagster_project.quality.evaluate import preload
from dagster_project.run.context import NightlyRun
from dagster_project.transform.counterfactual import AGAIN, compute_again
from dagster_project.transform.dbt_build import AFTER_CHECKS, Built, build, log_path
from dagster_project.transform.project import DBT_DIR

Run = dg.ResourceParam[NightlyRun]

#: Folder of a model → group in the graph, in the order of the picture.
GROUPS = {
    "staging": "staging",
    "intermediate": "intermediate",
    "derived": "intermediate",
    "marts": "marts",
    "quality": "quality",
    "hygiene": "quality",
}


# links to the code are "in beta"; that is nothing to tell whoever runs a night, once for each of its models
warnings.filterwarnings("ignore", category=dg.BetaWarning, module=__name__)


class Translator(DagsterDbtTranslator):
    """Models are named by schema and name, and grouped by their folder."""

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The group of the model's folder."""
        if dbt_resource_props["resource_type"] == "seed":
            return "staging"
        return GROUPS.get(dbt_resource_props["fqn"][1])

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        """Everything here is the data team's."""
        return ["team:data"]

    def get_metadata(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, Any]:
        """With the file that a model or seed stands in."""
        file = dg.LocalFileCodeReference(file_path=str((DBT_DIR / dbt_resource_props["original_file_path"]).resolve()))
        return {
            **super().get_metadata(dbt_resource_props),
            "dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[file]),
        }


#: How dbt's nodes are named, grouped and described.
TRANSLATOR = Translator(settings=DagsterDbtTranslatorSettings(enable_asset_checks=True))


def transform_assets(parsed: Mapping[str, Any]) -> dg.AssetsDefinition:
    """The parsed dbt project's seeds, models and tests, those after the checks left out, as one operation."""

    @dbt_assets(
        name="transform",
        manifest=parsed,
        dagster_dbt_translator=TRANSLATOR,
        exclude=f"resource_type:unit_test {AFTER_CHECKS}",
    )
    def transform(context: dg.AssetExecutionContext, run: Run) -> Iterator[Any]:
        with run.journal.step("transform"):
            run.databases.connect().close()
            if context.is_subset:
                raise DealtrailError(
                    "the models are built all in one go, each from the ones before it: run the job `nightly`"
                )
            preloading = Thread(target=preload, daemon=True)
            preloading.start()
            built = _built(run)
            if built.succeeded and run.settings.engine == "duckdb":
                built = _with_causes_apart(run, built)
            preloading.join()
            counts = row_counts(run)
        yield from dbt_events(built, parsed, counts, context)
        if not built.succeeded:
            with run.journal.step("transform"):
                explain_failure(run, built)

    return transform


def _built(run: NightlyRun) -> Built:
    """The models before the checks, on the engine that is configured."""
    on_line = run.on_line or print
    if run.settings.engine == "duckdb":
        return build(run.settings, on_line)
    from dagster_project.transform.spark.build import build_on_spark

    with run.databases.connect() as connection:
        records = run.journal.selected
        return build_on_spark(run.settings, connection, records, run.run_id, run.building_dir / "spark", on_line)


def _with_causes_apart(run: NightlyRun, built: Built) -> Built:
    """Builds the restatements once more, where records were computed again with the configuration of then."""
    if not compute_again(run):
        return built
    again = build(run.settings, run.on_line or print, AGAIN)
    return built.followed_by(again)


def dbt_events(
    built: Built, parsed: Mapping[str, Any], counts: Mapping[str, int], context: dg.AssetExecutionContext | None = None
) -> Iterator[Any]:
    """What Dagster is told of a build: each model with the rows of its table, each test as a check.

    Without the context of these very assets, materializations instead of outputs.
    """
    for told in built.results:
        for event in DbtCoreCliEventMessage(told, {}).to_default_asset_events(parsed, TRANSLATOR, context):
            if isinstance(event, dg.Output):
                # schema and name; a name may have two underscores itself
                name = event.output_name.split("__", 1)[-1]
            elif isinstance(event, dg.AssetMaterialization):
                name = event.asset_key.path[-1]
            else:
                name = ""
            rows = {"dagster/row_count": counts[name]} if name in counts else {}
            yield event.with_metadata({**event.metadata, **rows}) if rows else event


def row_counts(run: NightlyRun) -> dict[str, int]:
    """Rows of every table of the build, from DuckDB's own books."""
    with run.databases.connect() as connection:
        rows = connection.execute("select table_name, estimated_size from duckdb_tables()").fetchall()
    return {name: int(size) for name, size in rows}


#: What DuckDB says where the machine is too small → what to do; its own advice is for who writes the SQL. The first
#: that is said counts: a full disk for what does not fit into memory is an `Out of Memory Error` too.
_SHORTAGES = {
    "max_temp_directory_size": "The disk of WAREHOUSE_DIR is too full for what does not fit into memory: make room "
    "there, or raise `memory` in the configuration. The last publication stands.",
    "No space left on device": "The disk of WAREHOUSE_DIR is full: make room for the tables that are built and, "
    "twice that, for what is thrown away afterwards. The last publication stands.",
    "Out of Memory Error": "The models need more memory than DuckDB may take: raise `memory` in the configuration "
    "(without it: four fifths of the machine's, 6 GB for a large lake), or take a larger machine.",
}


def explain_failure(run: NightlyRun, built: Built) -> None:
    """Raises what a person can act on: the tests that failed block the publish, anything else is an error."""
    failed = [one for one in built.unmade if one.status == "fail"]
    errors = [one for one in built.unmade if one.status != "fail"]
    if failed and not errors:
        run.journal.end("blocked")
        names = ", ".join(f"{one.node_id.split('.')[2]} ({one.failures} rows)" for one in failed)
        raise DealtrailError(f"dbt tests failed: {names}")
    said = [f"{one.node_id.split('.')[-1]}: {one.message}" for one in errors]
    for sign, advice in _SHORTAGES.items():
        short = [one.node_id.split(".")[-1] for one in errors if sign in (one.message or "")]
        if short:
            raise DealtrailError(f"{advice} It stopped at {', '.join(short)}; see {log_path(run.settings)}.")
    raise DealtrailError("dbt stopped: " + ("\n".join(said) or f"see {log_path(run.settings)}"))
