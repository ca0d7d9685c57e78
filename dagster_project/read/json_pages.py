"""What stands around the records of JSON from an API: whether it is an error, and whether more pages follow.

A page is seen as its outline: keys and values, of lists only how long they are and how they begin.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Path = tuple[str, ...]


@dataclass(frozen=True)
class Listed:
    """A list of an outline: its length, and the beginning of its text."""

    length: int
    start: str = ""


Outline = dict[str, Any]
_SHOWN = 300

#: Names of lists that are not records, whatever they hold.
ASIDE = {"error", "errors", "warning", "warnings", "message", "messages", "notices", "info", "details"}
#: Names under which APIs give records.
RECORD_LISTS = {"results", "result", "records", "data", "items", "value", "values", "elements", "entries", "list"}
RECORD_LISTS |= {"nodes", "edges", "objects", "rows", "response", "content", "docs", "hits", "payload", "body"}
#: Objects around a list, or beside it, that say of the page what it is.
_AROUND = {"paging", "pagination", "pageinfo", "meta", "metadata", "info", "links", "additionaldata", "cursor", "page"}
_AROUND |= {"responsemetadata", "next", "nextpage"}
#: What may stand beside an empty list that says: no records.
_BESIDE = {"total", "totalsize", "totalcount", "totalrecords", "count", "numresults", "size", "length", "offset"}
_BESIDE |= {"limit", "start", "page", "pages", "perpage", "pagesize", "pagecount", "totalpages", "currentpage"}
_BESIDE |= {"lastpage", "from", "to", "next", "prev", "previous", "first", "last", "self", "done", "success", "ok"}
_BESIDE |= {"status", "statuscode", "code", "paging", "pagination", "pageinfo", "meta", "metadata", "links", "info"}
_BESIDE |= {"additionaldata", "relatedobjects", "warnings", "errors", "error", "messages", "time", "timestamp"}
_BESIDE |= {"requestid", "correlationid", "traceid", "hasmore", "morerecords", "context", "odatacontext", "odatacount"}
_BESIDE |= {"startedat", "completedat", "version", "apiversion", "object", "type", "kind", "etag", "url", "query"}
_BESIDE |= {"numerrors", "hasnextpage", "moreitemsincollection", "responsemetadata", "result", "response", "data"}

_FAILED = {"error", "errors", "fail", "failed", "failure", "exception", "unauthorized", "forbidden", "denied"}
_ERROR_KEYS = {"errorcode", "errormessage", "errortype", "errorsummary", "errordescription", "errorinfo", "fault"}
_ERROR_KEYS |= {"exception", "exitcode", "faultstring", "errorid"}
_TOLD_BY: tuple[str, ...] = (
    "message",
    "errordescription",
    "errormessage",
    "errorsummary",
    "detail",
    "description",
    "faultstring",
)
_TOLD_BY += ("error", "errors", "errorinfo", "fault", "reason", "details", "title", "name", "errorcode", "code")

_MORE_IF_TRUE = {"hasmore", "morerecords", "moreitemsincollection", "hasnextpage", "hasnext", "moreresults", "more"}
_MORE_IF_TRUE |= {"moreavailable", "istruncated", "truncated", "incomplete", "incompleteresults", "hasmoreitems"}
_MORE_IF_FALSE = {"done", "islast", "islastpage", "lastpage", "complete", "iscomplete", "nomore", "last"}
_NEXT = {"next", "nextrecordsurl", "nextlink", "odatanextlink", "nextpage", "nextpagetoken", "nextpageurl", "nexturl"}
_NEXT |= {"nextcursor", "nexttoken", "nextpageuri", "nexturi", "continuationtoken", "nextpagelink", "nextrecords"}
_NEXT |= {"nextoffset", "nextstart", "nextpagecursor", "nexthref"}
_PAGE, _PAGES = ("currentpage", "page", "pagenumber"), ("lastpage", "totalpages", "pagecount", "pages")
#: How many records there are on all pages together; other totals may count something else.
_TOTAL_OF_ALL = {"totalsize", "odatacount"}
_TOTAL = {"total", "totalcount", "totalrecords", "totalresults", "totalitems", *_TOTAL_OF_ALL}


def word(key: str) -> str:
    """A key as it is compared: letters and digits only, small."""
    return re.sub(r"[^a-z0-9]", "", key.lower())


def outline_of(value: Any) -> Any:
    """The outline of a parsed JSON value."""
    if isinstance(value, dict):
        return {str(key): outline_of(child) for key, child in value.items()}
    if isinstance(value, list):
        return Listed(len(value), json.dumps(value[:3])[:_SHOWN])
    return value


def with_list(outline: Outline, path: Path, length: int) -> Outline:
    """The outline with a list of this length, which was left out of it, put back at its place."""
    if not path:
        return outline
    key, *rest = path
    inside = outline.get(key)
    put = Listed(length) if not rest else with_list(inside if isinstance(inside, dict) else {}, tuple(rest), length)
    return {**outline, key: put}


def walked(outline: Outline, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value of an outline with the keys that lead to it, outer ones first."""
    for key, value in outline.items():
        yield (*path, key), value
    for key, value in outline.items():
        if isinstance(value, dict):
            yield from walked(value, (*path, key))


