"""A night on the planted worlds that stops before its publish, and keeps both databases."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dagster_project.config.load import Settings, load_settings
from dagster_project.ingest.lake import ingest
from dagster_project.quality.evaluate import Result, evaluate
from dagster_project.quality.policy import Check, checks, sources_judged, violations_sql
from dagster_project.runs import nightly_run
from dagster_project.transform.project import DBT_DIR, DBT_EXECUTABLE, dbt_environment, dbt_vars
from dagster_project.transform.warehouse import prepare
from tests.hygiene.planted import Planted
from tests.hygiene.worlds import Source, write

Found = dict[tuple[str, str], tuple[str | None, str | None]]


@dataclass
class Prebuilt:
    """The two databases of a night, and what was planted in them."""

    folder: Path
    settings: Settings
    planted: Planted

    @property
    def build(self) -> Path:
        return self.folder / "pipeline.duckdb"

    @property
    def work(self) -> Path:
        return self.folder / "work.duckdb"

    @contextmanager
    def opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """As the expectations see it."""
        with duckdb.connect(str(self.build)) as connection:
            connection.execute(f"attach '{self.work}' as work")
            yield connection

    def evaluated(self) -> list[Result]:
        """Great Expectations over all suites."""
        docs, cache = self.folder / "data_docs", self.folder / "cache"
        return evaluate(self.settings.config, self.build, self.work, docs, cache)

    def copied(self, folder: Path) -> Prebuilt:
        """The same databases, to be tampered with."""
        folder.mkdir(parents=True)
        for path in (self.build, self.work):
            shutil.copy(path, folder / path.name)
        return Prebuilt(folder, self.settings, self.planted)


def prebuild(sources: list[Source], folder: Path) -> Prebuilt:
    """Writes the worlds' deliveries, takes them into a lake and builds every model, tests included."""
    config = write(sources, folder)
    settings = load_settings({"PIPELINE_CONFIG": str(config), "WAREHOUSE_DIR": str(folder / "warehouse")})
    kept = folder / "kept"
    kept.mkdir()
    with nightly_run(settings, "planted") as run:
        for source in settings.config.sources:
            for name in source.feeds:
                landed = [file for file in run.landing(source.name).files if file.feed == name]
                run.records += ingest(source, name, landed, run.lake_dir, [])
        prepare(run.work_path, settings.config, run.select(), run.lake_dir, run.as_of)
        _build(settings)
        for path in (run.build_path, run.work_path):
            shutil.copy(path, kept / path.name)
        run.build_path.unlink()
    planted = Planted()
    for source in sources:
        planted.add(source.planted)
    return Prebuilt(kept, settings, planted)


def _build(settings: Settings) -> None:
    command = [str(DBT_EXECUTABLE), "--quiet", "build", "--exclude-resource-type", "unit_test"]
    command += ["--project-dir", str(DBT_DIR), "--vars", dbt_vars(settings)]
    env = {**os.environ, **dbt_environment(settings)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        results = json.loads((settings.warehouse_dir / "dbt" / "run_results.json").read_text())["results"]
        failed = [f"{one['unique_id']}: {one['message']}" for one in results if one["status"] in ("fail", "error")]
        raise AssertionError("dbt build failed:\n" + "\n".join(failed or [done.stdout, done.stderr]))


def delivered_columns(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, str]]:
    return set(
        connection.execute("select source, concat(entity, '.', column_name) from work.config.delivered_columns").fetchall()
    )


def found_by_sql(connection: duckdb.DuckDBPyConnection, check: Check, sources: list[str]) -> Found:
    """What the SQL of one check finds, without Great Expectations."""
    columns = {row[0] for row in connection.execute(f"describe select * from {check.table}").fetchall()}
    rows = connection.execute(
        f"select record_key, observed, allowed from ({violations_sql(check, sources, columns)})"
    ).fetchall()
    return {(check.rule, key): (observed, allowed) for key, observed, allowed in rows}


def found_by_expectations(connection: duckdb.DuckDBPyConnection) -> Found:
    """What Great Expectations has stored."""
    rows = connection.execute("select rule, record_key, observed, allowed from work.hygiene.violations_found").fetchall()
    found = {(rule, key): (observed, allowed) for rule, key, observed, allowed in rows}
    assert len(found) == len(rows), "a violation was found twice"
    return found


def named_by_move(connection: duckdb.DuckDBPyConnection, found: Found) -> Found:
    """Transitions by deal, stages and time, as they were planted, instead of by their key."""
    names = dict(
        connection.execute(
            "select transition_key, concat_ws('|', deal_key, from_stage, to_stage, transitioned_at) "
            "from marts.fct_stage_transitions"
        ).fetchall()
    )
    return {(rule, names.get(key, key)): seen for (rule, key), seen in found.items()}


def all_checks(prebuilt: Prebuilt, connection: duckdb.DuckDBPyConnection) -> list[tuple[Check, list[str]]]:
    """Every check with the sources it applies to."""
    names = [source.name for source in prebuilt.settings.config.sources]
    delivered = delivered_columns(connection)
    return [(check, sources_judged(check, names, delivered)) for check in checks(prebuilt.settings.config)]
