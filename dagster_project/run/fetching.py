"""A landing zone elsewhere, brought into the spool that a run reads."""

from __future__ import annotations

import time

from dagster_project.config.load import Settings
from dagster_project.read.spool import Spooled, fetch_landing
from dagster_project.run.folders import check_landing
from dagster_project.run.lock import lock


def fetch(settings: Settings, settle_seconds: int = 0) -> Spooled | None:
    """Brings the spool up to what lies there, but for what was written within `settle_seconds`; None for a folder.

    Raises RunInProgressError while a run reads the spool, RemoteError where the landing zone cannot be listed, and
    ConfigurationError where it or a source's folder is not there.
    """
    if settings.landing_url is None:
        return None
    with lock.hold(settings.warehouse_dir):
        names = [source.name for source in settings.config.sources if source.reads_files]
        settled = time.time() - settle_seconds if settle_seconds else None
        done = fetch_landing(settings.landing_url, settings.landing_dir, names, settled)
    check_landing(settings)
    return done