def _of_the_page(outline: Outline) -> Iterator[tuple[Path, Any]]:
    """What is said of the page, not of records or of what they are related to."""
    for path, value in walked(outline):
        if all(word(key) in _AROUND | RECORD_LISTS for key in path[:-1]):
            yield path, value


# ------------------------------------------------------------------ errors


def error_of(outline: Outline, has_records: bool = False) -> str | None:
    """What a page says went wrong, if it is an error; beside records only what cannot be anything else."""
    said = {word(key): value for key, value in outline.items()}
    status = said.get("status", said.get("statuscode", said.get("code")))
    is_error = (
        said.get("success") is False
        or said.get("ok") is False
        or (isinstance(status, str) and word(status) in _FAILED)
        or any(_is_something(said.get(key)) for key in ("error", "errors", *_ERROR_KEYS))
        or (_number(status) or 0) in range(400, 600)
    )
    if not is_error and not has_records:
        lists = [value for _, value in walked(outline) if isinstance(value, Listed) and value.length]
        is_error = isinstance(said.get("message"), str) and not lists and (len(said) <= 8 or bool(_number(status)))
    return re.sub(r"\s+", " ", _told(outline)) if is_error else None


def _is_something(value: Any) -> bool:
    return value.length > 0 if isinstance(value, Listed) else bool(value) and value not in ("0", "false")


def _told(outline: Outline) -> str:
    """The words of an error, its name behind them."""
    by_word = {word(key): value for key, value in outline.items()}
    for key in _TOLD_BY:
        value = by_word.get(key)
        if isinstance(value, dict) and value:
            return _told(value)
        if isinstance(value, Listed) and value.length:
            return _told_in_list(value)
        if isinstance(value, str) and value.strip():
            names = [by_word.get(name) for name in ("name", "errorcode", "code", "category")]
            name = next((name for name in names if isinstance(name, str) and name != value), None)
            return f"{value.strip()[:_SHOWN]}{f' ({name[:60]})' if name else ''}"
    return json.dumps({key: value for key, value in outline.items() if not isinstance(value, dict | Listed)})[:_SHOWN]


def _told_in_list(errors: Listed) -> str:
    try:
        first = json.loads(errors.start)[0]
    except (ValueError, IndexError):  # the beginning of a longer one
        return errors.start
    return _told(outline_of(first)) if isinstance(first, dict) else str(first)[:_SHOWN]


# ------------------------------------------------------------------ no records


def empty_list(outline: Outline, own_names: set[str]) -> Path | None:
    """Where a page without records says so: its one empty list (or null) of records, beside which is nothing else."""
    empty = [
        path
        for path, value in walked(outline)
        if (word(path[-1]) not in ASIDE and (isinstance(value, Listed) and not value.length))
        or (value is None and word(path[-1]) in RECORD_LISTS | own_names)
    ]
    named = [path for path in empty if word(path[-1]) in RECORD_LISTS | own_names]
    found = named if named else empty
    if len(found) != 1 or beside(outline, found[0]):
        return None
    return found[0]


