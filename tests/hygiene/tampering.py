"""Critical rules would block the night that breaks them: they are planted in a copy of the databases it built."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from dagster_project.config.rules import Check, Gate
from tests.hygiene.planted import Planted


@dataclass(frozen=True)
class Tampering:
    """Statements on a copy of the databases, and what they break: its keys are found before they are run."""

    name: str
    check: Check
    statements: tuple[str, ...]
    planted: Planted


def tamperings(connection: duckdb.DuckDBPyConnection, checks: list[Check]) -> list[Tampering]:
    """For each gate a key that is missing and one that stands twice, and accounts that are off by a row each way."""
    found = []
    for check in checks:
        if isinstance(check.definition, Gate):
            found += _of_gate(connection, check, check.definition)
        elif check.rule == "row_balance":
            found.append(_of_accounts(connection, check))
        elif check.rule == "quarantine_share":
            found.append(_of_shares(connection, check))
    return found


def _of_gate(connection: duckdb.DuckDBPyConnection, check: Check, gate: Gate) -> list[Tampering]:
    table, column = gate.table, gate.column
    keys = [row[0] for row in connection.execute(f"select {column} from {table} order by 1 limit 2").fetchall()]
    first = _as_table(connection, table)
    copies = f"insert into {table} select * from {table} where {column} = '{keys[0]}'"
    nulls = f"update {table} set {column} = null where {column} = '{keys[1]}'"
    twice, missing, both = Planted(), Planted(), Planted()
    for planted in (twice, both):
        planted.judge(check.rule, f"{check.entity} {keys[0]}", True, 2, 1)
    for planted in (missing, both):
        planted.judge(check.rule, f"{check.entity} no {column}", True, 1, 1)
    twice.judge(check.rule, f"{check.entity} {keys[1]}", False)
    return [
        Tampering(f"{table}: {name}", check, (*first, *statements), planted)
        for name, statements, planted in [
            ("a key twice", (copies,), twice),
            ("a key missing", (nulls,), missing),
            ("a key twice and one missing", (copies, nulls), both),
        ]
    ]


def _as_table(connection: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    """What makes a table of a view, so that its rows can be changed."""
    *path, view = name.split(".")
    is_view = connection.execute(
        "select count(*) from duckdb_views() where schema_name = ? and view_name = ?", [path[-1], view]
    ).fetchone()
    if not is_view or not is_view[0]:
        return []
    tampered = ".".join([*path, "tampered"])
    return [
        f"create table {tampered} as select * from {name}",
        f"drop view {name}",
        f"alter table {tampered} rename to {view}",
    ]


#: Share of bad rows (0.05 is allowed), how many they are, whether of the newest delivery, whether confirmed.
_SHARES = (
    (0.05, 5, True, False),
    (0.06, 4, True, False),
    (0.06, 5, True, False),
    (0.06, 6, True, True),
    (0.06, 6, False, False),
    (0.05, 4, True, False),
    (0.06, 4, True, True),
    (0.06, 4, False, False),
)


def _of_shares(connection: duckdb.DuckDBPyConnection, check: Check) -> Tampering:
    """Shares and numbers of bad rows on both sides of what stops the publish, and of what is a warning only."""
    rows = connection.execute(f"select record_key from {check.table} order by 1 limit {len(_SHARES)}").fetchall()
    planted, statements = Planted(), list(_as_table(connection, check.table))
    for (key,), (share, bad, is_newest, is_confirmed) in zip(rows, _SHARES, strict=True):
        is_broken = share > 0.05 and is_newest and not is_confirmed
        planted.judge("quarantine_share", key, is_broken, share, 0.05)
        statements.append(
            f"update {check.table} set quarantine_share = {share}, max_quarantine_share = 0.05, unusable_rows = {bad}, "
            f"is_newest_loaded = {is_newest}, is_confirmed = {is_confirmed} where record_key = '{key}'"
        )
    return Tampering(f"{check.table}: {check.name}", check, tuple(statements), planted)


def _of_accounts(connection: duckdb.DuckDBPyConnection, check: Check) -> Tampering:
    rows = connection.execute(
        f"select source, feed, file, extracted_at from {check.table} order by 1, 2, 3, 4 limit 4"
    ).fetchall()
    planted, statements = Planted(), []
    for (source, feed, file, extracted_at), balance in zip(rows, (1, -1, 2, 0), strict=True):
        key = f"{source}:{feed}:{file}:{extracted_at:%Y-%m-%dT%H:%M:%SZ}"
        planted.judge(check.rule, key, balance != 0, balance, 0)
        statements.append(
            f"update {check.table} set balance = {balance} where source = '{source}' and feed = '{feed}' "
            f"and file = '{file}' and extracted_at = '{extracted_at}'"
        )
    return Tampering(check.table, check, tuple(statements), planted)
