"""A night on Spark publishes the rows, columns and comments of the same night on DuckDB."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import EXAMPLES, PROJECT, REAL_EXTRACTS
from tests.integration import hand_worked_histories as told
from tests.spark.nights import (
    begin,
    differing,
    ended,
    kill_while_spark_builds,
    lose_an_executor,
    night,
    two_workers,
    wait_for_models,
)
from tests.unit import test_compaction as delivered

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
    """On Spark with facts too large for one file: folders beside it, which whoever reads it needs not know."""
    config, landing = told.deliver(tmp_path)
    on_duckdb = night("duckdb", tmp_path / "duckdb", config, landing, told.AS_OF)
    with config.open("a", encoding="utf-8") as text:
        text.write("\nspark: {folders_from_rows: 10}\n")
    on_spark = night("spark", tmp_path / "spark", config, landing, told.AS_OF)
    assert differing(on_duckdb, on_spark) == {}
    kinds = dict(on_spark.rows("select table_name, table_type from information_schema.tables"))
    assert (kinds["fct_deals"], kinds["fct_spend"], kinds["dim_stages"]) == ("VIEW", "BASE TABLE", "BASE TABLE")
    marts = on_spark.path / "marts"
    assert list((marts / "fct_deals").glob("*.parquet"))
    assert {path.suffix for path in (marts / "fct_deals").iterdir()} == {".parquet"}
    assert (marts / "deals_wide.parquet").exists()
    assert not (marts / "fct_deals.parquet").exists()
    assert "marts/fct_deals/" in on_spark.value("select comment from duckdb_views() where view_name = 'fct_deals'")


def test_a_lake_that_was_compacted_and_from_which_somebody_was_forgotten(tmp_path: Path) -> None:
    """Rows of a compacted file number themselves, and those that were blanked are none."""
    config, landing, warehouse = tmp_path / "pipeline.yml", tmp_path / "landing", tmp_path / "warehouse"
    config.write_text(delivered.CONFIG, encoding="utf-8")
    (landing / "crm").mkdir(parents=True)
    for number in range(delivered.NIGHTS):
        lists = {"deals": delivered.DAMAGED.get(number, delivered.deals(number)), "calls": delivered.calls(number)}
        for name, text in lists.items():
            (landing / "crm" / f"{name}-{delivered.day(number)}.csv").write_text(text, encoding="utf-8")
    as_of = delivered.at(delivered.NIGHTS).isoformat()
    night("duckdb", warehouse, config, landing, as_of)
    ended(begin("duckdb", warehouse, config, landing, as_of, ("compact",)), warehouse)
    ended(begin("duckdb", warehouse, config, landing, as_of, ("forget", "deals", "D3", "--source", "crm")), warehouse)
    on_duckdb = night("duckdb", warehouse, config, landing, as_of)
    before = {schema: on_duckdb.tables(schema) for schema in ("marts", "quality")}
    assert on_duckdb.value("select count(*) from quality.row_accounting where rows_forgotten > 0") > 0
    on_spark = night("spark", warehouse, config, landing, as_of)
    assert {schema: on_spark.tables(schema) for schema in before} == before


def test_cluster_of_two_workers(tmp_path: Path) -> None:
    """Spark's standalone cluster, whose executors are processes of their own and read what the night wrote.

    One of them is lost in the middle: Spark starts another, and does again what the lost one had done.
    """
    on_duckdb = night("duckdb", tmp_path / "duckdb")
    with two_workers(tmp_path) as master:
        config = tmp_path / "pipeline.yml"
        conf = "{spark.driver.host: 127.0.0.1, spark.driver.bindAddress: 127.0.0.1, spark.driver.memory: 4g}"
        text = (PROJECT / "pipeline.yml").read_text(encoding="utf-8")
        config.write_text(f"{text}\nspark:\n  master: {master}\n  conf: {conf}\n", encoding="utf-8")
        process = begin("spark", tmp_path / "spark", config, PROJECT / "seeds" / "extracts", None)
        wait_for_models(process, tmp_path / "spark", "fct_deals")
        lose_an_executor(tmp_path)
        on_spark = ended(process, tmp_path / "spark")
    assert differing(on_duckdb, on_spark) == {}
