"""Found is what was planted, exactly: none missed, none invented, for every rule."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from dagster_project.config.rules import Gate, checks
from tests.hygiene.planted import ANY, Planted
from tests.hygiene.prebuilt import Found, Prebuilt, found_in
from tests.hygiene.tampering import tamperings


@pytest.fixture(scope="session")
def evaluated(prebuilt: Prebuilt) -> Prebuilt:
    """After Great Expectations has judged every suite."""
    prebuilt.evaluated()
    return prebuilt


def differences(planted: Planted, found: Found) -> list[str]:
    """What was missed, what was invented, and what was found but told otherwise."""
    missed = [f"missed {what}: {planted.broken[what]}" for what in planted.broken.keys() - found.keys()]
    invented = [f"invented {what}: {found[what]}" for what in found.keys() - planted.broken.keys()]
    told = [
        f"{what} says {found[what]}, meant was {seen}"
        for what, seen in planted.broken.items()
        if what in found and any(meant not in (ANY, said) for meant, said in zip(seen, found[what], strict=True))
    ]
    return sorted([*missed, *invented, *told])


def test_found_is_what_was_planted(evaluated: Prebuilt) -> None:
    found = differences(evaluated.planted, found_in(evaluated))
    assert not found, "\n".join(found[:40])


def test_what_an_owner_does_often_is_a_warning_and_else_a_note(evaluated: Prebuilt) -> None:
    most = evaluated.settings.config.thresholds.max_rewritten_deals
    with evaluated.opened() as connection:
        rows = connection.execute(
            "select source, owner_key, severity, count(*) from work.checks.violations "
            "where rule = 'history_rewritten' group by all"
        ).fetchall()
    assert all(severity == ("warning" if found > most else "info") for _, _, severity, found in rows), rows
    assert {severity for *_, severity, _ in rows} == {"warning", "info"}


def test_rules_do_not_apply_where_a_column_is_not_delivered(evaluated: Prebuilt) -> None:
    meant = {(rule, source.name) for source in evaluated.sources for rule in source.not_applied}
    with evaluated.opened() as connection:
        rows = connection.execute(
            "select concat(suite, '.', expectation), not_applied_to from work.checks.results "
            "where not_applied_to is not null"
        ).fetchall()
    said = {(rule, source) for rule, sources in rows for source in sources.split(", ")}
    assert said == meant


def test_checks_count_what_they_list(evaluated: Prebuilt) -> None:
    """In `checks.results`, which the model check_results hands on."""
    with evaluated.opened() as connection:
        counted = connection.execute("select sum(unexpected) from work.checks.results").fetchone()
        wrong = connection.execute(
            "select expectation from work.checks.results where success != (unexpected = 0) or unexpected > evaluated"
        ).fetchall()
    assert counted == (len(found_in(evaluated)),)
    assert wrong == []


def test_every_rule_is_planted_on_both_sides_of_its_limit(prebuilt: Prebuilt) -> None:
    planted = prebuilt.planted
    with prebuilt.opened() as connection:
        for tampering in tamperings(connection, checks(prebuilt.settings.config)):
            planted.near |= tampering.planted.near
            planted.broken.update(tampering.planted.broken)
    sides = planted.by_rule()
    rules = {check.rule for check in checks(prebuilt.settings.config)}
    assert {rule for rule in rules if min(sides.get(rule, (0, 0))) == 0} == set()


def test_critical_rules_in_tampered_databases(prebuilt: Prebuilt, tmp_path: Path) -> None:
    """Every gate meets a key that stands twice and one that is missing, and accounts are off by a row each way."""
    tampered = prebuilt.copied(tmp_path / "tampered")
    meant = prebuilt.planted
    with tampered.opened() as connection:
        for tampering in _last_of_each_check(connection, prebuilt):
            for statement in tampering.statements:
                connection.execute(statement)
            meant.add(tampering.planted)
    results = tampered.evaluated()
    found = differences(meant, found_in(tampered))
    assert not found, "\n".join(found[:40])
    stopped = {result.check.shown_table for result in results if result.stops_the_publish}
    gates = {check.shown_table for check in checks(prebuilt.settings.config) if isinstance(check.definition, Gate)}
    assert stopped >= gates | {"quality.row_accounting"}


def _last_of_each_check(connection: duckdb.DuckDBPyConnection, prebuilt: Prebuilt) -> list:
    """Of several of one check the one that does everything at once; not what other rules of deliveries look at too."""
    planned = [
        tampering
        for tampering in tamperings(connection, checks(prebuilt.settings.config))
        if tampering.check.rule != "quarantine_share"
    ]
    return list({tampering.check.shown_table: tampering for tampering in planned}.values())
