"""Every fact joins each of its dimensions and loses no row: a key that it carries stands there, and once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.conftest import EXAMPLES, Warehouse

#: Column of a table → the dimension's column that it stands in.
KEYS = {
    "owner_key": ("dim_owners", "owner_key"),
    "account_key": ("dim_accounts", "account_key"),
    "pipeline_key": ("dim_pipelines", "pipeline_key"),
    "stage_key": ("dim_stages", "stage_key"),
    "from_stage_key": ("dim_stages", "stage_key"),
    "to_stage_key": ("dim_stages", "stage_key"),
}
#: Tables by record that carry each key, at least; any other that does is tried too.
CARRIED = {
    "owner_key": {"fct_deals", "fct_leads", "fct_activities", "fct_stage_transitions", "fct_pipeline_snapshots"},
    "account_key": {"fct_deals", "fct_activities", "fct_customer_months"},
    "pipeline_key": {"fct_deals", "fct_stage_transitions", "fct_stage_visits", "fct_pipeline_snapshots", "dim_stages"},
    "stage_key": {"fct_deals", "fct_stage_visits", "fct_pipeline_snapshots"},
    "from_stage_key": {"fct_stage_transitions"},
    "to_stage_key": {"fct_stage_transitions"},
}


def carriers(warehouse: Warehouse, column: str) -> set[str]:
    """Tables of the marts with this column, its own dimension left out."""
    found = warehouse.rows(
        "select table_name from duckdb_columns() where schema_name = 'marts' and column_name = ?", column
    )
    return {table for (table,) in found} - {KEYS[column][0]}


def lost(warehouse: Warehouse, column: str) -> dict[str, int]:
    """Table → rows with such a key that an inner join loses, or doubles."""
    dimension, key = KEYS[column]
    return {
        table: warehouse.value(
            f"select (select count(*) from marts.{table} where {column} is not null) - (select count(*) from "
            f"marts.{table} as carrier inner join marts.{dimension} as met on carrier.{column} = met.{key})"
        )
        for table in carriers(warehouse, column)
    }


@pytest.mark.parametrize("column", KEYS)
def test_no_row_of_the_sample_is_lost(sample: Warehouse, column: str) -> None:
    found = lost(sample, column)
    assert CARRIED[column] <= found.keys()
    assert set(found.values()) == {0}, found


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_row_of_a_real_extract_is_lost(example: Callable[[str], Warehouse], name: str) -> None:
    warehouse = example(name)
    assert {(column, table): n for column in KEYS for table, n in lost(warehouse, column).items() if n} == {}


def test_the_won_amount_survives_the_joins(sample: Warehouse) -> None:
    won = sample.value(
        "select sum(amount_reporting) from marts.fct_deals where status = 'won' and owner_key is not null"
    )
    joined = sample.value(
        "select sum(amount_reporting) from marts.fct_deals inner join marts.dim_owners using (owner_key) "
        "inner join marts.dim_pipelines using (pipeline_key) where fct_deals.status = 'won'"
    )
    assert won == joined > 0


def test_a_stage_is_related_by_one_column_whatever_its_name(sample: Warehouse) -> None:
    assert sample.value("select count(distinct stage_key) = count(*) from marts.dim_stages")
    by_names = sample.value(
        "select sum(days_in_stage * stage_order) from marts.fct_stage_visits "
        "inner join marts.dim_stages using (source, pipeline, stage)"
    )
    by_key = sample.value(
        "select sum(days_in_stage * stage_order) from marts.fct_stage_visits "
        "inner join marts.dim_stages using (stage_key)"
    )
    assert by_names == pytest.approx(by_key)


def test_wide_views_have_every_row_and_are_read_under_any_name(sample: Warehouse, tmp_path: Path) -> None:
    shutil.copy(sample.path / "pipeline.duckdb", tmp_path / "another name.duckdb")
    with duckdb.connect() as connection:
        connection.execute(f"attach '{tmp_path / 'another name.duckdb'}' as crm (read_only)")
        for wide, fact in (("deals_wide", "fct_deals"), ("leads_wide", "fct_leads")):
            counts = connection.execute(
                f"select (select count(*) from crm.marts.{wide}), (select count(*) from crm.marts.{fact}), "
                f"(select count(*) from crm.marts.{wide} where owner_name is null)"
            ).fetchone()
            assert counts is not None and counts[0] == counts[1] > 0 and counts[2] == 0
