"""`dealtrail forget`: the lake, what lies around it, a publication without the record, and a last look everywhere."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dagster_project.config.load import SPOOL, Settings
from dagster_project.forget.search import search
from dagster_project.forget.surroundings import clean_up, remove_attempts
from dagster_project.lake import compaction, inventory
from dagster_project.lake.erasure.files import Blanked, forget_in_lake
from dagster_project.lake.erasure.namesakes import apart
from dagster_project.lake.erasure.person import Person, begin, done, unfinished
from dagster_project.lake.migration import migrate
from dagster_project.read import table_snapshots
from dagster_project.read.spool import forget_spooled
from dagster_project.run.folders import APART
from dagster_project.run.lock import lock
from dagster_project.run.versions import as_of_version, current_version
from dagster_project.wording import counted

#: Where it stands in the lake that records were forgotten, and what that changed.
LOG = "forgotten.jsonl"


@dataclass(frozen=True)
class Forgotten:
    """What was done to one record, as the command says it; without its id."""

    entity: str
    source: str
    pseudonym: str
    blanked: Blanked
    shared: list[str] = field(default_factory=list)
    unsearched: int = 0


@dataclass(frozen=True)
class Begun:
    """What stands after the first half: a lake without the records, and a publication that still has them."""

    forgotten: list[Forgotten]
    attempts: list[str]
    cleaned: list[str]
    not_cleaned: list[str]
    #: How many files that were fetched from elsewhere.
    spooled: int = 0


@dataclass(frozen=True)
class Finished:
    """How many names, addresses and ids were looked for in the end, the files that still hold one, and the versions
    that were removed."""

    looked_for: int
    remains: list[str]
    versions: list[str]


def begin_forgetting(settings: Settings, entity: str, record_id: str, source: str | None, ahead: bool) -> Begun:
    """Leaves tombstones, blanks the lake, and cleans what lies around it; with this record all that were cut off."""
    return apart(_begin, settings, entity, record_id, source, ahead)


def finish_forgetting(settings: Settings, begun: Begun) -> Finished:
    """Removes the versions that still have the records, looks for them everywhere, and writes the log."""
    return apart(_finish, settings, begun)


def as_of_published(settings: Settings) -> str | None:
    """The moment that the current publication shows, ISO 8601; None where nothing is published."""
    version = current_version(settings.warehouse_dir)
    if version is None:
        return None
    return as_of_version(version).strftime("%Y-%m-%dT%H:%M:%SZ")


def _begin(settings: Settings, entity: str, record_id: str, source: str | None, ahead: bool) -> Begun:
    warehouse, lake = settings.warehouse_dir, settings.warehouse_dir / "lake"
    inventory.verify_all(lake)
    compaction.clean_up(lake)
    migrate(lake, settings.config.sources)
    # what `dealtrail explain` builds, and a killed one left
    if (warehouse / APART).exists():
        with lock.hold(warehouse / APART):
            shutil.rmtree(warehouse / APART)
    begin(lake, settings.config, entity, record_id, source, ahead)
    said, attempts, cleaned, spooled = [], [], [], 0
    for person in unfinished(lake):
        spooled += forget_spooled(warehouse / SPOOL, person.source)
        blanked = forget_in_lake(lake, settings.config, person)
        removed = remove_attempts(warehouse, person.texts)
        attempts += removed
        snapshots = table_snapshots.SPOOL
        if removed_here := table_snapshots.remove_spooled(warehouse / snapshots, person.source):
            cleaned.append(f"{snapshots}/{person.source}: {counted(removed_here, 'snapshot')} of its tables removed")
        cleaned += [name for name in clean_up(warehouse, person.texts) if name not in cleaned]
        _log(lake, person, "blanked", **asdict(blanked), attempts_removed=len(removed))
        others = [f"a name or e-mail address of it is also that of {other}" for other in person.shared.values()]
        said.append(
            Forgotten(
                person.entity,
                person.source,
                person.pseudonym,
                blanked,
                sorted(set(others)),
                len(person.unsearched),
            )
        )
    home = os.environ.get("DAGSTER_HOME")
    outside = home and not Path(home).resolve().is_relative_to(warehouse)
    not_cleaned = [f"Dagster's storage in {home} (DAGSTER_HOME)"] if outside else []
    return Begun(said, attempts, cleaned, not_cleaned, spooled)


def _finish(settings: Settings, begun: Begun) -> Finished:
    warehouse, lake = settings.warehouse_dir, settings.warehouse_dir / "lake"
    current = current_version(warehouse)
    versions = [path for path in (warehouse / "versions").glob("*") if path != current]
    for path in versions:
        shutil.rmtree(path)
    remains: list[str] = []
    people = unfinished(lake)
    for person in people:
        own = f"unfinished-{person.pseudonym}.json"
        found = [
            place.shown(warehouse)
            for place in search(warehouse, person.searched)
            if not place.path.name.startswith(own)
        ]
        remains += [place for place in found if place not in remains]
    for person in people:
        _log(lake, person, "forgotten", versions_removed=len(versions), places_left=len(remains))
        done(lake, person)
    looked_for = sum(len(person.everywhere) for person in people)
    return Finished(looked_for, remains, [path.name for path in versions])


def _log(lake_dir: Path, person: Person, state: str, **counts: Any) -> None:
    """One line, without the id: `blanked` in the lake each time the command is run, `forgotten` when all is done."""
    entry = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "state": state,
        "entity": person.entity,
        "source": person.source,
        "pseudonym": person.pseudonym,
        **counts,
    }
    with (lake_dir / LOG).open("a", encoding="utf-8") as log:
        log.write(json.dumps(entry) + "\n")
        log.flush()
        os.fsync(log.fileno())
