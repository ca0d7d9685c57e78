"""What lies in landing/<source>/: which feed takes a file, and when the file was exported."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

from dagster_project.config.models import Feed, Source
from dagster_project.ingest.archives import Delivered, Member, members

FORMATS = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".xlsx")
COMPRESSED = (".gz", ".zst", ".zip")
UNFINISHED = (".part", ".tmp", ".crdownload", ".done")

# A date of this century, not part of a longer number, with a time behind it or not: 2025-12-31, 20251231T0200Z.
_DATED = re.compile(
    r"(?<!\d)(?P<year>20\d\d)(?P<sep>[-_.]?)(?P<month>0[1-9]|1[0-2])(?P=sep)(?P<day>0[1-9]|[12]\d|3[01])"
    r"(?:[T_ -](?P<hour>[01]\d|2[0-3])[-:h]?(?P<minute>[0-5]\d)(?:[-:m]?(?P<second>[0-5]\d))?(?P<zulu>Z)?)?(?!\d)"
)


@dataclass(frozen=True)
class LandedFile:
    """One delivered file, or a member of an archive, whose name is then `<archive>/<member>`.

    `extracted_at` is UTC; `extract_time_from` says how it is known.
    """

    source: str
    feed: str
    path: Delivered
    name: str
    bytes: int
    modified_ns: int
    extracted_at: datetime
    extract_time_from: str


@dataclass(frozen=True)
class Landing:
    """A source's folder, sorted out: its deliveries, and the files no feed takes."""

    files: list[LandedFile]
    not_taken: list[str]


def look(source: Source, landing_dir: Path, settle_seconds: int = 0) -> Landing:
    """All files of a source that are complete: still for `settle_seconds`, or with a `<name>.done` beside them."""
    folder = landing_dir / source.name
    files, not_taken = [], []
    for path in sorted(_finished(folder, settle_seconds)):
        name = path.relative_to(folder).as_posix()
        status = path.stat()
        packed = members(path)
        taken = [] if packed is None else _members_taken(source, name, packed)
        if packed is None:
            feed_name = feed_of(source, path.name)
            if feed_name is not None:
                taken = [(name, feed_name, path)]
        if not taken:
            not_taken.append(name)
        elif packed is not None:
            names = {member_name for member_name, _, _ in taken}
            not_taken += [f"{name}/{member.name}" for member in packed if f"{name}/{member.name}" not in names]
        for file_name, feed_name, delivered in taken:
            extracted_at, known_from = extract_time(source, source.feeds[feed_name], file_name, status.st_mtime)
            files.append(
                LandedFile(
                    source=source.name,
                    feed=feed_name,
                    path=delivered,
                    name=file_name,
                    bytes=delivered.bytes if isinstance(delivered, Member) else status.st_size,
                    modified_ns=status.st_mtime_ns,
                    extracted_at=extracted_at,
                    extract_time_from=known_from,
                )
            )
    return Landing(files, not_taken)


def _members_taken(source: Source, archive: str, packed: list[Member]) -> list[tuple[str, str, Delivered]]:
    """Name, feed and place of each member that a feed takes, by its name; one that is alone also by its archive's."""
    taken: list[tuple[str, str, Delivered]] = []
    for member in packed:
        name = PurePosixPath(member.name)
        feed_name = feed_of(source, name.name)
        if feed_name is None and len(packed) == 1:
            stem = PurePosixPath(archive).stem
            feed_name = feed_of(source, stem) or feed_of(source, stem + name.suffix)
        if feed_name is not None:
            taken.append((f"{archive}/{member.name}", feed_name, member))
    return taken


def folders_without_source(sources: list[Source], landing_dir: Path) -> list[str]:
    """Folders of the landing zone that no source is named after."""
    names = {source.name for source in sources}
    if not landing_dir.is_dir():
        return []
    return sorted(
        entry.name
        for entry in landing_dir.iterdir()
        if entry.is_dir() and entry.name not in names and not entry.name.startswith(".")
    )


def feed_of(source: Source, file_name: str) -> str | None:
    """The first feed, in the mapping's order, that a file's name matches.

    Case does not matter, nor `.gz` or `.zst`; a pattern ending in `.csv` takes the same name in any other format.
    """
    return next((name for name, feed in source.feeds.items() if _matches(file_name, feed.files)), None)


def takable(source: Source, not_taken: list[str]) -> list[str]:
    """What to write so that a feed takes files that no feed takes, where a mapping leaves that to the user."""
    return [
        f'{file} can be read as {feed.entity}: to the source add `feeds: {{{name}: {{files: ["{pattern}"]}}}}`'
        for name, feed in source.feeds.items()
        for pattern in feed.files_on_request
        for file in [file for file in not_taken if _matches(file.rpartition("/")[2], [pattern])][:1]
    ]


def _matches(file_name: str, patterns: list[str]) -> bool:
    written = file_name.lower()
    plain = written
    for ending in COMPRESSED:
        plain = plain.removesuffix(ending)
    names = {written, plain}
    stem, dot, ending = plain.rpartition(".")
    if dot + ending in FORMATS:
        names.add(f"{stem}.csv")
    return any(fnmatch(name, pattern.lower()) for name in names for pattern in patterns)


def extract_time(source: Source, feed: Feed, name: str, modified: float) -> tuple[datetime, str]:
    """When a file was exported, in UTC, and how that is known.

    Configuration, else the file's name, else the nearest dated folder, else its modification time
    (seconds since the epoch). Without an offset it is in the source's timezone; a date means its midnight.
    """
    zone = ZoneInfo(feed.timezone or source.timezone)
    configured = feed.extracted_at or source.extracted_at
    if configured is not None:
        return (configured if configured.tzinfo else configured.replace(tzinfo=zone)).astimezone(UTC), "configuration"
    *folders, file_name = name.split("/")
    for part, known_from in [(file_name, "file name"), *((folder, "folder") for folder in reversed(folders))]:
        dated = _moment_in(part, zone)
        if dated is not None:
            return dated, known_from
    return datetime.fromtimestamp(modified, UTC), "modification time"


def _moment_in(text: str, zone: ZoneInfo) -> datetime | None:
    for match in _DATED.finditer(text):
        part = {key: int(value) for key, value in match.groupdict().items() if value and value.isdigit()}
        try:
            moment = datetime(
                part["year"],
                part["month"],
                part["day"],
                part.get("hour", 0),
                part.get("minute", 0),
                part.get("second", 0),
                tzinfo=UTC if match["zulu"] else zone,
            )
        except ValueError:  # 31 February: digits that only look like a date
            continue
        return moment.astimezone(UTC)
    return None


def _finished(folder: Path, settle_seconds: int) -> Iterator[Path]:
    latest = time.time() - settle_seconds
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        if any(part.startswith(".") for part in relative.parts) or path.suffix.lower() in UNFINISHED:
            continue
        if not path.is_file():
            continue
        marked = path.with_name(path.name + ".done").exists()
        if settle_seconds == 0 or marked or path.stat().st_mtime <= latest:
            yield path
