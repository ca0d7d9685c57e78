"""The sample extracts: what is planted is found and nothing else, and the figures the README shows."""

import csv
import gzip
from collections import Counter
from pathlib import Path

import yaml

from dagster_project.config.entities import ENTITIES
from tests.conftest import PROJECT, Warehouse, run_nightly


def planted() -> set[tuple[str, str]]:
    with (PROJECT / "seeds" / "planted_dirt.csv").open(encoding="utf-8", newline="") as file:
        return {(row["rule"], row["record_key"]) for row in csv.DictReader(file)}


def violations_of(sample: Warehouse) -> list[tuple[str, str]]:
    return sample.rows("select rule, record_key from quality.hygiene_violations")


def test_found_is_planted(sample: Warehouse) -> None:
    """Of the rules that are planted; all rules are compared in test_agrees_with_plain_python."""
    rules = {rule for rule, _ in planted()}
    assert {one for one in violations_of(sample) if one[0] in rules} == planted()


def test_no_record_breaks_a_rule_twice(sample: Warehouse) -> None:
    found = violations_of(sample)
    assert len(found) == len(set(found))


def test_every_violation_says_its_severity_its_entity_and_a_whole_message(sample: Warehouse) -> None:
    suites = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in (PROJECT / "expectations").glob("*.yml")]
    meant = {
        (rule["rule"], rule["severity"], suite.get("entity")) for suite in suites for rule in suite.get("rules", [])
    }
    found = sample.rows("select rule, severity, entity, message from quality.hygiene_violations")
    assert [row for row in found if (row[0], row[1], row[2]) not in meant and (row[0], row[1], None) not in meant] == []
    assert {entity for _, _, entity, _ in found} <= {*ENTITIES, "transitions", "deliveries"}
    assert [row for row in found if not row[3] or "{" in row[3] or "None" in row[3]] == []


def test_every_rule_is_checked_with_its_severity(sample: Warehouse) -> None:
    suites = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in (PROJECT / "expectations").glob("*.yml")]
    rules = {
        (suite["suite"], rule.get("check", rule["rule"]), rule["severity"])
        for suite in suites
        for rule in suite.get("rules", [])
    }
    checked = sample.rows(
        "select suite, expectation, severity from quality.check_results where suite not like 'gate\\_%' escape '\\'"
    )
    assert len(rules) > 40
    assert set(checked) == rules


def test_what_the_checks_count_is_what_the_violations_list(sample: Warehouse) -> None:
    counted = sample.rows("select expectation, unexpected from quality.check_results where unexpected > 0")
    expected: Counter[str] = Counter()
    for rule, count in counted:
        expected["quarantine_share" if rule == FEW_ROWS else rule] += count
    assert Counter(rule for rule, _ in violations_of(sample)) == expected


#: What stops a publish cannot be broken in a sample that is published; `quarantine_share` of a small file is a warning.
FEW_ROWS = "quarantine_share_of_few_rows"
#: Many rewritten deals of one owner; the sample's owners have few.
OFTEN = "history_rewritten_often"
STOPPING = {"row_balance", "fact_key", "entity_without_rows"}


def test_every_rule_is_broken_at_least_once(sample: Warehouse) -> None:
    applied = {
        "fact_key"
        if check.startswith("fact_key_")
        else {FEW_ROWS: "quarantine_share", OFTEN: "history_rewritten"}.get(check, check)
        for (check,) in sample.rows("select expectation from quality.check_results where applies")
    }
    suites = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in (PROJECT / "expectations").glob("*.yml")]
    rules = {rule["rule"] for suite in suites for rule in (*suite.get("rules", []), *suite.get("gates", []))}
    assert rules >= STOPPING
    assert rules == applied
    assert {rule for rule, _ in violations_of(sample)} == rules - STOPPING


def test_no_rule_drowns_the_others(sample: Warehouse) -> None:
    warnings = Counter(
        rule
        for (rule,) in sample.rows(
            "select rule from quality.hygiene_violations where severity = 'warning' and resolved_on is null"
        )
    )
    assert 150 <= warnings.total() <= 300
    assert max(warnings.values()) <= warnings.total() / 4


def test_a_living_pipeline_is_dirty_in_a_few_places(sample: Warehouse) -> None:
    dirty = """
        select avg(cast(deal_key in (
            select record_key from quality.hygiene_violations
            where entity = 'deals' and severity in ('warning', 'critical') and resolved_on is null
        ) as integer))
        from marts.fct_deals where status = 'open'
    """
    assert 0.03 <= sample.value(dirty) <= 0.08
    for source in DEALS:
        assert 0.02 <= sample.value(f"{dirty} and source = '{source}'") <= 0.1, source


