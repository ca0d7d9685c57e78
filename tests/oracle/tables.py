"""Files to headings and rows of cells (contract.md, Landing): delimited text and JSON, gzipped or not."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from .configuration import Feed, folded
from .errors import RefusedError

csv.field_size_limit(2**31 - 1)
#: Above the headings there may be as many lines of a title.
TITLE = 50
Cells = list[str]


@dataclass(frozen=True)
class Table:
    """Headings as they stand, and the rows below them that are no repetition and no tail of a report."""

    headings: Cells
    rows: list[Cells]


def read_table(path: Path, feed: Feed, required: Iterable[str]) -> Table:
    """The one table of a file. Raises RefusedError."""
    content = path.read_bytes()
    try:
        text = _decoded(gzip.decompress(content) if path.name.endswith(".gz") else content, feed.encoding)
        if text.lstrip()[:1] in ("{", "["):
            return _of_records(list(_json_records(text)), feed)
        lines = _delimited(text, feed)
    except (OSError, EOFError, csv.Error, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise RefusedError(f"{path.name}: {error}") from None
    if not lines:
        raise RefusedError(f"{path.name} is empty")
    top = _heading_line(lines, feed, required)
    headings = lines[top]
    repeated = [folded(heading) for heading in headings]
    rows = [line for line in lines[top + 1 :] if line and [folded(cell) for cell in line] != repeated]
    return Table(headings, _without_tail(rows, feed))


def _delimited(text: str, feed: Feed) -> list[Cells]:
    first = text.split("\n", 1)[0]
    if first.strip().casefold().startswith("sep=") and len(first.strip()) == len("sep=,"):
        return list(csv.reader(io.StringIO(text.split("\n", 1)[1], newline=""), delimiter=first.strip()[-1]))
    known = {folded(part) for synonyms in feed.columns.values() for one in synonyms for part in one}
    best: tuple[int, int, list[Cells]] = (-1, -1, [])
    for mark in [feed.delimiter] if feed.delimiter else ",;\t|":
        try:
            lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True))
        except csv.Error:
            if feed.delimiter:
                raise
            continue
        found = max((sum(folded(cell) in known for cell in line) for line in lines[:TITLE]), default=0)
        best = max(best, (found, len(lines[0]) if lines else 0, lines), key=lambda one: one[:2])
    if best[0] < 0:
        raise RefusedError("a quote is never closed")
    return best[2]


def _heading_line(lines: list[Cells], feed: Feed, required: Iterable[str]) -> int:
    """The first line that has the required headings, else the first."""
    wanted = [feed.columns[column] for column in required if column in feed.columns]
    for place, line in enumerate(lines[:TITLE]):
        present = {folded(cell) for cell in line}
        if wanted and all(any(all(folded(part) in present for part in one) for one in names) for names in wanted):
            return place
    return 0


def _without_tail(rows: list[Cells], feed: Feed) -> list[Cells]:
    """Without what stands below the last record of a report."""
    end = len(rows)
    for place in range(len(rows) - 1, -1, -1):
        filled = [cell for cell in rows[place] if cell.strip()]
        if any(fnmatchcase((rows[place][0]).strip().casefold(), tail.casefold()) for tail in feed.report_tail):
            end = place
        elif len(filled) > 1:
            break
    return rows[:end]


def _decoded(content: bytes, encoding: str | None) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    if encoding:
        return content.decode(encoding)
    try:
        return content.decode("utf-8-sig").lstrip("\ufeff")
    except UnicodeDecodeError:
        return content.decode("cp1252")


def _json_records(text: str) -> Iterator[dict[str, Any]]:
    """The objects of a list, of an object's one list of objects, or of lines."""
    try:
        whole = json.loads(text)
    except json.JSONDecodeError:
        yield from (json.loads(line) for line in text.splitlines() if line.strip())
        return
    lists = [whole] if isinstance(whole, list) else [one for one in whole.values() if isinstance(one, list)]
    if not lists and isinstance(whole, dict):
        yield whole
    for one in lists:
        yield from (record for record in one if isinstance(record, dict))


def _of_records(records: list[dict[str, Any]], feed: Feed) -> Table:
    flat = [dict(_flat(record, "", feed.id_separator or ";")) for record in records]
    headings = list(dict.fromkeys(name for record in flat for name in record))
    return Table(headings, [[record.get(name, "") for name in headings] for record in flat])


def _flat(value: Any, name: str, separator: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, key if name in ("", "properties") else f"{name}.{key}", separator)
    elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
        parts: dict[str, list[str]] = {}
        for one in value:
            for key, text in _flat(one, name, separator):
                parts.setdefault(key, []).append(text)
        yield from ((key, separator.join(texts)) for key, texts in parts.items())
    elif isinstance(value, list):
        yield name, separator.join(_text(one) for one in value)
    else:
        yield name, _text(value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
