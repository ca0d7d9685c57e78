"""Pipelines that nobody configured have the stages of their vendor, as far as these are met in them."""

from pathlib import Path

import duckdb

from dagster_project.config.load import read_configuration
from dagster_project.config.stages import configured_stages
from dagster_project.transform.observed_pipelines import with_met_pipelines

LAKE = """
create schema lake;
create table lake.deals (_source text, deal_id text, pipeline text, stage text, stage_dates text);
create table lake.deal_versions (_source text, deal_id text, pipeline text, stage text);
create table lake.deal_changes (
    _source text, deal_id text, field text, old_value text, new_value text,
    _feed text default 'log', changed_at text, value_kind text
);
create table lake.stages (_source text, stage_id text, stage_name text, pipeline text);
"""


def stages_met(folder: Path, rows: str, source: str = "{name: crm, vendor: salesforce}") -> list[tuple[str, str, str]]:
    """(pipeline, stage, canonical stage) of what is configured beyond the source's own pipelines."""
    path = folder / "pipeline.yml"
    path.write_text(f"timezone: UTC\ncurrency: EUR\nsources: [{source}]\n", encoding="utf-8")
    config = read_configuration(path)
    with duckdb.connect() as connection:
        connection.execute(LAKE + rows)
        met = with_met_pipelines(connection, config)
    own = set(configured_stages(config))
    return [(one.pipeline, one.stage, one.canonical_stage) for one in configured_stages(met) if one not in own]


def test_a_record_type_has_the_vendors_stages_that_are_met_in_it(tmp_path: Path) -> None:
    rows = """
        insert into lake.deals values
            ('crm', '1', '012A', 'closed  won', null), ('crm', '2', '012A', 'Own Stage', null),
            ('crm', '3', null, 'Prospecting', null);
        insert into lake.deal_versions values ('crm', '1', null, 'Qualification');
    """
    assert stages_met(tmp_path, rows) == [
        ("012A", "Qualification", "qualifying"),
        ("012A", "Closed Won", "won"),
    ]


def test_a_pipeline_without_a_stage_of_the_vendor_has_none(tmp_path: Path) -> None:
    rows = "insert into lake.deals values ('crm', '1', '41278305', '95480112', null)"
    assert stages_met(tmp_path, rows, "{name: crm, vendor: hubspot}") == []


def test_stages_known_by_id_and_a_pipeline_that_only_the_log_names(tmp_path: Path) -> None:
    rows = """
        insert into lake.deal_changes (_source, deal_id, field, old_value, new_value) values
            ('crm', '1', 'pipeline', 'default', 'Partners'), ('crm', '1', 'stage', '7', 'contractsent');
        insert into lake.stages values ('crm', '7', 'Qualified to buy', null);
    """
    met = stages_met(tmp_path, rows, "{name: crm, vendor: hubspot}")
    assert [stage for pipeline, stage, _ in met if pipeline == "Partners"] == [
        "Qualified To Buy",
        "Contract Sent",
    ]


def test_a_source_without_a_vendor_is_left_alone(tmp_path: Path) -> None:
    feed = "feeds: {deals: {entity: deals, files: deals, columns: {deal_id: Id, stage: Stage}}}"
    rows = "insert into lake.deals values ('crm', '1', 'Other', 'Closed Won', null)"
    assert stages_met(tmp_path, rows, f"{{name: crm, {feed}}}") == []


def test_a_move_told_in_ids_and_in_names_meets_the_ids(tmp_path: Path) -> None:
    """As the log says of each row, as rows of deals name pipelines, or as the values look."""
    rows = """
        insert into lake.deals values
            ('crm', '1', '012A', 'Prospecting', null), ('crm', '2', '0122', 'Prospecting', null),
            ('crm', '3', 'Kept', 'Prospecting', null);
        insert into lake.deal_changes (_source, deal_id, field, changed_at, value_kind, old_value, new_value) values
            ('crm', '1', 'pipeline', '2026-01-05', 'id', '012B', '012C'),
            ('crm', '1', 'pipeline', '2026-01-05', 'Text', '012A', 'Bee'),
            ('crm', '2', 'pipeline', '2026-01-05', null, '0121', '0122'),
            ('crm', '2', 'pipeline', '2026-01-05', null, 'Renewal2', 'Renewal3'),
            ('crm', '3', 'pipeline', '2026-01-05', null, 'First', 'Second'),
            ('crm', '3', 'pipeline', '2026-01-05', null, 'Second', 'Kept');
    """
    met = {pipeline for pipeline, _, _ in stages_met(tmp_path, rows)}
    assert met == {"012A", "012B", "012C", "0121", "0122", "First", "Second", "Kept"}
