"""JSON from an API: the records inside its pages, or the error that it sent in their place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.config.entities import ENTITIES
from dagster_project.config.feeds import Feed
from dagster_project.errors import RefusedFileError
from dagster_project.read import nested
from dagster_project.read.headings import heading_key, known_headings
from dagster_project.read.json_pages import (
    ASIDE,
    RECORD_LISTS,
    Outline,
    Paging,
    empty_list,
    error_of,
    outline_of,
    with_list,
    word,
)
from dagster_project.read.json_shape import Shape, doubled_keys, pointer, shape, write_objects
from dagster_project.sql import text

#: An error, or a page without records, is short; and nobody fetches so many pages of nothing.
_MAX_PAGES_WITHOUT, _MAX_BYTES_WITHOUT = 1000, 1 << 24
#: What tells an error from a record that has an id too.
_TELLS_AN_ERROR = {"errorcode", "correlationid", "requestid", "errortype", "errorinfo", "exitcode"}
_MAX_ERROR_KEYS = 8


def unwrap(connection: duckdb.DuckDBPyConnection, path: Path, feed: Feed) -> Paging | None:
    """Puts the records in the place of the pages that a scratch file holds; says what those say of other pages.

    None where its objects are the records themselves. Raises RefusedFileError for an error of the API.
    """
    found = shape(connection, path)
    keys = _own(found.record, feed)
    if keys:
        _refuse_errors_among_records(connection, path, found, keys)
        return None
    at = _list_of_records(found, feed)
    if at is None:
        return _without_records(connection, path, feed, found)
    doubled_keys(connection, path, found, feed)
    pages = _pages(connection, path, at)
    inside = path.with_suffix(".inside")
    write_objects(
        connection,
        f"select unnest(json_extract(json_extract(json, {text(pointer(at))}), '$[*]')) as json "
        f"from read_parquet({text(str(path))})",
        inside,
    )
    inside.replace(path)
    return pages


def _own(record: dict[str, nested.Node], feed: Feed) -> list[nested.Path]:
    """Where a record has its id, if it has one; what is only in a list is not the record's own."""
    known = known_headings(feed, ENTITIES[feed.entity].key)
    return [
        column.steps[0]
        for column in nested.columns(record)
        if len(column.steps) == 1 and heading_key(column.heading) in known
    ]


def _list_of_records(found: Shape, feed: Feed) -> nested.Path | None:
    """The keys that lead to the list of records, through objects only; None if no list can be that."""
    lists = {
        at: elements for at, elements in _lists_of_objects(found.record) if not any(word(key) in ASIDE for key in at)
    }
    in_envelopes = [at for at in lists if all(word(key) in RECORD_LISTS | _own_names(feed) for key in at)]
    with_id = [at for at, elements in lists.items() if _own(elements, feed)]
    if found.objects > 1:
        candidates = [at for at in in_envelopes if at in with_id] or in_envelopes
    else:
        candidates = with_id or [at for at in lists if len(at) == 1 or at in in_envelopes]
    usual = [at for at in candidates if all(word(key) in RECORD_LISTS for key in at)]
    candidates = usual if len(usual) == 1 else candidates
    if len(candidates) > 1:
        raise RefusedFileError(
            f"is a JSON object with several lists of objects ({', '.join(map('.'.join, candidates))}); deliver the one "
            "of its feed alone"
        )
    return candidates[0] if candidates else None


def _lists_of_objects(
    record: dict[str, nested.Node], path: nested.Path = ()
) -> Iterator[tuple[nested.Path, dict[str, nested.Node]]]:
    for key, node in record.items():
        if isinstance(node, nested.Elements) and isinstance(node.of, dict):
            yield (*path, key), node.of
        elif isinstance(node, dict):
            yield from _lists_of_objects(node, (*path, key))


def _own_names(feed: Feed) -> set[str]:
    return {word(feed.entity), word(feed.entity).removesuffix("s")}


