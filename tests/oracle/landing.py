"""Landing files to deliveries of rows (contract.md, Landing): a row is canonical column → text or None.

A delivery is all files of one source and feed with one extract time. A row with too few or too many cells
is rejected; a row without a required value is quarantined, but its id still stands in the delivery. A
delivery that cannot be read or lacks a required column is refused; a suspiciously small one is held back.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from statistics import median
from typing import Any

from .configuration import Config, Feed, Source, folded

csv.field_size_limit(2**31 - 1)
DATE_IN_NAME = re.compile(r"(?<!\d)(20\d\d)([-_.]?)(\d\d)\2(\d\d)(?!\d)")
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
Row = dict[str, str | None]


class RefusedError(Exception):
    """Why a delivery is not loaded."""

    state = "refused"


class HeldBackError(RefusedError):
    """It is suspiciously small."""

    state = "held_back"


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
        for year, _, month, day in DATE_IN_NAME.findall(part):
            try:
                return datetime(int(year), int(month), int(day), tzinfo=feed.zone).astimezone(UTC)
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
    sizes = [Decimal(one.records) for one in earlier[-7:]]
    is_confirmed = any(sha256 in feed.confirmed for sha256 in contents)
    if sizes and not feed.incremental and not is_confirmed:
        least = config.min_volume_share * median(sizes)
        if delivery.records < least:
            raise HeldBackError(f"held back: {delivery.records} records, at least {least} were expected")
    return delivery


def _records(path: Path, source: Source, feed: Feed, delivery: Delivery) -> Iterable[tuple[int, Row]]:
    """The rows of one file that have as many cells as the heading, with their numbers."""
    lines = _lines(path, feed)
    headings = [folded(heading) for heading in lines[0]]
    written = [" ".join(heading.replace("\ufeff", "").split()) for heading in lines[0]]
    delivery.headings.update(zip(headings, written, strict=True))
    asked = {
        headings.index(name): words
        for heading, words in feed.only_when.items()
        if (name := _heading(heading, headings))
    }
    body = [line for line in lines[1:] if line and _is_of_feed(line, asked, feed)]
    delivery.records += len(body)
    whole = [(number, line) for number, line in enumerate(body, start=2) if len(line) == len(headings)]
    places = _places(headings, [line for _, line in whole], feed)
    dated = stage_date_places(lines[0], feed.stage_dates, feed.not_stage_dates)
    for column in required(source, feed):
        if column not in places and column not in feed.constants:
            raise RefusedError(f"{path.name} has no column {column}")
    given = places.keys() | feed.constants.keys()
    if feed.entity == "revenue" and "revenue_on" not in given and not given >= {"service_from", "service_to"}:
        raise RefusedError(f"{path.name} has no column revenue_on, and no service_from with service_to")
    for number, line in whole:
        row = _row(line, places, feed)
        if dated:
            entered = [(*stage, _cell(line[place], "stage_dates", feed)) for stage, place in dated.items()]
            row["stage_dates"] = json.dumps([one for one in entered if one[-1]])
        yield number, row


def _is_of_feed(line: list[str], asked: dict[int, list[str]], feed: Feed) -> bool:
    """Whether a row is a record of the feed; one that is too short to say is looked at, and rejected."""
    cells = {place: line[place].strip() for place in asked if place < len(line)}
    return all(_says(None if cell in feed.null_values else cell, asked[place]) for place, cell in cells.items())


def _filled(row: Row, feed: Feed) -> Iterable[str]:
    """The columns in which a row has a value; of a change log, the fields it tells of as well."""
    told = row.get("field") if feed.entity == "deal_changes" and row.get("new_value") else None
    return [column for column, text in row.items() if text] + ([told.casefold()] if told else [])


def required(source: Source, feed: Feed) -> tuple[str, ...]:
    """A deal's row needs no stage where a history feed gives it."""
    if feed.entity == "deals" and source.has_history_feed:
        return ("deal_id",)
    return REQUIRED.get(feed.entity, ())


def _lines(path: Path, feed: Feed) -> list[list[str]]:
    content = path.read_bytes()
    try:
        text = _decoded(gzip.decompress(content) if path.name.endswith(".gz") else content, feed.encoding)
        first = text.split("\n", 1)[0]
        delimiter = feed.delimiter or max(",;\t", key=lambda mark: len(next(csv.reader([first], delimiter=mark), [])))
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except (OSError, EOFError, csv.Error, UnicodeDecodeError) as error:
        raise RefusedError(f"{path.name}: {error}") from None
    if not lines:
        raise RefusedError(f"{path.name} is empty")
    return lines


