"""Fields that a configuration adds to the canonical columns: read by their kind, and as they are published."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .currencies import money
from .mapping import Row
from .values import Dates, boolean, number

if TYPE_CHECKING:
    from .crm import Crm

Kinds = Mapping[str, str]
#: Text of each field that a record has, by name.
Texts = dict[str, str]


def text_of(kind: str, cell: str | None, dates: Dates, currency: str) -> str | None:
    """A cell as its kind says it is, as text: money to the cent, days and moments ISO 8601; None: not to be read.

    `currency` is that of the record: an amount that names another one is none.
    """
    if not cell or kind == "text":
        return cell or None
    if kind == "boolean":
        said = boolean(cell)
        return None if said is None else str(said).lower()
    if kind == "amount":
        shown = money(cell, currency, currency)
        return str(shown.amount) if shown else None
    if kind == "number":
        value = number(cell)
        return None if value is None else str(int(value)) if value == value.to_integral_value() else str(float(value))
    if kind == "date":
        day = dates.day(cell) or dates.day(f"{cell}-01")
        return str(day) if day else None
    moment = dates.moment(cell)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def texts_of(crm: Crm, entity: str, row: Row, dates: Dates, currency: str | None = None) -> Texts:
    """What a row has of the fields of its entity."""
    read = {
        name: text_of(kind, row.get(name), dates, currency or crm.source.currency)
        for name, kind in crm.config.fields_of(entity).items()
    }
    return {name: text for name, text in read.items() if text is not None}


def published(texts: Texts, kinds: Kinds) -> str | None:
    """The column `fields`: one JSON object, its keys in order."""
    bare = ("amount", "number", "boolean")
    said = [
        f'"{name}":{text if kinds[name] in bare else json.dumps(text, ensure_ascii=False)}'
        for name, text in sorted(texts.items())
    ]
    return "{" + ",".join(said) + "}" if said else None


def wide(fields: str | None, kinds: Kinds, prefix: str = "") -> dict[str, Any]:
    """The columns of a wide view, of what the column `fields` says."""
    said = json.loads(fields or "{}", parse_float=Decimal, parse_int=Decimal)
    return {prefix + name: _typed(kind, said.get(name)) for name, kind in kinds.items()}


def _typed(kind: str, value: Any) -> Any:
    if value is None or kind in ("text", "boolean", "amount"):
        return value
    if kind == "number":
        return float(value)
    return date.fromisoformat(value) if kind == "date" else datetime.fromisoformat(value)
