"""lake → marts: the whole dbt project in one call, each model and test an asset or asset check of its own."""

# No `from __future__ import annotations` here: Dagster reads the annotations as types.
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Thread
from typing import Any

import dagster as dg
import duckdb
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, dbt_assets
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from dagster_project.config.load import Settings
from dagster_project.errors import DealtrailError
from dagster_project.quality.evaluate import preload
from dagster_project.run.context import NightlyRun
from dagster_project.transform.dbt_build import build
from dagster_project.transform.project import DBT_DIR, manifest, target_dir

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


def transform_assets(settings: Settings) -> dg.AssetsDefinition:
    """The dbt project's models, seeds and tests as one operation."""
    translator = Translator(settings=DagsterDbtTranslatorSettings(enable_asset_checks=True))

    parsed = json.loads(manifest(settings).read_text(encoding="utf-8"))

    @dbt_assets(
        name="transform",
        manifest=parsed,
        dagster_dbt_translator=translator,
        exclude="resource_type:unit_test",
    )
    def transform(context: dg.AssetExecutionContext, run: Run) -> Iterator[Any]:
        with run.journal.step("transform"):
            run.built(run.work_path)
            if context.is_subset:
                raise DealtrailError(
                    "the models are built all in one go, each from the ones before it: run the job `nightly`"
                )
            preloading = Thread(target=preload, daemon=True)
            preloading.start()
            built = build(run.settings, run.on_line or print)
            preloading.join()
            counts = _row_counts(run.build_path, run.work_path)
        for result in built.results:
            for event in DbtCoreCliEventMessage(result, {}).to_default_asset_events(parsed, translator, context):
                yield _with_row_count(event, counts)
        if not built.succeeded:
            with run.journal.step("transform"):
                _explain_failure(run, target_dir(run.settings))

    return transform


def _with_row_count(event: Any, counts: dict[str, int]) -> Any:
    """A materialization with the number of rows of its table."""
    if not isinstance(event, dg.Output):
        return event
    # schema and name; a name may have two underscores itself
    rows = counts.get(event.output_name.split("__", 1)[-1])
    if rows is None:
        return event
    return event.with_metadata({**event.metadata, "dagster/row_count": rows})


def _row_counts(*databases: Path) -> dict[str, int]:
    """Rows of every table of the build, from DuckDB's own books."""
    counts: dict[str, int] = {}
    for path in databases:
        with duckdb.connect(str(path), read_only=True) as connection:
            rows = connection.execute("select table_name, estimated_size from duckdb_tables()").fetchall()
            counts.update({name: int(size) for name, size in rows})
    return counts


def _explain_failure(run: NightlyRun, target: Path) -> None:
    """Raises what a person can act on: the tests that failed block the publish, anything else is an error."""
    results = json.loads((target / "run_results.json").read_text())["results"]
    failed = [result for result in results if result["status"] == "fail"]
    errors = [result for result in results if result["status"] in ("error", "runtime error")]
    if failed and not errors:
        run.journal.end("blocked")
        names = ", ".join(f"{result['unique_id'].split('.')[2]} ({result['failures']} rows)" for result in failed)
        raise DealtrailError(f"dbt tests failed: {names}")
    said = [f"{result['unique_id'].split('.')[-1]}: {result['message']}" for result in errors]
    raise DealtrailError("dbt stopped: " + ("\n".join(said) or f"see {target / 'logs' / 'dbt.log'}"))