def _decoded(content: bytes, encoding: str | None) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    if encoding:
        return content.decode(encoding)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252")


def stage_date_places(
    headings: list[str], patterns: list[str], others: Iterable[str] = ()
) -> dict[tuple[str, str | None], int]:
    """(stage, its pipeline if named) → its place; of several headings for one, that of the first pattern; not `others`.

    A stage's name may hold parentheses itself: the last ones in the heading are the pattern's own.
    """
    places: dict[tuple[str, str | None], int] = {}
    known: set[tuple[str, str]] = set()
    excepted = {folded(heading) for heading in others}
    taken = {place for place, heading in enumerate(headings) if folded(heading) in excepted}
    for pattern in patterns:
        wanted = re.compile(
            re.escape(" ".join(pattern.split()))
            .replace(r"\{stage\}", "(?P<stage>.+)")
            .replace(r"\{pipeline\}", "(?P<pipeline>.+)"),
            re.IGNORECASE,
        )
        for place, heading in enumerate(headings):
            found = wanted.fullmatch(" ".join(heading.replace("\ufeff", "").split()))
            if found is None or place in taken:
                continue
            taken.add(place)
            stage, pipeline = found["stage"], found.groupdict().get("pipeline")
            same = (folded(stage), folded(pipeline or ""))
            if same not in known:
                known.add(same)
                places[stage, pipeline] = place
    return dict(sorted(places.items(), key=lambda item: item[1]))


def _places(headings: list[str], lines: list[list[str]], feed: Feed) -> dict[str, list[int]]:
    """Canonical column → its places: the first synonym present; an identical heading twice must agree."""
    places: dict[str, list[int]] = {}
    for column, synonyms in feed.columns.items():
        names = ([_heading(name, headings) for name in synonym] for synonym in synonyms)
        for present in next((one for one in names if all(name is not None for name in one)), []):
            first, *others = [place for place, heading in enumerate(headings) if heading == present]
            if any(line[first] != line[other] for line in lines for other in others):
                raise RefusedError(f"the heading {present} stands there twice with different contents")
            places.setdefault(column, []).append(first)
    return places


def _heading(name: str, headings: list[str]) -> str | None:
    """The heading of this name, else the first that its pattern fits."""
    wanted = folded(name)
    if wanted in headings or "*" not in wanted:
        return wanted if wanted in headings else None
    pattern = re.compile(".+".join(re.escape(part) for part in wanted.split("*")))
    return next((heading for heading in headings if pattern.fullmatch(heading)), None)


def _row(line: list[str], places: dict[str, list[int]], feed: Feed) -> Row:
    row: Row = {column: _value([line[place] for place in cells], column, feed) for column, cells in places.items()}
    row = {**feed.constants, **row}
    for column, meaning in feed.empty_means.items():
        if column in row:
            row[column] = row[column] or meaning
    for column, references in feed.references.items():
        if any(reference["column"] in row for reference in references):
            row.setdefault(column, None)
        given = [pointed for pointed in (_pointed_at(row, reference) for reference in references) if pointed]
        if given:
            row[column] = given[0]
    return row


def _pointed_at(row: Row, reference: dict[str, Any]) -> str | None:
    """What a reference gives, where the other column is filled, begins so, and the asked ones agree."""
    pointed = row.get(reference["column"])
    if not pointed or not pointed.startswith(reference.get("prefix", "")):
        return None
    if not all(_says(row.get(column), words) for column, words in reference.get("when", {}).items()):
        return None
    return str(reference.get("means", pointed))


def _says(cell: str | None, words: str | list[str]) -> bool:
    """`*` is any cell that is filled, an empty word an empty cell."""
    listed = [words] if isinstance(words, str) else words
    return bool(cell) if listed == ["*"] else (cell or "").casefold() in [word.casefold() for word in listed]


def _value(texts: list[str], column: str, feed: Feed) -> str | None:
    """A cell; of a value spread over several, what they hold, joined by a space."""
    if len(texts) == 1:
        return _cell(texts[0], column, feed)
    return " ".join(cell for cell in (_cell(text, column, feed) for text in texts) if cell) or None


def _cell(text: str, column: str, feed: Feed) -> str | None:
    """Trimmed; empty and the feed's null values are None; translated where the mapping says so."""
    text = text.strip()
    if not text or text in feed.null_values:
        return None
    if column in feed.days:
        text = text.removesuffix(" 00:00:00").removesuffix("T00:00:00")
    for canonical, words in feed.values.get(column, {}).items():
        if folded(text) in {folded(word) for word in words}:
            return canonical
    return text
