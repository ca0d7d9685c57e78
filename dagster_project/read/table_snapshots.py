"""Snapshots of the tables that feeds read: each a Parquet file in a spool, from there on delivered like any other file.

    <spool>/<source>/<feed>/<feed>_<extract time>_<digest>.parquet

The tables of one connection are read in one transaction. A table that says what its last snapshot said adds none. One
that was there and cannot be read is a delivery that is refused; the rest of the night goes on.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.config.feeds import Feed, Source
from dagster_project.config.models import Configuration
from dagster_project.config.tables import Connection, Link, Table, parts_of
from dagster_project.errors import ConfigurationError, printable
from dagster_project.read import table_child
from dagster_project.read.landing import LandedFile, Landing
from dagster_project.read.pii import is_personal

#: The folder of WAREHOUSE_DIR that they lie in.
SPOOL = "spool/tables"
_NAME = re.compile(r"(?P<feed>[a-z][a-z0-9_]*)_(?P<moment>20\d{6}T\d{6}Z)_(?P<digest>[0-9a-f]{16}|unread)(\.parquet)?")
#: How a connection to a server is opened, where its address does not say otherwise.
_OPTIONS = {
    "application_name": "dealtrail",
    "connect_timeout": "10",
    "keepalives_idle": "60",
    "tcp_user_timeout": "120000",
}


@dataclass(frozen=True)
class Last:
    """The newest delivery of a feed's table; its digest is empty where the table could not be read then."""

    moment: datetime
    digest: str


@dataclass
class Snapshots:
    """What became of the tables of a configuration: files to take in by source, and what is to be said of each."""

    files: dict[str, list[LandedFile]] = field(default_factory=dict)
    said: dict[str, list[str]] = field(default_factory=dict)

    def of(self, source: str, landing: Landing) -> Landing:
        """A source's landing with the snapshots of its tables."""
        files, said = self.files.get(source, []), self.said.get(source, [])
        return Landing([*landing.files, *files], landing.not_taken, [*landing.said, *said])


@dataclass(frozen=True)
class _Wanted:
    """A table to read, and what is known of it."""

    source: Source
    feed_name: str
    last: Last | None
    target: Path

    @property
    def feed(self) -> Feed:
        return self.source.feeds[self.feed_name]

    @property
    def table(self) -> Table:
        assert self.feed.table is not None, "only feeds of tables are wanted"
        return self.feed.table

    @property
    def shown(self) -> str:
        """The table, as a person calls it."""
        schema, table = self.table.place(self.source.tables_in)
        return printable(f"{schema}.{table}" if schema else table)

    def asked(self) -> dict[str, Any]:
        """What the child is told of it."""
        schema, table = self.table.place(self.source.tables_in)
        return {
            "schema": schema,
            "table": table,
            "if_columns": self.table.if_columns,
            "each": self.table.each,
            "synced_at": self.table.synced_at,
            "headings": _headings(self.feed, list(self.feed.mapped)),
            "ids": _headings(self.feed, [name for name in self.feed.columns if name.endswith(("_id", "_ids"))]),
            "links": {heading: _link(self.source, heading, link) for heading, link in self.table.links.items()},
            "limit": None,
            "target": str(self.target),
        }


