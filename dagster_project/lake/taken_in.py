"""Which delivered files the lake has all of: those that a night would not read again if they still lay in landing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from dagster_project.config.feeds import Source
from dagster_project.lake.manifest import FileRecord
from dagster_project.lake.mapping import mapping_version
from dagster_project.read.folders import printable
from dagster_project.read.landing import extract_time, feeds_of
from dagster_project.read.patterns import one_form


class TakenIn:
    """What the lake has of the files of these sources; a file is known by its name, bytes and modification time.

    Never of one that no feed takes, of an archive, and of one that could not be opened: those are looked at anew.
    """

    def __init__(self, sources: list[Source], records: Iterable[FileRecord]) -> None:
        self._sources = {source.name: source for source in sources}
        self._mappings = {
            (source.name, name): mapping_version(source, feed)
            for source in sources
            for name, feed in source.feeds.items()
        }
        self._moments: dict[tuple[str, str, str, str, int, int], set[str]] = defaultdict(set)
        for one in records:
            key = (one.source, one.feed, one.file, one.mapping, one.bytes, one.modified_ns)
            self._moments[key].add(one.extracted_at)

    def has(self, source_name: str, name: str, size: int, modified_ns: int) -> bool:
        """Whether every feed that takes a file has read it, as it is mapped and dated today."""
        source = self._sources[source_name]
        shown = one_form(printable(name))
        feeds = feeds_of(source, shown)
        return bool(feeds) and all(self._has(source, feed, shown, size, modified_ns) for feed in feeds)

    def _has(self, source: Source, feed: str, name: str, size: int, modified_ns: int) -> bool:
        mapping = self._mappings[source.name, feed]
        moments = self._moments.get((source.name, feed, name, mapping, size, modified_ns), set())
        extracted_at, _ = extract_time(source, source.feeds[feed], name, modified_ns / 1e9)
        return extracted_at.isoformat(timespec="seconds") in moments
