"""What lies in landing/<source>/: which feed takes a file, and when the file was exported."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

from dagster_project.config.feeds import Feed, Source
from dagster_project.read.archives import Delivered, Member, members
from dagster_project.read.folders import Found, finished, printable
from dagster_project.read.patterns import one_form, takes

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
    `extract_time_from` says how it is known. `refused` is why it is not to be opened, if so.
    """

    source: str
    feed: str
    path: Delivered
    name: str
    bytes: int
    modified_ns: int
    extracted_at: datetime
    extract_time_from: str
    refused: str = ""


@dataclass(frozen=True)
class Landing:
    """A source's folder, sorted out: its deliveries, the files no feed takes, and what else is to be said of it."""

    files: list[LandedFile]
    not_taken: list[str]
    said: list[str] = field(default_factory=list)


def look(source: Source, landing_dir: Path, settle_seconds: int = 0) -> Landing:
    """All files of a source that are complete: still for `settle_seconds`, or with a `<name>.done` beside them."""
    files, not_taken = [], []
    found, said = finished(landing_dir, source.name, settle_seconds)
    # two names that differ only in how an accent is written are two files; else one form is the name
    names = [one_form(file.name) for file in found]
    for file in found:
        status = file.status
        name = one_form(file.name) if names.count(one_form(file.name)) == 1 else file.name
        packed = None if file.refused else members(file.path)
        if packed is not None:
            packed, twice = _last_of_each_name(packed)
            said += [
                f"{name}: has several members named {member}; the last of them is read, as unpacking would leave it"
                for member in twice
            ]
        taken = _taken(source, name, file) if packed is None else _members_taken(source, name, packed)
        if not taken:
            not_taken.append(name)
        elif packed is not None:
            of_feeds = {member_name for member_name, _, _ in taken}
            not_taken += [f"{name}/{member.name}" for member in packed if f"{name}/{member.name}" not in of_feeds]
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
                    refused=file.refused,
                )
            )
    return Landing(files, not_taken, said)


def _taken(source: Source, name: str, file: Found) -> list[tuple[str, str, Delivered]]:
    return [(name, feed_name, file.path) for feed_name in feeds_of(source, name)]


def _last_of_each_name(packed: list[Member]) -> tuple[list[Member], list[str]]:
    """The members, of several with one name the last in the archive; and the names that stood there more than once."""
    by_name = {one_form(member.name): member for member in packed}
    names = [one_form(member.name) for member in packed]
    return list(by_name.values()), [printable(name) for name in by_name if names.count(name) > 1]


def _members_taken(source: Source, archive: str, packed: list[Member]) -> list[tuple[str, str, Delivered]]:
    """Name, feed and place of each member that a feed takes, by its name; one that is alone also by its archive's.

    The folders of a member are those in its archive, behind those the archive lies in.
    """
    taken: list[tuple[str, str, Delivered]] = []
    folder, _, file_name = archive.rpartition("/")
    for member in packed:
        name = PurePosixPath(member.name)
        feed_names = feeds_of(source, f"{folder}/{member.name}".lstrip("/")) or feeds_of(source, f"{archive}/{name}")
        if not feed_names and len(packed) == 1:
            stem = archive.removesuffix(PurePosixPath(file_name).suffix)
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
    """The first feed, in the mapping's order, that takes a file by its path below the source's folder."""
    return next(iter(feeds_of(source, file_name)), None)


def feeds_of(source: Source, file_name: str) -> list[str]:
    """That feed, and the others that list the very pattern by which it takes the file: each reads what is its own."""
    for feed in source.feeds.values():
        pattern = next((pattern for pattern in feed.files if takes([pattern], file_name)), None)
        if pattern is not None:
            return [name for name, other in source.feeds.items() if pattern.lower() in map(str.lower, other.files)]
    return []


def takable(source: Source, not_taken: list[str]) -> list[str]:
    """What to write so that a feed takes files that no feed takes, where a mapping leaves that to the user."""
    return [
        f'{file} can be read as {feed.entity}: to the source add `feeds: {{{name}: {{files: ["{pattern}"]}}}}`'
        for name, feed in source.feeds.items()
        for pattern in feed.files_on_request
        for file in [file for file in not_taken if takes([pattern], file)][:1]
    ]


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
