"""The dbt unit tests (in the `<model>.yml` beside each model), each as a test of its own.

A nightly run leaves them out. They take their column types from built models, so an empty warehouse is built first.
"""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from dagster_project.config.entities import ENTITIES
from dagster_project.config.fields import CustomField, wide_columns
from dagster_project.config.load import Settings, read_configuration
from dagster_project.config.models import Configuration
from dagster_project.transform.project import DBT_DIR, DBT_EXECUTABLE, dbt_environment, target_dir
from dagster_project.transform.warehouse import prepare

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)


def configuration() -> Configuration:
    """The sample's, with fields of every kind for the tests to speak of, and no grain beside the usual ones."""
    sample = read_configuration(DBT_DIR.parent / "pipeline.yml")
    kinds = {
        "region": "text",
        "renewal": "boolean",
        "arr": "amount",
        "seats": "number",
        "renews_on": "date",
        "signed_at": "timestamp",
    }
    fields = {name: CustomField.model_validate({"from": name, "kind": kind}) for name, kind in kinds.items()}
    sources = [
        source.model_copy(
            update={
                "feeds": {
                    name: feed.model_copy(update={"fields": fields if feed.entity == "deals" else {}})
                    for name, feed in source.feeds.items()
                }
            }
        )
        for source in sample.sources
    ]
    return sample.model_copy(update={"sources": sources, "grains": []})


def declared() -> list[str]:
    """model.name of every unit test in the project."""
    files = sorted((DBT_DIR / "models").rglob("*.yml"))
    documents = [yaml.safe_load(file.read_text(encoding="utf-8")) or {} for file in files]
    return [f"{test['model']}.{test['name']}" for document in documents for test in document.get("unit_tests", [])]


def dbt(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One call of dbt as a run would make it."""
    return subprocess.run(
        [str(DBT_EXECUTABLE), "--quiet", *arguments, "--project-dir", str(DBT_DIR)],
        env={**os.environ, **dbt_environment(settings)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of an empty warehouse with all models built."""
    folder = tmp_path_factory.mktemp("unit_tests")
    config_path = DBT_DIR.parent / "pipeline.yml"
    settings = Settings(configuration(), config_path, folder, folder, AS_OF)
    work = Path(dbt_environment(settings)["DEALTRAIL_WORK"])
    work.parent.mkdir(parents=True)
    with duckdb.connect(str(work)) as connection:
        prepare(connection, settings.config, [], folder, AS_OF)

    built = dbt(settings, "build", "--resource-type", "model", "--resource-type", "seed")
    assert built.returncode == 0, built.stdout + built.stderr
    return settings


def models_asked_for(request: pytest.FixtureRequest) -> list[str]:
    """The models whose unit tests are among those that this session runs."""
    calls = [getattr(item, "callspec", None) for item in request.session.items]
    return sorted({call.params["unit_test"].split(".")[0] for call in calls if call and "unit_test" in call.params})


@pytest.fixture(scope="module")
def results(empty: Settings, request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    """Unit test → its result: every unit test of the models that are asked for (`-k stg_deals`) run once."""
    run_results = target_dir(empty) / "run_results.json"
    run_results.unlink()
    tested = dbt(empty, "test", "--select", *(f"{model},test_type:unit" for model in models_asked_for(request)))
    assert run_results.exists(), tested.stdout + tested.stderr
    found = json.loads(run_results.read_text(encoding="utf-8"))["results"]
    return {".".join(result["unique_id"].split(".")[2:]): result for result in found}


@pytest.mark.parametrize("unit_test", declared())
def test_dbt_unit_test(unit_test: str, results: dict[str, dict[str, Any]]) -> None:
    assert unit_test in results, "dbt did not run it"
    result = results[unit_test]
    assert result["status"] == "pass", result["message"]


def test_every_model_and_column_is_described(empty: Settings) -> None:
    manifest = json.loads((target_dir(empty) / "manifest.json").read_text(encoding="utf-8"))
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    environment = dbt_environment(empty)
    with duckdb.connect(environment["DEALTRAIL_BUILD"], read_only=True) as connection:
        connection.execute(f"attach '{environment['DEALTRAIL_WORK']}' as work (read_only)")
        columns: dict[str, set[str]] = {}
        for table, column in connection.execute("select table_name, column_name from duckdb_columns()").fetchall():
            columns.setdefault(table, set()).add(column)
    assert len(models) > 50
    for model in models:
        described = {name for name, column in model["columns"].items() if column["description"].strip()}
        # those of the lake's rows are described in entities.yml, and nowhere else
        canonical = set(ENTITIES[model["name"].removesuffix("_rows")].columns) if model["fqn"][2] == "rows" else set()
        # and those of a fact with the fact
        if model["fqn"][2] == "wide":
            entity = model["name"].removesuffix("_wide")
            # what the configuration adds is described there
            canonical = columns[f"fct_{entity}"] | set(wide_columns(empty.config.fields)[entity])
        assert model["description"].strip(), model["name"]
        assert described == columns[model["name"]] - canonical, model["name"]
