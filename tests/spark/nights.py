"""Nights on each engine, and a Spark of its own on the loopback."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

from tests.conftest import DEALTRAIL, PROJECT, Warehouse, environment

#: Seconds that a night on Spark may take on a machine that others use as well.
PATIENCE = 1800


def begin(
    engine: str,
    warehouse: Path,
    config: Path | str,
    landing: Path | None,
    as_of: str | None,
    command: tuple[str, ...] = ("nightly",),
) -> subprocess.Popen[str]:
    """`dealtrail nightly`, or another command, on an engine, as cron would start it."""
    scratch = warehouse.parent / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    own = environment(PIPELINE_CONFIG=config, LANDING_DIR=landing, WAREHOUSE_DIR=warehouse, AS_OF=as_of, TMPDIR=scratch)
    return subprocess.Popen(
        [str(DEALTRAIL), *command],
        cwd=PROJECT,
        env={**own, "DEALTRAIL_ENGINE": engine},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def night(
    engine: str,
    warehouse: Path,
    config: Path | str = "pipeline.yml",
    landing: Path | None = None,
    as_of: str | None = None,
) -> Warehouse:
    """The whole night, which publishes."""
    return ended(begin(engine, warehouse, config, landing, as_of), warehouse)


def ended(process: subprocess.Popen[str], warehouse: Path) -> Warehouse:
    """A night that was begun, when it has published."""
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    return Warehouse(warehouse, process.returncode, said)


def wait_for_models(process: subprocess.Popen[str], warehouse: Path, model: str = "") -> None:
    """Until a night that was just begun has made a model: this one, or any."""
    log = warehouse / "dbt" / "logs" / "dbt.log"
    made = re.compile(rf"OK created .*{model}\b")
    began = time.time()
    while not (log.exists() and log.stat().st_mtime > began and made.search(log.read_text(encoding="utf-8"))):
        assert process.poll() is None, process.communicate()[0]
        assert time.time() - began < PATIENCE
        time.sleep(0.5)


def lose_an_executor(folder: Path) -> None:
    """Kills one of those that the workers below the folder have started (`two_workers`)."""
    executors = [
        process
        for process in psutil.process_iter(["cmdline", "cwd"])
        if "org.apache.spark.executor.CoarseGrainedExecutorBackend" in (process.info["cmdline"] or [])
        and str(process.info["cwd"]).startswith(str(folder))
    ]
    assert len(executors) == 2
    executors[0].kill()


def kill_while_spark_builds(process: subprocess.Popen[str], warehouse: Path) -> None:
    """Ends a night and its JVM at once, in the middle of its models."""
    wait_for_models(process, warehouse)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def differing(one: Warehouse, other: Warehouse) -> dict[str, Any]:
    """Tables whose columns, types, comments or rows differ, DOUBLE to nine digits: where and how many rows."""
    shape = """
        select
            table_schema || '.' || table_name,
            list((column_name, data_type, column_comment) order by ordinal_position)
        from information_schema.columns where table_schema in ('marts', 'quality') group by all order by all
    """
    found: dict[str, Any] = {}
    if one.rows(shape) != other.rows(shape):
        found["columns"] = [
            pair for pair in zip(one.rows(shape), other.rows(shape), strict=False) if pair[0] != pair[1]
        ]
    for schema in ("marts", "quality"):
        here, there = one.tables(schema), other.tables(schema)
        for name in sorted({*here, *there}):
            if here.get(name) != there.get(name):
                lost, won = set(here.get(name, [])), set(there.get(name, []))
                found[f"{schema}.{name}"] = (len(lost - won), len(won - lost), sorted(lost ^ won, key=repr)[:2])
    return found


@contextmanager
def two_workers(folder: Path) -> Iterator[str]:
    """Spark's standalone cluster on the loopback, by the classes of the pyspark wheel; gives its master's address."""
    found = find_spec("pyspark")
    assert found and found.submodule_search_locations
    home = Path(found.submodule_search_locations[0])
    env = {**os.environ, "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_NO_DAEMONIZE": "1"}
    started = []

    def start(name: str, kind: str, *arguments: str) -> Path:
        log = folder / f"{name}.log"
        command = [
            str(home / "bin" / "spark-class"),
            f"org.apache.spark.deploy.{kind}",
            "--host",
            "127.0.0.1",
            *arguments,
        ]
        with log.open("wb") as lines:
            started.append(subprocess.Popen(command, env=env, stdout=lines, stderr=lines, start_new_session=True))
        return log

    try:
        log = start("master", "master.Master", "--port", "0", "--webui-port", "0")
        address = _said(log, r"spark://127\.0\.0\.1:\d+")
        for number in (1, 2):
            work = str(folder / f"work{number}")
            worker = start(
                f"worker{number}", "worker.Worker", "-c", "1", "-m", "2g", "--webui-port", "0", "-d", work, address
            )
            _said(worker, "Successfully registered")
        yield address
    finally:
        for process in started:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=60)


def _said(log: Path, pattern: str) -> str:
    for _ in range(240):
        found = re.search(pattern, log.read_text(encoding="utf-8", errors="replace"))
        if found:
            return found[0]
        time.sleep(0.5)
    raise AssertionError(log.read_text(encoding="utf-8", errors="replace"))
