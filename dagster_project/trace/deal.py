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
from dagster_project.trace.record import key_of, no_record
from dagster_project.trace.told import broken_and_restated, change, listed, published, rows_of_it


def life(connection: duckdb.DuckDBPyConnection, settings: Settings, key: str, as_of: datetime) -> Life:
    """The life of a published deal, named by its key or id. Raises ConfigurationError where there is none of it."""
    found = key_of(connection, "deal", key)
    if found is None:
        raise ConfigurationError(no_record(connection, "deal", key))
    (told,) = lives(connection, settings.config, settings.warehouse_dir / "lake", [found], as_of)
    return told


def page(told: Life, settings: Settings, as_of: datetime) -> str:
    """As one HTML file that asks the network for nothing."""
    return Page(settings.config, as_of, crm_links(settings.config)).of(told)


def text(told: Life) -> Iterator[str]:
    """As a person reads it."""
    yield f"{told.deal_key}  {told.value('deal_name') or ''}"
    yield ""
    yield from published(told.values)
    yield from listed("its history", told.transitions, _transition)
    yield from listed("other changes", told.changes, _field_change)
    yield from broken_and_restated(told.violations, told.restatements)
    yield ""
    yield from rows_of_it(told.rows, "deal_id")


def _field_change(one: dict[str, Any]) -> str:
    return f"{one['changed_at']}  {change(one['field'], one['old_value'], one['new_value'])}  ({one['evidence']})"


def _transition(one: dict[str, Any]) -> str:
    came = f"{one['from_stage']} → " if one["from_stage"] else ""
    return f"{one['transitioned_at']}  {one['direction']}: {came}{one['to_stage']}  ({one['evidence']})"
