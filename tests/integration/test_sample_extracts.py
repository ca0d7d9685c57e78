"""The sample extracts: every planted violation is found and no other, and the figures the README shows."""

import csv
from collections import Counter

from tests.conftest import PROJECT, Warehouse, run_nightly


def planted() -> set[tuple[str, str]]:
    with (PROJECT / "seeds" / "planted_dirt.csv").open(encoding="utf-8", newline="") as file:
        return {(row["rule"], row["record_key"]) for row in csv.DictReader(file)}


def test_found_is_planted(sample: Warehouse) -> None:
    found = sample.rows("select rule, record_key from quality.hygiene_violations")
    assert len(found) == len(set(found))
    assert set(found) == planted()


def test_each_rule_built_so_far_is_broken_somewhere(sample: Warehouse) -> None:
    rules = sample.rows(
        "select distinct expectation from quality.check_results where severity != 'critical' and expectation != "
        "'delivery_held_back'"
    )
    assert {rule for (rule,) in rules} == {rule for rule, _ in planted()}


def test_each_source_breaks_some_rules(sample: Warehouse) -> None:
    per_source = Counter(dict(sample.rows("select source, count(*) from quality.hygiene_violations group by source")))
    assert set(per_source) == {"acme_salesforce", "boreal_pipedrive", "field_sheet"}
    assert min(per_source.values()) >= 20


def test_rejected_rows_are_listed_with_file_and_row(sample: Warehouse) -> None:
    with (PROJECT / "seeds" / "planted_rejects.csv").open(encoding="utf-8", newline="") as file:
        expected = {(row["source"], row["file"], int(row["row_number"])) for row in csv.DictReader(file)}
    found = sample.rows("select source, file, row_number from quality.quarantined_rows where kind = 'rejected'")
    assert set(found) == expected


def test_rows_balance(sample: Warehouse) -> None:
    assert sample.value("select count(*) from quality.row_accounting") > 40
    assert sample.value("select sum(balance) from quality.row_accounting") == 0
    assert sample.value(
        "select bool_and(rows_in_file = rows_rejected + rows_loaded + rows_forgotten "
        "and rows_loaded = current_rows + superseded + quarantined) from quality.row_accounting"
    )


def test_publication_is_readable_and_carries_no_path(sample: Warehouse) -> None:
    tables = sample.rows("select table_schema, table_name from information_schema.tables order by 1, 2")
    assert {schema for schema, _ in tables} == {"marts", "quality"}
    for schema, table in tables:
        if schema == "marts":
            count = sample.value(f"select count(*) from read_parquet('{sample.path}/marts/{table}.parquet')")
            assert count == sample.value(f"select count(*) from marts.{table}"), table
    stored = (sample.path / "pipeline.duckdb").read_bytes()
    assert str(sample.path.parent).encode() not in stored
    assert (sample.path / "data_docs" / "index.html").is_file()


def test_descriptions_travel_with_the_tables(sample: Warehouse) -> None:
    undescribed = sample.rows(
        "select table_name, column_name from duckdb_columns() where schema_name = 'marts' and comment is null"
    )
    assert undescribed == []


def test_summary_says_what_a_person_needs(sample: Warehouse) -> None:
    run = sample.run_json
    assert run["state"] == "published"
    assert run["rows"]["in_files"] == run["rows"]["loaded"] + run["rows"]["rejected"]
    assert {step["name"] for step in run["steps"]} == {"ingest", "open lake", "transform", "expectations", "publish"}
    for word in ("published", "rows", "quarantine", "warning", "pipeline.duckdb", "seconds"):
        assert word in sample.output
    assert "Traceback" not in sample.output


def test_second_night_with_nothing_new_publishes_the_same(sample: Warehouse) -> None:
    before = {**sample.tables("marts"), **sample.tables("quality")}
    first_version = (sample.path / "current").resolve()
    again = run_nightly(sample.path)
    assert again.status == 0, again.output
    assert (again.path / "current").resolve() != first_version
    assert {**again.tables("marts"), **again.tables("quality")} == before
