"""What is odd in a delivered file is read as a person would read it, or said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import ValidationError

from tests.unit.delivering import Cell, delimited, xlsx
from tests.unit.reading import Landing, said, source

ROWS = [["Id", "Stage", "Name"], ["1", "New", "Müller"], ["2", "Won", "Smith"]]


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path)


def names(landing: Landing, record: Any) -> list[str | None]:
    return [row[0] for row in landing.rows(record, "deal_name")]


# encodings


def test_a_configured_encoding_is_used_for_what_is_no_utf_8_and_not_spoken_of(landing: Landing) -> None:
    record = landing.read("deals.csv", delimited(ROWS).encode("mac-roman"), encoding="mac-roman")
    assert (names(landing, record), said(record)) == (["Müller", "Smith"], "")


def test_a_configured_encoding_does_not_spoil_utf_8(landing: Landing) -> None:
    assert names(landing, landing.read("deals.csv", delimited(ROWS).encode(), encoding="cp1252"))[0] == "Müller"


def test_utf_8_with_a_damaged_row_stays_utf_8_and_the_row_is_rejected(landing: Landing) -> None:
    content = delimited([*ROWS, ["3", "New", "Gr??e"], ["4", "New", "Zoë"]]).encode().replace(b"??", b"\xf6\xdf")
    record = landing.read("deals.csv", content)
    assert names(landing, record) == ["Müller", "Smith", "Zoë"]
    assert [row[:2] for row in landing.rejects(record)] == [(4, "invalid encoding: bytes that are no UTF-8")]
    assert said(record) == ""


def test_what_is_neither_utf_8_nor_cp1252_is_refused(landing: Landing) -> None:
    record = landing.read("deals.csv", delimited(ROWS).encode().replace("ü".encode(), b"\x81"))
    assert record.state == "refused"
    assert "is not cp1252 throughout" in record.message and "set `encoding`" in record.message


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_configured_utf_16_needs_no_mark(landing: Landing, encoding: str) -> None:
    content = "Номер;Стадия\n1;Переговоры\n2;Закрыто\n".encode(encoding)
    columns = {"deal_id": "Номер", "stage": "Стадия"}
    record = landing.read("deals.csv", content, encoding=encoding, columns=columns)
    assert landing.rows(record, "deal_id, stage") == [("1", "Переговоры"), ("2", "Закрыто")]


@pytest.mark.parametrize("written", ["Abschluß", "ABSCHLUß", "abschluß"])
def test_a_word_of_the_mapping_is_found_in_any_case(landing: Landing, written: str) -> None:
    content = f"Id,Stage\n1,{written}\n".encode()
    record = landing.read("deals.csv", content, values={"stage": {"Won": ["Abschluß"]}})
    assert landing.rows(record, "stage") == [("Won",)]


def test_headings_in_cp1252(landing: Landing) -> None:
    columns = {"deal_id": "Id", "stage": "Stage", "deal_name": "größe"}
    record = landing.read("deals.csv", "Id;Stage;Größe\n1;New;x\n".encode("cp1252"), columns=columns)
    assert (names(landing, record), "cp1252" in record.message) == (["x"], True)


# delimiters


def test_commas_in_the_headings_of_a_semicolon_file(landing: Landing) -> None:
    record = landing.read(
        "deals.csv",
        b"Id;Amount, EUR, net;Stage;Name, full\n1;1,50;New;a,b\n",
        **{"columns": {"deal_id": "Id", "stage": "Stage", "amount": "Amount, EUR, net", "deal_name": "Name, full"}},
    )
    assert landing.rows(record) == [("1", "a,b", "New", "1,50")]


def test_a_configured_delimiter(landing: Landing) -> None:
    record = landing.read("deals.csv", b"Id^Stage^Name\n1^New^a,b;c\n", delimiter="^")
    assert names(landing, record) == ["a,b;c"]


def test_the_line_that_names_the_delimiter_is_no_record(landing: Landing) -> None:
    record = landing.read("deals.csv", b"sep=;\r\nId;Stage;Name\r\n1;New;a\r\n2;New\r\n\r\n3;New\r\n4;Won;b\r\n")
    assert [row[0] for row in landing.rejects(record)] == [3, 4]
    assert (names(landing, record), record.rows_in_file) == (["a", "b"], 4)


@pytest.mark.parametrize("start", ["\n", "\r\n  \r\n", ";;\n\n", "sep=;\n\n"])
def test_empty_lines_before_the_header_are_no_header(landing: Landing, start: str) -> None:
    end = "\r\n" if "\r" in start else "\n"
    content = start + end.join(["Id;Stage;Name", "1;New;a", "2;New", "", "3;New", "4;Won;b", ""])
    record = landing.read("deals.csv", content.encode())
    assert [row[0] for row in landing.rejects(record)] == [3, 4]
    assert (names(landing, record), record.rows_in_file) == (["a", "b"], 4)


# JSON


def test_values_of_json_are_written_as_a_person_would(landing: Landing) -> None:
    cells = [1.0, 16120999.999999998, 1.61e7, 1e-7, 12345678901234567890123, True, None, "1.0", " x ", ["a", None, "b"]]
    records = [{"Id": number, "Stage": "New", "Name": cell} for number, cell in enumerate(cells)]
    assert names(landing, landing.read("deals.json", json.dumps(records).encode())) == [
        "1", "16120999.999999998", "16100000", "0.0000001", "12345678901234567890123", "true", None, "1.0", "x", "a;b",
    ]  # fmt: skip


def test_nested_objects_and_lists_are_flattened(landing: Landing) -> None:
    record = {
        "Id": "1",
        "properties": {"Stage": "New", "owner": {"name": "Ann"}},
        "associations": {"companies": {"results": [{"id": "7", "type": "x"}, {"id": 8, "type": "y"}]}},
        "deep": [{"list": [1.0, 2]}, {"list": []}, {}],
    }
    columns = {
        "deal_id": "Id",
        "stage": "Stage",
        "owner_id": "owner.name",
        "account_id": "associations.companies.results.id",
        "deal_name": "deep.list",
    }
    content = json.dumps({"results": [record, {"Id": "2", "properties": {}, "deep": None, "associations": {}}]})
    loaded = landing.read("deals.json", content.encode(), columns=columns, id_separator="|")
    assert landing.rows(loaded, "deal_id, stage, owner_id, account_id, deal_name") == [
        ("1", "New", "Ann", "7|8", "1|2"),
        ("2", None, None, None, None),
    ]
    assert loaded.unmapped == ["associations.companies.results.type"]


def test_a_broken_json_line_is_a_reject(landing: Landing) -> None:
    lines = [
        '{"Id": 1, "Stage": "New"}',
        "",
        '{"Id": 2, "Sta',
        "[1]",
        '{"Id": 3, "Stage": "Won"}',
        '{"Id": 4, "Stage": "a\\u0000b"}',
    ]
    record = landing.read("deals.jsonl", "\r\n".join(lines).encode())
    assert landing.rows(record, "deal_id, stage") == [("1", "New"), ("3", "Won")]
    assert landing.rejects(record) == [
        (3, "is not valid JSON", '{"Id": 2, "Sta'),
        (4, "is JSON but not an object", "[1]"),
        (6, "contains a NUL byte", "4 | a\\0b"),
    ]
    assert record.rows_in_file == 5


def test_a_broken_first_line_or_byte_does_not_hide_the_others(landing: Landing) -> None:
    good = b'{"Id": 2, "Stage": "New"}\n{"Id": 3, "Stage": "Gr\xc3\xb6n"}\n{"Id": 4, "Stage": "gr\xfcn"}\n'
    record = landing.read("deals.jsonl", b'{"Id": 1, "Sta\n' + good)
    assert landing.rows(record, "deal_id") == [("2",), ("3",)]
    assert [row[0] for row in landing.rejects(record)] == [2, 5]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[{"Id": 1, "Stage": "New"}, {"Id": 2, "St', "cannot be read as JSON: Malformed JSON"),
        ('{"results": [\n{"Id": 1, "Stage": "New"},\n{"Id": 2, "Stage": "New"}\n', "cannot be read as JSON"),
        (
            '{"status": "error", "message": "token expired"}',
            "is an error of the CRM and no list of records: token expired",
        ),
        ('{"deals": [{"Id": 1}], "owners": [{"Id": 1}]}', "several lists of objects (deals, owners)"),
        ('[["Id", "Stage"], ["1", "New"]]', "not a list of objects"),
        ("nothing", "cannot be read as JSON"),
    ],
)
def test_json_that_is_broken_as_a_whole_is_refused(landing: Landing, content: str, said: str) -> None:
    record = landing.read("deals.json", content.encode())
    assert record.state == "refused"
    assert said in record.message and str(landing.folder) not in record.message


@pytest.mark.parametrize("content", ["[]", '{"results": [], "total": 0}', " [ ]\n"])
def test_an_empty_json_list_is_a_delivery_without_rows(landing: Landing, content: str) -> None:
    record = landing.read("deals.json", content.encode())
    assert (record.state, record.rows_in_file) == ("loaded", 0)


def test_a_number_of_json_is_read_one_way(landing: Landing) -> None:
    records = [{"Id": number, "Stage": "New", "Amount": amount} for number, amount in enumerate([1.125, 12.375])]
    record = landing.read("deals.json", json.dumps(records).encode())
    assert (record.state, record.readings) == ("loaded", {})
    text = [{**record, "Amount": str(record["Amount"])} for record in records]
    assert landing.read("deals_2.json", json.dumps(text).encode()).state == "refused"


def test_one_record_is_not_taken_for_a_wrapper(landing: Landing) -> None:
    content = '{"Id": "1", "Stage": "New", "products": [{"sku": "a"}, {"sku": "b"}]}'
    record = landing.read(
        "deals.json", content.encode(), columns={"deal_id": "Id", "stage": "Stage", "deal_name": "products.sku"}
    )
    assert landing.rows(record, "deal_id, deal_name") == [("1", "a;b")]


def test_one_record_with_a_nested_id_is_not_taken_for_a_wrapper(landing: Landing) -> None:
    content = '{"deal": {"id": 7}, "Stage": "Open", "notes": [{"Id": "n1", "Stage": "Lost"}]}'
    columns = {"deal_id": ["deal.id", "Id"], "stage": "Stage"}
    record = landing.read("deals.json", content.encode(), columns=columns)
    assert landing.rows(record, "deal_id, stage") == [("7", "Open")]


# Parquet


def test_values_of_parquet_are_written_as_a_person_would(landing: Landing, tmp_path: Path) -> None:
    columns = {
        "deal_id": "id",
        "stage": "s.name",
        "amount": "amount",
        "created_at": "created",
        "won_at": "won",
        "closed_at": "closed",
        "account_id": "ids",
        "is_won": "flag",
        "lost_reason": "x",
    }
    duckdb.sql(
        f"""
        copy (
            select 7::bigint as id, {{'name': 'New', 'n': 1}} as s, 5.50::decimal(9, 2) as amount,
                timestamp '2025-01-02 10:00:00' as created, timestamptz '2025-01-02 10:00:00+02' as won,
                date '2025-01-02' as closed, [1.0::double, 2.5] as ids, true as flag, 16120999.999999998::double as x
            union all select 8, null, null, null, null, null, [], null, 1e3
        ) to '{tmp_path / "made"}' (format parquet)
        """
    )
    record = landing.read("deals.parquet", (tmp_path / "made").read_bytes(), columns=columns)
    assert landing.rows(record, ", ".join(columns)) == [
        (
            *("7", "New", "5.50", "2025-01-02 10:00:00", "2025-01-02 08:00:00Z", "2025-01-02"),
            *("1;2.5", "true", "16120999.999999998"),
        ),
        ("8", None, None, None, None, None, None, None, "1000"),
    ]  # fmt: skip


def test_half_a_parquet_file_is_refused(landing: Landing) -> None:
    record = landing.read("deals.parquet", b"PAR1" + b"x" * 100)
    assert record.state == "refused" and "cannot be read as Parquet" in record.message


# workbooks

SHEET: list[list[Cell]] = [
    [None, "Opportunities by Stage"],
    [None, "As of 2025-01-31"],
    [],
    [None, "Id", "Name", "Stage", "Amount", "Created"],
    [None, "007", "a\nb", "New", 1250, ("date", 45659)],
    [None],
    [None, 8, True, "Won", 0.30000000000000004, ("datetime", 45659.41666666667)],
    [None, 123456789012345, 1.5e21, "Won", ("percent", 0.5)],
]  # fmt: skip


def test_a_formatted_report_in_a_workbook(landing: Landing) -> None:
    record = landing.read("deals.xlsx", xlsx({"Report": SHEET, "Other": [["x"]]}))
    assert landing.rows(record) == [
        ("007", "a\nb", "New", "1250", "2025-01-02 00:00:00"),
        ("8", "true", "Won", "0.30000000000000004", "2025-01-02 10:00:00"),
        ("123456789012345", "1.50000000000000E+21", "Won", "0.5", None),
    ]
    assert said(record) == (
        "read sheet 'Report', not 'Other'; name one as `sheet` of its feed; "
        "sheet 'Report': 2 rows above the headings passed over; 1 blank row passed over"
    )


def test_days_without_a_time_are_days(landing: Landing) -> None:
    record = landing.read("deals.xlsx", xlsx({"S": [["Id", "Stage", "Created"], ["1", "New", ("date", 45659)]]}))
    assert landing.rows(record, "created_at") == [("2025-01-02",)]


def test_every_second_of_a_day_survives_a_workbook(landing: Landing) -> None:
    seconds = range(0, 86400, 7)
    rows: list[list[Cell]] = [[str(s), "New", ("datetime", 45659 + s / 86400)] for s in seconds]
    record = landing.read("deals.xlsx", xlsx({"S": [["Id", "Stage", "Created"], *rows]}))
    assert landing.rows(record, "created_at") == [
        (f"2025-01-02 {s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}",) for s in seconds
    ]


def test_a_named_sheet(landing: Landing) -> None:
    book = xlsx({"Cover": [["hello"]], "My  Deals": [["Id", "Stage"], ["1", "New"]]})
    assert landing.rows(landing.read("deals.xlsx", book, sheet="my deals"), "deal_id") == [("1",)]


def test_a_sheet_that_is_not_there(landing: Landing) -> None:
    record = landing.read("deals.xlsx", xlsx({"A": [["Id"]], "B": [["Id"]]}), sheet="C")
    assert record.message == "has no sheet 'C'; its sheets are 'A', 'B'"


# what is no table


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, r"legacy Office file (.xls or .doc)"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "protected by a password"),
        (b"%PDF-1.7\n", "is a PDF"),
        (b"\x89PNG\r\n\x1a\n\0\0", "is a picture (PNG)"),
        (b"Rar!\x1a\x07", "is a RAR archive"),
        (b"<table><tr><td>Id</td></tr></table>", "web page"),
        ("<html><body>".encode("utf-16"), "web page"),
        (b"\xff\xfe", "no header"),
        (b"PK\x03\x04 half", "damaged"),
    ],
)
def test_what_is_no_table_is_refused_and_named(landing: Landing, content: bytes, said: str) -> None:
    record = landing.read("deals.csv", content)
    assert record.state == "refused" and said in record.message


# headings of one value


def test_several_headings_of_one_value_are_joined(landing: Landing) -> None:
    columns = {"deal_id": "Id", "stage": "Stage", "deal_name": [["First", "Last"], "Name"]}
    both = landing.read(
        "deals_1.csv", b"Id,Stage,First,Last,Name\n1,New,Ann,Lee,x\n2,New,,Lee,x\n3,New, ,,x\n", columns=columns
    )
    assert names(landing, both) == ["Ann Lee", "Lee", None]
    assert both.outranked == ["Name"]


def test_a_synonym_of_several_headings_needs_all_of_them(landing: Landing) -> None:
    columns = {"deal_id": "Id", "stage": "Stage", "deal_name": [["First", "Last"], "Name"]}
    record = landing.read("deals.csv", b"Id,Stage,First,Name\n1,New,Ann,x\n", columns=columns)
    assert (names(landing, record), record.unmapped) == (["x"], ["First"])


# the end of a report

TAIL = {"report_tail": ["Total", "Grand Total*", "Copyright *"]}


def test_what_stands_below_the_last_record_of_a_report_is_no_record(landing: Landing) -> None:
    footer = '\nGrand Totals (2 records)\n\nMy report\n"Copyright © 2000-2026 x, inc."\nAcme\n'
    record = landing.read("deals.csv", delimited(ROWS).encode() + footer.encode(), **TAIL)
    assert (names(landing, record), record.rows_in_file, record.rows_rejected) == (["Müller", "Smith"], 2, 0)
    assert said(record) == "4 rows below the last record, a report's totals and footer, were passed over"


def test_the_end_of_a_report_as_a_workbook(landing: Landing) -> None:
    sheet = [*[["", *row] for row in ROWS], ["", "Total", "", "2"], ["", "Copyright © 2000-2026 x, inc."]]
    record = landing.read("deals.xlsx", xlsx({"S": sheet}), **TAIL)
    assert (names(landing, record), record.rows_in_file) == (["Müller", "Smith"], 2)
    assert "2 rows below the last record" in record.message


def test_a_record_that_looks_like_the_end_of_a_report_is_a_record(landing: Landing) -> None:
    rows = [ROWS[0], ["2", "Won", "one\nCopyright © 2000-2026 x\ntwo"], ["Total", "New", "a"]]
    record = landing.read("deals.csv", delimited(rows).encode(), **TAIL)
    assert (len(names(landing, record)), said(record)) == (2, "")
    record = landing.read("deals_2.csv", delimited(rows[:2]).encode(), **TAIL)
    assert (len(names(landing, record)), said(record)) == (1, "")


# what a mapping may say


@pytest.mark.parametrize(
    ("feed", "said"),
    [
        ({"encoding": "klingon"}, "'klingon' is no encoding"),
        ({"stage_dates": ["Date entered"]}, "needs {stage} once"),
        ({"stage_dates": ["{stage}{pipeline}"]}, "with something between"),
        ({"personal_data": {"deal_id": "drop"}}, "'deal_id' is required of deals"),
        ({"personal_data": {"amount": "hash"}}, "'amount' is a amount"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused(feed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said.replace("{", r"\{").replace("}", r"\}")):
        source(**feed)


@pytest.mark.parametrize("gap", ["\n", "\n\n"])
@pytest.mark.parametrize("name", ['"Open deals 2026"', "Pipeline", '"Two words"\n"Three more words"'])
def test_the_name_of_a_report_above_its_footer_is_no_record(landing: Landing, gap: str, name: str) -> None:
    content = f'{delimited(ROWS)}{gap}{name}\n"Copyright © 2000-2026 x"\n"Confidential"\n'
    record = landing.read("deals.csv", content.encode(), **TAIL)
    assert (len(names(landing, record)), record.rows_rejected) == (2, 0)


def test_a_row_cut_off_right_above_a_footer_is_rejected(landing: Landing) -> None:
    record = landing.read("deals.csv", f"{delimited(ROWS)}3\nCopyright © 2000-2026 x\n".encode(), **TAIL)
    assert (len(names(landing, record)), record.rows_rejected) == (2, 1)


# headings


def test_title_lines_above_the_headings_of_text(landing: Landing) -> None:
    content = f'All deals,,\n"Exported 2026-01-05, Robin Doe",,\n,,\n{delimited(ROWS)}'
    record = landing.read("deals.csv", content.encode())
    assert (names(landing, record), said(record)) == (["Müller", "Smith"], "3 lines above the headings passed over")


def test_a_heading_of_two_lines_is_one(landing: Landing) -> None:
    record = landing.read("deals.csv", b'Id,Stage,Name,"Reason\nlost"\r\n1,New,a,b\r\n')
    assert (names(landing, record), record.rows_in_file) == (["a"], 1)


@pytest.mark.parametrize("header", ['Id,Stage,"Name,', 'Id,Stage,Na"me', f"Id,Stage,Name,{'x' * 301}"])
def test_stray_quotes_in_headings_and_huge_ones_are_refused(landing: Landing, header: str) -> None:
    record = landing.read("deals.csv", f'{header}\n1,New,"a"\n'.encode())
    assert record.state == "refused" and "heading" in record.message


# cells


def test_headings_again_below_the_first_row_are_no_rows(landing: Landing) -> None:
    text = delimited(ROWS)
    again = delimited([ROWS[0], ["3", "New", "Zoë"]])
    for mark in ("", "\ufeff"):
        record = landing.read(f"deals{len(mark)}_2026-01-0{len(mark) + 1}.csv", (text + mark + again).encode())
        assert names(landing, record) == ["Müller", "Smith", "Zoë"]
        assert "its headings stand in it 2 times" in record.message


def test_a_second_table_is_refused(landing: Landing) -> None:
    record = landing.read("deals.csv", f"{delimited(ROWS)}\nName,Id,Stage\nx,4,New\n".encode())
    assert record.state == "refused" and "second table" in record.message


def test_ids_in_scientific_notation_refuse_text_and_workbooks(landing: Landing) -> None:
    text = landing.read("deals.csv", b"Id,Stage\n1.23457E+12,New\n")
    assert text.state == "refused" and "scientific notation (1.23457E+12)" in text.message
    sheet = Landing(landing.folder / "sheet").read("deals.xlsx", xlsx({"S": [["Id", "Stage"], [1.23e18, "New"]]}))
    assert sheet.state == "refused" and "scientific notation" in sheet.message


@pytest.mark.parametrize("written", ['="00123"', '"=""00123"""', "'00123", "'00123'", "«00123»"])
def test_what_keeps_a_spreadsheet_from_calculating_is_no_part_of_an_id(landing: Landing, written: str) -> None:
    record = landing.read("deals.csv", f"Id,Stage,Name\n{written},New,'t Hooft\n".encode())
    assert landing.rows(record, "deal_id, deal_name") == [("00123", "'t Hooft")]


