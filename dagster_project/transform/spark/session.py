"""The one Spark session of a night, and what it is told."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_project.config.models import Spark
from dagster_project.errors import DealtrailError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

#: What makes Spark mean what DuckDB means. A bad cast stops the night (ANSI), TIMESTAMP has no zone, and the session
#: stands in UTC. Small tables are joined where the large ones lie.
_MEANING = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.sources.default": "parquet",
    "spark.sql.legacy.createHiveTableByDefault": "false",
    "spark.sql.adaptive.enabled": "true",
    # by what the files take, which are packed: 64 MB of three million activities were too much for 4 GB of memory
    "spark.sql.autoBroadcastJoinThreshold": "10m",
    # chains of merges and of ties are followed by recursion (macros/ties.sql)
    "spark.sql.cteRecursionLevelLimit": "200",
    # what follows from joins of many columns is worked out for each subset of them: some models run out of memory so
    "spark.sql.constraintPropagation.enabled": "false",
    "spark.sql.debug.maxToStringFields": "200",
}
#: Of a session that is ours alone. The tables of a night are gone with it: their catalog need not outlive it.
_OWN = {
    "spark.sql.catalogImplementation": "in-memory",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.sql.parquet.compression.codec": "zstd",
}
#: On this machine alone, Spark need not be met by another.
_LOCAL = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
#: What its JVM may take there, in GB: of a small lake, and at least of a large one, which gets half of the machine's.
_MEMORY = 4
#: The models' expressions are deep, and the JVM that reads them needs the room.
_JAVA = "-Xss16m -Duser.timezone=UTC"
_OPTIONS_OF_JAVA = ("spark.driver.extraJavaOptions", "spark.executor.extraJavaOptions")
#: Of a lake of fewer rows, compiling what reads them takes longer than reading them without.
_WORTH_COMPILING = 1_000_000
_INTERPRETED = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
#: Rows of the lake that one task of a shuffle is meant for.
_ROWS_PER_PARTITION = 100_000


@contextmanager
def spark_session(configured: Spark, folder: Path, rows: int) -> Iterator[SparkSession]:
    """Opens the session for a lake of so many rows, and ends it. What Spark itself writes goes below `folder`.

    Raises DealtrailError where it cannot be opened, in Spark's words.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = _settings(configured, folder, rows)
    try:
        with _heard_in(folder / "spark.log"):
            session = _opened(configured, settings)
    except Exception as error:
        raise DealtrailError(f"Spark does not start: {explained(error)} (see spark in the configuration)") from error
    try:
        yield session
    finally:
        # one that is gone cannot be stopped, and what it was stopped by is told already
        with suppress(Exception):
            session.stop()
        if configured.remote is None:
            _end_java()


def _end_java() -> None:
    """Stopping a session leaves its JVM to the end of this process, with all the memory that it took."""
    from pyspark import SparkContext

    context: Any = SparkContext
    gateway, context._gateway, context._jvm = context._gateway, None, None
    if gateway is not None:
        with suppress(OSError):
            gateway.shutdown()
            gateway.proc.stdin.close()
        try:
            gateway.proc.wait(timeout=30)
        except subprocess.TimeoutExpired:
            gateway.proc.kill()
            gateway.proc.wait()


def explained(error: BaseException) -> str:
    """What Spark says, in one line, and what to do where it is known."""
    said = str(error)
    if "XSDB6" in said or "Another instance of Derby" in said:
        return "its metastore is locked by another Spark: end that one, or give this one a metastore of its own"
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.strip().startswith("at ")]
    return lines[0] if lines else repr(error)


def _settings(configured: Spark, folder: Path, rows: int) -> dict[str, str]:
    master = configured.master or "local[*]"
    is_local = master.startswith("local")
    partitions = max(os.cpu_count() or 1, min(rows // _ROWS_PER_PARTITION, 2000))
    own = {
        **_MEANING,
        **({} if configured.remote else _OWN),
        **(_INTERPRETED if rows < _WORTH_COMPILING else {}),
        **({**_LOCAL, "spark.driver.memory": _memory(rows)} if is_local and not configured.remote else {}),
        "spark.sql.shuffle.partitions": str(partitions),
        "spark.sql.warehouse.dir": configured.warehouse_dir or str(folder / "tables"),
        "spark.local.dir": str(folder / "local"),
    }
    java = {name: f"{_JAVA} {configured.conf.get(name, '')}".strip() for name in _OPTIONS_OF_JAVA}
    return {**own, **configured.conf, **java}


def _memory(rows: int) -> str:
    """Of the one JVM on this machine, for a lake of so many rows."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    return f"{max(_MEMORY, machine // 2) if rows >= _WORTH_COMPILING else _MEMORY}g"


def _opened(configured: Spark, settings: dict[str, str]) -> SparkSession:
    from pyspark.sql import SparkSession

    builder: Any = SparkSession.builder.appName("dealtrail")
    if configured.remote:
        # dbt-spark asks for a session with each statement, and is to find this one
        os.environ["SPARK_REMOTE"] = configured.remote
        session = builder.remote(configured.remote).getOrCreate()
        for name in _MEANING:
            session.conf.set(name, settings[name])
        return session
    builder = builder.master(configured.master or "local[*]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


@contextmanager
def _heard_in(log: Path) -> Iterator[None]:
    """What a process started here says on its standard error goes to a file: the JVM's is no message of ours."""
    sys.stderr.flush()
    terminal = os.dup(2)
    with log.open("ab") as heard:
        os.dup2(heard.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
