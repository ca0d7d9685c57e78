"""A night on the planted worlds that stops before its publish, and keeps both databases."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from dagster_project.config.load import Settings, load_settings
from dagster_project.lake.store import ingest
from dagster_project.quality.evaluate import evaluate
from dagster_project.run.nightly import nightly_run
from dagster_project.run.results import Result
from dagster_project.transform.project import DBT_DIR, DBT_EXECUTABLE, dbt_environment, dbt_vars
from dagster_project.transform.warehouse import prepare
from tests.hygiene.planted import Planted
from tests.hygiene.sources import Source, write

Found = dict[tuple[str, str], tuple[str | None, str | None]]


@dataclass
class Prebuilt:
    """The two databases of a night, and the sources they were built from."""

    folder: Path
    settings: Settings
    sources: list[Source]

    @property
    def planted(self) -> Planted:
        """All that is planted in its sources."""
        planted = Planted()
        for source in self.sources:
            planted.add(source.planted)
        return planted

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
        connection = duckdb.connect(str(self.build))
        connection.execute(f"attach '{self.work}' as work")
        return evaluate(self.settings.config, connection, self.folder / "data_docs")

    def copied(self, folder: Path) -> Prebuilt:
        """The same databases, to be tampered with."""
        folder.mkdir(parents=True)
        for path in (self.build, self.work):
            shutil.copy(path, folder / path.name)
        return replace(self, folder=folder)


def prebuild(sources: list[Source], folder: Path) -> Prebuilt:
    """Writes the worlds' deliveries, takes them into a lake and builds every model, tests included."""
    config = write(sources, folder)
    settings = load_settings({"PIPELINE_CONFIG": str(config), "WAREHOUSE_DIR": str(folder / "warehouse")})
    kept = folder / "kept"
    build_up_to_the_checks(settings, kept)
    return Prebuilt(kept, settings, sources)


def build_up_to_the_checks(settings: Settings, kept: Path) -> None:
    """Takes what lies in landing into the lake, builds every model, and keeps the databases in a folder."""
    kept.mkdir(parents=True)
    with nightly_run(settings, "prebuilt") as run:
        for source in settings.config.sources:
            for name in source.feeds:
                landed = [file for file in run.landing(source.name).files if file.feed == name]
                run.journal.take_in(ingest(source, name, landed, run.lake_dir, []))
        work_path = run.build_path.with_name("work.duckdb")
        with duckdb.connect(str(work_path)) as connection:
            prepare(connection, settings.config, run.select(), run.lake_dir, run.as_of)
        _build(settings)
        for path in (run.build_path, work_path):
            shutil.copy(path, kept / path.name)
        run.build_path.unlink()


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
    """Source and `entity.column`."""
    columns = "select source, concat(entity, '.', column_name) from work.config.delivered_columns"
    return set(connection.execute(columns).fetchall())


def found_in(prebuilt: Prebuilt) -> Found:
    """What Great Expectations has stored, under the keys by which it was planted.

    A transition is named by its deal, stages and time; the key of a fact with what it is a key of.
    """
    with prebuilt.opened() as connection:
        rows = connection.execute(
            """
            select
                found.rule,
                case
                    when found.rule = 'fact_key' then concat_ws(' ', found.entity, found.record_key)
                    when found.entity = 'transitions' then
                        concat_ws('|', moves.deal_key, moves.from_stage, moves.to_stage, moves.transitioned_at)
                    else found.record_key
                end as record_key,
                found.observed,
                found.allowed
            from work.checks.violations as found
            left join work.hygiene.hygiene_transitions as moves on found.record_key = moves.record_key
            """
        ).fetchall()
    found = {(rule, key): (observed, allowed) for rule, key, observed, allowed in rows}
    assert len(found) == len(rows), "a violation was found twice"
    return found
