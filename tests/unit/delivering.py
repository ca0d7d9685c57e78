"""Files as other programs write them, by hand where a library would tidy up what is to be tested."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal
from xml.sax.saxutils import escape

import duckdb
from backports import zstd

Rows = Sequence[Sequence[str | None]]
#: One of the csv module's QUOTE_….
Quoting = Literal[0, 1, 2, 3]


def delimited(rows: Rows, delimiter: str = ",", quoting: Quoting = csv.QUOTE_MINIMAL, line_end: str = "\n") -> str:
    """Rows, the header first, as delimited text."""
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=line_end).writerows(rows)
    return out.getvalue()


def objects(rows: Rows) -> list[dict[str, Any]]:
    """A record for each row; an empty cell is null in one, missing in the next."""
    header, *records = rows
    return [
        {str(key): cell for key, cell in zip(header, row, strict=True) if cell is not None or number % 2}
        for number, row in enumerate(records)
    ]


def json_lines(rows: Rows) -> str:
    return "".join(json.dumps(record) + "\n" for record in objects(rows))


def parquet(rows: Rows, path: Path) -> bytes:
    header, *records = rows
    with duckdb.connect() as connection:
        connection.execute(f"create table t ({', '.join(quoted(name) + ' varchar' for name in header)})")
        connection.executemany(f"insert into t values ({', '.join('?' * len(header))})", [list(row) for row in records])
        connection.execute(f"copy t to '{path}' (format parquet)")
    return path.read_bytes()


def quoted(name: str | None) -> str:
    return '"' + str(name).replace('"', '""') + '"'


Cell = str | int | float | bool | None | tuple[str, float | str]


def xlsx(sheets: dict[str, Sequence[Sequence[Cell]]], states: dict[str, str] | None = None) -> bytes:
    """A workbook; `states` may say `hidden` or `veryHidden` of a sheet.

    A tuple is a styled number such as ("date", 45658) or ("percent", 0.5), or ("error", "#N/A").
    """
    out = io.BytesIO()
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        numbers = range(1, len(sheets) + 1)
        packed.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="xml" ContentType="application/xml"/></Types>',
        )
        packed.writestr(
            "_rels/.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f'<Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        listed = "".join(
            f'<sheet name="{escape(name)}" sheetId="{n}" state="{(states or {}).get(name, "visible")}" r:id="r{n}"/>'
            for n, name in zip(numbers, sheets, strict=True)
        )
        packed.writestr("xl/workbook.xml", f'<workbook {main} xmlns:r="{office}"><sheets>{listed}</sheets></workbook>')
        targets = "".join(
            f'<Relationship Id="r{n}" Type="{office}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
        )
        packed.writestr(
            "xl/_rels/workbook.xml.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f'{targets}<Relationship Id="s" Type="{office}/styles" Target="styles.xml"/></Relationships>',
        )
        styles = "".join(f'<xf numFmtId="{code}"/>' for code in (0, 14, 22, 10))
        packed.writestr("xl/styles.xml", f'<styleSheet {main}><cellXfs count="4">{styles}</cellXfs></styleSheet>')
        for n, rows in zip(numbers, sheets.values(), strict=True):
            body = "".join(
                f'<row r="{r}">{"".join(_cell(cell, r, c) for c, cell in enumerate(row))}</row>'
                for r, row in enumerate(rows, 1)
            )
            packed.writestr(
                f"xl/worksheets/sheet{n}.xml", f"<worksheet {main}><sheetData>{body}</sheetData></worksheet>"
            )
    return out.getvalue()


def _cell(cell: Cell, row: int, column: int) -> str:
    place = f'r="{chr(65 + column)}{row}"'
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return f'<c {place} t="b"><v>{int(cell)}</v></c>'
    if isinstance(cell, int | float):
        return f"<c {place}><v>{cell!r}</v></c>"
    if isinstance(cell, tuple):
        kind, number = cell
        if kind == "error":
            return f'<c {place} t="e"><v>{escape(str(number))}</v></c>'
        return f'<c {place} s="{["", "date", "datetime", "percent"].index(kind)}"><v>{number!r}</v></c>'
    return f'<c {place} t="inlineStr"><is><t xml:space="preserve">{escape(cell)}</t></is></c>'


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return out.getvalue()


#: Ending of the name → what it does to the bytes.
COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda content: content,
    ".gz": gzip.compress,
    ".zst": zstd.compress,
    ".zip": lambda content: zipped({"deals.csv": content}),
}