def test_a_word_for_nothing_is_nothing_and_listed_once_a_column(landing: Landing) -> None:
    record = landing.read("deals.csv", b"Id,Stage,Name,Amount\n1,New,NULL,-\n2,Won,(null),1\n3,Won,x-y,2\n")
    assert names(landing, record) == [None, None, "x-y"]
    assert "column 'Name': 2 cells say (null), NULL, read as empty" in record.message
    assert "column 'Amount': 1 cell says -, read as empty" in record.message


def test_a_configured_word_is_a_value_or_not_spoken_of(landing: Landing) -> None:
    record = landing.read("deals.csv", b"Id,Stage,Name\n1,-,-\n", null_values=["-"], values={"stage": {"New": ["-"]}})
    assert "read as empty" not in record.message


@pytest.mark.parametrize(("encoding", "example"), [("utf-7", "utf-7"), ("mac-roman", "Mac Roman"), ("cp850", "")])
def test_an_encoding_that_can_only_be_guessed_wrongly_is_refused(landing: Landing, encoding: str, example: str) -> None:
    rows = [*ROWS, ["3", "New", "Jäger"], ["4", "New", "Café"]]
    record = landing.read("deals.csv", delimited(rows).encode(encoding))
    assert record.state == "refused" and example in record.message and "`encoding`" in record.message
    again = Landing(landing.folder / "again").read("deals.csv", delimited(rows).encode(encoding), encoding=encoding)
    assert (again.state, again.rows_loaded) == ("loaded", 4)


