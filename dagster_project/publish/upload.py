"""The publication in an object storage or on a server too.

    <publish_to>/versions/<run>/    pipeline.duckdb, marts/, report/, data_docs/
    <publish_to>/current.json       which of them is published, written last: readers follow it

The version before stays, for a reader may have just read the pointer; older ones are removed.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_project.config.load import Settings
from dagster_project.config.remote import RemoteFolder, ask, is_async, without_secrets
from dagster_project.errors import ConfigurationError, told
from dagster_project.run.versions import as_of_version, current_version

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

POINTER = "current.json"
_VERSIONS = "versions"
_AT_A_TIME = 8


@dataclass(frozen=True)
class Uploaded:
    """What was uploaded, and what could not be tidied up there."""

    to: str
    version: str
    files: int
    bytes: int
    said: list[str] = field(default_factory=list)

    @property
    def facts(self) -> dict[str, str | int]:
        """For run.json and Dagster."""
        return {"to": self.to, "version": self.version, "files": self.files, "bytes": self.bytes}


def upload_current(settings: Settings) -> Uploaded:
    """Uploads the last local publication.

    Raises ConfigurationError where there is none, no address, or no driver; RemoteError where the server fails: what
    was uploaded before stands then.
    """
    if settings.publish_to is None:
        raise ConfigurationError("publish_to is not set: write an address such as s3://bucket/dealtrail")
    version = current_version(settings.warehouse_dir)
    if version is None:
        raise ConfigurationError("nothing has been published yet: run `dealtrail nightly`")
    return upload(version, settings.publish_to)


def upload(version: Path, to: RemoteFolder) -> Uploaded:
    """Uploads a version's folder, then the pointer to it, then removes versions that nobody is pointed at."""
    driver, root = to.open()
    try:
        previous = _pointed_at(driver, root)
        files = [path for path in sorted(version.rglob("*")) if path.is_file()]
        # what a run that was cut off left of this version is written over
        _put_all(driver, {path: f"{root}/{_VERSIONS}/{path.relative_to(version.parent).as_posix()}" for path in files})
        size = sum(path.stat().st_size for path in files)
        pointer = {
            "version": f"{_VERSIONS}/{version.name}",
            "as_of": as_of_version(version).isoformat(),
            "uploaded_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "files": len(files),
            "bytes": size,
        }
        _write_pointer(driver, root, pointer, to.appears_at_once)
    except Exception as error:
        raise to.failed("could not be uploaded to; what was there before stands", error) from None
    said = _tidy_up(driver, root, {version.name, previous}, to)
    return Uploaded(str(to), version.name, len(files), size, said)


def _pointed_at(driver: AbstractFileSystem, root: str) -> str | None:
    """The version that readers are sent to now; None before the first, and where the pointer is not one of ours."""
    try:
        said = json.loads(ask(driver, "cat_file", f"{root}/{POINTER}"))
        return str(said["version"]).rpartition("/")[2]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _put_all(driver: AbstractFileSystem, targets: dict[Path, str]) -> None:
    for folder in sorted({target.rpartition("/")[0] for target in targets.values()}):
        ask(driver, "makedirs", folder, exist_ok=True)
    at_a_time = _AT_A_TIME if is_async(driver) else 1
    with ThreadPoolExecutor(at_a_time) as pool:
        list(pool.map(lambda one: ask(driver, "put_file", str(one), targets[one], size=one.stat().st_size), targets))


def _write_pointer(driver: AbstractFileSystem, root: str, pointer: dict[str, Any], appears_at_once: bool) -> None:
    content = (json.dumps(pointer, indent=2) + "\n").encode()
    if appears_at_once:
        ask(driver, "pipe_file", f"{root}/{POINTER}", content)
        return
    unfinished = f"{root}/.{POINTER}.unfinished"
    driver.pipe_file(unfinished, content)
    driver.mv(unfinished, f"{root}/{POINTER}")


def _tidy_up(driver: AbstractFileSystem, root: str, kept: set[str | None], to: RemoteFolder) -> list[str]:
    """Removes older versions. That one cannot be removed is said, and is no failure: what counts is there."""
    try:
        for entry in ask(driver, "ls", f"{root}/{_VERSIONS}", detail=True):
            name = entry["name"].rstrip("/").rpartition("/")[2]
            if entry["type"] == "directory" and name not in kept:
                ask(driver, "rm", f"{root}/{_VERSIONS}/{name}", recursive=True)
    except Exception as error:
        return [f"{to}: older versions could not be removed: {without_secrets(told(error))}"]
    return []
