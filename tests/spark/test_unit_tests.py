"""The dbt unit tests on Spark, all in one session: one at a time, each would start Spark and read the project anew."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from dagster_project.config.load import Settings
from dagster_project.run.databases import Databases
from dagster_project.transform.dbt_build import build_with
from dagster_project.transform.project import DBT_DIR, dbt_vars
from dagster_project.transform.spark.build import project_on_spark
from dagster_project.transform.warehouse import prepare
from tests.integration.test_dbt_unit_tests import AS_OF, configuration, declared, models_asked_for

pytestmark = pytest.mark.spark

#: Folders of the models that are built after the checks.
AFTER_CHECKS = ("quality/checks", "staging/checks", "marts/wide")
#: Whose expected rows are a series of days in SQL that DuckDB alone has; the sample's nights hold it on both engines.
SAID_IN_DUCKDBS_WORDS = {"dim_dates"}

#: What dbt is asked for in one call: its memory grows with the tests of a call, and a call costs seconds.
BATCH = 60


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> dict[str, Any]:
    """Unit test → its result, of the models asked for (`-k stg_deals`), over models that were built of nothing."""
    from dbt.cli.main import dbtRunner

    folder = tmp_path_factory.mktemp("unit_tests")
    config_path = DBT_DIR.parent / "pipeline.yml"
    settings = Settings(configuration(), config_path, folder, folder, AS_OF, engine="spark")
    (folder / "building").mkdir()
    databases = Databases(folder / "building" / "pipeline.duckdb")
    databases.open(0)
    run_id = f"{datetime.now(UTC):%Y%m%dt%H%M%S}"
    found: dict[str, Any] = {}
    with databases.connect() as connection:
        prepare(connection, settings.config, [], folder / "lake", AS_OF)
        with project_on_spark(settings, connection, [], run_id, folder / "spark") as (_, project, _):
            assert build_with(settings, project, "spark", print).succeeded
            models = models_asked_for(request)
            for first in range(0, len(models), BATCH):
                asked = [f"{model},test_type:unit" for model in models[first : first + BATCH]]
                done: Any = dbtRunner(project).invoke(
                    [*("test", "--select", *asked, "--vars", dbt_vars(settings), "--target", "spark"), *QUIETLY]
                )
                assert done.exception is None, done.exception
                found |= {".".join(one.node.unique_id.split(".")[2:]): one for one in done.result.results}
    databases.close()
    return found


QUIETLY = ("--project-dir", str(DBT_DIR), "--log-level", "none", "--log-level-file", "none", "--no-write-json")


def of_spark() -> list[str]:
    """Unit tests of what Spark builds: not of what DuckDB makes of the checks' results, on either engine."""
    after = {path.stem for folder in AFTER_CHECKS for path in (DBT_DIR / "models" / folder).rglob("*.sql")}
    assert len(after) > 5
    return [name for name in declared() if name.split(".")[0] not in after | SAID_IN_DUCKDBS_WORDS]


@pytest.mark.parametrize("unit_test", of_spark())
def test_dbt_unit_test(unit_test: str, results: dict[str, Any]) -> None:
    assert unit_test in results, "dbt did not run it"
    assert results[unit_test].status == "pass", results[unit_test].message
