"""Blanks a record's rows in a lake file, and puts pseudonyms where other rows name it. Nothing else changes."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from dagster_project import sql
from dagster_project.config.entities import ENTITIES, HISTORY_ENTITIES, LOOKED_UP
from dagster_project.config.feeds import Source
from dagster_project.config.models import Configuration
from dagster_project.lake import inventory

#: Entities whose records can be forgotten: those with an id of their own that a person can stand behind.
FORGETTABLE = ("leads", "deals", "activities", "owners", "accounts")
#: Marks a row of a lake file whose record was forgotten: nothing else is left of it but where it came from.
MARKER = "_is_forgotten"
_DEFAULT_SEPARATOR = ";"

_REFERS_TO = {ENTITIES[entity].key: entity for entity in FORGETTABLE} | LOOKED_UP


@dataclass(frozen=True)
class Subject:
    """Whom to forget in one source: entity → id (or another name that rows are referred to by) → pseudonym.

    `in_text` gives a text without the person: in rows that name the record by id, and in all others. `needles`: in
    lower case, one of them stands in every text that the second would change; None: the second changes none.
    """

    source: str
    ids: Mapping[str, Mapping[str, str]]
    separators: Mapping[str, str]
    in_linked_text: Callable[[str], str]
    in_text: Callable[[str], str] | None = None
    needles: Collection[str] = ()


@dataclass(frozen=True)
class Changed:
    """What one file's rewriting changed: rows blanked, other rows that named the record by id, or in a text."""

    blanked: int = 0
    references: int = 0
    texts: int = 0

    def __add__(self, other: Changed) -> Changed:
        return Changed(self.blanked + other.blanked, self.references + other.references, self.texts + other.texts)

    def __bool__(self) -> bool:
        return bool(self.blanked or self.references or self.texts)


def referred_entity(entity: str, column: str) -> str | None:
    """The entity whose ids a column of another one holds, the key of its own rows included."""
    if column in ("merged_ids", "merged_into_id"):
        return entity
    return _REFERS_TO.get(column)


def separators(config: Configuration, source_name: str) -> dict[str, str]:
    """Feed → what stands between several ids in one cell of its lake rows."""
    source = next((source for source in config.sources if source.name == source_name), None)
    return {} if source is None else separators_of(source)


def separators_of(source: Source) -> dict[str, str]:
    """Feed → what stands between several ids in one cell of its lake rows."""
    return {name: feed.id_separator or source.id_separator or _DEFAULT_SEPARATOR for name, feed in source.feeds.items()}


def forget_in_file(path: Path, entity: str, subject: Subject, lake_dir: Path | None = None) -> Changed:
    """Rewrites one Parquet file of an entity's rows, if it holds anything of the subject. Every row keeps its place.

    `lake_dir`: of a file that is in the lake already.
    """
    functions = {"in_linked_text": subject.in_linked_text}
    if subject.in_text is not None:
        functions["in_text"] = subject.in_text
    with open_with(path, functions) as connection:
        columns = [row[0] for row in connection.execute("describe from read_parquet(?)", [str(path)]).fetchall()]
        rewriting = _Rewriting(entity, subject, columns)
        counted = connection.execute(rewriting.counts, [str(path)]).fetchone() or (0, 0, 0)
        changed = Changed(*map(int, counted))
        if changed:
            version = connection.execute("select max(format_version) from parquet_file_metadata(?)", [str(path)])
            (written_as,) = version.fetchone() or (1,)
            options = f"compression zstd, parquet_version v{2 if written_as == 2 else 1}"
            write_anew(connection, rewriting.select(bool(changed.blanked)), path, lake_dir, options)
    return changed


def open_with(path: Path, functions: Mapping[str, Callable[[str], Any]]) -> duckdb.DuckDBPyConnection:
    """A connection to work on one file, with functions on text: a connection keeps the first of a name."""
    connection = duckdb.connect(
        config={"temp_directory": str(path.parent / ".spilled"), "preserve_insertion_order": True}
    )
    for name, function in functions.items():
        returned = "boolean" if name == "mentioned" else "varchar"
        connection.create_function(name, function, ["varchar"], returned)
    return connection


