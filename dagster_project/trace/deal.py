"""`dealtrail trace deal <key>`: a deal's whole life, with the row and the text that each published value came from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import duckdb

from dagster_project.config.load import Settings
from dagster_project.errors import ConfigurationError
from dagster_project.publish.deals.lives import Life, lives
from dagster_project.publish.deals.pages import Page
from dagster_project.publish.owners.links import crm_links


def life(connection: duckdb.DuckDBPyConnection, settings: Settings, key: str, as_of: datetime) -> Life:
    """The life of a published deal, named by its key or id. Raises ConfigurationError where there is none of it."""
    found = [
        row[0]
        for row in connection.execute(
            "select deal_key from marts.fct_deals where deal_key = ? or deal_id = ? order by deal_key", [key, key]
        ).fetchall()
    ]
    if not found:
        raise ConfigurationError(
            f"no deal '{key}' is published; a key is <source>:<id>, such as one that `dealtrail trace deals_won` lists"
        )
    if len(found) > 1 and key not in found:
        raise ConfigurationError(f"several sources have the deal '{key}': {', '.join(found)}")
    wanted = [key if key in found else found[0]]
    (told,) = lives(connection, settings.config, settings.warehouse_dir / "lake", wanted, as_of)
    return told


def page(told: Life, settings: Settings, as_of: datetime) -> str:
    """As one HTML file that asks the network for nothing."""
    return Page(settings.config, as_of, crm_links(settings.config)).of(told)


def text(told: Life) -> Iterator[str]:
    """As a person reads it."""
    name = next(one.value for one in told.values if one.column == "deal_name")
    yield f"{told.deal_key}  {name or ''}"
    yield ""
    yield "published"
    width = max(len(one.column) for one in told.values)
    for one in told.values:
        if one.value is None:
            continue
        origin = ""
        if one.text is not None:
            how = f": {one.read_as}" if one.read_as else ""
            origin = (
                f"  ← '{one.text}' ({one.canonical}{how}) {one.file}, row {one.row_number}, "
                f"delivered {one.extracted_at}"
            )
        elif one.given_by is not None:
            origin = f"  ← {one.given_by}"
        yield f"  {one.column:{width}}  {one.value}{origin}"
    yield from _listed("its history", told.transitions, _transition)
    yield from _listed("other changes", told.changes, _field_change)
    yield from _listed("rules that it broke", told.violations, _violation)
    yield from _listed(
        "changed since the last publication",
        told.restatements,
        lambda one: f"{one['cause']}: {_change(one['field'], one['before'], one['now'])}, in figures of {_months(one)}",
    )
    yield ""
    yield "rows"
    for row in told.rows:
        said = ", ".join(f"{column}: {value}" for column, value in row.says.items() if column != "deal_id")
        again = f" (and {row.again} more that say the same)" if row.again else ""
        yield f"  {row.extracted_at}  {row.file}, row {row.row_number}  {row.entity}, {row.state}{again}: {said}"


def _listed(title: str, rows: list[dict[str, Any]], line: Any) -> Iterator[str]:
    if rows:
        yield ""
        yield title
        yield from (f"  {line(one)}" for one in rows)


def _change(name: str, before: str | None, now: str | None) -> str:
    return f"{name} {before or 'none'} → {now or 'none'}"


def _field_change(one: dict[str, Any]) -> str:
    return f"{one['changed_at']}  {_change(one['field'], one['old_value'], one['new_value'])}  ({one['evidence']})"


def _months(one: dict[str, Any]) -> str:
    first, last = one["first_month"], one["last_month"]
    return f"{first:%Y-%m}" if first == last else f"{first:%Y-%m} to {last:%Y-%m}"


def _transition(one: dict[str, Any]) -> str:
    came = f"{one['from_stage']} → " if one["from_stage"] else ""
    return f"{one['transitioned_at']}  {one['direction']}: {came}{one['to_stage']}  ({one['evidence']})"


def _violation(one: dict[str, Any]) -> str:
    until = f"until {one['resolved_on']}" if one["resolved_on"] else "open"
    return f"{one['rule']} ({one['severity']}), since {one['first_seen_on']}, {until}: {one['message']}"
