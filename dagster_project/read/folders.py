"""What lies below a source's folder and is finished: real files of the landing zone, and what is said of the others."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

UNFINISHED = (".part", ".tmp", ".crdownload", ".done")


@dataclass(frozen=True)
class Found:
    """A file, its name below the source's folder, and why it is not to be opened, if so."""

    path: Path
    name: str
    status: os.stat_result
    refused: str = ""


def finished(landing_dir: Path, source_name: str, settle_seconds: int) -> tuple[list[Found], list[str]]:
    """A source's files that are complete, by name: still for `settle_seconds`, or with a `<name>.done` beside them.

    And what a person should know of the rest: folders that cannot be read or are links, links to nothing.
    """
    folder = landing_dir / source_name
    said: list[str] = []
    if folder.is_symlink():
        said.append(f"{source_name}/: is a link to another folder, whose files are read")
    inside = {landing_dir.resolve(), folder.resolve()}
    latest = time.time() - settle_seconds
    found = []
    for path in _files(folder, said):
        name = printable(path.relative_to(folder).as_posix())
        try:
            if not path.is_file():
                if path.is_symlink():
                    said.append(f"{source_name}/{name}: is a link to nothing that can be read; deliver the file itself")
                continue
            status = path.stat()
            refused = _leaves(path, inside)
        except FileNotFoundError:
            continue  # taken away meanwhile
        except OSError as error:
            said.append(f"{source_name}/{name}: cannot be read: {error.strerror or error}")
            continue
        marked = path.with_name(path.name + ".done").exists()
        if settle_seconds == 0 or marked or status.st_mtime <= latest:
            found.append(Found(path, name, status, refused))
    return sorted(found, key=lambda file: file.path), said


def loose_files(landing_dir: Path) -> list[str]:
    """Files that lie in the landing folder itself, where no source looks; its own notes (README, .gitkeep) are none."""
    return sorted(
        printable(path.name)
        for path in (landing_dir.iterdir() if landing_dir.is_dir() else ())
        if path.is_file()
        and not path.name.startswith(".")
        and path.suffix.lower() not in UNFINISHED
        and not path.name.upper().startswith("README")
    )


def _files(folder: Path, said: list[str]) -> Iterator[Path]:
    """Every file below a folder but hidden and unfinished ones; folders that are links are not entered."""

    def cannot_enter(error: OSError) -> None:
        place = Path(error.filename).relative_to(folder.parent) if error.filename else folder.name
        if not isinstance(error, FileNotFoundError):
            said.append(f"{printable(str(place))}/: cannot be read: {error.strerror}; let the user of this run read it")

    for place, folders, names in os.walk(folder, onerror=cannot_enter):
        for name in sorted(folders):
            inner = Path(place) / name
            if inner.is_symlink() and not name.startswith("."):
                where = printable(inner.relative_to(folder.parent).as_posix())
                said.append(f"{where}/: is a link to another folder; its files are not read. Put them there themselves")
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            path = Path(place) / name
            if not name.startswith(".") and path.suffix.lower() not in UNFINISHED:
                yield path


def _leaves(path: Path, inside: set[Path]) -> str:
    """Why a link is not followed: it leads out of landing, to what nobody delivered."""
    if not path.is_symlink() or any(path.resolve().is_relative_to(folder) for folder in inside):
        return ""
    return "is a link that leads out of the landing folder; deliver the file itself"


def printable(name: str) -> str:
    """A file's name as text that any file, log and database takes.

    Bytes that are no UTF-8, as in a name made on an old Windows, stand as `\\xfc`.
    """
    return os.fsencode(name).decode("utf-8", "backslashreplace")