def delivered(name: str) -> Last | None:
    """What the name of a delivered file says, if it is that of a snapshot."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    moment = datetime.strptime(found["moment"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return Last(moment, "" if found["digest"] == "unread" else found["digest"])


def take_snapshots(
    config: Configuration,
    root: Path,
    spool: Path,
    names: Iterable[tuple[str, str, str]],
    now: datetime,
    as_of: datetime | None = None,
) -> Snapshots:
    """Reads the tables of a configuration, and lists all snapshots that lie in the spool.

    `root` is what paths of connections are relative to, `names` the delivered files as (source, feed, file). `now` is
    in whole seconds; `as_of` is the moment of a night of the past: what does not say of when it is is not read for it.
    """
    taken = Snapshots()
    for cut_off in spool.glob(".reading-*"):
        shutil.rmtree(cut_off, ignore_errors=True)
    last = _newest([*names, *_spooled_names(config, spool)])
    for name, connection in config.connections.items():
        with tempfile.TemporaryDirectory(dir=_made(spool), prefix=".reading-") as scratch:
            wanted = [
                _Wanted(source, feed, last.get((source.name, feed)), Path(scratch) / f"{number}.parquet")
                for number, (source, feed) in enumerate(_feeds_of(config, name))
            ]
            wanted = _readable(wanted, as_of, now, taken)
            if wanted:
                answers = read_tables(connection, name, root, [one.asked() for one in wanted], Path(scratch))
                for one, answer in zip(wanted, answers, strict=True):
                    _take(one, answer, name, spool, now, taken)
                _say_who_stopped(wanted, answers, config.thresholds.max_delivery_age_hours, as_of or now, taken)
    for source in config.sources:
        taken.files[source.name] = [*_spooled(source, spool), *taken.files.get(source.name, [])]
    return taken


def forget_spooled(feed: Feed, files: list[LandedFile], has_forgotten: bool) -> None:
    """Removes snapshots that were taken in, where they hold what the lake may not: personal data as they were before
    the mapping hashes or drops them, or records that were forgotten."""
    is_private = is_personal(feed)
    if feed.table is not None and (is_private or has_forgotten):
        for file in files:
            if not file.refused and isinstance(file.path, Path):
                file.path.unlink(missing_ok=True)


def remove_spooled(spool: Path, source: str) -> int:
    """Removes all snapshots of a source, and returns how many there were; what the lake read of them stays there."""
    files = list((spool / source).rglob("*.parquet"))
    shutil.rmtree(spool / source, ignore_errors=True)
    return len(files)


def read_tables(
    connection: Connection, name: str, root: Path, tables: list[dict[str, Any]], scratch: Path
) -> list[dict[str, Any]]:
    """Has tables copied as `table_child` describes it: its answer for each; `unreachable` without a connection."""
    try:
        said = _asked(connection, name, root, tables, scratch)
    except ConfigurationError as error:
        return [{"state": "unreachable", "message": str(error)} for _ in tables]
    place = _shown(connection, name)
    return [{**one, "message": f"{place}: {one['message']}"} if one["state"] == "failed" else one for one in said]


def list_tables(connection: Connection, name: str, root: Path) -> list[dict[str, Any]]:
    """Every table of a database, as `table_child` describes it. Raises ConfigurationError where it cannot be opened."""
    return _asked(connection, name, root, None, root)


def _asked(
    connection: Connection, name: str, root: Path, tables: list[dict[str, Any]] | None, scratch: Path
) -> list[dict[str, Any]]:
    env = dict(os.environ)
    request: dict[str, Any] = {"tables": tables, "scratch": str(scratch)}
    if connection.url_variable is not None:
        env["DEALTRAIL_CONNECTION"] = connection.url(name, os.environ).with_defaults(**_OPTIONS)
        request |= {"kind": "postgres", "extension": str(_extension())}
    else:
        kind = "duckdb" if connection.duckdb else "folder"
        request |= {"kind": kind, "place": str(root / str(connection.duckdb or connection.folder))}
    done = subprocess.run(
        [sys.executable, "-I", str(Path(table_child.__file__))],
        input=json.dumps(request),
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # what DuckDB says on its own may quote the address
        text=True,
        check=False,
    )
    said = json.loads(done.stdout) if done.stdout else {"failed": "the connection was lost while tables were read"}
    if isinstance(said, dict):
        raise ConfigurationError(f"{_shown(connection, name)}: {said['failed']}")
    found: list[dict[str, Any]] = said
    return found


def _shown(connection: Connection, name: str) -> str:
    """A connection, as a person calls it; of a server its address without user and password."""
    if connection.url_variable is None:
        return f"connection '{name}'"
    return f"Postgres at {connection.url(name, os.environ)} (connection '{name}')"


def _extension() -> Path:
    """DuckDB's extension as its wheel brings it: loaded from there, so nothing is downloaded or copied."""
    folder = Path(str(resources.files("duckdb_extension_postgres_scanner"))) / "extensions" / f"v{duckdb.__version__}"
    return folder / "postgres_scanner.duckdb_extension"


def _feeds_of(config: Configuration, connection: str) -> list[tuple[Source, str]]:
    return [
        (source, name)
        for source in config.sources
        if source.connection == connection
        for name, feed in source.feeds.items()
        if feed.table is not None
    ]


def _headings(feed: Feed, columns: list[str]) -> list[str]:
    """Every heading that a mapping names for these columns, its parts one by one."""
    listed = [one for column in columns for one in feed.mapped[column]]
    flat = [part for one in listed for part in (one if isinstance(one, list) else [one])]
    return sorted({*flat, *feed.derive, *feed.only_when})


def _link(source: Source, heading: str, link: Link) -> dict[str, Any]:
    table, column = parts_of(heading)
    return {"schema": source.tables_in, "table": table, "column": column, "ours": link.ours, "theirs": link.theirs}


def _newest(names: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str], Last]:
    newest: dict[tuple[str, str], Last] = {}
    for source, feed, name in names:
        said = delivered(name)
        if said is not None and ((source, feed) not in newest or newest[source, feed].moment <= said.moment):
            newest[source, feed] = said
    return newest


