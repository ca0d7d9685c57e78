"""lake → marts: the whole dbt project in one call, each model and test an asset or asset check of its own."""

# No `from __future__ import annotations` here: Dagster reads the annotations as types.
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliResource, dbt_assets

from dagster_project.config.load import Settings
from dagster_project.errors import DealtrailError
from dagster_project.quality.evaluate import preload
from dagster_project.run.context import NightlyRun
from dagster_project.transform.project import DBT_DIR, dbt_environment, dbt_vars, manifest, target_dir

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

    @dbt_assets(
        name="transform",
        manifest=manifest(settings),
        dagster_dbt_translator=translator,
        exclude="resource_type:unit_test",
    )
    def transform(context: dg.AssetExecutionContext, dbt: DbtCliResource, run: Run) -> Iterator[Any]:
        os.environ.update(dbt_environment(run.settings))
        with run.step("transform"):
            run.built(run.work_path)
            args = ["build", "--exclude-resource-type", "unit_test", "--vars", dbt_vars(run.settings)]
            target = target_dir(run.settings)
            invocation = dbt.cli(args, context=context, target_path=target, raise_on_error=False)
            preload()
            try:
                with _echo(run):
                    events = list(invocation.stream())
            except BaseException:
                # nobody reads its messages any more, and while it lives it holds the database
                invocation.process.kill()
                invocation.process.wait()
                raise
            succeeded = invocation.is_successful()
            counts = _row_counts(run.build_path, run.work_path)
        for event in events:
            yield _with_row_count(event, counts)
        if not succeeded:
            with run.step("transform"):
                _explain_failure(run, target)

    return transform


@contextmanager
def _echo(run: NightlyRun) -> Iterator[None]:
    """Where dbt's lines go: to the watcher of a command, which shows the latest; else as they are (Dagster's logs)."""
    if run.on_line is None:
        yield
    else:
        with redirect_stdout(_Lines(run.on_line)):
            yield


class _Lines(io.TextIOBase):
    """A text stream that hands each written line on."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line

    def write(self, text: str) -> int:
        """Hands on what is not blank."""
        if text.strip():
            self._on_line(text.strip())
        return len(text)


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
        run.state = "blocked"
        names = ", ".join(f"{result['unique_id'].split('.')[2]} ({result['failures']} rows)" for result in failed)
        raise DealtrailError(f"dbt tests failed: {names}")
    said = [f"{result['unique_id'].split('.')[-1]}: {result['message']}" for result in errors]
    raise DealtrailError("dbt stopped: " + ("\n".join(said) or f"see {target / 'logs' / 'dbt.log'}"))
