"""Rules and keys, counted by Great Expectations on DuckDB: any SQL as it is written, and every table asked once."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from dagster_project.config.load import read_configuration
from dagster_project.config.rules import Check, Gate, Rule, Suite
from dagster_project.quality import evaluate as evaluation
from dagster_project.quality.evaluate import _offenders, evaluate
from dagster_project.quality.lazy_imports import imported_when_used
from dagster_project.run.results import Result
from dagster_project.transform.check_tables import create_check_tables
from tests.conftest import PROJECT

TABLE = "marts.fct_deals"
#: What means something to Python, SQLAlchemy or Great Expectations, and nothing in SQL's quotes.
WORDS = ["%", "%s", "%(x)s", ":a", "\\:a", "{b}", "{}", "$1", "?", "\\n"]
KEYS = ["a", "a", "b", None, None, *WORDS]


def rule(name: str, broken_when: str, where: str = "true") -> Rule:
    return Rule(
        rule=name,
        severity="warning",
        says="",
        where=where,
        broken_when=broken_when,
        observed="1",
        allowed="2",
        message="is {deal_key}",
        record_key="coalesce(deal_key, 'z')",
    )


RULES = [
    rule("as_written", " or ".join(f"deal_key = '{word}'" for word in WORDS)),
    rule("comment", "deal_key = 'b' -- {batch} :a 100%", where="deal_key is not null -- or {so} it is said"),
    rule("braces", "regexp_matches(deal_key, '^[a-z]{1}$')"),
    rule("query_of_its_own", f"deal_key not in (select deal_key from {TABLE} where deal_key != 'a')"),
    rule("kept", "deal_key = 'c'"),
]
GATE = Gate(rule="fact_key", severity="critical", table=TABLE, asset=TABLE, column="deal_key")


@dataclass
class Found:
    """What a night's checks found, and the queries that they asked."""

    results: dict[str, Result]
    violations: list[tuple[str, str]]
    queries: list[str]


def evaluated(folder: Path, keys: list[str | None]) -> Found:
    rules = Suite(suite="deals", table=TABLE, asset=TABLE, entity="deals", rules=RULES)
    gates = Suite(suite="gate_facts", gates=[GATE])
    planned = [
        *(Check(rules, one.rule, one.severity, TABLE, TABLE, "", "", one) for one in RULES),
        Check(gates, GATE.rule, GATE.severity, TABLE, TABLE, "", "", GATE),
    ]
    connection = duckdb.connect(str(folder / "pipeline.duckdb"))
    connection.execute("attach ':memory:' as work; use work; create schema config; create schema checks")
    create_check_tables(connection)
    connection.execute("create table config.delivered_columns (source varchar, entity varchar, column_name varchar)")
    connection.execute("create table config.run as select timestamp '2026-01-01 00:00:00' as as_of")
    connection.execute("use pipeline; create schema marts")
    connection.execute(
        f"create table {TABLE} as select unnest(cast($keys as varchar[])) as deal_key, 'crm' as source, "
        "deal_key as deal_name, cast(7 as decimal(18, 2)) as amount_reporting",
        {"keys": keys},
    )
    connection.execute("create table marts.fct_leads (lead_key varchar, lead_name varchar)")
    connection.execute("create table marts.dim_owners (owner_key varchar, owner_name varchar)")
    with duckdb.connect(str(folder / "pipeline.duckdb")) as beside:
        beside.execute("call enable_logging('QueryLog')")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(evaluation, "checks", lambda _: planned)
            results = evaluate(read_configuration(PROJECT / "pipeline.yml"), connection, folder / "data_docs")
        violations = beside.execute("select rule, record_key from work.checks.violations order by all").fetchall()
        asked = beside.execute(f"select message from duckdb_logs where contains(message, 'from {TABLE}')").fetchall()
    return Found({result.check.rule: result for result in results}, violations, [query for (query,) in asked])


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return evaluated(tmp_path_factory.mktemp("checks"), KEYS)


