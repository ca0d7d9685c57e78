"""A published figure with its records: what each way of tracing returns, and how a person reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import duckdb


@dataclass(frozen=True)
class Listed:
    """A record of a part: what it adds to it."""

    part: str
    entity: str
    record_key: str
    name: str | None
    adds: float


@dataclass(frozen=True)
class Traced:
    """A published figure, how it is computed, its records, and what they give.

    `computed` is None where the figure is unknown, and where records alone do not give it.
    """

    metric: str
    month: date
    grain: str
    grain_value: str | None
    published: float | None
    formula: str
    records: list[Listed]
    computed: float | None

    @property
    def plain(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {**asdict(self), "month": self.month.isoformat()}


def from_sums(connection: duckdb.DuckDBPyConnection, parts: Iterable[str], records: list[Listed], asked: str) -> Any:
    """An expression over the parts' sums, from the listed records alone; None where it is not defined."""
    sums = {part: sum(one.adds for one in records if one.part == part) for part in parts}
    values = ", ".join(f"cast({total!r} as double) as {part}" for part, total in sums.items())
    row = connection.execute(f"select {asked} from (select {values})").fetchone()
    return None if row is None or row[0] is None else float(row[0])


def text(traced: Traced) -> Iterator[str]:
    """As a person reads it."""
    where = traced.grain if traced.grain == "all" else f"{traced.grain} {traced.grain_value or '(none)'}"
    yield f"{traced.metric}, {traced.month:%Y-%m}, {where}: {_said(traced.published)} = {traced.formula}"
    if traced.published is None and traced.computed is None and not traced.records:
        yield "  no record counts here, or the figure is not defined for this grain"
    for part in dict.fromkeys(one.part for one in traced.records):
        of_part = [one for one in traced.records if one.part == part]
        yield f"  {part}: {_said(sum(one.adds for one in of_part))}"
        for one in of_part:
            adds = "" if one.adds == 1 else f"  {_said(one.adds)}"
            yield f"    {one.record_key}  {one.name or ''}{adds}"


def _said(value: float | None) -> str:
    if value is None:
        return "unknown"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.6g}" if abs(value) < 1000 else f"{value:,.2f}"
