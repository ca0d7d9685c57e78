"""JSON as APIs and their command lines give it: pages, errors, nothing, and what is no JSON at all."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dagster_project.lake.deliveries import select_deliveries
from dagster_project.lake.manifest import FileRecord, read_records
from dagster_project.read.json_pages import missing
from tests.unit.reading import Landing, said, source

ONE = {"Id": "1", "Stage": "New", "Amount": 5}
TWO = {"Id": "2", "Stage": "Won", "Amount": 7.5}
SALESFORCE = {"attributes": {"type": "Opportunity", "url": "/services/1"}, **ONE}


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path)


def text(value: Any) -> bytes:
    return json.dumps(value).encode()


def lines(*values: Any) -> bytes:
    return b"".join(text(value) + b"\n" for value in values)


def ids(landing: Landing, record: FileRecord) -> list[str]:
    assert record.state == "loaded", record.message
    return [row[0] for row in landing.rows(record, "deal_id")]


def judged(landing: Landing, files: dict[str, bytes], **feed: Any) -> list[FileRecord]:
    """What a night makes of these files."""
    for name, content in files.items():
        landing.put(name, content)
    crm = source(**feed)
    landing.ingest(crm)
    return select_deliveries(read_records(landing.folder / "lake"), [crm], datetime(2030, 1, 1, tzinfo=UTC), 0.5)


# Records inside pages

WRAPPED: dict[str, Any] = {
    "sf data query": {"status": 0, "result": {"records": [SALESFORCE, TWO], "totalSize": 2, "done": True}},
    "rest query": {"totalSize": 2, "done": True, "records": [SALESFORCE, TWO]},
    "hubspot": {"results": [ONE, TWO], "paging": None},
    "hubspot, last page": {"results": [ONE, TWO], "paging": {"prev": {"after": "0"}}},
    "pipedrive": {
        "success": True,
        "data": [ONE, TWO],
        "additional_data": {"pagination": {"start": 0, "limit": 100, "more_items_in_collection": False}},
        "related_objects": {"user": {"7": {"id": 7, "phone": [{"label": "work", "value": "1"}], "done": False}}},
    },
    "zoho": {"data": [ONE, TWO], "info": {"per_page": 200, "count": 2, "page": 1, "more_records": False}},
    "dynamics": {"@odata.context": "https://crm/api", "@odata.count": 2, "value": [ONE, TWO]},
    "three levels": {"response": {"body": {"items": [ONE, TWO]}}, "code": 200},
    "one page in a list": [{"results": [ONE, TWO]}],
    "beside another list": {"records": [ONE, TWO], "columns": [{"label": "Id"}, {"label": "Stage"}]},
}  # fmt: skip


@pytest.mark.parametrize("form", WRAPPED)
def test_records_lie_at_any_depth_of_a_page(landing: Landing, form: str) -> None:
    (record,) = judged(landing, {"deals_2026-01-05.json": json.dumps(WRAPPED[form], indent=2).encode()})
    assert ids(landing, record) == ["1", "2"]
    assert (record.rows_in_file, said(record)) == (2, "")


def test_pages_stand_one_per_line_in_a_list_or_one_after_the_other(landing: Landing) -> None:
    first, last = {"results": [ONE], "paging": {"next": {"after": "1"}}}, {"results": [TWO]}
    files = {
        "deals_2026-01-05.jsonl": lines(first, last),
        "deals_2026-01-06.json": text([first, last]),
        "deals_2026-01-07.json": json.dumps(first, indent=1).encode() + b"\n" + json.dumps(last, indent=1).encode(),
        "deals_2026-01-08.json": lines(first, {**last, "results": [TWO]}, {"results": []}),
    }
    for record in judged(landing, files):
        assert ids(landing, record) == ["1", "2"]


def test_records_with_lists_of_their_own_are_no_pages(landing: Landing) -> None:
    sub = {"totalSize": 9, "done": False, "records": [{"Id": "c1", "Stage": "x"}]}
    files = {
        "deals_2026-01-05.jsonl": lines({**ONE, "Contacts": sub}, {**TWO, "Contacts": None}),
        "deals_2026-01-06.json": text([{**ONE, "Contacts": sub}, TWO]),
        "deals_2026-01-07.json": text({"records": [{**ONE, "Contacts": sub}, TWO]}),
    }
    for record in judged(landing, files):
        assert ids(landing, record) == ["1", "2"]


def test_a_page_that_was_cut_off_refuses_its_file(landing: Landing) -> None:
    record = landing.read("deals.jsonl", lines({"results": [ONE]}, {"results": [TWO]}) + b'{"results": [{"Id": "3"')
    assert record.state == "refused" and "page 3 is not a whole object" in record.message


# Errors

ERRORS: dict[str, tuple[Any, str]] = {
    "sf": (
        {"name": "RefreshTokenAuthError", "message": "expired token", "exitCode": 1, "stack": "...", "warnings": [],
         "context": "DataSoqlQueryCommand", "status": 1, "code": 1},
        "expired token (RefreshTokenAuthError)",
    ),
    "sf, short": ({"status": 1, "name": "X", "message": "no org"}, "no org (X)"),
    "salesforce rest": ([{"errorCode": "INVALID_SESSION_ID", "message": "Session expired"}], "Session expired (INV"),
    "hubspot": (
        {"status": "error", "message": "token\nexpired", "correlationId": "a-b", "category": "EXPIRED_AUTHENTICATION"},
        "token expired (EXPIRED_AUTHENTICATION)",
    ),
    "pipedrive": ({"success": False, "error": "unauthorized access", "errorCode": 401}, "unauthorized access"),
    "zoho": ({"code": "INVALID_TOKEN", "details": {}, "message": "no token", "status": "error"}, "no token (INV"),
    "dynamics": ({"error": {"code": "0x80048306", "message": "not a member"}}, "not a member (0x80048306)"),
    "graphql": ({"data": None, "errors": [{"message": "no such field"}]}, "no such field"),
    "empty list": ({"status": "error", "message": "rate limit", "results": []}, "rate limit"),
    "http": ({"status": 503, "title": "Unavailable", "detail": "try later"}, "try later"),
    "part of it": ({"results": [ONE], "numErrors": 1, "errors": [{"message": "2 is hidden"}]}, "2 is hidden"),
    "with an id": ({"Id": "req-1", "success": False, "errorCode": "X1", "message": "no access"}, "no access (X1)"),
    "in a page": ([{"results": [ONE]}, {"status": "error", "message": "too many"}], "in its page 2: too many"),
    "after nothing": ([{"results": []}, {"status": "error", "message": "too many"}], "in its page 2: too many"),
    "among records": ([ONE, {"status": "error", "message": "gone"}], "among its records: gone"),
}  # fmt: skip


@pytest.mark.parametrize("form", ERRORS)
def test_an_error_is_refused_with_its_own_words(landing: Landing, form: str) -> None:
    body, words = ERRORS[form]
    record = landing.read("deals_2026-01-05.json", text(body))
    assert record.state == "refused" and words in record.message


def test_an_error_at_the_end_of_lines_is_no_record(landing: Landing) -> None:
    record = landing.read("deals.jsonl", lines(ONE, TWO, {"success": False, "error": "rate limit exceeded"}))
    assert record.state == "refused" and "rate limit exceeded" in record.message


def test_records_with_words_of_errors_are_records(landing: Landing) -> None:
    record = landing.read("deals.json", text([{**ONE, "message": "x", "error": "none", "status": "failed"}, TWO]))
    assert ids(landing, record) == ["1", "2"]


# Nothing

EMPTY: list[Any] = [
    [],
    {"results": []},
    {"results": [], "total": 0},
    {"status": 0, "result": {"records": [], "totalSize": 0, "done": True}, "warnings": []},
    {"success": True, "data": None, "additional_data": {"pagination": {"start": 0, "more_items_in_collection": False}}},
    {"success": True, "data": []},
    {"data": [], "info": {"page": 1, "count": 0, "more_records": False}},
    {"@odata.context": "https://crm/api", "value": []},
    {"deals": []},
    [{"results": []}, {"results": []}],
]


@pytest.mark.parametrize("body", EMPTY, ids=json.dumps)
def test_a_page_of_nothing_is_a_delivery_without_rows(landing: Landing, body: Any) -> None:
    (record,) = judged(landing, {"deals_2026-01-05.json": text(body)})
    assert (record.state, record.rows_in_file) == ("loaded", 0), record.message


NOT_EMPTY: list[Any] = [
    {"name": "Acme", "tags": [], "city": "Bern"},
    {"warnings": []},
    {"query": "select", "warnings": [], "text": "something"},
    {"results": [], "summary": "5 deals are hidden"},
    {},
    {"a": [], "b": []},
]


@pytest.mark.parametrize("body", NOT_EMPTY, ids=json.dumps)
def test_an_empty_list_beside_other_content_is_not_nothing(landing: Landing, body: Any) -> None:
    assert landing.read("deals_2026-01-05.json", text(body)).state == "refused"


# Pages that are not there

MORE: dict[str, Any] = {
    "hubspot": {"results": [ONE], "paging": {"next": {"after": "1", "link": "https://crm?after=1"}}},
    "hubspot, old": {"results": [ONE], "hasMore": True, "offset": 1},
    "salesforce": {"totalSize": 2, "done": False, "nextRecordsUrl": "/query/01g-1", "records": [ONE]},
    "salesforce, link only": {"nextRecordsUrl": "/query/01g-1", "records": [ONE]},
    "sf": {"status": 0, "result": {"totalSize": 2, "done": False, "records": [ONE]}},
    "sf, done too early": {"status": 0, "result": {"totalSize": 2, "done": True, "records": [ONE]}},
    "pipedrive": {
        "success": True,
        "data": [ONE],
        "additional_data": {"pagination": {"start": 0, "limit": 1, "more_items_in_collection": True, "next_start": 1}},
    },
    "pipedrive v2": {"success": True, "data": [ONE], "additional_data": {"next_cursor": "eyJ"}},
    "zoho": {"data": [ONE], "info": {"page": 1, "more_records": True}},
    "dynamics": {"value": [ONE], "@odata.nextLink": "https://crm?$skiptoken=1"},
    "page numbers": {"items": [ONE], "page": 1, "total_pages": 2},
    "spring": {"content": [ONE], "last": False, "totalPages": 2},
    "nothing of something": {"results": [], "total": 3},
}


@pytest.mark.parametrize("form", MORE)
def test_a_page_without_the_one_that_follows_is_incomplete(landing: Landing, form: str) -> None:
    (record,) = judged(landing, {"deals_2026-01-05.json": text(MORE[form])})
    assert record.state == "refused" and "deals_2026-01-05.json says" in record.message
    (record,) = judged(landing, {}, confirmed=[record.sha256])
    assert record.state == "loaded"


def test_pages_of_one_delivery_are_complete_together_in_any_order(landing: Landing) -> None:
    def page(start: int, more: bool) -> bytes:
        said = {"start": start, "more_items_in_collection": more, **({"next_start": start + 1} if more else {})}
        record = {**ONE, "Id": str(start)}
        return text({"success": True, "data": [record], "additional_data": {"pagination": said}})

    names = ["deals_c_2026-01-05.json", "deals_a_2026-01-05.json", "deals_b_2026-01-05.json"]
    pages = [page(0, True), page(1, True), page(2, False)]
    whole = judged(landing, dict(zip(names, pages, strict=True)))
    assert [record.state for record in whole] == ["loaded"] * 3
    later = {name.replace("05", "06"): page for name, page in list(zip(names, pages, strict=True))[::2]}
    hole = [record for record in judged(landing, later) if "2026-01-06" in record.file]
    assert [record.state for record in hole] == ["refused"] * 2
    assert all("another page follows at 1" in record.message for record in hole)


def test_a_link_to_the_next_page_is_satisfied_by_a_page_that_is_the_last(landing: Landing) -> None:
    files = {
        "deals_1_2026-01-05.json": text({"results": [ONE], "paging": {"next": {"after": "1"}}}),
        "deals_2_2026-01-05.json": text({"results": [TWO]}),
    }
    assert [record.state for record in judged(landing, files)] == ["loaded"] * 2


def test_a_total_counts_the_records_of_all_files() -> None:
    page = {"more": 1, "records": 2, "total": 5, "says": "done"}
    assert missing([page, {"ends": 1, "records": 3, "total": 5}]) is None
    assert missing([page, {"ends": 1, "records": 2, "total": 5}]) == (
        "says that there are 5 records, and this delivery has 4 of them"
    )
    assert missing([{"ends": 1, "records": 2, "total": 5}, {"records": 3}]) is None


# Numbers that are none

NOT_NUMBERS = b"""[
    {"Id": 1, "Stage": "New", "Name": NaN, "Amount": 5, "Reason": "x NaN"},
    {"Id": 2, "Stage": "New", "Name": "x", "Amount": NaN, "Reason": "inf"},
    {"Id": 3, "Stage": "New", "Name": ["a", NaN], "Amount": -Infinity, "Reason": "a, NaN, b"}
]"""


def test_not_a_number_is_no_text_and_is_listed(landing: Landing) -> None:
    record = landing.read("deals.json", NOT_NUMBERS)
    assert landing.rows(record, "deal_id, deal_name, amount, lost_reason, _unreadable") == [
        ("1", None, "5", "x NaN", "deal_name=NaN"),
        ("2", "x", "NaN", "inf", None),
        ("3", None, "-Infinity", "a, NaN, b", "deal_name=a;NaN"),
    ]


def test_not_a_number_in_a_list_of_objects(landing: Landing) -> None:
    content = b'{"results": [{"Id": 1, "Stage": "New", "who": [{"n": 1.5}, {"n": NaN}]}, {"Id": 2, "Stage": "New"}]}'
    record = landing.read("deals.json", content, columns={"deal_id": "Id", "stage": "Stage", "deal_name": "who.n"})
    assert landing.rows(record, "deal_name, _unreadable") == [(None, "deal_name=1.5;NaN"), (None, None)]


# Keys that stand twice, and depth


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'[{"Id": 1, "Stage": "New"}, {"Id": 2, "Stage": "New", "Stage": "Won"}]', "'Stage' twice in one object (rec"),
        (b'{"Id": 1, "Stage": "New", "Id": 2}\n{"Id": 3, "Stage": "New"}\n', "'Id' twice in one object (record 1)"),
        (b'[{"Id": 1, "properties": {"Stage": "New", "Stage": "Won"}}]', "'Stage' twice"),
        (b'[{"Id": 1, "Stage": "New", "properties": {"Name": "a"}, "properties": {}}]', "'properties' twice"),
        (b'{"results": [{"Id": 1, "Stage": "New"}], "results": [{"Id": 2, "Stage": "New"}]}', "'results' twice"),
    ],
)  # fmt: skip
def test_a_key_twice_with_different_contents_is_refused(landing: Landing, content: bytes, words: str) -> None:
    record = landing.read("deals.json", content)
    assert record.state == "refused" and words in record.message


def test_a_key_twice_is_said_where_it_changes_nothing(landing: Landing) -> None:
    content = b'[{"Id": 1, "Stage": "New", "Stage": "New", "x": 1, "x": 2}]'
    record = landing.read("deals.json", content)
    assert ids(landing, record) == ["1"]
    assert "the key 'Stage' twice in one object, with the same contents" in record.message
    assert "the key 'x', which nothing reads, twice" in record.message


@pytest.mark.parametrize("levels", [101, 900, 100_000])
@pytest.mark.parametrize(("opened", "closed"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":\n', b"}]"), (b"[", b"")])
def test_deep_json_is_refused_before_anything_reads_it(
    landing: Landing, levels: int, opened: bytes, closed: bytes
) -> None:
    deep = opened * levels + (b"1" if opened != b"[" else b"") + closed * levels
    for name, content in {
        "deals_2026-01-05.json": deep,
        "deals_2026-01-06.json": b'[{"Id": 1, "Stage": "New", "x": ' + deep + b"}]",
        "deals_2026-01-07.jsonl": lines(ONE, TWO) + b'{"Id": 3, "x": ' + deep.replace(b"\n", b"") + b"}\n",
    }.items():  # fmt: skip
        landing.put(name, content)
    for record in landing.ingest(source()):
        assert record.state == "refused" and "levels deep" in record.message


def test_brackets_in_texts_and_cut_lines_are_no_levels(landing: Landing) -> None:
    brackets = {**ONE, "Name": '[{"' * 2000 + "\\", "Reason": "}"}
    assert ids(landing, landing.read("deals_2026-01-05.json", text([brackets, TWO]))) == ["1", "2"]
    cut = b'{"Id": 9, "x": [{"y": "z\n' * 300
    landing.put("deals_2026-01-06.jsonl", lines(*[{**ONE, "Id": str(n)} for n in range(400)]) + cut)
    (record,) = landing.ingest(source())
    assert (record.rows_loaded, record.rows_rejected) == (400, 300)
