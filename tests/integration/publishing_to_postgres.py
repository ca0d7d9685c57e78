"""One publishing to Postgres, with something happening before its n-th statement: in a process that can be killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.publish.postgres_tables import open_duckdb, replace_tables
from tests.faults.nights import forks
from tests.integration.postgres_server import target


class Watched:
    """A DuckDB connection that tells of each statement before it runs it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, before: Callable[[str], None]) -> None:
        self._connection, self._before = connection, before

    def execute(self, sql: str, parameters: list[Any] | None = None) -> Any:
        self._before(parameters[0] if parameters else sql)
        return self._connection.execute(sql, parameters)


def publish_watched(path: Path, url: str, before: Callable[[str], None]) -> None:
    """Publishes in this process, and calls `before` with each statement."""
    with open_duckdb() as connection:
        replace_tables(Watched(connection, before), path, target(url), "watched")  # type: ignore[arg-type]


def publish_killed_before(path: Path, url: str, statement: int) -> int:
    """Publishes in another process, which gets SIGKILL before its n-th statement; its exit status."""
    process = forks.Process(target=_publish, args=(path, url, statement))
    process.start()
    process.join(60)
    assert process.exitcode is not None
    return int(process.exitcode)


def _publish(path: Path, url: str, killed_before: int) -> None:
    taken = 0

    def before(_: str) -> None:
        nonlocal taken
        taken += 1
        if taken == killed_before:
            os.kill(os.getpid(), signal.SIGKILL)

    publish_watched(path, url, before)
