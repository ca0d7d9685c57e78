"""How the text of a cell was read, and what says that it is read so: in words, for people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from dagster_project.config.feeds import Feed, Source
from dagster_project.lake.manifest import FileRecord
from dagster_project.read import typed_columns
from dagster_project.read.headings import heading_key, known_headings

_TIME = re.compile(r"\d:\d{2}")
_OFFSET = re.compile(r"([Zz]|UTC|GMT|[-+]\d{2}:?(\d{2})?)\s*$")
_PROVED = {
    "day_first": "the day first, as the dates of the column prove",
    "month_first": "the month first, as the dates of the column prove",
    "year_first": "the year first, as the dates of the column prove",
    "unmistakable": "a date that can be read one way only",
    "serial": "days since 1899-12-30, as spreadsheets count them: nothing else stands in the column",
    "point": "a decimal point, as the numbers of the column prove",
    "comma": "a decimal comma, as the numbers of the column prove",
}


class Proof(NamedTuple):
    """How a column's texts are read; `zone`: that of times which tell no offset."""

    how: str
    zone: str | None = None

    def of(self, text: str) -> str:
        """In words, of one text."""
        is_local = self.zone and _TIME.search(text) and not _OFFSET.search(text)
        return f"{self.how}, a local time of {self.zone}" if is_local else self.how


def proofs(record: FileRecord, source: Source) -> dict[str, Proof]:
    """Column that is read as dates or numbers → how this file's texts are read, and by what that is known."""
    feed = source.feeds[record.feed]
    formats, sign = typed_columns.configured_formats(source, feed), typed_columns.configured_sign(source, feed)
    said = {}
    for column, form in typed_columns.read_columns(record.entity, feed.field_kinds).items():
        is_date = form in ("days", "moments")
        if is_date and formats:
            how = f"{' or '.join(formats)}, as date_formats says, or ISO 8601"
        elif not is_date and sign:
            how = f"a decimal {sign}, as decimal_separator says"
        elif column in record.readings:
            how = _PROVED[record.readings[column]]
        else:
            how = "ISO 8601" if is_date else "a plain number"
        said[column] = Proof(how, feed.timezone or source.timezone if is_date else None)
    return said


def mapped_words(record: FileRecord, source: Source, says: Mapping[str, str]) -> dict[str, str]:
    """Column of a row → how the feed's mapping came to its text, where that may not be what its own cell says."""
    feed = source.feeds[record.feed]
    said = {}
    for column, text in says.items():
        if feed.personal_data.get(column) == "hash":
            said[column] = "hashed, as personal_data says"
        elif feed.constants.get(column) == text and not _has_heading(record, feed, column):
            said[column] = f"of every row, as constants of feed '{record.feed}' say"
        elif text in feed.values.get(column, {}):
            words = " or ".join(map(repr, feed.values[column][text]))
            said[column] = f"for {words}, as values of feed '{record.feed}' say"
        elif feed.empty_means.get(column) == text:
            said[column] = f"of an empty cell too, as empty_means of feed '{record.feed}' says"
        elif column in feed.references:
            said[column] = f"of the cell that references of feed '{record.feed}' name"
    return said


def _has_heading(record: FileRecord, feed: Feed, column: str) -> bool:
    known = known_headings(feed, column)
    return any(heading_key(heading) in known for heading in record.headings)
