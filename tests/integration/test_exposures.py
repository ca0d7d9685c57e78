"""dbt's exposures name exactly what each reader reads: a model that changes shows who is to be told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pytest
import yaml

from dagster_project.config.rules import read_suites
from dagster_project.publish.owners import lists
from dagster_project.publish.report import queries
from dagster_project.publish.shown_odds import SCORES
from tests.conftest import PROJECT, Warehouse
from tests.integration.superset_assets import datasets, query

EXPOSURES = PROJECT / "dbt" / "models" / "exposures.yml"
NOTEBOOK = PROJECT / "bi" / "notebook" / "dealtrail.py"


def exposures() -> dict[str, dict[str, Any]]:
    return {exposure["name"]: exposure for exposure in yaml.safe_load(EXPOSURES.read_text())["exposures"]}


def named(exposure: str) -> list[str]:
    """Tables that an exposure depends on: the last name in each `ref(…)` and `source(…, …)`."""
    return [re.findall(r"'(\w+)'", entry)[-1] for entry in exposures()[exposure]["depends_on"]]


def tables(*queries: str) -> set[str]:
    """The published tables that queries read, as DuckDB's own parser finds them."""
    found: set[str] = set()
    with duckdb.connect() as connection:
        for sql in queries:
            ((parsed,),) = connection.execute("select json_serialize_sql(?)", [sql]).fetchall()
            assert '"error":false' in parsed, sql
            found |= set(read_from(json.loads(parsed)))
    return found


def read_from(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if node.get("type") == "BASE_TABLE" and node["schema_name"] in ("marts", "quality"):
            yield node["table_name"]
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from read_from(part)


def report(warehouse: Warehouse) -> set[str]:
    made = [
        re.split(r"create temp table \w+ as", made)[-1]
        for made in (queries.OWNERS_SQL, queries.OPEN_DEALS_SQL, queries.CHANGES_SQL)
    ]
    return tables(*made, *queries.TABLES.values(), SCORES) | set(queries.DEFINED)


def owners_lists(warehouse: Warehouse) -> set[str]:
    return tables(lists.LISTED, lists.OWNERS, SCORES)


def data_docs(warehouse: Warehouse) -> set[str]:
    suites = read_suites()
    looked_at = {suite.table for suite in suites if suite.rules} | {g.table for suite in suites for g in suite.gates}
    return {table.split(".")[-1] for table in looked_at}


def superset(warehouse: Warehouse) -> set[str]:
    return tables(*map(query, datasets().values()))


def notebook(warehouse: Warehouse) -> set[str]:
    return tables(*notebook_queries())


def notebook_queries() -> list[str]:
    return re.findall(r'pipeline\.sql\("""(.*?)"""\)', NOTEBOOK.read_text(), re.DOTALL)


def postgres(warehouse: Warehouse) -> set[str]:
    published = "select table_name from information_schema.tables where table_schema in ('marts', 'quality')"
    return {name for (name,) in warehouse.rows(published)}


READERS: dict[str, Callable[[Warehouse], set[str]]] = {
    "morning_report": report,
    "owners_lists": owners_lists,
    "data_docs": data_docs,
    "superset_dashboard": superset,
    "bi_notebook": notebook,
    "postgres": postgres,
}


def test_every_exposure_has_a_reader_here() -> None:
    assert set(exposures()) == set(READERS)


@pytest.mark.parametrize("exposure", READERS)
def test_an_exposure_names_what_its_reader_reads(sample: Warehouse, exposure: str) -> None:
    assert named(exposure) == sorted(set(named(exposure)), key=named(exposure).index)
    assert set(named(exposure)) == READERS[exposure](sample)


def test_the_night_parsed_them_with_all_that_stands_behind(sample: Warehouse) -> None:
    """dbt resolved every name, so the docs draw the lineage up to the reader."""
    manifest = json.loads((sample.path / "dbt" / "parsed.json").read_text())
    for name in READERS:
        parsed = manifest["exposures"][f"exposure.dealtrail.{name}"]
        assert {node.split(".")[-1] for node in parsed["depends_on"]["nodes"]} == set(named(name))
        assert parsed["owner"]["name"] and parsed["maturity"] and parsed["description"]


def test_the_notebook_finds_something_at_every_step(sample: Warehouse) -> None:
    assert len(notebook_queries()) >= 5
    assert all(sample.rows(sql) for sql in notebook_queries())