def test_a_feed_with_personal_data_stores_no_headings_that_map_to_nothing(landing: Landing) -> None:
    record = landing.read(
        "deals.csv", b"Id,Stage,Name,ann@example.com\n1,New,a,b\n", personal_data={"deal_name": "drop"}
    )
    assert record.state == "loaded" and "ann@example.com" not in str(record)


@pytest.mark.parametrize("helper", ["order", "Stage", "actual amount", 'a "b"', "cell_0", "_unreadable"])
def test_a_column_that_others_go_by_may_have_any_name(landing: Landing, helper: str) -> None:
    """It is a name of the mapping's, and none of SQL's."""
    rows = [["Id", "Stage", "Paid", "Amount"], ["1", "New", "", "5"], ["2", "Won", "7", "6"]]
    columns = {"deal_id": "Id", "stage": "Stage", "amount": ["Amount"], helper: "Paid"}
    # a file that is read in place, and one whose cells are written down first
    for name, content in (("deals.csv", delimited(rows).encode()), ("deals.jsonl", as_jsonl(rows))):
        landing.put(name, content)
    by_them = source(columns=columns, references={"amount": {"column": helper}})
    for record in landing.ingest(by_them):
        assert landing.rows(record, "deal_id, stage, amount") == [("1", "New", "5"), ("2", "Won", "7")], record.message


def as_jsonl(rows: list[list[str]]) -> bytes:
    headings, *records = rows
    return "\n".join(json.dumps(dict(zip(headings, cells, strict=True))) for cells in records).encode()
