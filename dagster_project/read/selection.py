"""SQL from a file's cells to the canonical columns of the lake."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from dagster_project.config.entities import ENTITIES, WORDS
from dagster_project.config.feeds import EMPTY, FILLED, Feed, Reference
from dagster_project.read.cells import CellRules, is_id, with_all_digits, without_headings
from dagster_project.read.headings import Matched
from dagster_project.read.pii import guarded, guarded_in_log
from dagster_project.read.stage_dates import StageDate
from dagster_project.read.tables import UNREADABLE
from dagster_project.sql import text

#: Between the parts of an id that is derived.
DERIVED_JOINT = " | "
#: Where a change log says what its field held.
_LOGGED_VALUES = ("old_value", "new_value")


def cleaned(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    positions: Collection[int],
    matched: Matched,
    rules: CellRules,
    scratch: Path,
) -> str:
    """SQL that stands behind `from`: a table's cells as they stand, and cleaned beside them.

    What takes many steps to clean is written down first. DuckDB moves a condition below a select and writes out the
    select's expressions in it, each as often as it is used: a workbook whose mapping has references took 15 seconds.
    """
    ids = sorted({at for column, ats in matched.positions.items() if is_id(column) for at in ats})
    query = rules.cleaned(relation, positions, ids)
    if not rules.may_be_wrapped:
        return f"({query})"
    cells = text(str(scratch / "cells.parquet"))
    connection.execute(f"copy ({query}) to {cells} (format parquet, compression zstd, compression_level 1)")
    return f"read_parquet({cells})"


@contextmanager
def step_by_step(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Has DuckDB ask a condition where it stands: it would move it below the selects, whose expressions it then writes
    out in it, each as often as it is used. Cleaning the cells of three million rows twice took 3 CPU seconds."""
    connection.execute("set disabled_optimizers = 'filter_pushdown'")
    try:
        yield
    finally:
        connection.execute("reset disabled_optimizers")


def read_columns(feed: Feed, matched: Matched, rules: CellRules, has_unreadable: bool = False) -> list[str]:
    """The inner select list over cleaned cells: each canonical column as its own cells say it.

    Where some cells are errors (`has_unreadable`), a column of text is empty there, and `_unreadable` lists them.
    """
    columns = feed.kinds
    read = {
        column: _derived(positions, rules)
        if matched.is_derived and column == ENTITIES[feed.entity].key
        else _value(positions, column, feed, rules, matched.utc.issuperset(positions))
        for column, positions in matched.positions.items()
    }
    if has_unreadable:
        read = {
            column: _without_errors(value, matched.positions[column], columns.get(column, "text") == "text")
            for column, value in read.items()
        }
    if matched.stage_dates:
        read["stage_dates"] = _stage_dates(matched.stage_dates, rules, matched.utc)
    names = _names(matched)
    selected = [f"{value} as {names[column]}" for column, value in read.items()]
    return [*selected, _errors(feed, matched)] if has_unreadable else selected


def select_list(
    feed: Feed, matched: Matched, rules: CellRules, separator: str, has_unreadable: bool = False
) -> list[str]:
    """The select list over `read_columns`: what they are to each other, and of personal data what the lake may hold."""
    columns = feed.kinds
    read = _names(matched)
    if rules.headings:
        key = next((column for column in ENTITIES[feed.entity].required_columns if column in matched.positions), None)
        if key is not None:
            typed = [read[column] for column in matched.positions if columns.get(column, "text") not in WORDS]
            derived = DERIVED_JOINT.join(feed.derive)
            read[key] = without_headings(read[key], [*rules.headings, *([derived] if derived else [])], typed)
    for column, constant in feed.constants.items():
        read.setdefault(column, text(constant))
    for column, ranked in feed.references.items():
        given = [_pointed_at(read, one) for one in ranked if one.column in read]
        if given:
            read[column] = f"coalesce({', '.join([*given, read.get(column, 'null')])})"
    selected = []
    for column in columns:
        stored = guarded(read[column], column, feed, text(separator)) if column in read else None
        if stored is not None and column in _LOGGED_VALUES and "field" in read:
            stored = guarded_in_log(stored, read["field"], feed)
        if stored is not None:
            selected.append(f"{stored} as {column}")
    return [*selected, "_unreadable"] if has_unreadable else selected


def _names(matched: Matched) -> dict[str, str]:
    """Column → what `read_columns` calls it: a mapping's helper columns may have any names, of SQL's words too."""
    columns = [*matched.positions, *(["stage_dates"] if matched.stage_dates else [])]
    return {column: f"read_{number}" for number, column in enumerate(columns)}


