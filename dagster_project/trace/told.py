"""What is told of any record, as a person reads it: its values with their texts, the rules it broke, its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from dagster_project.publish.origins.rows import Row, Rows
from dagster_project.publish.origins.values import Value


def published(values: Iterable[Value]) -> Iterator[str]:
    """Each value that is known, with the text it was read from, or what gives it."""
    known = [one for one in values if one.value is not None]
    yield "published"
    width = max((len(one.column) for one in known), default=0)
    for one in known:
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


def listed(title: str, rows: Rows, line: Callable[[dict[str, Any]], str]) -> Iterator[str]:
    """A list under its title; nothing of none."""
    if rows:
        yield ""
        yield title
        yield from (f"  {line(one)}" for one in rows)


def broken_and_restated(violations: Rows, restatements: Rows) -> Iterator[str]:
    """The rules that a record broke, and what of it changed figures of past months."""
    yield from listed("rules that it broke", violations, violation)
    yield from listed(
        "changed since the last publication",
        restatements,
        lambda one: f"{one['cause']}: {change(one['field'], one['before'], one['now'])}, in figures of {_months(one)}",
    )


def rows_of_it(rows: Iterable[Row], key: str) -> Iterator[str]:
    """The rows that tell of a record, without its key, which each of them has."""
    yield "rows"
    for row in rows:
        cells = [f"{column}: {text}" for column, text in row.says.items() if column != key]
        cells += [f"{column}: an error, {text}" for column, text in row.unreadable.items()]
        again = f" (and {row.again} more that say the same)" if row.again else ""
        place = f"{row.extracted_at}  {row.file}, row {row.row_number}  {row.entity}, {row.state}{again}"
        yield f"  {place}: {', '.join(cells)}"


def change(name: str | None, before: str | None, now: str | None) -> str:
    """What something was and is."""
    return f"{name or 'record'} {before or 'none'} → {now or 'none'}"


def violation(one: dict[str, Any]) -> str:
    """A violation in a line."""
    until = f"until {one['resolved_on']}" if one["resolved_on"] else "open"
    return f"{one['rule']} ({one['severity']}), since {one['first_seen_on']}, {until}: {one['message']}"


def _months(one: dict[str, Any]) -> str:
    first, last = one["first_month"], one["last_month"]
    return f"{first:%Y-%m}" if first == last else f"{first:%Y-%m} to {last:%Y-%m}"
