"""Fields of a team's own: refused where they cannot be, read like columns, and told of where they stand."""

import json
from pathlib import Path

import duckdb
import pytest

from dagster_project.config.entities import entities_as_json
from dagster_project.config.fields import FieldKind, field_sql
from dagster_project.config.load import read_configuration
from dagster_project.config.rules import checks
from dagster_project.errors import ConfigurationError
from dagster_project.lake.mapping import mapping_version
from dagster_project.quality.own_rules import problem_of

CONFIG = """
timezone: UTC
currency: EUR
sources:
  - name: crm
    feeds:
      deals:
        entity: deals
        files: ["deals*.csv"]
        columns: {deal_id: id, stage: stage}
        fields: {region: {from: [Region__c, Region]}, seats: {from: Seats, kind: number}}
    pipelines:
      - name: default
        stages: [{name: New, canonical: prospecting, required: [owner]}, {name: Won, canonical: won}]
  - name: erp
    feeds:
      clients:
        entity: accounts
        files: ["clients*.csv"]
        columns: {account_id: id}
        fields: {tier: {from: [Tier]}}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "pipeline.yml"
    path.write_text(text, encoding="utf-8")
    return path


def mistake(folder: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as raised:
        read_configuration(write(folder, text))
    return str(raised.value)


def test_a_configuration_knows_its_fields(tmp_path: Path) -> None:
    config = read_configuration(write(tmp_path, CONFIG + "grains: [deals.region]\n"))
    assert config.fields == {"deals": {"region": "text", "seats": "number"}, "accounts": {"tier": "text"}}
    assert config.grain_fields == ["region"]
    feed = config.sources[0].feeds["deals"]
    assert feed.mapped["region"] == ["Region__c", "Region"]
    assert feed.kinds["seats"] == "number" and feed.kinds["amount"] == "amount"
    told = json.loads(entities_as_json(config.fields, config.grain_fields))
    assert told["deals"]["fields"] == config.fields["deals"] and told["deals"]["grains"] == ["region"]
    assert told["leads"]["fields"] == {} and told["leads"]["grains"] == []


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("Region: {from: [x]}", "'Region': a field is named with small letters, digits and _"),
        ("amount: {from: [x]}", "fields.amount: is a canonical column of deals; map it under columns"),
        ("order: {from: [x]}", "'order' is a word of SQL; give the field another name, such as crm_order"),
        ("owner_name: {from: [x]}", "deals_wide has a column 'owner_name' already"),
        ("account_tier: {from: [x]}", "'tier' of accounts is the column 'account_tier' of deals_wide, and so is"),
        ("owner: {from: [x]}", "'owner' of deals means another thing already"),
        ("region: {}", "'from' is missing"),
        ("region: {from: []}", "fields.region.from: List should have at least 1 item"),
        ("region: {from: [x], kind: money}", "Input should be 'text', 'boolean', 'amount', 'number', 'date' or"),
        ("region: {from: [x], sort: 1}", "unknown key 'sort'; allowed: from, kind"),
        ("region: {from: ['*']}", "fields.region: '*' would be any heading"),
    ],
)
def test_what_a_field_cannot_be(field: str, said: str, tmp_path: Path) -> None:
    fields = "fields: {region: {from: [Region__c, Region]}, seats: {from: Seats, kind: number}}"
    assert said in mistake(tmp_path, CONFIG.replace(fields, f"fields: {{{field}}}"))


def test_one_field_is_of_one_kind(tmp_path: Path) -> None:
    other = """
      clients:
        entity: deals
        files: ["clients*.csv"]
        columns: {deal_id: id, stage: stage}
        fields: {region: {from: [Tier], kind: boolean}}