def write_anew(
    connection: duckdb.DuckDBPyConnection, select: str, path: Path, lake_dir: Path | None, options: str = ""
) -> None:
    """Replaces a Parquet file by what a query (`?`: the file) selects of it; a reader sees the old or the new one."""
    unfinished = path.with_name(path.name + ".unfinished")
    connection.execute(
        f"copy ({select}) to {sql.text(unfinished)} (format parquet{', ' if options else ''}{options})", [str(path)]
    )
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    if lake_dir is None:
        unfinished.replace(path)
    else:
        inventory.place(unfinished, path, lake_dir)


def ids_in(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    entity: str,
    columns: Iterable[str],
    separators: Mapping[str, str],
) -> dict[str, set[str]]:
    """Every id that a file of an entity's rows names, by the entity it belongs to."""
    found: dict[str, set[str]] = {}

    def add(target: str | None, column: str, where: str = "true") -> None:
        if target is None:
            return
        cells = connection.execute(
            f"select distinct _feed, {column} from read_parquet(?) where {column} is not null and {where}", [str(path)]
        ).fetchall()
        for feed, cell in cells:
            separator = separators.get(feed, _DEFAULT_SEPARATOR)
            found.setdefault(target, set()).update([cell, *(part.strip() for part in cell.split(separator))])

    for column in columns:
        add(referred_entity(entity, column), column)
        if entity == "deal_changes" and column in ("old_value", "new_value"):
            for field in ENTITIES["deals"].columns:
                add(referred_entity("deals", field), column, f"field = {sql.text(field)}")
    return found


def forgotten_rows(connection: duckdb.DuckDBPyConnection, paths: Iterable[Path]) -> dict[tuple[Path, str], int]:
    """File and `_file_id` → how many of its rows are forgotten, of files that have any."""
    found: dict[tuple[Path, str], int] = {}
    for path in paths:
        columns = [row[0] for row in connection.execute("describe from read_parquet(?)", [str(path)]).fetchall()]
        if MARKER in columns:
            rows = connection.execute(
                f"select _file_id, count(*) from read_parquet(?) where {MARKER} group by _file_id", [str(path)]
            ).fetchall()
            found.update({(path, file_id): rows_forgotten for file_id, rows_forgotten in rows})
    return found


