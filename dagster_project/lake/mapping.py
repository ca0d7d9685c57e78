"""The version of how a feed's files are read: what was read with another one is read again."""

from __future__ import annotations

import hashlib
import json

from dagster_project.config.feeds import Feed, Source
from dagster_project.read import pii, typed_columns

#: Version of how delivered files are read; a higher one reads those that are still in landing again.
READING_VERSION = 7


def mapping_version(source: Source, feed: Feed) -> str:
    """A hash of everything that decides how a file's cells become lake rows, and what is proved of them."""
    # the names of pipelines decide where a heading such as "Demo (new) (Sales)" is split
    split_at = [pipeline.name for pipeline in source.pipelines]
    said = {
        "format": READING_VERSION,
        "columns": feed.mapped,
        "derive": feed.derive,
        "constants": feed.constants,
        "values": feed.values,
        "empty_means": feed.empty_means,
        "references": {column: [one.model_dump() for one in ranked] for column, ranked in feed.references.items()},
        "days": feed.days,
        "utc_headings": [feed.utc_headings, feed.timezone is None],
        "nulls": [*source.null_values, *(feed.null_values or [])],
        "history": source.has_history_feed,
        "canonical": feed.kinds,
        "file": [feed.encoding, feed.delimiter, feed.sheet],
        "left_out": [source.report_tail if feed.report_tail is None else feed.report_tail, feed.only_when],
        "stage_dates": [feed.stage_dates, feed.not_stage_dates, split_at if feed.stage_dates else []],
        "id_separator": feed.id_separator or source.id_separator,
        "personal_data": [feed.personal_data, pii.salt_version(feed)],
        # which formats does not matter: a value is read by them when it leaves the lake
        "proved": [
            not typed_columns.configured_formats(source, feed),
            not typed_columns.configured_sign(source, feed),
        ],
    }
    # how a log's dates and numbers of fields are written is proved as well; without fields nothing is said, so that
    # what an earlier version read stays read
    if feed.entity == "deal_changes" and source.fields_of("deals"):
        said["fields"] = source.fields_of("deals")
    # likewise of fields that rows drop or hash
    if feed.logged_privacy:
        said["logged_privacy"] = feed.logged_privacy
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:8]