def test_a_rule_is_any_sql_as_it_is_written(found: Found) -> None:
    counted = {name: (result.evaluated, result.unexpected, result.example) for name, result in found.results.items()}
    assert counted == {
        "as_written": (len(KEYS), len(WORDS), "$1 is $1"),
        "comment": (len(KEYS) - 2, 1, "b is b"),
        "braces": (len(KEYS), 3, "a is a"),
        "query_of_its_own": (len(KEYS), 2, "a is a"),
        "kept": (len(KEYS), 0, None),
        "fact_key": (len(KEYS), 4, f"a stands 2 times in {TABLE}"),
    }


def test_what_is_stored_is_what_was_counted(found: Found) -> None:
    stored = [name for name, _ in found.violations if name != "fact_key"]
    assert {name: stored.count(name) for name in set(stored)} == {
        name: result.unexpected for name, result in found.results.items() if result.unexpected and name != "fact_key"
    }
    # of a gate one for each key
    assert [key for name, key in found.violations if name == "fact_key"] == ["a", "no deal_key"]


def test_rules_of_a_table_are_counted_by_one_query_and_stored_by_one(found: Found) -> None:
    of_rules = [query for query in found.queries if "= 'b' --" in query]
    assert [query.split(" ", 1)[0].lower() for query in of_rules] == ["select", "create"]


@pytest.mark.parametrize(
    ("keys", "unexpected"),
    [(["a", "b"], 0), ([], 0), ([None], 1), (["a", None], 1), (["a", "a", None], 3), (["a", "b", "a", "b", "a"], 5)],
)
def test_keys_missing_or_repeated_are_counted_by_rows(tmp_path: Path, keys: list[str | None], unexpected: int) -> None:
    found = evaluated(tmp_path, keys)
    assert (found.results["fact_key"].evaluated, found.results["fact_key"].unexpected) == (len(keys), unexpected)


def test_the_worst_twenty_of_a_check_are_those_with_the_largest_amount() -> None:
    with duckdb.connect() as connection:
        connection.execute(
            "create schema marts; create table marts.dim_owners as select 'o' as owner_key, 'Ada' as owner_name"
        )
        connection.execute("create table marts.fct_leads as select 'd1' as lead_key, 'Lena' as lead_name")
        connection.execute(
            "create table marts.fct_deals as select concat('d', i) as deal_key, concat('Deal ', i) as deal_name, "
            "cast(case when i % 2 = 0 then i end as decimal(18, 2)) as amount_reporting from range(1, 31) as t (i)"
        )
        connection.execute(
            "create temp table broken as select 'of deals' as check_key, 'deals' as entity, "
            "concat('d', i) as record_key, 'o' as owner_key, 'is stale' as message from range(1, 31) as t (i) "
            "union all select 'of leads', 'leads', 'd1', null, 'is dead' "
            "union all select 'of rows', 'rows', 'd1', 'x', null"
        )
        found = _offenders(connection)
    deals = found["of deals"]
    assert [one.record_key for one in deals] == [
        *(f"d{number}" for number in range(30, 1, -2)),
        *("d1", "d11", "d13", "d15", "d17"),
    ], "then by key"
    assert (deals[0].record_name, deals[0].owner_name, deals[0].amount) == ("Deal 30", "Ada", 30)
    assert [(one.record_name, one.owner_name, one.amount) for one in found["of leads"]] == [("Lena", None, None)]
    assert [(one.record_name, one.owner_name, one.message) for one in found["of rows"]] == [(None, "x", "")]


def test_a_module_put_off_is_loaded_when_something_of_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "put_off_here.py").write_text("print('loaded')\nthing = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    with imported_when_used("put_off_here"):
        import put_off_here
    assert not capsys.readouterr().out
    assert put_off_here.thing == 1
    assert capsys.readouterr().out == "loaded\n"


def test_great_expectations_comes_without_what_it_uses_for_other_expectations() -> None:
    script = (
        "import sys\nfrom dagster_project.quality.evaluate import preload\npreload()\n"
        "print([name for name in sys.modules if name.startswith(('altair.', 'scipy.stats.'))])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=PROJECT)
    assert done.stdout == "[]\n"
