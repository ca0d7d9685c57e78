"""The words that programs write where a value is missing: a cell that says only `NULL` says nothing."""

from __future__ import annotations

from dagster_project.config.models import Feed, Source
from dagster_project.config.stages import pipelines_of

#: As whole cells, in this case. What a mapping names among its values, and a configured stage, is a value.
WORDS = ("NULL", "Null", "null", "(null)", "(NULL)", "<null>", "<NULL>", "[NULL]", "#N/A", "N/A", "n/a", "<NA>",
         "NaN", "nan", "NaT", "None", "\\N", "-")  # fmt: skip
#: One of them is part of each word.
_PROBES = ("NULL", "ull", "N/A", "n/a", "NA>", "NaN", "nan", "NaT", "None", "\\N", "-")


def words_in(content: bytes, delimiter: bytes) -> set[str]:
    """Which of them may stand somewhere in delimited text as a whole cell."""
    seen = {probe for probe in _PROBES if probe.encode() in content}
    starts, ends = (delimiter, b'"', b"\n"), (delimiter, b'"', b"\n", b"\r")
    return {
        word
        for word in WORDS
        if any(probe in word for probe in seen)
        and (said := word.encode()) in content
        and any(at + said + end in content for at in starts for end in ends)
    }


def words_of_mapping(feed: Feed, source: Source) -> set[str]:
    """Everything that a configuration names as a value: it says something, whatever it looks like."""
    named = [word for words in feed.only_when.values() for word in words]
    named += [word for column in feed.values.values() for words in column.values() for word in words]
    named += [
        word for ranked in feed.references.values() for one in ranked for words in one.when.values() for word in words
    ]
    named += [*feed.constants.values(), *feed.empty_means.values(), *feed.lead_statuses]
    named += [
        name for pipeline in pipelines_of(source) for name in (pipeline.name, *(one.name for one in pipeline.stages))
    ]
    return set(named)