def _pages(connection: duckdb.DuckDBPyConnection, path: Path, at: nested.Path) -> Paging:
    """What all pages say, seen without their records."""
    without: Any = None
    for key in reversed(at):
        without = {key: without}
    where = text(pointer(at))
    rows = connection.execute(
        f"select file_row_number + 1, is_record, case when is_record then json_merge_patch(cast(json as json), "
        f"cast({text(json.dumps(without))} as json)) end, "
        f"case when is_record then json_type(json, {where}) end, "
        f"case when is_record then json_array_length(json, {where}) end "
        f"from read_parquet({text(str(path))}, file_row_number = true) order by 1"
    ).fetchall()
    pages = Paging()
    for number, is_object, rest, kind, length in rows:
        if not is_object:
            raise RefusedFileError(f"cannot be read as JSON: its page {number} is not a whole object; deliver it again")
        page = outline_of(json.loads(rest))
        said = error_of(page, has_records=bool(length))
        if said is not None:
            raise _error(said, "page", number, len(rows))
        if kind not in ("ARRAY", "NULL"):
            raise RefusedFileError(
                f"has no list '{'.'.join(at)}' in its page {number}, as the others have; deliver it again"
            )
        pages.add(with_list(page, at, length or 0), length or 0)
    return pages


def _without_records(connection: duckdb.DuckDBPyConnection, path: Path, feed: Feed, found: Shape) -> Paging | None:
    """Pages of nothing become a delivery without rows, if they say nothing else."""
    if not found.objects or found.others or found.objects > _MAX_PAGES_WITHOUT:
        return None
    pages = Paging()
    verdicts = []
    for page in _outlines(connection, path, "true", _MAX_PAGES_WITHOUT):
        said = error_of(page, has_records=found.objects > 1)
        verdicts.append((said, said is None and empty_list(page, _own_names(feed)) is not None))
        pages.add(page, 0)
    if not verdicts or not all(said is not None or is_empty for said, is_empty in verdicts):
        return None
    for number, (said, _) in enumerate(verdicts, start=1):
        if said is not None:
            raise _error(said, "page", number, len(verdicts))
    write_objects(connection, "select null as json where false", path)
    return pages


def _outlines(connection: duckdb.DuckDBPyConnection, path: Path, condition: str, most: int) -> list[Outline]:
    """The outlines of the first objects that fulfil a condition; none where one is too long to be looked at so."""
    rows = connection.execute(
        f"select json from read_parquet({text(str(path))}, file_row_number = true) "
        f"where case when is_record then {condition} end order by file_row_number limit {most}"
    ).fetchall()
    if sum(len(row[0]) for row in rows) > _MAX_BYTES_WITHOUT:
        return []
    return [outline_of(json.loads(row[0])) for row in rows]


def _refuse_errors_among_records(
    connection: duckdb.DuckDBPyConnection, path: Path, found: Shape, keys: list[nested.Path]
) -> None:
    """An error that came in the place of a record, or of all of them and with an id of its own."""
    if not {word(key) for key in found.record} & {"error", "errors", "message", "success", *_TELLS_AN_ERROR}:
        return
    if found.objects == 1:
        for outline in _outlines(connection, path, "true", 1):
            said = error_of(outline, has_records=True)
            tells = {word(key) for key in outline} & _TELLS_AN_ERROR
            if said is not None and tells and len(outline) <= _MAX_ERROR_KEYS:
                raise _error(said, "record", 1, 1)
    has_none = " and ".join(f"json_extract_string(json, {text(pointer(key))}) is null" for key in keys)
    for outline in _outlines(connection, path, has_none, 5):
        said = error_of(outline, has_records=True)
        if said is not None:
            raise RefusedFileError(f"has an error of the CRM among its records: {said}. Deliver it again")


def _error(said: str, what: str, number: int, count: int) -> RefusedFileError:
    where = f" in its {what} {number}" if count > 1 else ""
    return RefusedFileError(f"is an error of the CRM and no list of records{where}: {said}. Deliver it again")
