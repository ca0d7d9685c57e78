"""The words that programs write where a value is missing: a cell that says only `NULL` says nothing."""

from __future__ import annotations

import re

from dagster_project.config.feeds import Feed, Source
from dagster_project.config.stages import pipelines_of

#: As whole cells, in this case. What a mapping names among its values, and a configured stage, is a value.
WORDS = ("NULL", "Null", "null", "(null)", "(NULL)", "<null>", "<NULL>", "[NULL]", "#N/A", "N/A", "n/a", "<NA>",
         "NaN", "nan", "NaT", "None", "\\N", "-")  # fmt: skip
#: One of them is part of each word.
_PROBES = ("NULL", "ull", "N/A", "n/a", "NA>", "NaN", "nan", "NaT", "None", "\\N", "-")

#: Spaces as DuckDB's trim() knows them, in UTF-8; a tab may be the delimiter, and DuckDB keeps it.
SPACES = [
    space.encode() for space in (" ", "\xa0", "\u1680", *map(chr, range(0x2000, 0x200B)), "\u202f", "\u205f", "\u3000")
]
_SPACE = b"|".join(map(re.escape, SPACES))
_SPACES_AT_END = re.compile(rb"(?:%s)+\Z" % _SPACE)
#: So many bytes before a word are looked at for what parts it from the cell before.
_NEAR = 64


def words_in(content: bytes, delimiter: bytes) -> set[str]:
    """Which of them stand somewhere in delimited text as a whole cell, spaces around it or not."""
    seen = {probe for probe in _PROBES if probe.encode() in content}
    probed = [word for word in WORDS if any(probe in word for probe in seen)]
    return {word for word in probed if _is_cell_in(content, word.encode(), delimiter)}


def _is_cell_in(content: bytes, word: bytes, delimiter: bytes) -> bool:
    """Whether a word is all that some cell says.

    The word comes first in the pattern, for Python looks for a literal beginning fast: what stands before it is looked
    at where something ends the cell behind it.
    """
    before, behind = (delimiter, b'"', b"\n"), re.escape(delimiter) + rb'"\r\n'
    for found in re.finditer(re.escape(word) + rb"(?:%s)*(?:[%s]|\Z)" % (_SPACE, behind), content):
        rest = _SPACES_AT_END.sub(b"", content[max(0, found.start() - _NEAR) : found.start()])
        if not rest or rest.endswith(before):
            return True
    return False


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
