"""What a delivered file is to the reader, whatever its format: headings, a relation of text, rejected rows."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import duckdb

#: Before the text of a cell that holds no value, whatever its column: an error of a workbook, `NaN` of JSON.
UNREADABLE = "\x1a"


@dataclass(frozen=True)
class Reject:
    """A row that could not be taken; `row_number` is its record number, header = 1.

    `text` is None where the feed has personal data.
    """

    row_number: int
    column: str | None
    reason: str
    text: str | None


def record_number(position: int, rejected: Sequence[int]) -> int:
    """The record number (header = 1) of the row at this position (from 1) among the rows the parser accepted."""
    number = position + 1
    for reject in rejected:
        if reject <= number:
            number += 1
    return number


class Table(Protocol):
    """The records of one file."""

    @property
    def headings(self) -> list[str]:
        """As the file writes them, in order."""

    @property
    def notes(self) -> list[str]:
        """What a person should know about how the file was read."""

    @property
    def is_empty(self) -> bool:
        """Whether the format has no headings because it has no records (an empty JSON list)."""

    @property
    def has_unreadable(self) -> bool:
        """Whether some cells begin with `UNREADABLE`."""

    def relation(self, positions: Collection[int]) -> str:
        """SQL that stands behind `from`: a row per accepted record in the file's order, its text in `c<position>`."""

    def rejects(self) -> list[Reject]:
        """The rows that were not accepted, by row number; asked after the relation has been read once."""


def said_by_duckdb(error: duckdb.Error) -> str:
    """The first line of its message, without the name of its class; the others may quote a row."""
    return re.sub(r"^[A-Za-z ]+ Error: ", "", str(error).splitlines()[0])
