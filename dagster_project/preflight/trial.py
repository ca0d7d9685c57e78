"""What lies in landing read as a night would read it, without a night: the newest delivery of every feed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dagster_project.config.feeds import Source
from dagster_project.draft.trial import Trial, try_feed
from dagster_project.read.archives import Delivered
from dagster_project.read.landing import LandedFile, Landing
from dagster_project.sql import text


@dataclass(frozen=True)
class LandedTry:
    """A landed file as the trial takes it."""

    delivered: Delivered
    shown: str


@dataclass
class Tried:
    """The trials of a source's feeds, and the files they read; the rows lie in tables while it is open."""

    connection: duckdb.DuckDBPyConnection
    source: Source
    trials: dict[str, Trial]
    files: dict[str, list[LandedFile]]

    def keyed(self, feed: str) -> int:
        """How many rows of a feed of deals say of which deal they are."""
        trial = self.trials[feed]
        if "deal_id" not in trial.columns:
            return 0
        (rows,) = self.connection.execute(f"select count(deal_id) from {scan(trial)}").fetchone() or (0,)
        return int(rows)


def scan(trial: Trial, options: str = "") -> str:
    """SQL for the rows that a trial read."""
    listed = ", ".join(text(str(path)) for path in trial.files)
    return f"read_parquet([{listed}], union_by_name = true{', ' + options if options else ''})"


@contextmanager
def tried(source: Source, landing: Landing, scratch_dir: Path | None = None) -> Iterator[Tried]:
    """Tries the newest delivery of every feed of a source."""
    with tempfile.TemporaryDirectory(dir=scratch_dir) as folder, duckdb.connect() as connection:
        scratch = Path(folder)
        connection.execute("set preserve_insertion_order = true")
        newest = {name: files for name in source.feeds if (files := _newest(landing, name))}
        trials = {
            name: try_feed(connection, source, name, [LandedTry(file.path, file.name) for file in files], scratch)
            for name, files in newest.items()
        }
        yield Tried(connection, source, trials, newest)


def _newest(landing: Landing, feed: str) -> list[LandedFile]:
    """The files of a feed's newest delivery; of those that only their modification time dates, all."""
    files = [file for file in landing.files if file.feed == feed and not file.refused]
    if not files:
        return []
    latest = max(file.extracted_at for file in files)
    dated = [file for file in files if file.extracted_at == latest]
    return dated if dated[0].extract_time_from != "modification time" else files