class _Rewriting:
    """The SQL of one file's new contents."""

    def __init__(self, entity: str, subject: Subject, columns: list[str]) -> None:
        self.entity, self.subject, self.columns = entity, subject, columns
        self.of_source = f"_source = {sql.text(subject.source)}"
        # what a file says of a record, a team's own fields included; the rest says where the row came from
        self.canonical = [column for column in columns if not column.startswith("_")]
        self.matches = {column: match for column in self.canonical if (match := self._match(column))}
        self.linked = " or ".join(self.matches.values()) or "false"

    @property
    def own(self) -> str:
        """Whether a row is the record's: by its key; a deal's log and versions are its rows too."""
        key = ENTITIES[self.entity].key
        owner = "deals" if self.entity in HISTORY_ENTITIES else self.entity
        ids = self.subject.ids.get(owner)
        return f"({self.of_source} and {key} in ({_listed(ids)}))" if ids and key in self.canonical else "false"

    @property
    def blank(self) -> str:
        return f"coalesce({self.own}, false)" + (f" or coalesce({MARKER}, false)" if MARKER in self.columns else "")

    @property
    def counts(self) -> str:
        was = f" and {MARKER} is not true" if MARKER in self.columns else ""
        texts = [column for column in self.canonical if not self._always_refers(column)]
        of_text = [f"{column} is distinct from {said}" for column in texts if (said := self._text(column)) != column]
        return (
            f"select count(*) filter (({self.own}){was}), count(*) filter (not ({self.blank}) and ({self.linked})), "
            f"count(*) filter (not ({self.blank}) and ({' or '.join(of_text) or 'false'})) from read_parquet(?)"
        )

    def select(self, blanks: bool) -> str:
        """The query of the new rows, with `?` for the file."""
        said = []
        for column in self.columns:
            if column == MARKER:
                continue
            if column in self.canonical:
                said.append(f"case when not ({self.blank}) then {self._value(column)} end as {column}")
            else:
                said.append(column)
        if blanks or MARKER in self.columns:
            said.append(f"({self.blank}) as {MARKER}")
        return f"select {', '.join(said)} from read_parquet(?)"

    def _always_refers(self, column: str) -> bool:
        return referred_entity(self.entity, column) is not None or column == ENTITIES[self.entity].key

    def _match(self, column: str) -> str | None:
        """Whether a row's cell names one of the ids; None where the column can name none."""
        if column in ("old_value", "new_value") and self.entity == "deal_changes":
            fields = self._fields()
            conditions = [
                f"field = {sql.text(field)} and {self._names_one_of(column, ids)}" for field, ids in fields.items()
            ]
            return f"coalesce({self.of_source} and ({' or '.join(conditions)}), false)" if conditions else None
        ids = self.subject.ids.get(referred_entity(self.entity, column) or "")
        return f"coalesce({self.of_source} and {self._names_one_of(column, ids)}, false)" if ids else None

    def _fields(self) -> dict[str, Mapping[str, str]]:
        """The fields of a log whose values are ids → the ids among them to forget."""
        return {
            field: ids
            for field in ENTITIES["deals"].columns
            if (ids := self.subject.ids.get(referred_entity("deals", field) or ""))
        }

    def _names_one_of(self, column: str, ids: Mapping[str, str]) -> str:
        split = self._by_separator(
            lambda separator: f"list_transform(string_split({column}, {separator}), lambda id: trim(id))"
        )
        return f"({column} in ({_listed(ids)}) or list_has_any({split}, [{_listed(ids)}]))"

    def _value(self, column: str) -> str:
        """SQL for a cell of a row that stays."""
        match = self.matches.get(column)
        if self.entity == "deal_changes" and match:
            whens = " ".join(
                f"when {sql.text(field)} then {self._renamed(column, ids)}" for field, ids in self._fields().items()
            )
            return f"case when {match} then case field {whens} end else {self._text(column)} end"
        if match:
            ids = self.subject.ids[referred_entity(self.entity, column) or ""]
            return f"case when {match} then {self._renamed(column, ids)} else {column} end"
        return column if self._always_refers(column) else self._text(column)

    def _renamed(self, column: str, ids: Mapping[str, str]) -> str:
        """A cell with each of the ids in it replaced, and every other as it is written."""
        whole, one = _case(column, column, ids, "null"), _case("trim(id)", "id", ids)
        several = self._by_separator(
            lambda separator: (
                f"array_to_string(list_transform(string_split({column}, {separator}), lambda id: {one}), {separator})"
            )
        )
        return f"coalesce({whole}, {several})"

    def _by_separator(self, said: Callable[[str], str]) -> str:
        """SQL that needs the separator of a row's feed as a constant."""
        whens = " ".join(
            f"when {sql.text(feed)} then {said(sql.text(separator))}"
            for feed, separator in self.subject.separators.items()
            if separator != _DEFAULT_SEPARATOR
        )
        default = said(sql.text(_DEFAULT_SEPARATOR))
        return f"case _feed {whens} else {default} end" if whens else default

    def _text(self, column: str) -> str:
        linked = f"when {self.linked} then in_linked_text({column})" if self.matches else ""
        found = " or ".join(f"contains(lower({column}), {sql.text(needle)})" for needle in self.subject.needles)
        elsewhere = f"when {found} then in_text({column})" if found and self.subject.in_text else ""
        return f"case {linked} {elsewhere} else {column} end" if linked or elsewhere else column


def _case(value: str, otherwise: str, ids: Mapping[str, str], default: str | None = None) -> str:
    whens = " ".join(f"when {sql.text(one)} then {sql.text(pseudonym)}" for one, pseudonym in ids.items())
    return f"case {value} {whens} else {default or otherwise} end"


def _listed(values: Iterable[str]) -> str:
    return ", ".join(map(sql.text, values))
