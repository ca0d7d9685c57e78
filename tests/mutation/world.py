"""A night's models in one DuckDB in memory: any of them can be built anew, with all that depends on it, and undone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer
from typing import Any

import duckdb

from dagster_project.config.entities import ENTITIES
from dagster_project.config.load import Settings
from dagster_project.config.rules import checks, sources_judged, violations_sql
from tests.hygiene.prebuilt import build_up_to_the_checks
from tests.mutation.unit_tests import UnitTest, fails, unit_tests_of

PUBLISHED = ("marts", "quality")
#: Whose SQL is left alone: what expectations look at has mutants of its own (tests/hygiene).
NOT_MUTATED = "hygiene"
#: A mutant that takes longer, or more memory, does not end.
_MOST_SECONDS = 120
_MOST_MEMORY = "4GB"


@dataclass(frozen=True)
class Model:
    """A model as dbt compiled it: `table` is `schema.name`, `parents` are those among the models."""

    table: str
    sql: str
    parents: frozenset[str]
    folder: str
    columns: frozenset[str] = frozenset()
    #: One macro writes these models whole, for each column of an entity the same.
    is_of_one_macro: bool = False


@dataclass
class World:
    """The models of one night, each as a table, and what is published of it, by its digest."""

    name: str
    connection: duckdb.DuckDBPyConnection
    models: dict[str, Model]
    violations: list[str]
    unit_tests: dict[str, list[UnitTest]]
    digests: dict[str, str] = field(default_factory=dict)

    def tell(self, table: str, sql: str) -> str | None:
        """The first published table that another SQL of a model changes, or the error it ends in; None if none."""
        self.connection.execute("begin")
        last = self._last_moment()
        try:
            changed = {table} if self._build(table, sql) else set()
            for model in self.models.values():
                if not changed:
                    return None
                if model.parents & changed and self._build(model.table, model.sql):
                    changed.add(model.table)
                    if model.table.split(".")[0] in PUBLISHED:
                        return model.table
            if table.split(".")[0] in PUBLISHED and table in changed:
                return table
            if any(name.startswith("hygiene.") for name in changed) and self._found() != self.digests["violations"]:
                return "violations"
        except duckdb.Error as error:
            return f"error: {str(error).splitlines()[0]}"
        finally:
            last.cancel()
            self.connection.execute("rollback")
        return None

    def fails(self, table: str, sql: str) -> str | None:
        """The first unit test of a model that another SQL of it fails; None if none."""
        for test in self.unit_tests.get(table, []):
            self.connection.execute("begin")
            last = self._last_moment()
            try:
                if fails(self.connection, test, table, sql):
                    return test.name
            except duckdb.Error as error:
                return f"error: {str(error).splitlines()[0]}"
            finally:
                last.cancel()
                self.connection.execute("rollback")
        return None

    def _last_moment(self) -> Timer:
        """What has not ended by then (a recursion without end) ends in an error."""
        timer = Timer(_MOST_SECONDS, self.connection.interrupt)
        timer.daemon = True
        timer.start()
        return timer

    def _build(self, table: str, sql: str) -> bool:
        """Builds a model in its place; whether its rows have changed."""
        self.connection.execute(f"create or replace table {table} as {sql}")
        return self.digest(table) != self.digests[table]

    def digest(self, relation: str) -> str:
        """Equal for equal rows in any order; doubles count to nine digits."""
        columns = self.connection.execute(f"describe select * from {relation}").fetchall()
        cells = ", ".join(
            f"printf('%.9g', \"{name}\")" if kind == "DOUBLE" else f'"{name}"' for name, kind, *_ in columns
        )
        (rows, mixed, added) = self.connection.execute(
            f"select count(*), bit_xor(said), sum(said) from (select hash({cells}) as said from {relation})"
        ).fetchone() or (0, 0, 0)
        return f"{[column[:2] for column in columns]} {rows} {mixed} {added}"

    def _found(self) -> str:
        return " ".join(self.digest(f"({query})") for query in self.violations)

    def build_again(self) -> None:
        """Builds everything from its SQL."""
        for model in self.models.values():
            self.connection.execute(f"create or replace table {model.table} as {model.sql}")
        self.look()

    def look(self) -> None:
        """Keeps what everything is."""
        self.digests = {table: self.digest(table) for table in self.models}
        self.digests["violations"] = self._found()


def build_world(name: str, settings: Settings, folder: Path) -> World:
    """Plays a night up to its checks, and takes it into memory."""
    build_up_to_the_checks(settings, folder)
    return take_in(name, settings, folder)


def take_in(name: str, settings: Settings, folder: Path) -> World:
    """The models of a night that was played up to its checks, and what they read, as tables in memory."""
    manifest = json.loads((settings.warehouse_dir / "dbt" / "manifest.json").read_text(encoding="utf-8"))
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.execute(f"set memory_limit = '{_MOST_MEMORY}'")
    connection.execute("set temp_directory = ''")
    connection.execute(f"set file_search_path = '{settings.warehouse_dir / 'lake'}'")
    # both before either is read: views of the one ask the other
    for database in ("work", "pipeline"):
        connection.execute(f"attach '{folder / database}.duckdb' as {database} (read_only)")
    for database in ("work", "pipeline"):
        relations = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = $name "
            "union all select schema_name, view_name from duckdb_views() where database_name = $name and not internal",
            {"name": database},
        ).fetchall()
        for schema, table in relations:
            connection.execute(f"create schema if not exists {schema}")
            connection.execute(f'create table {schema}."{table}" as from {database}.{schema}."{table}"')
    for database in ("work", "pipeline"):
        connection.execute(f"detach {database}")
    world = World(name, connection, dict(_models(manifest)), [], unit_tests_of(manifest))
    world.violations = list(_violations(connection, settings))
    world.look()
    return world


def _models(manifest: dict[str, Any]) -> Iterator[tuple[str, Model]]:
    """In an order in which each stands behind those it reads."""
    nodes = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] == "model"}
    done: list[str] = []
    while len(done) < len(nodes):
        ready = [
            key
            for key, node in nodes.items()
            if key not in done and all(one in done for one in node["depends_on"]["nodes"] if one in nodes)
        ]
        assert ready, "models read each other in a circle"
        done += ready
    tables = {key: f"{node['schema']}.{node['name']}" for key, node in nodes.items()}
    for key in done:
        node = nodes[key]
        sql = re.sub(r'"(?:pipeline|work)"\.', "", node["compiled_code"])
        parents = frozenset(tables[one] for one in node["depends_on"]["nodes"] if one in tables)
        is_of_one_macro = node["fqn"][1:3] == ["staging", "rows"]
        entity = ENTITIES.get(node["name"].removesuffix("_rows"))
        columns = frozenset(node["columns"]) | frozenset(entity.columns if entity and is_of_one_macro else ())
        yield tables[key], Model(tables[key], sql, parents, node["fqn"][1], columns, is_of_one_macro)


def _violations(connection: duckdb.DuckDBPyConnection, settings: Settings) -> Iterator[str]:
    """What the expectations find, check by check."""
    names = [source.name for source in settings.config.sources]
    rows = connection.execute(
        "select source, concat(entity, '.', column_name) from config.delivered_columns"
    ).fetchall()
    for check in checks(settings.config):
        table = check.table.removeprefix("work.")
        columns = {row[0] for row in connection.execute(f"describe select * from {table}").fetchall()}
        yield violations_sql(check, sources_judged(check, names, set(rows)), columns).replace("work.", "")
