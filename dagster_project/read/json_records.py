"""JSON: a list of objects, an object around one, JSON lines, or the pages of an API one after the other."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.config.feeds import Feed
from dagster_project.errors import RefusedFileError
from dagster_project.read import nested
from dagster_project.read.delimited import forget_rejects, rejected_rows
from dagster_project.read.json_depth import TOO_DEEP, is_deep
from dagster_project.read.json_envelope import unwrap
from dagster_project.read.json_shape import doubled_keys, pointer, shape, write_objects
from dagster_project.read.tables import UNREADABLE, Reject, said_by_duckdb
from dagster_project.sql import text

_MAX_LINE_BYTES = 1 << 24
_SAMPLED_LINES = 200
#: Control characters must be escaped in JSON, so none of its lines has these: a line is one cell.
_NO_DELIMITER = "\x1f\x1e"


@dataclass
class JsonTable:
    """The records of a JSON file, kept one by one as JSON text in the scratch file `path`."""

    connection: duckdb.DuckDBPyConnection
    path: Path
    columns: list[nested.Column]
    separator: str
    is_empty: bool
    notes: list[str] = field(default_factory=list)
    has_unreadable: bool = False
    #: What the pages of an API say of those that follow (`json_pages.Paging`); nothing where there are no pages.
    paging: dict[str, Any] = field(default_factory=dict)

    @property
    def headings(self) -> list[str]:
        """The keys, those of nested objects with dots, in the order in which they first appear."""
        return [column.heading for column in self.columns]

    def relation(self, positions: Collection[int]) -> str:
        """Every value as text: numbers as a person writes them, lists joined."""
        access = _access(self.separator)
        selected = [
            f"{nested.expression(self.columns[at], 'json', access, text(self.separator))} as c{at}"
            for at in sorted(positions)
        ]
        return f"(select {', '.join(selected or ['1'])} from read_parquet({text(str(self.path))}) where is_record)"

    def rejects(self) -> list[Reject]:
        """What is no JSON object; the first record is row 2, as if there were a header."""
        rows = self.connection.execute(
            f"select file_row_number + 2, json, json_valid(json) from read_parquet({text(str(self.path))}, "
            "file_row_number = true) where not is_record order by 1"
        ).fetchall()
        return [
            Reject(number, None, "is JSON but not an object" if is_json else "is not valid JSON", said)
            for number, said, is_json in rows
        ]


def open_json(
    connection: duckdb.DuckDBPyConnection, path: Path, feed: Feed, separator: str, scratch: Path
) -> JsonTable:
    """Takes a UTF-8 JSON file apart into records, in a scratch file.

    Raises RefusedFileError for what is broken as a whole; a broken line of JSON lines is a reject.
    """
    try:
        _write_records(connection, path, scratch)
    except duckdb.Error as error:
        said = said_by_duckdb(error).replace(f'in file "{path}", ', "")
        raise RefusedFileError(
            f"cannot be read as JSON: {said} It may have been cut off; deliver it again, or as JSON lines"
        ) from None
    pages = unwrap(connection, scratch, feed)
    found = shape(connection, scratch)
    if found.others and not found.objects:
        raise RefusedFileError("is JSON, but not a list of objects with a key for each column")
    return JsonTable(
        connection,
        scratch,
        nested.columns(found.record),
        separator,
        is_empty=not found.objects,
        notes=doubled_keys(connection, scratch, found, feed),
        has_unreadable=_has_not_a_number(connection, scratch),
        paging=asdict(pages) if pages else {},
    )


def _write_records(connection: duckdb.DuckDBPyConnection, path: Path, target: Path) -> None:
    file = text(str(path))
    first = next(_lines(path), b"")
    deep = is_deep(path)
    # lines that were cut off leave brackets open, and are no levels
    if deep and (is_deep(path, by_line=True) or not _are_lines(path)):
        raise RefusedFileError(TOO_DEEP)
    if first.startswith(b"[") and not deep:
        write_objects(connection, f"select json from read_json_objects({file}, format = 'array')", target)
        return
    if deep or (_is_object(first) and _has_more_lines(path)):
        _copy_lines(connection, path, target)
        return
    document = f"read_json_objects({file}, format = 'unstructured', maximum_object_size = {_document_size(path)})"
    try:
        write_objects(connection, f"select json from {document}", target)
    except duckdb.Error:
        if not _are_lines(path):
            raise
        _copy_lines(connection, path, target)


def _copy_lines(connection: duckdb.DuckDBPyConnection, path: Path, target: Path) -> None:
    """A line is a record; blank lines are none."""
    forget_rejects(connection)
    write_objects(
        connection,
        f"select json from read_csv({text(str(path))}, auto_detect = false, header = false, quote = '', escape = '', "
        f"delim = {text(_NO_DELIMITER)}, strict_mode = false, columns = {{'json': 'VARCHAR'}}, "
        f"max_line_size = {_MAX_LINE_BYTES}, store_rejects = true) where trim(json) != ''",
        target,
    )
    for line, _, message, _ in rejected_rows(connection):
        raise RefusedFileError(f"cannot be read as JSON lines: line {line}: {message}")


def _access(separator: str) -> nested.Access:
    """How to get at JSON; `separator` joins a list that stands where other records have a single value."""

    def list_at(base: str, path: nested.Path) -> str:
        inside = f"json_extract({base}, {text(pointer(path))})" if path else base
        return f"json_extract({inside}, '$[*]')"

    def text_at(base: str, path: nested.Path, kind: str) -> str:
        at = text(pointer(path)) if path else "'$'"
        value = f"json_extract_string({base}, {at})"
        if kind == "DOUBLE":
            return _number(value)
        if kind not in ("JSON", "MIXED"):
            return value
        element = "json_extract_string(element_of_list, '$')"
        elements = (
            f"list_transform(json_extract(json_extract({base}, {at}), '$[*]'), lambda element_of_list: "
            f"case json_type(element_of_list) when 'DOUBLE' then {_number(element)} else {element} end)"
        )
        joined = nested.joined(elements, text(separator))
        return (
            f"case json_type({base}, {at}) when 'DOUBLE' then {_number(value)} "
            f"when 'ARRAY' then {joined} else {value} end"
        )

    return nested.Access(list_at, text_at)


def _number(value: str) -> str:
    """SQL for a number's text; what is called one and is none (`NaN`) holds no value."""
    return (
        f"case when regexp_matches({value}, '^[-+]?[A-Za-z]') then concat({text(UNREADABLE)}, {value}) "
        f"else {nested.plain_number(value)} end"
    )