def _spooled_names(config: Configuration, spool: Path) -> list[tuple[str, str, str]]:
    return [(source.name, file.feed, file.name) for source in config.sources for file in _spooled(source, spool)]


def _readable(wanted: list[_Wanted], as_of: datetime | None, now: datetime, taken: Snapshots) -> list[_Wanted]:
    """Those that may be read for a night at `as_of`: a table shows today's state, unless it says of when it is."""
    if as_of is None or as_of >= now:
        return wanted
    for one in wanted:
        if not one.table.synced_at:
            taken.said.setdefault(one.source.name, []).append(
                f"{one.source.name}/: table {one.shown} is not read for a night of "
                f"{as_of:%Y-%m-%d %H:%M} UTC: it is as it is today; the night sees the "
                f"snapshots there are (feed '{one.feed_name}')"
            )
    return [one for one in wanted if one.table.synced_at]


def _say_who_stopped(
    wanted: list[_Wanted], answers: list[dict[str, Any]], hours: float, now: datetime, taken: Snapshots
) -> None:
    """A word on sources none of whose tables was written lately: an unchanged table may be one that nobody brings."""
    newest: dict[str, datetime] = {}
    for one, answer in zip(wanted, answers, strict=True):
        if answer.get("synced_at"):
            moment = datetime.fromisoformat(answer["synced_at"])
            newest[one.source.name] = max(moment, newest.get(one.source.name, moment))
    for source, moment in newest.items():
        if now - moment > timedelta(hours=hours):
            taken.said.setdefault(source, []).append(
                f"{source}/: its tables were last written {moment:%Y-%m-%d %H:%M} UTC, by their own word. Look "
                f"whether the connector still runs ({hours:g} hours are allowed, thresholds.max_delivery_age_hours)"
            )


def _take(one: _Wanted, answer: dict[str, Any], connection: str, spool: Path, now: datetime, taken: Snapshots) -> None:
    """Places a new snapshot, or says why there is none."""
    if answer["state"] == "copied":
        digest = answer["digest"][:16]
        if one.last is None or one.last.digest != digest:
            moment = _moment(answer["synced_at"], one.last, now)
            folder = _made(spool / one.source.name / one.feed_name)
            one.target.replace(folder / f"{one.feed_name}_{moment:%Y%m%dT%H%M%SZ}_{digest}.parquet")
        return
    why = {
        "missing": f"table {one.shown} is not there in connection '{connection}'",
        "lacks": f"table {one.shown} has no column {answer.get('message')}",
    }.get(answer["state"], f"table {one.shown} cannot be read: {answer.get('message')}")
    if one.last is None and answer["state"] == "unreachable":
        # once for all tables
        said = f"{one.source.name}/: its tables cannot be read: {answer['message']}"
        if said not in taken.said.setdefault(one.source.name, []):
            taken.said[one.source.name].append(said)
        return
    if one.last is None:
        # what never came is no fault of a connector that may not bring it
        if answer["state"] == "failed" or not (one.table.optional or answer["state"] == "lacks"):
            taken.said.setdefault(one.source.name, []).append(f"{one.source.name}/: {why} (feed '{one.feed_name}')")
        return
    # once for as long as it lasts; its record is told of every night
    if one.last.digest:
        why += ". What its last snapshot says stands until it can be read again"
        moment = max(now, one.last.moment + timedelta(seconds=1))
        name = f"{one.feed_name}_{moment:%Y%m%dT%H%M%SZ}_unread"
        refused = LandedFile(one.source.name, one.feed_name, spool / name, name, 0, 0, moment, "table", why)
        taken.files.setdefault(one.source.name, []).append(refused)


def _moment(synced_at: str | None, last: Last | None, now: datetime) -> datetime:
    """When a table was as it was read: by its own word, if that is later than its last snapshot; else now."""
    said = min(datetime.fromisoformat(synced_at), now) if synced_at else now
    if last is None or said > last.moment:
        return said
    return max(now, last.moment + timedelta(seconds=1))


def _spooled(source: Source, spool: Path) -> list[LandedFile]:
    """The snapshots of a source that lie in the spool."""
    found = []
    for name in source.feeds:
        for path in sorted((spool / source.name / name).glob("*.parquet")):
            said = delivered(path.name)
            if said is not None:
                status = path.stat()
                found.append(
                    LandedFile(
                        source=source.name,
                        feed=name,
                        path=path,
                        name=path.name,
                        bytes=status.st_size,
                        modified_ns=status.st_mtime_ns,
                        extracted_at=said.moment,
                        extract_time_from="table",
                    )
                )
    return found


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
