"""Nested records as flat columns: {"owner": {"name": …}} has the heading `owner.name`; lists are joined to a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dagster_project.read.tables import UNREADABLE
from dagster_project.sql import text


@dataclass(frozen=True)
class Value:
    """What is no object and no list; `kind` is the format's own name of its type."""

    kind: str


@dataclass(frozen=True)
class Elements:
    """A list, and what its elements are."""

    of: Node


Node = Value | Elements | dict[str, "Node"]
Path = tuple[str, ...]


@dataclass(frozen=True)
class Column:
    """A value of a record: the keys that lead to it, cut where a list lies between."""

    heading: str
    steps: tuple[Path, ...]
    kind: str


#: Kinds of numbers, as DuckDB calls those of JSON and of Parquet.
_NUMBERS = {"double", "float", "decimal", "tinyint", "smallint", "integer", "bigint", "hugeint"}


def is_number(column: Column) -> bool:
    """Whether the format itself says that a column holds numbers, which are then read one way only."""
    return len(column.steps) == 1 and column.kind.lower().removeprefix("u") in _NUMBERS


@dataclass(frozen=True)
class Access:
    """How a format's SQL gets at a part of a value: `list_at` as a list, `text_at` as text of that kind."""

    list_at: Callable[[str, Path], str]
    text_at: Callable[[str, Path, str], str]


def columns(record: dict[str, Node]) -> list[Column]:
    """A record's columns in order. An object `properties` is a wrapper: its keys stand for themselves."""
    found = []
    for key, node in record.items():
        for steps, kind in _leaves(node, (key,)):
            keys = [key for step in steps for key in step]
            if keys[0] == "properties" and len(steps[0]) > 1:
                keys = keys[1:]
            found.append(Column(".".join(keys), steps, kind))
    return found


def _leaves(node: Node, path: Path) -> Iterator[tuple[tuple[Path, ...], str]]:
    if isinstance(node, Value):
        yield (path,), node.kind
    elif isinstance(node, Elements):
        for steps, kind in _leaves(node.of, ()):
            yield (path, *steps), kind
    else:
        for key, child in node.items():
            yield from _leaves(child, (*path, key))


def expression(column: Column, base: str, access: Access, separator: str) -> str:
    """SQL for a column's text; values of lists joined by `separator` (a SQL literal), NULL where there is none."""
    if len(column.steps) == 1:
        return access.text_at(base, column.steps[0], column.kind)
    return joined(_list(column.steps, column.kind, base, access, 0), separator)


def joined(values: str, separator: str) -> str:
    """SQL for a list of texts as one; a value in it that cannot be read makes the whole unreadable."""
    together = f"nullif(array_to_string({values}, {separator}), '')"
    mark = text(UNREADABLE)
    unreadable = f"concat({mark}, replace({together}, {mark}, ''))"
    return f"case when contains({together}, {mark}) then {unreadable} else {together} end"


def _list(steps: tuple[Path, ...], kind: str, base: str, access: Access, depth: int) -> str:
    here, *rest = steps
    element = f"element_{depth}"
    if len(rest) == 1:
        inner = access.text_at(element, rest[0], kind)
    else:
        inner = _list(tuple(rest), kind, element, access, depth + 1)
    mapped = f"list_transform({access.list_at(base, here)}, lambda {element}: {inner})"
    return mapped if len(rest) == 1 else f"flatten({mapped})"


def plain_number(value: str) -> str:
    """SQL for a number as a person writes it: no exponent, no `.0` behind a whole number, no digit lost."""
    decimal = f"cast(try_cast({value} as decimal(38, 18)) as varchar)"
    return (
        f"case when contains(lower({value}), 'e') then "
        f"coalesce(rtrim(rtrim({decimal}, '0'), '.'), cast(try_cast({value} as hugeint) as varchar), {value}) "
        f"else regexp_replace({value}, '\\.0+$', '') end"
    )
