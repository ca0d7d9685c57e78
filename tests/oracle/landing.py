"""Landing files to deliveries of rows (contract.md, Landing): a row is canonical column → text or None.

A delivery is all files of one source and feed with one extract time. A row with too few or too many cells
is rejected; a row without a required value is quarantined, but its id still stands in the delivery. A
delivery that cannot be read or lacks a required column is refused; a suspiciously small one is held back.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from statistics import median

from .configuration import Config, Feed, Source, folded
from .errors import HeldBackError, RefusedError
from .mapping import (
    Row,
    cell_of,
    heading_named,
    is_in_utc,
    is_of_feed,
    places_of,
    row_of,
    stage_date_places,
    with_offset,
)
from .tables import read_table

DATE_IN_NAME = re.compile(r"(?<!\d)(20\d\d)([-_.]?)(\d\d)\2(\d\d)(?!\d)(T(\d\d)[-:]?(\d\d)(?:[-:]?(\d\d))?(Z?)(?!\d))?")
KEYS = {
    "deals": "deal_id",
    "leads": "lead_id",
    "activities": "activity_id",
    "owners": "owner_id",
    "accounts": "account_id",
    "stages": "stage_id",
}
REQUIRED = {
    "deals": ("deal_id", "stage"),
    "deal_changes": ("deal_id", "field", "changed_at"),
    "deal_versions": ("deal_id", "stage", "version_at"),
    "leads": ("lead_id",),
    "activities": ("activity_id",),
    "owners": ("owner_id",),
    "accounts": ("account_id",),
    "stages": ("stage_id", "stage_name"),
    "spend": ("spent_on", "amount"),
    "revenue": ("account_id", "amount"),
    "exchange_rates": ("rate_on", "currency", "rate"),
}


@dataclass(frozen=True)
class Refusal:
    """A delivery that is not loaded; `state`: `refused` or `held_back`."""

    feed: Feed
    extracted_at: datetime
    state: str
    reason: str

    def __str__(self) -> str:
        feed = f"{self.feed.source}/{self.feed.name}"
        return f"{feed} of {self.extracted_at:%Y-%m-%dT%H:%MZ} is not loaded: {self.reason}"


@dataclass(frozen=True)
class Place:
    """Where a row stands: the bytes of its file, and its number there (the heading is 1)."""

    sha256: str
    number: int


@dataclass
class Delivery:
    """The good rows of one feed at one extract time, in the order of files and rows, and where each stands.

    `quarantined`: rows without a required value, and the first such column. `filled_columns`: those that have a value
    in any row, quarantined ones included. `headings` are those of its files, folded → as they stand there.
    """

    feed: Feed
    extracted_at: datetime
    rows: list[Row] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    quarantined: list[tuple[Place, Row, str]] = field(default_factory=list)
    quarantined_ids: set[str] = field(default_factory=set)
    records: int = 0
    rejected: int = 0
    rows_in_file: dict[str, int] = field(default_factory=dict)
    rejected_in_file: dict[str, int] = field(default_factory=dict)
    filled_columns: set[str] = field(default_factory=set)
    headings: dict[str, str] = field(default_factory=dict)
    #: File → its number among those of the delivery.
    files: dict[str, int] = field(default_factory=dict)


def deliveries_of(
    source: Source, config: Config, landing: Path, as_of: datetime
) -> tuple[list[Delivery], list[Refusal]]:
    """What a source has delivered by `as_of`, feed by feed, oldest first: what is loaded, and what is not."""
    files = _files(landing / source.name)
    loaded: list[Delivery] = []
    refused: list[Refusal] = []
    for feed in source.feeds:
        by_time: dict[datetime, list[Path]] = {}
        for path in files:
            if _matches(path, feed):
                by_time.setdefault(_extract_time(path, landing / source.name, feed), []).append(path)
        of_feed: list[Delivery] = []
        for extracted_at, paths in sorted(by_time.items()):
            if extracted_at > as_of:
                continue
            try:
                of_feed.append(_load(source, feed, extracted_at, paths, of_feed, config))
            except RefusedError as reason:
                refused.append(Refusal(feed, extracted_at, reason.state, str(reason)))
        loaded += of_feed
    return loaded, refused


def _files(folder: Path) -> list[Path]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return sorted(
        path
        for path in paths
        if not path.name.endswith((".part", ".tmp"))
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def _matches(path: Path, feed: Feed) -> bool:
    name = path.name.removesuffix(".gz").casefold()
    return any(fnmatchcase(name, pattern.removesuffix(".gz").casefold()) for pattern in feed.files)


def _extract_time(path: Path, folder: Path, feed: Feed) -> datetime:
    """From configuration, else the date in the file's name, else in a folder's, else its modification."""
    if feed.extracted_at:
        return feed.extracted_at
    for part in reversed(path.relative_to(folder).parts):
        for found in DATE_IN_NAME.finditer(part):
            year, month, day = (int(found[group]) for group in (1, 3, 4))
            hour, minute, second = (int(found[group] or 0) for group in (6, 7, 8))
            zone = UTC if found[9] == "Z" else feed.zone
            try:
                return datetime(year, month, day, hour, minute, second, tzinfo=zone).astimezone(UTC)
            except ValueError:
                continue
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _load(
    source: Source,
    feed: Feed,
    extracted_at: datetime,
    paths: list[Path],
    earlier: list[Delivery],
    config: Config,
) -> Delivery:
    """All files of one extract time; the same bytes count once. Raises RefusedError."""
    delivery = Delivery(feed, extracted_at)
    contents = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in reversed(paths)}
    for sha256, path in sorted(contents.items(), key=lambda content: content[1]):
        delivery.files[sha256] = len(delivery.files)
        before = (delivery.records, delivery.rejected)
        for number, row in _records(path, source, feed, delivery):
            delivery.filled_columns.update(_filled(row, feed))
            missing = [column for column in required(source, feed) if not row.get(column)]
            key = row.get(KEYS.get(feed.entity, ""))
            if not missing:
                delivery.rows.append(row)
                delivery.places.append(Place(sha256, number))
                continue
            delivery.quarantined.append((Place(sha256, number), row, missing[0]))
            if key:
                delivery.quarantined_ids.add(key)
        delivery.rows_in_file[sha256] = delivery.records - before[0]
        delivery.rejected_in_file[sha256] = delivery.rejected - before[1]
    sizes = [Decimal(one.records) for one in earlier[-7:]]
    is_confirmed = any(sha256 in feed.confirmed for sha256 in contents)
    if sizes and not feed.incremental and not is_confirmed:
        least = config.min_volume_share * median(sizes)
        if delivery.records < least:
            raise HeldBackError(f"held back: {delivery.records} records, at least {least} were expected")
    return delivery


def _records(path: Path, source: Source, feed: Feed, delivery: Delivery) -> Iterable[tuple[int, Row]]:
    """The rows of one file that have as many cells as the heading, with their numbers."""
    table = read_table(path, feed, required(source, feed))
    headings = [folded(heading) for heading in table.headings]
    written = [" ".join(heading.replace("\ufeff", "").split()) for heading in table.headings]
    delivery.headings.update(zip(headings, written, strict=True))
    asked = {
        headings.index(name): words
        for heading, words in feed.only_when.items()
        if (name := heading_named(heading, headings))
    }
    body = [line for line in table.rows if is_of_feed(line, asked, feed)]
    delivery.records += len(body)
    whole = [(number, line) for number, line in enumerate(body, start=2) if len(line) == len(headings)]
    delivery.rejected += len(body) - len(whole)
    places = places_of(headings, [line for _, line in whole], feed)
    dated = stage_date_places(table.headings, feed.stage_dates, feed.not_stage_dates)
    in_utc = {place for place, heading in enumerate(headings) if is_in_utc(heading, feed)}
    for column in required(source, feed):
        others = [reference["column"] for reference in feed.references.get(column, [])]
        if not {column, *others} & {*places, *feed.constants}:
            raise RefusedError(f"{path.name} has no column {column}")
    given = places.keys() | feed.constants.keys()
    if feed.entity == "revenue" and "revenue_on" not in given and not given >= {"service_from", "service_to"}:
        raise RefusedError(f"{path.name} has no column revenue_on, and no service_from with service_to")
    for number, line in whole:
        told = [with_offset(cell) if place in in_utc else cell for place, cell in enumerate(line)]
        row = row_of(told, places, feed, in_utc)
        if dated:
            entered = [(*stage, cell_of(told[place], "stage_dates", feed)) for stage, place in dated.items()]
            row["stage_dates"] = json.dumps([one for one in entered if one[-1]])
        yield number, row


def _filled(row: Row, feed: Feed) -> Iterable[str]:
    """The columns in which a row has a value; of a change log, the fields it tells of as well."""
    told = row.get("field") if feed.entity == "deal_changes" and row.get("new_value") else None
    return [column for column, text in row.items() if text] + ([told.casefold()] if told else [])


def required(source: Source, feed: Feed) -> tuple[str, ...]:
    """A deal's row needs no stage where a history feed gives it."""
    if feed.entity == "deals" and source.has_history_feed:
        return ("deal_id",)
    return REQUIRED.get(feed.entity, ())