"""
    text = CONFIG[: CONFIG.index("\n      clients:")]
    assert (
        "sources.erp.feeds.clients.fields.region: is a boolean, but sources.crm.feeds.deals.fields.region says text"
        in mistake(tmp_path, text + other)
    )
    read_configuration(write(tmp_path, text + other.replace("boolean", "text")))


@pytest.mark.parametrize("entity", ["spend", "deal_changes"])
def test_only_records_with_a_table_have_fields(entity: str, tmp_path: Path) -> None:
    assert f"fields: {entity} have none; only deals, leads, accounts, owners, activities have" in mistake(
        tmp_path, CONFIG.replace("entity: deals", f"entity: {entity}").replace("stage: stage", "amount: stage")
    ).replace("'deal_id'", "")


@pytest.mark.parametrize(
    ("grains", "said"),
    [
        ("[deals.size]", "grains: 'deals.size' is no field of deals; allowed: deals.region"),
        ("[accounts.tier]", "grains: 'accounts.tier' is no field of deals; allowed: deals.region"),
        ("[deals.seats]", "grains: 'deals.seats' is of kind number; a grain is of kind text or boolean"),
        ("[deals.region, deals.region]", "grains: one is named twice"),
    ],
)
def test_what_a_grain_cannot_be(grains: str, said: str, tmp_path: Path) -> None:
    assert said in mistake(tmp_path, f"{CONFIG}grains: {grains}\n")


def test_a_stage_can_require_a_field(tmp_path: Path) -> None:
    read_configuration(write(tmp_path, CONFIG.replace("required: [owner]", "required: [owner, region]")))
    said = mistake(tmp_path, CONFIG.replace("required: [owner]", "required: [regoin]"))
    assert "stage 'New' of pipeline 'default' requires 'regoin', which is no field; allowed: amount," in said
    assert "region, seats" in said


def test_personal_data_of_a_field_is_dropped_or_hashed(tmp_path: Path) -> None:
    with_pii = CONFIG.replace("kind: number}}", "kind: number}}\n        personal_data: {region: hash, seats: drop}")
    feed = read_configuration(write(tmp_path, with_pii)).sources[0].feeds["deals"]
    assert feed.personal_data == {"region": "hash", "seats": "drop"}
    assert "'seats' is a number; drop it instead" in mistake(tmp_path, with_pii.replace("seats: drop", "seats: hash"))


def test_files_are_read_again_when_a_field_comes_and_not_for_a_feed_without(tmp_path: Path) -> None:
    """A mapping without fields says nothing of them, so that nothing in a lake is read anew."""
    crm, erp = read_configuration(write(tmp_path, CONFIG)).sources
    without = read_configuration(
        write(tmp_path, CONFIG.replace("        fields: {region: {from: [Region__c, Region]}, ", "        #"))
    ).sources
    assert mapping_version(crm, crm.feeds["deals"]) != mapping_version(without[0], without[0].feeds["deals"])
    assert mapping_version(erp, erp.feeds["clients"]) == mapping_version(without[1], without[1].feeds["clients"])


RULE = """
rules:
  large:
    table: fct_deals
    severity: info
    where: region in ('Nord', 'Ost')
    broken_when: seats > 10
    observed: seats
    message: "{seats} seats in {region}"
"""


def test_own_rules_see_fields_as_columns(tmp_path: Path) -> None:
    config = read_configuration(write(tmp_path, CONFIG + RULE))
    (check,) = [check for check in checks(config) if check.rule == "large"]
    columns = "deal_key varchar, source varchar, pipeline varchar, owner_key varchar, fields varchar"
    with duckdb.connect() as connection:
        connection.execute(f"create schema marts; create table marts.fct_deals ({columns})")
        assert problem_of(connection, check) is None
    wrong = read_configuration(write(tmp_path, CONFIG + RULE.replace("broken_when: seats", "broken_when: seets")))
    (check,) = [check for check in checks(wrong) if check.rule == "large"]
    with duckdb.connect() as connection:
        connection.execute(f"create schema marts; create table marts.fct_deals ({columns})")
        assert "rules.large.broken_when" in str(problem_of(connection, check)) and "seets" in str(
            problem_of(connection, check)
        )


@pytest.mark.parametrize(
    ("kind", "written", "read"),
    [
        ("text", '"a, \\"x\\":1"', 'a, "x":1'),
        ("boolean", "true", "true"),
        ("amount", "1234567890123456.78", "1234567890123456.78"),
        ("number", "2.5", "2.5"),
        ("date", '"2026-01-31"', "2026-01-31"),
        ("timestamp", '"2026-01-31T02:00:00Z"', "2026-01-31 02:00:00"),
    ],
)
def test_a_field_is_taken_out_as_it_was_put_in(kind: FieldKind, written: str, read: str) -> None:
    fields = f'{{"w":{written},"x":{written},"y":null}}'
    found = duckdb.execute(
        f"select cast({field_sql('x', kind)} as varchar), {field_sql('none', kind)} from (select ? as fields)", [fields]
    ).fetchone()
    assert found == (read, None)
