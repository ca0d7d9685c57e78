"""A night on Spark publishes the rows, columns and comments of the same night on DuckDB."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import EXAMPLES, PROJECT, REAL_EXTRACTS
from tests.integration import hand_worked_histories as told
from tests.spark.nights import begin, differing, kill_while_spark_builds, night, two_workers

pytestmark = pytest.mark.spark


def test_sample(tmp_path: Path) -> None:
    on_duckdb = night("duckdb", tmp_path / "duckdb")
    on_spark = night("spark", tmp_path / "spark")
    assert differing(on_duckdb, on_spark) == {}


def test_a_night_that_was_killed(tmp_path: Path) -> None:
    """The publication of before stands, and the next night needs no cleaning up."""
    warehouse = tmp_path / "warehouse"
    first = night("duckdb", warehouse)
    published = (warehouse / "current").readlink()
    kill_while_spark_builds(begin("spark", warehouse, "pipeline.yml", None, None), warehouse)
    assert (warehouse / "current").readlink() == published
    before = first.tables()
    on_spark = night("spark", warehouse)
    assert (warehouse / "current").readlink() != published
    assert on_spark.tables() == before
    assert not (warehouse / "building").exists()


@pytest.mark.parametrize("name", EXAMPLES)
def test_real_extracts(name: str, tmp_path: Path) -> None:
    config = f"examples/{name}.yml"
    on_duckdb = night("duckdb", tmp_path / "duckdb", config, REAL_EXTRACTS, EXAMPLES[name])
    on_spark = night("spark", tmp_path / "spark", config, REAL_EXTRACTS, EXAMPLES[name])
    assert differing(on_duckdb, on_spark) == {}


def test_hand_worked_histories(tmp_path: Path) -> None:
    config, landing = told.deliver(tmp_path)
    on_duckdb = night("duckdb", tmp_path / "duckdb", config, landing, told.AS_OF)
    on_spark = night("spark", tmp_path / "spark", config, landing, told.AS_OF)
    assert differing(on_duckdb, on_spark) == {}


def test_cluster_of_two_workers(tmp_path: Path) -> None:
    """Spark's standalone cluster, whose executors are processes of their own and read what the night wrote."""
    on_duckdb = night("duckdb", tmp_path / "duckdb")
    with two_workers(tmp_path) as master:
        config = tmp_path / "pipeline.yml"
        conf = "{spark.driver.host: 127.0.0.1, spark.driver.bindAddress: 127.0.0.1, spark.driver.memory: 4g}"
        text = (PROJECT / "pipeline.yml").read_text(encoding="utf-8")
        config.write_text(f"{text}\nspark:\n  master: {master}\n  conf: {conf}\n", encoding="utf-8")
        on_spark = night("spark", tmp_path / "spark", config, PROJECT / "seeds" / "extracts")
    assert differing(on_duckdb, on_spark) == {}
