"""The files of a first look laid where a run finds them: each once, in a folder that says when they were exported."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from dagster_project.config.feeds import Source
from dagster_project.read.landing import extract_time, feed_of


def dated_by_name(source: Source, paths: Sequence[Path]) -> dict[Path, datetime]:
    """When the files were exported whose names say so."""
    found = {}
    for path in paths:
        feed = feed_of(source, path.name)
        if feed is not None:
            moment, known_from = extract_time(source, source.feeds[feed], path.name, 0)
            if known_from == "file name":
                found[path] = moment
    return found


def lay_out(paths: Sequence[Path], folder: Path) -> list[Path]:
    """Copies the files into a folder, under their own names; of several with one name each into a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    laid: list[Path] = []
    for path in paths:
        target = folder / path.name
        number = 2
        while target in laid:
            target, number = folder / f"part {number}" / path.name, number + 1
        target.parent.mkdir(exist_ok=True)
        if not (target.exists() and target.samefile(path)):
            shutil.copy2(path, target)
        laid.append(target)
    return laid


def folder_of(moment: datetime) -> str:
    """A folder's name that says when the files in it were exported."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
