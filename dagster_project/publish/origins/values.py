"""A published value with the text that it was read from: the cell of the row that counts, and how it was read."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from dagster_project.publish.origins.rows import Row


@dataclass(frozen=True)
class Value:
    """A published value, and the text it was read from, with its delivery; without a text, what gives it."""

    column: str
    value: Any
    text: str | None = None
    canonical: str | None = None
    read_as: str | None = None
    file: str | None = None
    row_number: int | None = None
    extracted_at: datetime | None = None
    given_by: str | None = None


def columns_of(record: dict[str, Any]) -> dict[str, Any]:
    """Every published column of a record → its value; a field of the configuration is a column of its own."""
    fields = json.loads(record["fields"]) if record.get("fields") else {}
    return {column: value for column, value in record.items() if column != "fields"} | fields


def read_from(
    one: Value, entity: str, canonical: Collection[str], rows: list[Row], unreadable: Collection[str] = ()
) -> Value:
    """The value with its text: of the first of these canonical columns of which the record's current row, or else its
    history, has one. `unreadable`: columns whose text there gave no value."""
    found = _text(rows, entity, [name for name in canonical if name not in unreadable])
    if found is None:
        return one
    row, name, cell = found
    return replace(
        one,
        text=row.says[cell],
        canonical=name,
        read_as=row.read_as.get(cell),
        file=row.file,
        row_number=row.row_number,
        extracted_at=row.extracted_at,
        given_by=None,
    )


def plain(value: Any) -> Any:
    """As JSON takes it."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


def _text(rows: list[Row], entity: str, canonical: list[str]) -> tuple[Row, str, str] | None:
    """The row that tells a value, the canonical column, and the cell: that of the current row, else of its history."""
    standing = [row for row in rows if row.state == "current"]
    for row in standing:
        if row.entity == entity:
            return next(((row, name, name) for name in canonical if name in row.says), None)
    for row in reversed(standing):
        for name in canonical:
            if row.entity == "deal_versions" and name in row.says:
                return row, name, name
            if row.entity == "deal_changes" and row.says.get("field") == name and "new_value" in row.says:
                return row, name, "new_value"
    return None
