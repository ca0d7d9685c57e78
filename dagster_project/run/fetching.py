"""A landing zone elsewhere, brought into the spool that a run reads, and what of the spool no run reads any more."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from dagster_project.config.feeds import Source
from dagster_project.config.load import Settings
from dagster_project.lake.manifest import FileRecord
from dagster_project.lake.taken_in import TakenIn
from dagster_project.read.landing import look
from dagster_project.read.spool import Spooled, fetch_landing, prune_spool
from dagster_project.run.folders import check_landing
from dagster_project.run.lock import lock

#: Files this much older than the newest of their feed leave the spool once the lake has them.
KEPT = timedelta(days=7)


def fetch(settings: Settings, settle_seconds: int = 0, known: Sequence[FileRecord] | None = None) -> Spooled | None:
    """Brings the spool up to what lies there, but for what was written within `settle_seconds`; None for a folder.

    With what the lake has (`known`), files that were removed from the spool are fetched again where the lake lacks
    them. Raises RunInProgressError while a run reads the spool, RemoteError where the landing zone cannot be listed,
    and ConfigurationError where it or a source's folder is not there.
    """
    if settings.landing_url is None:
        return None
    with lock.hold(settings.warehouse_dir):
        names = [source.name for source in settings.config.sources if source.reads_files]
        settled = time.time() - settle_seconds if settle_seconds else None
        is_in_lake = None if known is None else TakenIn(settings.config.sources, known).has
        done = fetch_landing(settings.landing_url, settings.landing_dir, names, settled, is_in_lake)
    check_landing(settings)
    return done


def prune(settings: Settings, known: Sequence[FileRecord]) -> int:
    """Removes from the spool what the lake has and is older than the last week of its feed; returns how many bytes.

    The newest files stay, for `dealtrail config check` reads them.
    """
    if settings.landing_url is None:
        return 0
    taken_in = TakenIn(settings.config.sources, known)
    with lock.hold(settings.warehouse_dir):
        removable = {
            source.name: _removable(source, settings.landing_dir, taken_in)
            for source in settings.config.sources
            if source.reads_files
        }
        return prune_spool(settings.landing_dir, removable)


def _removable(source: Source, spool: Path, taken_in: TakenIn) -> list[str]:
    """Names of the files of a source that no feed needs any more."""
    files = look(source, spool).files
    newest: dict[str, datetime] = {}
    for file in files:
        newest[file.feed] = max(file.extracted_at, newest.get(file.feed, file.extracted_at))
    recent = {file.path for file in files if file.extracted_at >= newest[file.feed] - KEPT}
    # a member of an archive is no file of the spool
    older = {file.path: file for file in files if isinstance(file.path, Path) and file.path not in recent}
    names = {path.relative_to(spool / source.name).as_posix(): file for path, file in older.items()}
    return [name for name, file in names.items() if taken_in.has(source.name, name, file.bytes, file.modified_ns)]
