"""A delivered file: its table, how it is written down, and the bytes that come of it."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from seeds.make_extracts.clock import DELIVERY_DAYS, extract_time


@dataclass
class Table:
    """Headings, and rows of as many cells; a spoiled row may have more or fewer."""

    headings: list[str]
    rows: list[list[str]]

    @classmethod
    def of(cls, rows: Iterable[dict[str, str]]) -> Table:
        """From rows as heading → cell, at least one, all with the same headings."""
        cells = list(rows)
        return cls(list(cells[0]), [list(row.values()) for row in cells])


@dataclass(frozen=True)
class Dialect:
    """How an application writes delimited text."""

    delimiter: str = ","
    quote_all: bool = False
    line_end: str = "\n"
    byte_order_mark: bool = False


@dataclass(frozen=True)
class Night:
    """A delivery's day, its moment, and the moment of the one before; None for the first."""

    day: date
    now: datetime
    previous: datetime | None


def nights(zone: ZoneInfo) -> list[Night]:
    """All nights, as midnights of that timezone."""
    moments = [extract_time(day, zone) for day in DELIVERY_DAYS]
    return [
        Night(day, now, previous)
        for day, now, previous in zip(DELIVERY_DAYS, moments, [None, *moments[:-1]], strict=True)
    ]


@dataclass
class Extract:
    """One file of a delivery; `path` is relative to the landing folder. `page` replaces the table."""

    source: str
    feed: str
    entity: str
    day: date
    path: str
    dialect: Dialect
    table: Table
    page: str | None = None

    def content(self) -> bytes:
        """The bytes of the file, compressed if its name says so."""
        text = self.page if self.page is not None else _delimited(self.table, self.dialect)
        plain = text.encode("utf-8-sig" if self.dialect.byte_order_mark else "utf-8")
        return _gzipped(plain) if self.path.endswith(".gz") else plain

    def sha256(self) -> str:
        """The fingerprint of the file as delivered."""
        return hashlib.sha256(self.content()).hexdigest()

    def row_number(self, row: list[str]) -> int:
        """The record number of this very row, header = 1."""
        return next(place for place, other in enumerate(self.table.rows, start=2) if other is row)


def write(extracts: Sequence[Extract], landing: Path) -> None:
    """Writes all files; whatever else lies in their sources' folders is removed first."""
    for source in sorted({extract.source for extract in extracts}):
        for old in sorted((landing / source).rglob("*"), reverse=True):
            if old.is_dir():
                old.rmdir()
            else:
                old.unlink()
    for extract in extracts:
        path = landing / extract.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(extract.content())


def write_list(path: Path, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A small CSV beside the extracts."""
    table = Table(list(headings), [list(row) for row in rows])
    path.write_text(_delimited(table, Dialect()), encoding="utf-8", newline="")


def _delimited(table: Table, dialect: Dialect) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(
        text,
        delimiter=dialect.delimiter,
        lineterminator=dialect.line_end,
        quoting=csv.QUOTE_ALL if dialect.quote_all else csv.QUOTE_MINIMAL,
    )
    writer.writerow(table.headings)
    writer.writerows(table.rows)
    return text.getvalue()


def _gzipped(plain: bytes) -> bytes:
    """Without a name or a time in the header, so that the same content gives the same bytes."""
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, compresslevel=9, mtime=0) as file:
        file.write(plain)
    return packed.getvalue()
