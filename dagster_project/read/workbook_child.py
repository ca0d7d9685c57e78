"""Reads one workbook in a process of its own, which may die of it: the library aborts where a cell lies too far out.

Run by its path (it imports nothing of the project, to start quickly):

    workbook_child.py FILE MEMORY_BYTES CPU_SECONDS UNPACKED_BYTES

It answers with pickles on standard output: first the sheets as (name, is of cells, is visible), then for each sheet's
name that it reads as a line of JSON from standard input the rows that have cells. A cell is a str, number, bool, date,
datetime, time or timedelta; "" where there is none; and (code,) for an error such as ("#REF!",). Instead of an answer
there may be an Exception, its text made for a person.
"""

from __future__ import annotations

import contextlib
import json
import pickle
import re
import resource
import sys
import zipfile
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

_CHUNK = 1 << 20
_IS_ERROR = re.compile(rb"""\bt=["']e["']""")
_RELATION_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def main() -> None:
    """Answers until nobody asks any more."""
    path, memory, seconds, unpacked = sys.argv[1], *map(int, sys.argv[2:5])
    for limit, allowed in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # an operating system that knows no such limit
            resource.setrlimit(limit, (allowed, allowed))
    try:
        total = sum(member.file_size for member in zipfile.ZipFile(path).infolist())
        if total > unpacked:
            raise ValueError(f"unpacks to {total >> 20} MB, more than the {unpacked >> 20} MB a workbook may have")
        workbook = CalamineWorkbook.from_path(path)
        sheets = [
            (sheet.name, sheet.typ == SheetTypeEnum.WorkSheet, sheet.visible == SheetVisibleEnum.Visible)
            for sheet in workbook.sheets_metadata
        ]
        _answer(sheets)
    except (CalamineError, ValueError, OSError, zipfile.BadZipFile) as error:
        _answer(ValueError(str(error)))
        return
    for line in sys.stdin:
        try:
            _answer(_rows(path, workbook, json.loads(line)))
        except (CalamineError, ValueError, KeyError, OSError, expat.ExpatError, ElementTree.ParseError) as error:
            _answer(ValueError(str(error)))


def _answer(said: Any) -> None:
    pickle.dump(said, sys.stdout.buffer, protocol=5)
    sys.stdout.buffer.flush()


def _rows(path: str, workbook: CalamineWorkbook, name: str) -> tuple[list[list[Any]], list[int]]:
    """The rows of a sheet that have a cell with something in it, and where they stand."""
    sheet = workbook.get_sheet_by_name(name)
    rows: list[list[Any]] = sheet.to_python(skip_empty_area=True)
    first_row, first_column = sheet.start or (0, 0)
    for row, column, code in _errors(path, name):
        if 0 <= row - first_row < len(rows) and 0 <= column - first_column < len(rows[row - first_row]):
            rows[row - first_row][column - first_column] = (code,)
    filled = [at for at, row in enumerate(rows) if any(not isinstance(cell, str) or cell.strip() for cell in row)]
    return [rows[at] for at in filled], filled


def _errors(path: str, name: str) -> Iterator[tuple[int, int, str]]:
    """Row and column (from 0) of each cell that holds an error, and its code: the library gives them as empty."""
    with zipfile.ZipFile(path) as packed:
        part = _part_of(packed, name)
        if part is None or not _has_errors(packed, part):
            return
        cells = _ErrorCells()
        with packed.open(part) as content:
            while chunk := content.read(_CHUNK):
                cells.parser.Parse(chunk)
                yield from cells.found
                cells.found.clear()


def _part_of(packed: zipfile.ZipFile, name: str) -> str | None:
    """The member of the archive that holds a sheet."""
    related = {
        relation.get("Id"): relation.get("Target", "")
        for relation in ElementTree.fromstring(packed.read("xl/_rels/workbook.xml.rels"))
    }
    for element in ElementTree.fromstring(packed.read("xl/workbook.xml")).iter():
        if element.tag.rpartition("}")[2] == "sheet" and element.get("name") == name:
            wanted = next((value for key, value in element.items() if key.rpartition("}")[2] == "id"), None)
            target = related.get(element.get(_RELATION_ID) or wanted, "")
            part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            return part if part in packed.namelist() else None
    return None


def _has_errors(packed: zipfile.ZipFile, part: str) -> bool:
    before = b""
    with packed.open(part) as content:
        while chunk := content.read(_CHUNK):
            if _IS_ERROR.search(before + chunk):
                return True
            before = chunk[-16:]
    return False


class _ErrorCells:
    """The cells of type `e` of a sheet's XML, as it is parsed."""

    def __init__(self) -> None:
        self.found: list[tuple[int, int, str]] = []
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self._row = self._column = -1
        self._code: list[str] | None = None
        self._is_value = False

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        kind = name.rpartition(":")[2]
        if kind == "row":
            self._row = int(attributes["r"]) - 1 if "r" in attributes else self._row + 1
            self._column = -1
        elif kind == "c":
            place = re.fullmatch("([A-Za-z]+)([0-9]+)", attributes.get("r", ""))
            self._column = _column_number(place[1]) if place else self._column + 1
            self._code = [] if attributes.get("t") == "e" else None
        elif kind == "v":
            self._is_value = True

    def _text(self, text: str) -> None:
        if self._is_value and self._code is not None:
            self._code.append(text)

    def _end(self, name: str) -> None:
        kind = name.rpartition(":")[2]
        if kind == "v":
            self._is_value = False
        elif kind == "c" and self._code is not None:
            self.found.append((self._row, self._column, "".join(self._code).strip() or "#ERROR"))
            self._code = None


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = 26 * number + ord(letter) - 64
    return number - 1


if __name__ == "__main__":
    main()
