"""A team's own rules, tried against the published tables before the night begins: no typing error stops it at 2 am."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.config.models import Configuration
from dagster_project.config.rules import (
    OWN_SUITE,
    Check,
    Rule,
    as_text,
    checks,
    looked_at_sql,
    unexpected_rows_sql,
    violations_sql,
)
from dagster_project.errors import ConfigurationError


def check_own_rules(config: Configuration, manifest: Path) -> None:
    """Binds each own rule to its table as the dbt project describes it (`manifest`: its parsed manifest.json).

    Raises ConfigurationError naming the rule and the key of it that is no SQL, or speaks of what is not there.
    """
    planned = checks(config)
    own = [check for check in planned if check.suite.suite == OWN_SUITE]
    if not own:
        return
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values()
    tables = _published_tables(nodes)
    taken = {node["name"] for node in nodes if node["resource_type"] == "test"}
    taken |= {check.name for check in planned if check.suite.suite != OWN_SUITE}
    with duckdb.connect() as connection:
        connection.execute("set enable_external_access = false")
        connection.execute("create schema marts; create schema quality")
        for table, columns in tables.items():
            typed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
            connection.execute(f"create table {table} ({typed})")
        for check in own:
            if check.name in taken:
                raise ConfigurationError(f"rules.{check.rule}: there is a check of this name already; give it another")
            if check.table not in tables:
                names = ", ".join(sorted(name.removeprefix("marts.") for name in tables))
                raise ConfigurationError(
                    f"rules.{check.rule}.table: there is no published table '{check.table}'; allowed: {names}"
                )
            problem = problem_of(connection, check)
            if problem is not None:
                raise ConfigurationError(problem)


def problem_of(connection: duckdb.DuckDBPyConnection, check: Check) -> str | None:
    """The first key of an own rule that the database stumbles over, in these tables, and what it says; else None."""
    for key, sql in _parts(check, _columns(connection, f"from {check.relation}")):
        where = f"rules.{check.rule}.{key}"
        try:
            if len(connection.extract_statements(sql)) != 1:
                return f"{where}: is more than one expression"
            # every value is looked at, and no row fetched
            connection.execute(f"select count(hash(said)) from ({sql}) as said")
            if key in ("where", "broken_when"):
                condition = getattr(check.definition, key)
                kind = _columns(connection, f"select (\n{condition}\n) as said from {check.relation}")["said"]
                if kind != "BOOLEAN":
                    return f"{where}: is no condition, its value is of type {kind}"
        except duckdb.Error as error:
            return f"{where}: {str(error).splitlines()[0]}"
    return None


def _published_tables(nodes: Iterable[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """`schema.table` → column → type, of every published model that is built before the checks."""
    return {
        f"{node['schema']}.{node['name']}": {name: column["data_type"] for name, column in node["columns"].items()}
        for node in nodes
        if node["resource_type"] == "model"
        and node["schema"] in ("marts", "quality")
        # what the checks find is a table after them
        and "after_checks" not in node["tags"]
    }


def _columns(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, str]:
    """The columns of a query, and their types."""
    return {row[0]: row[1] for row in connection.execute(f"describe {query}").fetchall()}


def _parts(check: Check, columns: Collection[str]) -> Iterator[tuple[str, str]]:
    """What a rule says, key by key, as a query each; the last one puts it together."""
    rule = check.definition
    assert isinstance(rule, Rule)
    broken = unexpected_rows_sql(rule, check.relation, [])
    yield "where", f"select * from {check.relation} where {looked_at_sql(rule, [])}"
    yield "broken_when", broken
    for key in ("record_key", "observed", "allowed"):
        # beside the row: an aggregate alone would be of all rows
        yield key, f"select *, {as_text(getattr(rule, key))} from ({broken})"
    yield "message", violations_sql(check, [], set(columns))
