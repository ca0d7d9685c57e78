"""Every published column is compared with the second implementation, or held by a test that is named here."""

from __future__ import annotations

import pytest

from dagster_project.config.fields import wide_columns
from dagster_project.config.load import read_configuration
from tests.conftest import PROJECT, Warehouse
from tests.oracle.compare import compared_columns

Column = tuple[str, str, str]

#: Columns that the oracle says nothing of → the test that holds them.
HELD = {
    # a sum of one line, the words of reasons, and an interval that another package gives as well
    "marts.mart_forecast": {"won_so_far_amount": "dbt/models/marts/forecast/mart_forecast.yml"},
    "marts.mart_deal_outlook": {"reasons": "dbt/models/quality/checks/mart_deal_outlook.yml"},
    "marts.mart_time_in_stage": {
        "days_in_stage_km_median_low days_in_stage_km_median_high": (
            "tests/integration/test_survival_agrees_with_lifelines.py"
        ),
    },
    # what the reader says of a file beside its rows
    "quality.deliveries": {
        "extract_time_from message unmapped_headings outranked_headings": "tests/integration/test_deliveries.py",
    },
    "quality.quarantined_rows": {
        "source feed entity file sha256 extracted_at row_number record_id column_name value reason kind": (
            "tests/integration/test_broken_inputs.py"
        ),
    },
    # the rules' own words, and what several nights tell of a violation
    "quality.hygiene_violations": {
        "entity severity message": "tests/integration/test_sample_extracts.py",
        "first_seen_on last_seen_on resolved_on": "tests/integration/test_life_of_violations.py",
    },
    "quality.check_results": {
        "suite expectation table severity applies not_applied_to success evaluated unexpected": (
            "tests/hygiene/test_planted_dirt.py"
        ),
    },
    # of two nights, of which the sample's has one
    "quality.restatements": {
        "month metric grain grain_value is_complete_month value_before value_now cause difference": (
            "tests/integration/test_restatements.py"
        ),
    },
    "quality.restatement_records": {
        "month metric grain grain_value cause entity record_key field before now file row_number": (
            "tests/integration/test_restatements.py"
        ),
    },
    "quality.worklists": {
        "owner_key owner_name place source pipeline entity record_key record_name stage amount_at_stake severity "
        "violations rules messages first_seen_on": "tests/integration/test_life_of_violations.py",
    },
}


def published(warehouse: Warehouse) -> set[Column]:
    """Schema, table and column of everything that a night publishes."""
    rows = warehouse.rows(
        "select schema_name, table_name, column_name from duckdb_columns() where schema_name in ('marts', 'quality')"
    )
    columns = {(schema, table, column) for schema, table, column in rows}
    # a wide view has its fact's columns, all of them, as they are there (dbt/models/marts/wide)
    taken_over = {
        (schema, f"{table.removeprefix('fct_')}_wide", column)
        for schema, table, column in columns
        if table in ("fct_deals", "fct_leads")
    }
    assert taken_over <= columns
    # and the fields of the configuration, whose names the comparison has from there
    added = {
        ("marts", f"{entity}_wide", name)
        for entity, fields in wide_columns(read_configuration(PROJECT / "pipeline.yml").fields).items()
        for name in fields
    }
    assert added <= columns
    return columns - taken_over - added


def held() -> set[Column]:
    """Those of HELD."""
    return {
        (schema, name, column)
        for table, groups in HELD.items()
        for schema, name in [table.split(".", 1)]
        for columns in groups
        for column in columns.split()
    }


def test_no_published_column_is_compared_by_nothing(sample: Warehouse) -> None:
    assert sorted(published(sample) - compared_columns() - held()) == []


def test_what_is_held_elsewhere_is_published_and_not_compared(sample: Warehouse) -> None:
    """The list shrinks with what the oracle learns."""
    assert sorted(held() - published(sample)) == []
    assert sorted(held() & compared_columns()) == []


@pytest.mark.parametrize("path", sorted({path for groups in HELD.values() for path in groups.values()}))
def test_the_tests_that_hold_the_others_are_there(path: str) -> None:
    """And speak of the tables they hold."""
    text = (PROJECT / path).read_text(encoding="utf-8")
    tables = {table.split(".")[1] for table, groups in HELD.items() if path in groups.values()}
    assert [table for table in sorted(tables) if table not in text] == []