def beside(outline: Outline, path: Path) -> list[str]:
    """Keys with something in them that are neither the way to a list nor what pages usually say of themselves."""
    around = {path[:depth] for depth in range(1, len(path) + 1)}
    return [
        ".".join(at)
        for at, value in walked(outline)
        if at not in around
        and _is_something(value)
        and not any(word(key) in _BESIDE and at[:depth] not in around for depth, key in enumerate(at, start=1))
    ]


# ------------------------------------------------------------------ paging


@dataclass
class Paging:
    """What the pages of one file say of those that follow; kept in the lake with the file."""

    #: Pages behind which there is another, and pages that are the last.
    more: int = 0
    ends: int = 0
    records: int = 0
    #: How many records there are in all, if a page says so.
    total: int | None = None
    #: Where pages begin (a record's or a page's number), and where those behind them do.
    starts: list[int] = field(default_factory=list)
    next_starts: list[int] = field(default_factory=list)
    #: The key that says that more follows.
    says: str = ""

    def add(self, outline: Outline, records: int) -> None:
        """One page more."""
        says = more_follows(outline)
        self.more += says is not None
        self.ends += says is None
        self.says = self.says or says or ""
        self.records += records
        for path, value in _of_the_page(outline):
            number, key = _number(value), word(path[-1])
            if number is None:
                continue
            if key in _TOTAL_OF_ALL or (key in _TOTAL and not records):
                self.total = max(number, self.total or 0)
            elif key == "start" and len(path) > 1:
                self.starts.append(number)
            elif key == "nextstart" and says is not None:
                self.next_starts.append(number)
            elif key in _PAGE:
                self.starts.append(number)
                self.next_starts += [number + 1] if says is not None else []


def more_follows(outline: Outline) -> str | None:
    """The key by which a page says that it is not the last; a plain yes or no counts before a link."""
    found = None
    for path, value in _of_the_page(outline):
        key = word(path[-1])
        if key in _MORE_IF_TRUE | _MORE_IF_FALSE and _flag(value) is not None:
            if _flag(value) is (key in _MORE_IF_TRUE):
                return ".".join(path)
            if key in _MORE_IF_TRUE and key != "more":
                return None
        elif key in _NEXT and found is None and _is_something(value):
            found = ".".join(path)
    return found or _pages_left(outline)


def _pages_left(outline: Outline) -> str | None:
    objects = [((), outline), *((path, value) for path, value in _of_the_page(outline) if isinstance(value, dict))]
    for path, value in objects:
        numbers = {word(key): number for key, one in value.items() if (number := _number(one)) is not None}
        page = next((numbers[key] for key in _PAGE if key in numbers), None)
        pages = next((numbers[key] for key in _PAGES if key in numbers), None)
        if page is not None and pages is not None and page < pages:
            return ".".join((*path, f"page {page} of {pages}"))
    return None


def missing(pagings: Sequence[Mapping[str, Any]]) -> str | None:
    """What the files of one delivery lack of the pages that they speak of; None if nothing."""
    pages = [Paging(**paging) for paging in pagings if paging]
    says = next((page.says for page in pages if page.says), "")
    if any(page.more for page in pages) and not any(page.ends for page in pages):
        return f"says in '{says}' that more pages follow, and they are not in this delivery"
    starts = {start for page in pages for start in page.starts}
    wanted = {start for page in pages for start in page.next_starts} - starts
    if wanted and starts:
        return f"says in '{says}' that another page follows at {min(wanted)}, and it is not in this delivery"
    total = max((page.total for page in pages if page.total is not None), default=0)
    records = sum(page.records for page in pages)
    if records < total:
        return f"says that there are {total} records, and this delivery has {records} of them"
    return None


def _flag(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None


def _number(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and re.fullmatch(r"\d{1,9}", value) else None
