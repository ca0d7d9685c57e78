"""Delimited text that is odd somewhere, read record by record: what is sound is written out plainly, the rest rejected.

Where the quotes of a record and the ends of its lines contradict each other nothing is guessed: its lines are rows by
themselves if every one behind the first is, and are rejected otherwise.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from dagster_project.errors import RefusedFileError
from dagster_project.read.headings import heading_key
from dagster_project.read.nothing import WORDS
from dagster_project.read.survey import LONGEST_RECORD
from dagster_project.read.tables import Reject

MARK = "\ufeff"
#: A quote that is not closed within so many characters never is.
_LONGEST_QUOTED = 1 << 26
_SHOWN = 10_000
#: Bytes that are no UTF-8, as `surrogateescape` leaves them.
_BROKEN = re.compile("[\udc80-\udcff]")
_CLOSED_BY = {"'": "'", "«": "»", "»": "«", "“": "”", "„": "“”", "‘": "’", "‚": "‘’", "‹": "›"}
_DIGIT = re.compile(r"\d")
_NUMBER = re.compile(r"[+-]?[\d.,]+")
_WORDS = frozenset(WORDS)
#: What a spreadsheet writes around a text, spaces inside included.
_WRAPPING = '=" '


@dataclass
class Written:
    """What became of the records of a file behind its header."""

    records: int = 0
    rejects: list[Reject] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    nothing: set[str] = field(default_factory=set)
    repeated_headers: int = 0
    #: Rows of nothing but separators and spaces, as spreadsheets write them.
    blank: int = 0
    #: Cells too many (all of them empty) in every record, or too few where the last headings are empty.
    surplus: int = 0


@dataclass(frozen=True)
class Shape:
    """How the records of a file are written, and what its mapping knows of it."""

    delimiter: str
    headings: Sequence[str]
    #: Physical lines before the first record: what stands above the header, and the header.
    first_line: int
    #: Keys of headings that the mapping names.
    known: frozenset[str]
    #: Positions of dates and numbers.
    typed: frozenset[int] = frozenset()


class _Lines:
    """Physical lines, whatever ends them, without byte-order marks; some may be put back."""

    def __init__(self, lines: Iterator[str], number: int) -> None:
        self._lines = lines
        self._back: deque[str] = deque()
        self.number = number

    def next(self) -> str | None:
        line = self._back.popleft() if self._back else next(self._lines, None)
        if line is None:
            return None
        self.number += 1
        return line.replace(MARK, "") if MARK in line else line

    def put_back(self, lines: Sequence[str]) -> None:
        self._back.extendleft(reversed(lines))
        self.number -= len(lines)


class _Reader:
    def __init__(self, shape: Shape, lines: _Lines, quotes: bool, surplus: int) -> None:
        self.shape, self.lines = shape, lines
        self.written = Written(surplus=surplus)
        self.width = len(shape.headings)
        self.number = 1
        #: Whether the program that wrote the file puts quotes around what needs them.
        self.quotes = quotes
        self._keys = [heading_key(heading) for heading in shape.headings]
        self._sound = sound_record(shape.delimiter)
        self._bare = _bare_record(shape.delimiter)
        self.widths: set[int] = set()
        #: What a line without any value consists of: spreadsheets write rows of nothing but delimiters.
        self._nothing = f' \t\r\n\xa0\u202f\u200b"{shape.delimiter}'

    def records(self) -> Iterator[list[str]]:
        """The cells of the accepted records."""
        while (line := self.lines.next()) is not None:
            if not line.strip(self._nothing) and line.count('"') % 2 == 0:
                # a line that is not even a row of empty cells is no row
                self.written.blank += bool(line.strip("\r\n"))
                continue
            if '"' not in line:
                yield from self._taken(line.rstrip("\r\n").split(self.shape.delimiter), line)
            else:
                yield from self._with_quotes(line)

    def _with_quotes(self, line: str) -> Iterator[list[str]]:
        if self._sound.fullmatch(line.rstrip("\r\n")):
            yield from self._taken(cells(line, self.shape.delimiter), line)
            return
        if self._bare.fullmatch(line.rstrip("\r\n")):
            if self.quotes:
                self._reject(line, "quote inside a cell: a cell has a quote that neither begins nor ends it")
            else:
                yield from self._taken(cells(line, self.shape.delimiter, skips_spaces=False), line)
            return
        if line.count('"') % 2 == 0:
            self._reject(line, "quote inside a cell: text stands behind the quote that closes a cell")
            return
        gathered = self._gathered(line)
        text = "".join(gathered)
        if self._sound.fullmatch(text.rstrip("\r\n")) and not self._are_rows(gathered):
            yield from self._taken(cells(text, self.shape.delimiter), text)
        elif all(self._is_row(later) for later in gathered[1:]):
            self._reject(line, "unclosed quote: the quote opened in this row is not closed in it")
            self.lines.put_back(gathered[1:])
        else:
            first, last = self.lines.number - len(gathered) + 1, self.lines.number
            for one in gathered:
                self._reject(one, f"quotes do not add up: the rows of lines {first} to {last} cannot be told apart")

    def _gathered(self, line: str) -> list[str]:
        """This line and those up to the one that closes its quote."""
        first, opened = self.lines.number, self.number + 1
        gathered, length = [line], len(line)
        while (following := self.lines.next()) is not None and length < _LONGEST_QUOTED:
            gathered.append(following)
            length += len(following)
            if following.count('"') % 2:
                return gathered
        raise RefusedFileError(
            f"has a quote that is opened near row {opened} (line {first}) and never closed, so the rows behind it "
            "cannot be told apart. Export the file again, or double the quote inside that cell"
        )

    def _are_rows(self, lines: Sequence[str]) -> bool:
        """Whether every line of a cell of several lines has the delimiters of a whole row."""
        return self.width > 1 and all(line.count(self.shape.delimiter) == self.width - 1 for line in lines)

    def _is_row(self, line: str) -> bool:
        bare = line.rstrip("\r\n")
        return self._sound.fullmatch(bare) is not None and len(cells(line, self.shape.delimiter)) == self.width

    def _taken(self, row: list[str], text: str) -> Iterator[list[str]]:
        if any(cell.lstrip()[:1] in _CLOSED_BY for cell in row if cell):
            unquoted = self._unquoted(row)
            if unquoted is None:
                self._reject(text, "unclosed quote: most cells are in quotes of another kind, and one is not")
                return
            row = unquoted
        if self.written.surplus:
            row = _evened(row, self.width, self.written.surplus)
        if len(row) != self.width:
            self.widths.add(len(row))
            kind = "missing" if len(row) < self.width else "too many"
            # a line that has lost its end holds two records, of which the last and the first cell are one
            records, rest = divmod(len(row) + 1, self.width)
            for _ in range(records if not rest and records else 1):
                self._reject(text, f"{kind} columns: Expected Number of Columns: {self.width} Found: {len(row)}")
            return
        if self._is_header(row):
            self.written.repeated_headers += 1
            return
        if len(text) > LONGEST_RECORD // 4 and len(text.encode("utf-8", "surrogateescape")) > LONGEST_RECORD:
            self._reject(text, f"too long: a row of {len(text):,} characters")
            return
        if not text.isascii() and _BROKEN.search(text):
            self._reject(text, "invalid encoding: bytes that are no UTF-8")
            return
        self.number += 1
        self.written.records += 1
        # without the wrapping of a spreadsheet; which cells truly say them is for the query to find
        self.written.nothing.update(_WORDS.intersection(cell.strip().strip(_WRAPPING) for cell in row))
        yield row

    def _unquoted(self, row: list[str]) -> list[str] | None:
        """A row whose texts are all in other quotes, without them; None where most are and one is only opened."""
        joined = _joined(row, self.shape.delimiter)
        texts = [cell for cell in map(str.strip, joined) if cell and not _NUMBER.fullmatch(cell)]
        quoted = sum(map(_is_in_quotes, texts))
        if quoted < 2:
            return row
        if quoted == len(texts):
            return [bare[1:-1] if _is_in_quotes(bare := cell.strip()) else cell for cell in joined]
        return None if quoted * 2 > len(texts) else row

    def _is_header(self, row: Sequence[str]) -> bool:
        keys = [heading_key(cell) for cell in row]
        if keys == self._keys:
            return True
        filled = [key for key in keys if key]
        known = sum(key in self.shape.known for key in filled)
        typed = [row[at] for at in self.shape.typed if row[at].strip()]
        begins = (
            len(typed) > 1 and len(filled) > 2 and not any(_DIGIT.search(cell) for cell in row if cell not in WORDS)
        )
        if begins or (known > 1 and known * 2 >= len(filled)):
            raise RefusedFileError(
                f"has a second table from row {self.number + 1} (line {self.lines.number}) on, with headings of its "
                "own; deliver one table in each file"
            )
        return False

    def _reject(self, text: str, reason: str) -> None:
        self.number += 1
        said = text.strip("\r\n").replace("\0", "\\0")
        said = said.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        said = said if len(said) <= _SHOWN else f"{said[:_SHOWN]} … ({len(said):,} characters)"
        self.written.rejects.append(Reject(self.number, None, reason, said))


def _is_in_quotes(cell: str) -> bool:
    return len(cell) > 1 and cell[-1] in _CLOSED_BY.get(cell[0], "")


def _joined(row: Sequence[str], delimiter: str) -> list[str]:
    """The cells, those put together again that a delimiter inside other quotes has parted."""
    joined: list[str] = []
    opened: list[str] = []
    for cell in row:
        opened.append(cell)
        together = delimiter.join(opened).strip()
        if together[:1] not in _CLOSED_BY or _is_in_quotes(together):
            joined.append(delimiter.join(opened))
            opened = []
    return joined if not opened else list(row)


def _evened(row: list[str], width: int, surplus: int) -> list[str]:
    if surplus > 0 and len(row) == width + surplus and not any(cell.strip() for cell in row[width:]):
        return row[:width]
    return row + [""] * -surplus if len(row) == width + surplus else row


def cells(text: str, delimiter: str, skips_spaces: bool = True) -> list[str]:
    """The cells of one record; quotes may stand behind spaces (`skips_spaces`)."""
    csv.field_size_limit(2**31 - 1)
    return next(csv.reader(lines_of(text), delimiter=delimiter, skipinitialspace=skips_spaces), [])


def lines_of(text: str) -> list[str]:
    """Physical lines with what ends them: a line feed, a carriage return, or both."""
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", text)


def write_sound(path: Path, shape: Shape, target: Path, quotes: bool) -> Written:
    """Writes the sound records behind a file's header to `target`, below a header of its own.

    Raises RefusedFileError for a quote never closed, a second table, and a file without one sound record.
    """
    reader = _written(path, shape, target, quotes, surplus=0)
    written = reader.written
    if not written.records and len(reader.widths) == 1 and len(written.rejects) > 1:
        surplus = reader.widths.pop() - reader.width
        if surplus > 0 or not any(heading.strip() for heading in shape.headings[surplus:]):
            again = _written(path, shape, target, quotes, surplus).written
            written = written if again.rejects else again
    if written.rejects and not written.records:
        first = written.rejects[0]
        raise RefusedFileError(
            f"has no row that can be read: each of its {len(written.rejects)} does not fit its headings, or has stray "
            f"quotes (row {first.row_number}: {first.reason}). Export the file again"
        )
    if written.repeated_headers:
        written.notes.append(f"its headings stand in it {written.repeated_headers + 1} times; they are no rows")
    if written.blank:
        written.notes.append(blank_note(written.blank))
    return written


def blank_note(rows: int) -> str:
    """What a person should know about rows without any value."""
    return f"{rows} blank row{'s' if rows > 1 else ''} passed over"


def _written(path: Path, shape: Shape, target: Path, quotes: bool, surplus: int) -> _Reader:
    with (
        path.open(encoding="utf-8", errors="surrogateescape", newline="") as read,
        target.open("w", encoding="utf-8", newline="") as file,
    ):
        lines = islice(read, shape.first_line, None)
        reader = _Reader(shape, _Lines(lines, shape.first_line), quotes, surplus)
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(f"c{position}" for position in range(reader.width))
        writer.writerows(reader.records())
    return reader


def sound_record(delimiter: str) -> re.Pattern[str]:
    """A record all of whose quotes begin and end a cell (of which spaces may stand around) or are doubled."""
    cell = _cell(delimiter)
    return re.compile(rf"{cell}(?:{re.escape(delimiter)}{cell})*")


def _cell(delimiter: str) -> str:
    # an Excel formula that is a text keeps its quotes
    return rf'(?: *"(?>(?:[^"]|"")*)" *|="[^"{re.escape(delimiter)}\r\n]*"|[^"{re.escape(delimiter)}\r\n]*)'


def _bare_record(delimiter: str) -> re.Pattern[str]:
    """A record in one line of which no cell begins with a quote without ending in one, wherever else quotes stand."""
    mark = re.escape(delimiter)
    cell = rf'(?: *"(?>(?:[^"\r\n]|"")*)" *(?={mark}|$)|(?! *")[^{mark}\r\n]*)'
    return re.compile(rf"{cell}(?:{mark}{cell})*")
