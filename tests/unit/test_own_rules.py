"""A team's own rule: a mistake in it names rule and key, any SQL will do, and each violation has a name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from dagster_project.config.load import read_configuration
from dagster_project.config.rules import OWN_SUITE, Check, checks, violations_sql
from dagster_project.errors import ConfigurationError
from dagster_project.quality.own_rules import check_own_rules, problem_of

TABLES = {
    "fct_deals": {"deal_key": "varchar", "source": "varchar", "account_key": "varchar", "amount": "decimal(18, 2)"},
    "fct_activities": {"activity_key": "varchar", "deal_key": "varchar", "direction": "varchar"},
}
RULE = {"table": "fct_deals", "severity": "warning", "broken_when": "amount > 1", "message": "{amount} is too much"}


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    nodes = {
        name: {
            "resource_type": "model",
            "schema": "marts",
            "name": name,
            "tags": [],
            "columns": {column: {"data_type": kind} for column, kind in columns.items()},
        }
        for name, columns in TABLES.items()
    }
    nodes["worklists"] = {**nodes["fct_deals"], "schema": "quality", "name": "worklists", "tags": ["after_checks"]}
    nodes["test"] = {"resource_type": "test", "schema": "tests", "name": "not_null_fct_deals_source"}
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"nodes": nodes}), encoding="utf-8")
    return path


def configured(folder: Path, **said: str) -> Path:
    path = folder / "pipeline.yml"
    sources = [{"name": "crm", "vendor": "pipedrive"}]
    rules = {"mine": {**RULE, **said}}
    path.write_text(yaml.safe_dump({"timezone": "UTC", "currency": "EUR", "rules": rules, "sources": sources}))
    return path


def own_check(path: Path) -> Check:
    (check,) = [check for check in checks(read_configuration(path)) if check.suite.suite == OWN_SUITE]
    return check


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"where": "amount > 0 -- nothing else", "observed": "amount -- so much", "allowed": "1 --"}, None),
        ({"record_key": "concat(deal_key, '{}') -- key"}, None),
        ({"broken_when": "regexp_matches(account_key, '^[A-Z]{3}$') and account_key like '%: x%'"}, None),
        ({"broken_when": "deal_key not in (select deal_key from marts.fct_activities)"}, None),
        ({"broken_when": "amount > (select avg(amount) from marts.fct_deals)"}, None),
        ({"broken_when": "amount > 1;"}, 'broken_when: Parser Error: syntax error at or near ";"'),
        ({"broken_when": "true); drop table marts.fct_deals; select (1"}, "broken_when: is more than one expression"),
        ({"broken_when": "amount, 1"}, "broken_when: is no condition, its value is of type STRUCT"),
        ({"where": "'open'"}, "where: is no condition, its value is of type VARCHAR"),
        ({"broken_when": "max(amount) > 1"}, "broken_when: Binder Error: WHERE clause cannot contain aggregates"),
        (
            {"broken_when": "direction = 'inbound'"},
            'broken_when: Binder Error: Referenced column "direction" not found',
        ),
        ({"observed": "max(amount)"}, "observed: Binder Error: column"),
        ({"allowed": "nothing"}, 'allowed: Binder Error: Referenced column "nothing"'),
        ({"record_key": "deal_key as key"}, "record_key: Parser Error"),
        ({"message": "{nobody}"}, 'message: Binder Error: Referenced column "nobody"'),
        ({"broken_when": "exists (select 1 from read_text('/etc/passwd'))"}, "broken_when: Permission Error"),
        ({"observed": "(select count(*) from read_csv('landing/**'))"}, "observed: Permission Error"),
        ({"allowed": "(select content from read_blob('https://localhost/x'))"}, "allowed: Permission Error"),
        ({"table": "fct_dials", "record_key": "deal_key"}, "table: there is no published table 'marts.fct_dials'"),
        # of which the rules are asked before there is one
        ({"table": "quality.worklists", "record_key": "deal_key"}, "table: there is no published table"),
        ({"table": "fct_dials"}, "record_key: the key of 'fct_dials' is not known"),
    ],
)
def test_what_is_no_sql_is_told_by_rule_and_key(
    tmp_path: Path, manifest: Path, said: dict[str, str], problem: str | None
) -> None:
    path = configured(tmp_path, **said)
    if problem is None:
        check_own_rules(read_configuration(path), manifest)
        return
    with pytest.raises(ConfigurationError) as raised:
        check_own_rules(read_configuration(path), manifest)
    assert f"rules.mine.{problem}" in str(raised.value)


@pytest.mark.parametrize("name", ["not_null_fct_deals_source", "fact_key_deal_key"])
def test_a_name_that_dagster_shows_already_is_refused(tmp_path: Path, manifest: Path, name: str) -> None:
    path = configured(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace("mine:", f"{name}:"), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=f"rules.{name}: there is a check of this name already"):
        check_own_rules(read_configuration(path), manifest)


def deals(*rows: tuple[Any, ...]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    columns = ", ".join(f"{name} {kind}" for name, kind in TABLES["fct_deals"].items())
    connection.execute(f"create schema marts; create table marts.fct_deals ({columns})")
    connection.executemany("insert into marts.fct_deals values (?, ?, ?, ?)", rows)
    return connection


@pytest.mark.parametrize("key", ["where", "broken_when"])
def test_what_only_tonight_s_rows_break_is_told_by_rule_and_key(tmp_path: Path, key: str) -> None:
    check = own_check(configured(tmp_path, **{key: "cast(account_key as integer) > 1"}))
    with deals(("crm:1", "crm", "7", 5)) as connection:
        assert problem_of(connection, check) is None
    with deals(("crm:1", "crm", "seven", 5)) as connection:
        assert str(problem_of(connection, check)).startswith(f"rules.mine.{key}: Conversion Error")


def test_rows_that_a_rule_does_not_look_at_are_not_what_stopped_the_night(tmp_path: Path) -> None:
    check = own_check(configured(tmp_path, where="deal_key = 'crm:1'", broken_when="cast(account_key as integer) > 1"))
    with deals(("crm:1", "crm", "7", 5), ("crm:2", "crm", "seven", 5)) as connection:
        assert problem_of(connection, check) is None


def test_rows_of_one_name_and_rows_without_a_name_are_one_violation_each(tmp_path: Path) -> None:
    check = own_check(configured(tmp_path, record_key="account_key", observed="amount"))
    rows = [("crm:1", "crm", "A", 5), ("crm:2", "crm", "A", 3), ("crm:3", "crm", None, 9), ("crm:4", "crm", "B", 2)]
    with deals(*rows) as connection:
        sql = violations_sql(check, ["crm"], set(TABLES["fct_deals"]))
        found = connection.execute(f"select record_key, observed, message from ({sql}) order by 1").fetchall()
    assert found == [
        ("A", "3.00", "3.00 is too much"),
        ("B", "2.00", "2.00 is too much"),
        ("no key", "9.00", "9.00 is too much"),
    ]
