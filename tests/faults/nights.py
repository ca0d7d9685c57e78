"""Nights for tests that need many: the command `dealtrail`, started from a process that has imported it already.

Half of what a small night costs is Python reading Dagster, dbt and Great Expectations. A fork server (from
the standard library) reads them once; every command is then a process of its own, the leader of its group,
with nothing but the environment it is given: what cron starts, only sooner.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.publish.publication import PUBLISHED
from tests.conftest import PROJECT, Warehouse, comparable, environment

forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(
    [
        "dagster_project.cli",
        "dagster_project.assets.ingest",
        "dagster_project.assets.publish",
        "dagster_project.assets.checks",
        "dagster_project.quality.duckdb_datasource",
        "dagster_project.assets.resources",
        "dagster_project.assets.schedules",
        "dagster_project.run.summary",
        "dagster_project.assets.transform",
        "dbt.adapters.duckdb",
        "dbt.cli.main",
        "great_expectations.checkpoint",
        "great_expectations.expectations",
        "pytest",
    ]
)

#: Called in the new process before the command begins.
Before = Callable[[], None]


def _command(arguments: list[str], env: dict[str, str], output: str, before: Before | None) -> None:
    os.setsid()
    written = os.open(output, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.dup2(written, 1)
    os.dup2(written, 2)
    os.chdir(PROJECT)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["dealtrail", *arguments]
    from dagster_project.cli import main

    if before is not None:
        before()
    main()


@dataclass
class Running:
    """A command that has been started, and with it whatever it starts."""

    process: Any
    output: Path

    def wait(self) -> int:
        """Its exit status (negative: the signal that ended it)."""
        self.process.join(600)
        assert self.process.exitcode is not None, "the command hangs"
        return int(self.process.exitcode)

    def kill(self) -> None:
        """SIGKILL to it and to all it started."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.join(60)

    @property
    def said(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")


@dataclass
class Nights:
    """A landing folder, a configuration and a warehouse, and the nights played on them."""

    folder: Path
    config: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config = self.folder / "pipeline.yml"

    @property
    def with_damage(self) -> Path:
        """A second configuration: the same and more sources."""
        return self.folder / "with_damage.yml"

    @property
    def landing(self) -> Path:
        return self.folder / "landing"

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse"

    def deliver(self, name: str, content: str | bytes) -> Path:
        """Writes `landing/<name>`; a text's lines are indented for readability."""
        path = self.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            content = "".join(line.strip() + "\n" for line in content.strip().splitlines()).encode()
        path.write_bytes(content)
        return path

    def start(
        self,
        as_of: str | None = None,
        config: Path | None = None,
        arguments: tuple[str, ...] = ("nightly",),
        before: Before | None = None,
        postgres_url: str | None = None,
    ) -> Running:
        """Starts a command; `before` runs first in its process (a module's function: it is pickled)."""
        env = environment(
            PIPELINE_CONFIG=config or self.config,
            LANDING_DIR=self.landing,
            WAREHOUSE_DIR=self.warehouse,
            AS_OF=as_of,
            POSTGRES_URL=postgres_url,
            DEALTRAIL_LOG_FORMAT="none",  # what a command says is looked at; of the log, test_logs.py
        )
        output = self.folder / "said.txt"
        output.unlink(missing_ok=True)
        process = forks.Process(target=_command, args=([*arguments], env, str(output), before))
        process.start()
        return Running(process, output)

    def play(self, as_of: str | None = None, config: Path | None = None, **started: Any) -> Warehouse:
        """A command to its end."""
        running = self.start(as_of, config, **started)
        status = running.wait()
        return Warehouse(self.warehouse, status, running.said)

    def kept(self, name: str) -> Path:
        """Where a copy of the warehouse lies."""
        return self.folder / "kept" / name

    def keep(self, name: str) -> None:
        """Copies the warehouse as it is now."""
        shutil.copytree(self.warehouse, self.kept(name), symlinks=True)

    def bring_back(self, name: str) -> None:
        """The warehouse as it was when it was kept: at the same place, so that dbt need not parse anew."""
        shutil.rmtree(self.warehouse, ignore_errors=True)
        shutil.copytree(self.kept(name), self.warehouse, symlinks=True)


def dagster_runs(warehouse: Path) -> list[str]:
    """The status of each run in Dagster's own storage, oldest first."""
    with forks.Pool(1) as pool:
        # an exception that cannot be unpickled would never arrive
        return pool.apply_async(_dagster_runs, (str(warehouse / "dagster"),)).get(timeout=120)


def _dagster_runs(home: str) -> list[str]:
    import dagster

    os.environ["DAGSTER_HOME"] = home
    with dagster.DagsterInstance.from_config(home) as instance:
        return [run.status.value for run in reversed(instance.get_runs())]


def tables(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every published table (`marts.…`, `quality.…`) as sorted rows, after its column names."""
    with duckdb.connect(str(path / "pipeline.duckdb"), read_only=True) as connection:
        return tables_of(connection)


def tables_of(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    """The same, of an open connection."""
    names = connection.execute(
        "select concat(table_schema, '.', table_name) from information_schema.tables "
        "where table_catalog = current_database() order by 1"
    ).fetchall()
    return {name: rows_of(connection, f"from {name}") for (name,) in names}


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    """A query's column names, then its rows, sorted; doubles to nine digits."""
    result = connection.execute(sql)
    header = tuple(column[0] for column in result.description or [])
    return [header, *sorted(map(comparable, result.fetchall()), key=repr)]


def fingerprints(warehouse: Path) -> dict[str, str]:
    """What readers can open, byte for byte: links by where they point, files by their sha256."""
    found = {}
    for name in ("current", *PUBLISHED):
        link = warehouse / name
        found[f"link {name}"] = str(link.readlink()) if link.is_symlink() else "none"
    version = (warehouse / "current").resolve()
    for path in sorted(version.rglob("*")):
        if path.is_file():
            found[str(path.relative_to(version))] = sha256(path.read_bytes()).hexdigest()
    return found


def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    """Waits until something is so."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.005)
