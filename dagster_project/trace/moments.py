"""`dealtrail explain --as-of A --as-of B`: two moments that nobody published, built from the lake and compared.

Each is built as `dealtrail backfill` would: what had been delivered by then, with today's configuration and models. The
builds lie in a folder of their own in the warehouse, on a lake that is lent to them, and go when all is said.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from dagster_project.config.load import Settings
from dagster_project.errors import ConfigurationError, DealtrailError
from dagster_project.lake.lending import lend
from dagster_project.night import dagster_in
from dagster_project.run.folders import APART
from dagster_project.run.lock import lock
from dagster_project.run.summary import Progress
from dagster_project.run.tags import AS_OF_TAG, FROM_LAKE_TAG, KEEPS_PUBLICATION_TAG

#: What builds that nobody is to hear of take from nobody's environment.
_NOT_TOLD = ("DAGSTER_HOME", "AS_OF", "POSTGRES_URL", "PUBLISH_TO", "DEALTRAIL_WEBHOOK_URL")


@contextmanager
def built(settings: Settings, moments: Sequence[datetime], debug: bool = False) -> Iterator[Path]:
    """A lake that has what would have been published at these moments, the earlier first; gone with the context.

    Raises ConfigurationError for moments of which nothing had been delivered, DealtrailError where a build is stopped.
    """
    lake_dir, folder = settings.warehouse_dir / "lake", settings.warehouse_dir / APART
    if not lake_dir.is_dir():
        raise ConfigurationError("nothing has been read yet: run `dealtrail nightly` first")
    with lock.hold(folder):
        try:
            _wipe(folder)
            with lock.hold(settings.warehouse_dir):
                lend(lake_dir, folder / "lake")
            with _environment(folder), Progress() as progress, dagster_in(folder, debug, progress) as run_job:
                for moment in sorted(moments):
                    progress.about(f"as of {moment:%Y-%m-%d %H:%M} UTC")
                    tags = {AS_OF_TAG: moment.isoformat(), FROM_LAKE_TAG: "yes", KEEPS_PUBLICATION_TAG: "yes"}
                    attempt, status = run_job("past_night", tags)
                    if status:
                        stopped = ", ".join(one["rule"] for one in attempt["stopped_by"])
                        why = attempt["message"] or f"stopped by {stopped}"
                        error = ConfigurationError if status == ConfigurationError.exit_status else DealtrailError
                        raise error(f"as of {moment.isoformat()}: {why}")
            yield folder / "lake"
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _wipe(folder: Path) -> None:
    """Of a build that was killed; the lock stays, which is ours."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != ".lock":
            path.unlink()


@contextmanager
def _environment(warehouse_dir: Path) -> Iterator[None]:
    """The warehouse for whatever loads the settings meanwhile, and nothing that leads elsewhere."""
    before = dict(os.environ)
    for name in _NOT_TOLD:
        os.environ.pop(name, None)
    os.environ["WAREHOUSE_DIR"] = str(warehouse_dir)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
