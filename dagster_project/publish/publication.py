"""The switch: a finished build becomes the publication, in one atomic step.

`current` is a relative symlink to `versions/<run>`; everything a reader opens (`pipeline.duckdb`, `marts`,
`data_docs`, `report`) is a relative symlink through it. Renaming one symlink over another switches all of them, and a
warehouse folder can be copied or moved.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import duckdb

from dagster_project.quality.violation_history import keep_record, write_record
from dagster_project.run.context import NightlyRun
from dagster_project.run.export import export_tables
from dagster_project.run.versions import current_version
from dagster_project.transform.publications import PUBLICATION, keep_publication

PUBLISHED = ("pipeline.duckdb", "marts", "data_docs", "report")


def publish(run: NightlyRun) -> Path:
    """Publishes the build of a run whose checks have passed; returns the version's folder."""
    warehouse = run.settings.warehouse_dir
    staged = run.building_dir / "version"
    staged.mkdir()
    built = run.databases.built()
    with duckdb.connect(str(built)) as connection:
        write_record(connection, staged, run.night)
        connection.execute("checkpoint")
    for published in (run.building_dir / PUBLICATION).glob("*.parquet"):
        published.replace(staged / published.name)
    export_tables(built, "marts", staged / "marts")
    built.replace(staged / "pipeline.duckdb")
    for name in ("data_docs", "report"):
        folder = run.building_dir / name
        folder.mkdir(exist_ok=True)
        folder.replace(staged / name)
    version = warehouse / "versions" / run.run_id
    version.parent.mkdir(exist_ok=True)
    _sync(staged)
    staged.replace(version)
    previous = current_version(warehouse)
    switch(warehouse, version)
    keep_record(version, run.lake_dir)
    keep_publication(version, run.lake_dir)
    _forget_old_versions(warehouse, {version, previous})
    return version


def keep_only_record(run: NightlyRun) -> None:
    """Takes what a past night found into the lake, and publishes nothing."""
    found = run.building_dir / run.run_id
    found.mkdir()
    with duckdb.connect(str(run.databases.built()), read_only=True) as connection:
        write_record(connection, found, run.night)
    keep_record(found, run.lake_dir)
    if run.keeps_publication:
        keep_publication(run.building_dir / PUBLICATION, run.lake_dir)


def switch(warehouse: Path, version: Path) -> None:
    """Points `current`, and with it everything published, at a version.

    The links through `current` come first: before the very first publication they lead nowhere, and then
    everything appears at once.
    """
    for name in PUBLISHED:
        if not (warehouse / name).is_symlink():
            _link(warehouse / name, Path("current") / name)
    _link(warehouse / "current", Path("versions") / version.name)


def _link(link: Path, target: Path) -> None:
    unfinished = link.with_name(f".{link.name}.switching")
    unfinished.unlink(missing_ok=True)
    unfinished.symlink_to(target)
    unfinished.replace(link)


def _forget_old_versions(warehouse: Path, kept: set[Path | None]) -> None:
    """Removes all versions but the current one and the one before, which a reader may have resolved the link to.

    What a run killed before its switch left is neither.
    """
    for path in (warehouse / "versions").iterdir():
        if path not in kept:
            shutil.rmtree(path, ignore_errors=True)


def _sync(folder: Path) -> None:
    """Has the disk hold every file before the switch makes them the truth."""
    for path in [*folder.glob("*"), *folder.glob("marts/**/*"), *folder.glob("report/*")]:
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    if (folder / "report" / "owners").exists():
        os.sync()  # thousands of small files, each of which would take milliseconds
