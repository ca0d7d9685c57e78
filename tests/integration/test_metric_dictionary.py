"""The metric dictionary is what the dbt project says, and says something of every column."""

import json

from dagster_project.config.metrics import metrics
from dagster_project.transform.metric_dictionary import metric_dictionary
from tests.conftest import Warehouse


def test_it_has_the_twelve_metrics_once_each_and_every_mart(sample: Warehouse) -> None:
    page = metric_dictionary(sample.path / "dbt" / "parsed.json")
    for number in range(1, 13):
        assert page.count(f"\n**{number}. ") == 1
    marts = sample.rows(
        "select table_name from information_schema.tables where table_schema = 'marts' and table_name like 'mart%'"
    )
    assert marts
    for (mart,) in marts:
        assert f"### {mart}\n" in page
    for one in metrics():
        assert f"| `{one.mart}` | `{one.name}` | {one.label} |" in page


def test_every_column_of_the_marts_has_a_description(sample: Warehouse) -> None:
    undescribed = sample.rows(
        "select table_name, column_name from duckdb_columns() "
        "where schema_name = 'marts' and coalesce(comment, '') = '' order by all"
    )
    assert undescribed == []


def test_what_a_metric_is_said_to_come_from_is_there(sample: Warehouse) -> None:
    manifest = json.loads((sample.path / "dbt" / "parsed.json").read_text(encoding="utf-8"))
    columns = {node["name"]: set(node["columns"]) for node in manifest["nodes"].values() if "columns" in node}
    named = [fact for one in metrics() if one.twelve for fact in one.twelve.facts]
    assert len(named) > 12
    assert [fact for fact in named if fact.split(".")[1] not in columns.get(fact.split(".")[0], set())] == []