def _errors(feed: Feed, matched: Matched) -> str:
    """`_unreadable`: the errors in columns of text, each with its column."""
    errors = [
        f"case when {_is_error(at)} then concat({text(column + '=')}, substr(c{at}, 2)) end"
        for column, positions in matched.positions.items()
        for at in positions
        if feed.kinds.get(column) == "text"
    ]
    said = f"nullif(concat_ws(chr(31), {', '.join(errors)}), '')" if errors else "cast(null as varchar)"
    return f"{said} as _unreadable"


def _is_error(position: int) -> str:
    return f"starts_with(c{position}, {text(UNREADABLE)})"


def _without_errors(value: str, positions: tuple[int, ...], is_text: bool) -> str:
    """SQL: of an error cell nothing in a column of text, else its code, which staging cannot read as a value."""
    instead = "null" if is_text or len(positions) > 1 else f"substr(c{positions[0]}, 2)"
    return f"case when coalesce({' or '.join(map(_is_error, positions))}, false) then {instead} else {value} end"


def _pointed_at(read: dict[str, str], reference: Reference) -> str:
    """SQL: what a reference gives a row, NULL where it does not apply. A column the file does not have is empty."""
    value = read[reference.column]
    said = value if reference.means is None else text(reference.means)
    asked = [_says(read.get(column, "cast(null as varchar)"), words) for column, words in reference.when.items()]
    conditions = [f"starts_with({value}, {text(reference.prefix)})", *asked]
    return f"case when {' and '.join(conditions)} then {said} end"


def _says(value: str, words: list[str]) -> str:
    """SQL: whether a cell says one of these words, whatever their case; `*` is any, the empty word an empty cell."""
    if words == [FILLED]:
        return f"({value} is not null)"
    named = f"coalesce(lower({value}) in ({', '.join(text(word.lower()) for word in words)}), false)"
    return f"({value} is null or {named})" if EMPTY in words else named


def _value(positions: tuple[int, ...], column: str, feed: Feed, rules: CellRules, is_utc: bool) -> str:
    parts = [rules.cell(position, is_id(column)) for position in positions]
    value = parts[0] if len(parts) == 1 else f"nullif(concat_ws(' ', {', '.join(parts)}), '')"
    if is_id(column):
        value = with_all_digits(value)
    translations = feed.values.get(column)
    if translations:
        whens = " ".join(
            f"when {text(word.lower())} then {text(canonical)}"
            for canonical, words in translations.items()
            for word in words
        )
        value = f"case lower({value}) {whens} else {value} end"
    if column in feed.days:
        value = f"regexp_replace({value}, '[ T]00:00:00$', '')"
    if is_utc:
        value = _in_utc(value)
    if column in feed.empty_means:
        value = f"coalesce({value}, {text(feed.empty_means[column])})"
    return value


def _derived(positions: tuple[int, ...], rules: CellRules) -> str:
    """SQL: an id that several columns are together, each in its place though another is empty; NULL if all are."""
    cells = [rules.cell(position) for position in positions]
    together = f" || {text(DERIVED_JOINT)} || ".join(f"coalesce({cell}, '')" for cell in cells)
    return f"case when coalesce({', '.join([*cells, 'null'])}) is not null then {together} end"


def _in_utc(value: str) -> str:
    """SQL: a time without offset as the UTC that it is; everything else as it stands."""
    return rf"regexp_replace({value}, '^(\d{{4}}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d([.]\d+)?)?)$', '\1Z')"


def _stage_dates(dated: dict[int, StageDate], rules: CellRules, utc: frozenset[int]) -> str:
    """A JSON list with an object for each of a row's cells that says when it entered a stage; NULL if none does."""
    entries = []
    for position, said in dated.items():
        cell = _in_utc(rules.cell(position)) if position in utc else rules.cell(position)
        cell = f"ltrim({cell}, {text(UNREADABLE)})"
        pipeline = text(said.pipeline) if said.pipeline is not None else "cast(null as varchar)"
        entry = f"{{'stage': {text(said.stage)}, 'pipeline': {pipeline}, 'entered': {cell}}}"
        entries.append(f"case when {cell} is not null then {entry} end")
    told = f"list_filter([{', '.join(entries)}], lambda entry: entry is not null)"
    return f"case when len({told}) > 0 then cast(to_json({told}) as varchar) end"


def is_of_feed(matched: Matched, rules: CellRules) -> str:
    """SQL for whether a row is a record of the feed, by the columns that say so."""
    return " and ".join(_says(rules.cell(at), values) for at, values in matched.conditions.items())
