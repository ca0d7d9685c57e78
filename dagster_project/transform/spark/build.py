"""A night's models on Spark, up to the checks: in schemas of this run's own, and from there into the DuckDB build."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from dagster_project.config.load import Settings
from dagster_project.errors import DealtrailError
from dagster_project.lake.manifest import FileRecord
from dagster_project.published import FOLDERS
from dagster_project.transform.dbt_build import Built, build_with
from dagster_project.transform.project import parsed_project
from dagster_project.transform.spark.accents import accented_and_plain
from dagster_project.transform.spark.results import bring
from dagster_project.transform.spark.session import explained, spark_session
from dagster_project.transform.spark.sources import show_sources

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest
    from pyspark.sql import SparkSession


def build_on_spark(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    records: list[FileRecord],
    run_id: str,
    folder: Path,
    on_line: Callable[[str], None],
) -> Built:
    """Builds and tests the models before the checks on Spark, and brings them into the build of this connection.

    `folder` is the run's own, and is gone afterwards. Raises DealtrailError for what stops Spark, in its words.
    """
    with project_on_spark(settings, connection, records, run_id, folder) as (spark, project, schemas):
        built = build_with(settings, project, "spark", on_line)
        if built.succeeded:
            bring(spark, connection, settings.config, project, schemas, folder / "brought", folder.parent / FOLDERS)
        return built


@contextmanager
def project_on_spark(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    records: list[FileRecord],
    run_id: str,
    folder: Path,
) -> Iterator[tuple[SparkSession, Manifest, dict[str, str]]]:
    """A session that knows these records as the project's sources, the project as parsed for it, and its schemas.

    Schemas: the name that the project has → the name of this run. They and the folder are gone afterwards. Raises
    DealtrailError for what stops Spark, also in what is done with it, in its words.
    """
    # of a pandas it does not know yet, which is not used
    warnings.filterwarnings("ignore", category=FutureWarning, module="pyspark")
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    project = _parsed(settings)
    schemas = _renamed(project, _prefix(settings), run_id)
    rows = sum(record.rows_loaded for record in records)
    with _thrown_away(folder), spark_session(settings.config.spark, folder, rows) as spark:
        try:
            _drop_what_was_left(spark, _prefix(settings))
            lake_dir = settings.warehouse_dir / "lake"
            show_sources(spark, connection, settings.config, records, lake_dir, folder / "small", schemas)
            with as_dbt_expects():
                yield spark, project, schemas
        except (PySparkException, Py4JError) as error:
            raise DealtrailError(f"Spark stopped: {explained(error)}") from error
        finally:
            # of a Spark that is gone the next night drops it
            with suppress(PySparkException, Py4JError, OSError):
                _drop_what_was_left(spark, _prefix(settings))


@contextmanager
def _thrown_away(folder: Path) -> Iterator[None]:
    """What is published is the rest of the build."""
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _parsed(settings: Settings) -> Manifest:
    from dbt.contracts.graph.manifest import Manifest

    os.environ["DEALTRAIL_ACCENTS"] = json.dumps(accented_and_plain())
    return Manifest.from_msgpack(parsed_project(settings, "spark"))


def _prefix(settings: Settings) -> str:
    """Of the schemas of all runs that build for this warehouse: two of them never run at once (run/lock.py)."""
    return f"dealtrail_{hashlib.sha256(str(settings.warehouse_dir).encode()).hexdigest()[:10]}_"


def _renamed(project: Manifest, prefix: str, run_id: str) -> dict[str, str]:
    """Gives every schema of the project this run's prefix: a cluster is shared. The names as dbt has them → as here.

    In the parsed project itself: a schema's name that changes with the night would have dbt parse it anew.
    """
    told = "".join(letter if letter.isalnum() else "_" for letter in run_id.lower())
    schemas: dict[str, str] = {}
    nodes: list[Any] = [*project.nodes.values(), *project.sources.values()]
    for node in nodes:
        own = schemas.setdefault(node.schema, f"{prefix}{told}_{node.schema}")
        node.schema, node.database = own, None
        if getattr(node, "relation_name", None):
            node.relation_name = f"{own}.{getattr(node, 'identifier', None) or node.alias}"
    return schemas


def _drop_what_was_left(spark: SparkSession, prefix: str) -> None:
    """Drops this run's schemas, and those of a run that was killed."""
    for row in spark.sql("show schemas").collect():
        if row[0].startswith(prefix):
            spark.sql(f"drop schema if exists {row[0]} cascade")


@contextmanager
def as_dbt_expects() -> Iterator[None]:
    """dbt-spark 1.11 switches ANSI off with every statement: a bad cast would become NULL where DuckDB stops."""
    from dbt.adapters.spark.connections import SparkCredentials

    credentials: Any = SparkCredentials
    settle = credentials.__post_init__

    def settle_and_keep(self: SparkCredentials) -> None:
        settle(self)
        self.server_side_parameters.pop("spark.sql.ansi.enabled", None)

    credentials.__post_init__ = settle_and_keep
    try:
        yield
    finally:
        credentials.__post_init__ = settle
