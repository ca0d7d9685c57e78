"""What lies in landing/<source>/: which feed takes a file, and when the file was exported."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

from dagster_project.config.models import Feed, Source
from dagster_project.ingest.archives import Delivered, Member, members

FORMATS = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".xlsx")
COMPRESSED = (".gz", ".zst", ".zip")
UNFINISHED = (".part", ".tmp", ".crdownload", ".done")

# A date of this century, not part of a longer number: 2025-12-31, 20251231.
_DATED = re.compile(
    r"(?<!\d)(?P<year>20\d\d)(?P<sep>[-_.]?)(?P<month>0[1-9]|1[0-2])(?P=sep)(?P<day>0[1-9]|[12]\d|3[01])(?!\d)"
)
_HOUR, _MINUTE, _SECOND = r"(?P<hour>[01]\d|2[0-3])", r"(?P<minute>[0-5]\d)", r"(?P<second>[0-5]\d)"
_OFFSET = r"(?:[-.,](?:\d{3}){1,3}(?!\d))?(?P<offset>Z|[+-](?:0\d|1[0-4]):?[0-5]\d)?(?!\d)"
# The time behind it: T0200Z, T02-00-00-123Z, T0200+0100, _02-00, _020000. Four bare digits are one only behind a T or
# before a Z: in deals_2025-12-31_0001.csv they count the parts of one delivery.
_TIMES = [
    re.compile(pattern + _OFFSET)
    for pattern in (
        rf"T{_HOUR}[-:.h_]?{_MINUTE}(?:[-:.m_]?{_SECOND})?",
        rf"[_ -]{_HOUR}[-:h]{_MINUTE}(?:[-:m]{_SECOND})?",
        rf"[_ -]{_HOUR}{_MINUTE}{_SECOND}",
        rf"[_ -]{_HOUR}{_MINUTE}(?=Z)",
    )
]


@dataclass(frozen=True)
class LandedFile:
    """One delivered file, or a member of an archive, whose name is then `<archive>/<member>`.

    `name` can be written anywhere (see `printable`), `path` is what opens it. `extracted_at` is UTC;
    `extract_time_from` says how it is known.
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
    for path, status in sorted(_finished(folder, settle_seconds), key=lambda found: found[0]):
        name = printable(path.relative_to(folder).as_posix())
        packed = members(path)
        taken = [] if packed is None else _members_taken(source, name, packed)
        if packed is None:
            taken = [(name, feed_name, path) for feed_name in feeds_of(source, path.name)]
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
        feed_names = feeds_of(source, name.name)
        if not feed_names and len(packed) == 1:
            stem = PurePosixPath(archive).stem
            feed_names = feeds_of(source, stem) or feeds_of(source, stem + name.suffix)
        taken += [(f"{archive}/{member.name}", feed_name, member) for feed_name in feed_names]
    return taken


def folders_without_source(sources: list[Source], landing_dir: Path) -> list[str]:
    """Folders of the landing zone that no source is named after."""
    names = {source.name for source in sources}
    if not landing_dir.is_dir():
        return []
    return sorted(
        printable(entry.name)
        for entry in landing_dir.iterdir()
        if entry.is_dir() and entry.name not in names and not entry.name.startswith(".")
    )


def feed_of(source: Source, file_name: str) -> str | None:
    """The first feed, in the mapping's order, that a file's name matches.

    Case does not matter, nor `.gz` or `.zst`; a pattern ending in `.csv` takes the same name in any other format.
    """
    return next(iter(feeds_of(source, file_name)), None)


def feeds_of(source: Source, file_name: str) -> list[str]:
    """That feed, and the others that list the very pattern by which it takes the file: each reads what is its own."""
    for feed in source.feeds.values():
        pattern = next((pattern for pattern in feed.files if _matches(file_name, [pattern])), None)
        if pattern is not None:
            return [name for name, other in source.feeds.items() if pattern.lower() in map(str.lower, other.files)]
    return []


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
        time_of_day = next((found for pattern in _TIMES if (found := pattern.match(text, match.end()))), None)
        said = match.groupdict() | (time_of_day.groupdict() if time_of_day else {})
        part = {key: int(value) for key, value in said.items() if value and value.isdigit()}
        try:
            moment = datetime(
                part["year"],
                part["month"],
                part["day"],
                part.get("hour", 0),
                part.get("minute", 0),
                part.get("second", 0),
                tzinfo=_zone_of(said["offset"]) if said.get("offset") else zone,
            )
        except ValueError:  # 31 February: digits that only look like a date
            continue
        return moment.astimezone(UTC)
    return None


def _zone_of(offset: str) -> tzinfo:
    """Of an offset in a file's name: Z, +0100 or -05:00."""
    if offset == "Z":
        return UTC
    ahead = timedelta(hours=int(offset[1:3]), minutes=int(offset[-2:]))
    return timezone(-ahead if offset[0] == "-" else ahead)


def printable(name: str) -> str:
    """A file's name as text that any file, log and database takes.

    Bytes that are no UTF-8, as in a name made on an old Windows, stand as `\\xfc`.
    """
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _finished(folder: Path, settle_seconds: int) -> Iterator[tuple[Path, os.stat_result]]:
    """The files that are complete, with what the system says of them; one that vanishes meanwhile is none."""
    latest = time.time() - settle_seconds
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        if any(part.startswith(".") for part in relative.parts) or path.suffix.lower() in UNFINISHED:
            continue
        try:
            if not path.is_file():
                continue
            status = path.stat()
        except OSError:
            continue
        marked = path.with_name(path.name + ".done").exists()
        if settle_seconds == 0 or marked or status.st_mtime <= latest:
            yield path, status