def test_leads_are_answered_and_worked(sample: Warehouse) -> None:
    answered, open_for_long = sample.rows("""
        select avg(cast(first_response_at is not null as integer)),
            avg(cast(not is_closed and created_on < date '2025-10-01' as integer))
        from marts.fct_leads
    """)[0]
    assert answered >= 0.97
    assert open_for_long <= 0.01


def test_each_source_breaks_some_rules(sample: Warehouse) -> None:
    per_source = Counter(dict(sample.rows("select source, count(*) from quality.hygiene_violations group by source")))
    assert set(per_source) == {"acme_salesforce", "boreal_pipedrive", "cascade_hubspot", "field_sheet"}
    assert min(per_source.values()) >= 20


def cells(path: Path, heading: str) -> set[str]:
    """What stands in one column of a sample file, whatever its delimiter."""
    with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as file:
        delimiter = ";" if path.name.startswith("opportunities") else ","
        return {row[heading] for row in csv.DictReader(file, delimiter=delimiter)} - {""}


DEALS = {
    "acme_salesforce": ("{day}/Opportunity.csv.gz", "Id"),
    "boreal_pipedrive": ("{day}/deals-2968486-7.csv.gz", "Deal - ID"),
    "cascade_hubspot": ("hubspot-crm-exports-all-deals-{day}.csv.gz", "Record ID"),
    "field_sheet": ("opportunities_{day}.csv.gz", "Deal No"),
}


def test_what_is_missing_from_one_extract_and_back_in_the_next_was_never_deleted(sample: Warehouse) -> None:
    deleted = {key for (key,) in sample.rows("select deal_key from marts.fct_deals where status = 'deleted'")}
    for source, (name, heading) in DEALS.items():
        before, missing, newest = (
            cells(PROJECT / "seeds" / "extracts" / source / name.format(day=day), heading)
            for day in ("2025-12-29", "2025-12-30", "2025-12-31")
        )
        back = {f"{source}:{deal_id}" for deal_id in (before & newest) - missing}
        gone = {f"{source}:{deal_id}" for deal_id in (before | missing) - newest}
        assert len(back) >= 3
        assert not back & deleted
        assert gone <= deleted


def test_each_source_tells_history_in_its_own_shape(sample: Warehouse) -> None:
    shapes = sample.rows(
        "select distinct source, evidence from marts.fct_stage_transitions where evidence != 'inferred'"
    )
    assert set(shapes) == {
        ("acme_salesforce", "versioned"),
        ("acme_salesforce", "observed"),  # of the one deal whose history did not move with it
        ("boreal_pipedrive", "logged"),
        ("cascade_hubspot", "dated"),
        ("field_sheet", "observed"),
    }


def test_merged_deals_are_gone_and_their_activities_are_the_survivor_s(sample: Warehouse) -> None:
    newest = PROJECT / "seeds" / "extracts" / "cascade_hubspot" / "hubspot-crm-exports-all-deals-2025-12-31.csv.gz"
    merged = {deal_id for cell in cells(newest, "Merged object IDs") for deal_id in cell.split(";")}
    assert len(merged) == 4
    keys = ", ".join(f"'cascade_hubspot:{deal_id}'" for deal_id in merged)
    statuses = sample.rows(f"select status, count(*) from marts.fct_deals where deal_key in ({keys}) group by status")
    assert statuses == [("deleted", 3)]  # one was merged before the first extract
    assert sample.value(f"select count(*) from marts.fct_activities where deal_key in ({keys})") == 0


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


def test_nothing_is_left_outside_the_warehouse(sample: Warehouse) -> None:
    assert list((sample.path.parent / "tmp").iterdir()) == []


def test_descriptions_travel_with_the_tables(sample: Warehouse) -> None:
    undescribed = sample.rows(
        "select table_name, column_name from duckdb_columns() "
        "where schema_name in ('marts', 'quality') and comment is null"
    )
    assert undescribed == []


def test_summary_says_what_a_person_needs(sample: Warehouse) -> None:
    run = sample.run_json
    assert run["state"] == "published"
    assert run["rows"]["in_files"] == run["rows"]["loaded"] + run["rows"]["rejected"]
    steps = ["ingest", "open lake", "transform", "expectations", "report", "publish"]
    assert [step["name"] for step in run["steps"]] == steps
    for word in ("published", "rows", "quarantine", "warning", "pipeline.duckdb", "seconds"):
        assert word in sample.output
    assert "Traceback" not in sample.output
    assert "Warning" not in sample.output, "of a library, to its programmers"


def test_second_night_with_nothing_new_publishes_the_same(sample: Warehouse) -> None:
    before = {**sample.tables("marts"), **sample.tables("quality")}
    first_version = (sample.path / "current").resolve()
    again = run_nightly(sample.path)
    assert again.status == 0, again.output
    assert (again.path / "current").resolve() != first_version
    assert {**again.tables("marts"), **again.tables("quality")} == before
