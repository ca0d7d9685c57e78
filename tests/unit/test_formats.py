"""The same content in every format, compression and encoding gives the same lake rows."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.delivering import COMPRESSIONS, Rows, delimited, json_lines, objects, parquet, xlsx
from tests.unit.reading import Landing

HEADER = ["Id", "Name", "Stage", "Amount", "Created", "Reason"]
NASTY: Rows = [
    HEADER,
    ["007", 'the "big" one', "Won", "1.234,50", "2025-01-02 10:00", "a;b,c|d\te"],
    ["8", "two\nlines\n\nand a blank one", "Größe über 5 €", "1e3", "22.01.2025", None],
    ["9", "=SUM(A1:A9)", "Neu", None, "2025-01-02", "-1+1"],
    ["10", "'it''s \\ here'", "Neu", "0,10", None, "{\"json\": [1]}"],
    ["12345678901234567890", "ü" * 100_000, "Neu", "5", "2025-01-02T10:00:00Z", "Œuvre – “fin”…"],
]  # fmt: skip
EXPECTED = [tuple(row) for row in NASTY[1:]]


def excel(rows: Rows) -> bytes:
    """As a German Excel saves it: byte-order mark, the line that names the delimiter, semicolons, CRLF."""
    return b"\xef\xbb\xbfsep=;\r\n" + delimited(rows, ";", line_end="\r\n").encode()


FORMATS: dict[str, Callable[[Rows, Path], bytes]] = {
    "comma": lambda rows, _: delimited(rows).encode(),
    "quoted": lambda rows, _: delimited(rows, quoting=csv.QUOTE_ALL, line_end="\r\n").encode(),
    "semicolon": lambda rows, _: delimited(rows, ";").encode(),
    "tab": lambda rows, _: delimited(rows, "\t").encode(),
    "pipe": lambda rows, _: delimited(rows, "|").encode(),
    "excel": lambda rows, _: excel(rows),
    "utf-8-sig": lambda rows, _: delimited(rows).encode("utf-8-sig"),
    "utf-16": lambda rows, _: delimited(rows, "\t").encode("utf-16"),
    "utf-16-be": lambda rows, _: b"\xfe\xff" + delimited(rows).encode("utf-16-be"),
    "utf-16-le, no mark": lambda rows, _: delimited(rows).encode("utf-16-le"),
    "utf-16-be, no mark": lambda rows, _: delimited(rows, ";").encode("utf-16-be"),
    "cp1252": lambda rows, _: delimited(rows, ";").encode("cp1252"),
    "json": lambda rows, _: json.dumps(objects(rows), indent=1, ensure_ascii=False).encode(),
    "json, one line": lambda rows, _: json.dumps(objects(rows)).encode("utf-8-sig"),
    "json in an object": lambda rows, _: json.dumps({"paging": {"next": None}, "results": objects(rows)}).encode(),
    "json properties": lambda rows, _: json.dumps(
        [{"x": 1, "properties": record} for record in objects(rows)]
    ).encode(),
    "json utf-16": lambda rows, _: json.dumps(objects(rows), ensure_ascii=False).encode("utf-16"),
    "json cp1252": lambda rows, _: json.dumps(objects(rows), ensure_ascii=False).encode("cp1252"),
    "json lines": lambda rows, _: json_lines(rows).encode(),
    "json, one object after the other": lambda rows, _: "\n".join(
        json.dumps(record, indent=2) for record in objects(rows)
    ).encode(),
    "parquet": lambda rows, path: parquet(rows, path),
    "xlsx": lambda rows, _: xlsx({"Deals": rows}),
}


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_gives_the_same_rows(tmp_path: Path, form: str) -> None:
    landing = Landing(tmp_path)
    record = landing.read("deals_2025-01-03", FORMATS[form](NASTY, tmp_path / "made"))
    assert record.state == "loaded", record.message
    assert landing.rows(record) == EXPECTED
    assert (record.rows_in_file, record.rows_rejected) == (5, 0)
    assert ("Windows-1252" in record.message) == ("cp1252" in form)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("form", ["comma", "utf-16", "cp1252", "json", "json lines", "parquet", "xlsx"])
def test_every_compression_gives_the_same_rows(tmp_path: Path, form: str, compression: str) -> None:
    landing = Landing(tmp_path)
    content = COMPRESSIONS[compression](FORMATS[form](NASTY, tmp_path / "made"))
    assert landing.rows(landing.read(f"deals_2025-01-03{compression}", content)) == EXPECTED


@pytest.mark.parametrize(("form", "name"), [("xlsx", "deals.csv"), ("comma", "deals.xlsx"), ("parquet", "deals.json")])
def test_the_content_says_what_a_file_is_and_not_its_name(tmp_path: Path, form: str, name: str) -> None:
    landing = Landing(tmp_path)
    assert landing.rows(landing.read(name, FORMATS[form](NASTY, tmp_path / "made"))) == EXPECTED


@pytest.mark.parametrize("compression", [".gz", ".zst"])
def test_a_compressed_file_without_the_ending(tmp_path: Path, compression: str) -> None:
    landing = Landing(tmp_path)
    content = COMPRESSIONS[compression](FORMATS["comma"](NASTY, tmp_path))
    assert landing.rows(landing.read("deals.csv", content)) == EXPECTED


def test_compressed_inside_an_archive(tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    packed = COMPRESSIONS[".gz"](FORMATS["comma"](NASTY, tmp_path))
    assert landing.rows(landing.read("deals.zip", COMPRESSIONS[".zip"](packed))) == EXPECTED


def test_stage_dates_are_gathered_alike_from_every_format(tmp_path: Path) -> None:
    rows: Rows = [
        ["Id", "Stage", 'Date entered "Demo (Sales Pipeline)"', 'DATE  ENTERED "Won\'s (Sales)"', "entered_new"],
        ["1", "Demo", "2025-01-02 10:00", None, "2025-01-01"],
        ["2", "Demo", None, None, None],
    ]
    patterns = ['Date entered "{stage} ({pipeline})"', "entered_{stage}"]
    for number, form in enumerate(["comma", "json", "json lines", "parquet", "xlsx"]):
        landing = Landing(tmp_path / str(number))
        content = FORMATS[form](rows, tmp_path / "made")
        record = landing.read("deals", content, stage_dates=patterns)
        first, second = landing.rows(record, "stage_dates")
        assert json.loads(first[0]) == [
            {"stage": "Demo", "pipeline": "Sales Pipeline", "entered": "2025-01-02 10:00"},
            {"stage": "new", "pipeline": None, "entered": "2025-01-01"},
        ]
        assert second == (None,)
        assert record.unmapped == []