def _has_not_a_number(connection: duckdb.DuckDBPyConnection, path: Path) -> bool:
    """Whether the records may have `NaN` or `Infinity`, which JSON does not know and some programs write."""
    found = connection.execute(
        f"select 1 from read_parquet({text(str(path))}) where is_record "
        r"and regexp_matches(json, '[:\[,]\s*[-+]?(nan|inf(inity)?)\s*[,}\]]', 'i') limit 1"
    ).fetchone()
    return found is not None


def _lines(path: Path) -> Iterator[bytes]:
    """The lines that are not blank; of a very long one its beginning."""
    with path.open("rb") as file:
        while line := file.readline(_MAX_LINE_BYTES):
            if line.strip():
                yield line.strip()


def _are_lines(path: Path) -> bool:
    """Whether most of the first lines are an object each."""
    sample = [_is_object(line) for _, line in zip(range(_SAMPLED_LINES), _lines(path), strict=False)]
    return 2 * sum(sample) >= len(sample)


def _has_more_lines(path: Path) -> bool:
    lines = _lines(path)
    next(lines, None)
    return next(lines, None) is not None


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _document_size(path: Path) -> int:
    size = path.stat().st_size
    if size >= 2**32 - 1:
        raise RefusedFileError("is one JSON object of more than 4 GB; deliver it as JSON lines")
    return max(size + 1, 1 << 24)
