"""Which deliveries a run sees, and what of them is refused or held back."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import groupby, islice
from statistics import median

from dagster_project.config.entities import HISTORY_ENTITIES
from dagster_project.config.feeds import Feed, Source
from dagster_project.errors import RefusedFileError
from dagster_project.lake.manifest import FileRecord
from dagster_project.lake.mapping import mapping_version
from dagster_project.read.headings import match
from dagster_project.read.json_pages import missing

#: The loaded deliveries of a feed that tell what is usual for the next one.
BASELINE_DELIVERIES = 7


def select_deliveries(
    records: list[FileRecord], sources: list[Source], as_of: datetime, min_volume_share: float
) -> list[FileRecord]:
    """The records a run at `as_of` sees, one per delivered file, each with its delivery's final state.

    Of several records of one path and extract time the last written counts. One refused file refuses its
    delivery; a full extract much smaller than those before it is held back unless its sha256 is confirmed.
    """
    selected: list[FileRecord] = []
    for source in sources:
        has_history = False
        # what tells the history of deals first: without any, a deal's row needs a stage
        for feed_name, feed in sorted(source.feeds.items(), key=lambda named: named[1].entity not in HISTORY_ENTITIES):
            mine = [record for record in records if (record.source, record.feed) == (source.name, feed_name)]
            seen = [record for record in mine if datetime.fromisoformat(record.extracted_at) <= as_of]
            full = (feed.deliveries or source.deliveries) == "full"
            current = _latest_of_each_file(seen, mapping_version(source, feed))
            if feed.entity == "deals" and not has_history:
                current = [_with_stage(record, feed) for record in current]
            judged = _judge(current, feed, full, min_volume_share)
            if feed.entity in HISTORY_ENTITIES:
                has_history = has_history or any(record.rows_loaded for record in judged)
            selected += judged
    return selected


def _with_stage(record: FileRecord, feed: Feed) -> FileRecord:
    """The record, refused if it lacks the stage that no change log and no version of its source tells."""
    # of a file without any record (an empty list) there are no headings
    if record.state != "loaded" or not record.headings or "stage" in record.filled:
        return record
    try:
        match(record.headings, feed, needs_stage=True)
    except RefusedFileError as error:
        said = f"{error}, or deliver a change log or versions of its deals: none has come yet"
        return _not_loaded(record, "refused", said)
    return record


def places(records: list[FileRecord]) -> dict[tuple[str, str, str], int]:
    """The deliveries that are compared → 1 for a feed's newest loaded one, 2 for the one before it, and so on."""
    loaded = sorted({(r.source, r.feed, r.extracted_at) for r in records if r.state == "loaded"}, reverse=True)
    return {
        delivery: place
        for _, of_feed in groupby(loaded, key=lambda delivery: delivery[:2])
        for place, delivery in enumerate(islice(of_feed, BASELINE_DELIVERIES + 1), start=1)
    }


def _latest_of_each_file(records: list[FileRecord], mapping: str) -> list[FileRecord]:
    """One record per path and extract time: read with today's mapping if there is one, then the last written."""
    latest: dict[tuple[str, str], FileRecord] = {}
    for record in sorted(records, key=lambda record: (record.mapping == mapping, record.recorded)):
        latest[record.extracted_at, record.file] = record
    return sorted(latest.values(), key=lambda record: (record.extracted_at, record.file))


def _judge(records: list[FileRecord], feed: Feed, full: bool, min_volume_share: float) -> list[FileRecord]:
    judged: list[FileRecord] = []
    volumes: list[int] = []
    for extracted_at in sorted({record.extracted_at for record in records}):
        delivery = [record for record in records if record.extracted_at == extracted_at]
        refused = [record for record in delivery if record.state == "refused"]
        # how much was delivered: a forgotten row came as well
        rows = sum(record.rows_loaded + record.rows_forgotten for record in delivery)
        usual = median(volumes[-BASELINE_DELIVERIES:]) if full and volumes else 0
        if refused:
            message = f"{refused[0].file}: {refused[0].message}"
            judged += [
                record if record in refused else _not_loaded(record, "refused", f"refused with {message}")
                for record in delivery
            ]
        elif (lacking := _lacking(delivery)) and not _confirmed(delivery, feed):
            message = (
                f"{lacking}. Deliver all pages with one extract time. If nothing is missing, add the sha256 "
                f"{_unconfirmed(delivery, feed)} to `confirmed` of feed '{delivery[0].feed}'"
            )
            judged += [_not_loaded(record, "refused", message) for record in delivery]
        elif rows < min_volume_share * usual and not _confirmed(delivery, feed):
            message = (
                f"has {rows} rows where the last full extracts had {usual:g}; held back. "
                f"If it is right, add its sha256 {_unconfirmed(delivery, feed)} to `confirmed` of feed "
                f"'{delivery[0].feed}'"
            )
            judged += [_not_loaded(record, "held_back", message) for record in delivery]
        else:
            judged += delivery
            volumes.append(rows)
    return judged


def _confirmed(delivery: list[FileRecord], feed: Feed) -> bool:
    return all(record.sha256 in feed.confirmed for record in delivery)


def _unconfirmed(delivery: list[FileRecord], feed: Feed) -> str:
    return ", ".join(sorted({record.sha256 for record in delivery if record.sha256 not in feed.confirmed}))


def _lacking(delivery: list[FileRecord]) -> str | None:
    """Which pages of an API the files of a delivery speak of and do not hold; None if none."""
    of_pages = [record for record in delivery if record.paging]
    if not of_pages:
        return None
    said = missing([record.paging or {"records": record.rows_in_file} for record in delivery])
    return (
        f"{next((record for record in of_pages if record.paging['says']), of_pages[0]).file} {said}" if said else None
    )


def _not_loaded(record: FileRecord, state: str, message: str) -> FileRecord:
    return replace(
        record, state=state, message=message, rows_in_file=0, rows_rejected=0, rows_loaded=0, rows_forgotten=0
    )
