"""A team's own rules, tried against the published tables before the night begins: no typing error stops it at 2 am."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb

from dagster_project.config.models import Configuration
from dagster_project.errors import ConfigurationError
from dagster_project.quality.policy import OWN_SUITE, Check, Rule, checks, violations_sql


def check_own_rules(config: Configuration, manifest: Path) -> None:
    """Binds each own rule to its table as the dbt project describes it (`manifest`: its parsed manifest.json).

    Raises ConfigurationError naming the rule and the key of it that is no SQL, or speaks of what is not there.
    """
    own = [check for check in checks(config) if check.suite.suite == OWN_SUITE]
    if not own:
        return
    tables = _published_tables(manifest)
    with duckdb.connect() as connection:
        connection.execute("create schema marts; create schema quality")
        for check in own:
            if check.table not in tables:
                names = ", ".join(sorted(name.removeprefix("marts.") for name in tables))
                raise ConfigurationError(
                    f"rules.{check.rule}.table: there is no published table '{check.table}'; allowed: {names}"
                )
            columns = tables[check.table]
            typed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
            connection.execute(f"create table if not exists {check.table} ({typed})")
            for key, sql in _parts(check, set(columns)):
                _bind(connection, f"rules.{check.rule}.{key}", sql)


def _published_tables(manifest: Path) -> dict[str, dict[str, str]]:
    """`schema.table` → column → type, of every model whose contract is enforced."""
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values()
    return {
        f"{node['schema']}.{node['name']}": {name: column["data_type"] for name, column in node["columns"].items()}
        for node in nodes
        if node["resource_type"] == "model" and node["schema"] in ("marts", "quality")
    }


def _parts(check: Check, columns: set[str]) -> Iterator[tuple[str, str]]:
    """What a rule says, key by key, as a query each; the last one puts it together."""
    rule = check.definition
    assert isinstance(rule, Rule)
    for key in ("where", "broken_when"):
        yield key, f"select * from {check.table} where (\n{getattr(rule, key)}\n)"
    for key in ("record_key", "observed", "allowed"):
        yield key, f"select (\n{getattr(rule, key)}\n) from {check.table}"
    yield "message", violations_sql(check, [], columns)


def _bind(connection: duckdb.DuckDBPyConnection, where: str, sql: str) -> None:
    try:
        if len(connection.extract_statements(sql)) != 1:
            raise ConfigurationError(f"{where}: is more than one expression")
        connection.execute(f"explain {sql}")
    except duckdb.Error as error:
        raise ConfigurationError(f"{where}: {str(error).splitlines()[0]}") from None
