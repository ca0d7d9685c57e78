"""A landing zone in an object storage or on a server: its files are fetched once, into a spool that is then read.

The spool has each file under its name and with its modification time, so that all that is said of a file in landing
holds for an object. `.fetched.json` in it has what the listing said of each when it was fetched, and what became of
those that are no longer in the spool: `forgotten`, or `in the lake` with the modification time in nanoseconds.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_project.config.remote import RemoteFolder, ask, find, is_async, without_secrets
from dagster_project.errors import printable, told
from dagster_project.files import write_atomically
from dagster_project.read.folders import UNFINISHED

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

FETCHED = ".fetched.json"
#: Files below the folder of a source that hide from `read.folders` until all of the source are there.
_ON_ITS_WAY = ".part"
_AT_A_TIME = 8
_SHOWN = 3
_FORGOTTEN, _IN_LAKE = "forgotten", "in the lake"
#: Whether the lake has all that a file could bring: its source, name, bytes and modification time in nanoseconds.
InLake = Callable[[str, str, int, int], bool]


@dataclass(frozen=True)
class _Object:
    """What a listing says of an object. `modified` is in seconds since the epoch."""

    path: str
    size: int
    modified: float
    etag: str | None

    @property
    def as_kept(self) -> list[Any]:
        return [self.size, self.modified, self.etag]


@dataclass
class Spooled:
    """What fetching found: files and bytes that are new in the spool, and what a person should know."""

    files: int
    bytes: int
    said: list[str]


def fetch_landing(
    folder: RemoteFolder,
    spool: Path,
    sources: list[str],
    settled_before: float | None = None,
    is_in_lake: InLake | None = None,
) -> Spooled:
    """Brings the spool up to what the folder holds; a source all of whose new files came, or as it was.

    A source that cannot be listed or fetched whole stays as it was until the next night: half of a delivery would
    read as deletions. What another name lies there as is only named. `settled_before` (seconds since the epoch): leaves
    out what was written later. `is_in_lake` says of a file that was removed from the spool whether it still need not be
    there; without it, it need not. Raises RemoteError where the folder itself cannot be listed, ConfigurationError
    where there is no driver.
    """
    driver, root = folder.open()
    spool.mkdir(parents=True, exist_ok=True)
    try:
        lying = ask(driver, "ls", root, detail=True)
    except FileNotFoundError:
        lying = []
    except Exception as error:
        raise folder.failed("cannot be listed", error) from None
    _name_others(spool, lying, sources)
    known = read_fetched(spool)
    done = Spooled(0, 0, [])
    folders = {_last(entry["name"]) for entry in lying if entry["type"] == "directory"}
    for source in sources:
        if source not in folders:
            _remove(spool / source, keep=set())
            known.pop(source, None)
            continue
        try:
            listed = find(driver, f"{root}/{source}")
        except Exception as error:
            done.said.append(f"{folder}/{source} cannot be listed, so nothing new of it is read: {_safe(error)}")
            continue
        objects = _objects(listed, f"{root}/{source}", f"{folder}/{source}", done.said)
        (spool / source).mkdir(exist_ok=True)
        kept = known.setdefault(source, {})
        wanted = {
            name: one
            for name, one in objects.items()
            if not _is_there(spool, source, name, one, kept.get(name), is_in_lake)
            and (settled_before is None or one.modified <= settled_before)
        }
        if _fetch_source(driver, spool / source, objects, wanted, done.said, f"{folder}/{source}"):
            known[source] = {name: kept[name] for name in kept if name in objects}
            known[source] |= {name: one.as_kept for name, one in wanted.items()}
            done.files += len(wanted)
            done.bytes += sum(one.size for one in wanted.values())
        elif not is_async(driver):
            driver, root = folder.open()  # what still waits for an answer keeps the connection from asking on
        write_atomically(spool / FETCHED, json.dumps(known, ensure_ascii=False))
    return done


def read_fetched(spool: Path) -> dict[str, dict[str, list[Any]]]:
    """Source → name → size, modification time and etag of what was fetched. Nothing where that was lost or cut off."""
    try:
        kept = json.loads((spool / FETCHED).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def removed_from_spool(spool: Path, source: str) -> dict[str, tuple[int, int]]:
    """Name → bytes and modification time in nanoseconds of the files that `prune_spool` removed and the bucket has."""
    return {
        name: (kept[0], kept[4])
        for name, kept in read_fetched(spool).get(source, {}).items()
        if kept[3:4] == [_IN_LAKE]
    }


def prune_spool(spool: Path, removable: dict[str, list[str]]) -> int:
    """Removes files that the lake has, by source and name; they are fetched again where they change or are needed.

    One that is not noted as fetched stays. Returns how many bytes that gave back.
    """
    known = read_fetched(spool)
    going: list[Path] = []
    size = 0
    for source, names in removable.items():
        for name in names:
            path, kept = spool / source / name, known.get(source, {}).get(name)
            if kept is not None and path.is_file():
                status = path.stat()
                known[source][name] = [*kept[:3], _IN_LAKE, status.st_mtime_ns]
                going.append(path)
                size += status.st_size
    if going:
        # first, or a kill in between would bring them back
        write_atomically(spool / FETCHED, json.dumps(known, ensure_ascii=False))
    for path in going:
        path.unlink()
        for folder in list(path.relative_to(spool).parents)[:-2]:
            if not any((spool / folder).iterdir()):
                (spool / folder).rmdir()
    return size


def forget_spooled(spool: Path, source: str) -> int:
    """Removes what was fetched of a source, for `dealtrail forget`; it is fetched anew only where it changes.

    Returns how many files.
    """
    if not spool.is_dir():
        return 0
    known = read_fetched(spool)
    files = [path for path in (spool / source).rglob("*") if path.is_file()]
    for path in files:
        name = path.relative_to(spool / source).as_posix()
        if name in known.get(source, {}):
            known[source][name] = [*known[source][name][:3], _FORGOTTEN]
    # those that the lake has are not wanted again for a new mapping either
    for name in removed_from_spool(spool, source):
        known[source][name] = [*known[source][name][:3], _FORGOTTEN]
    # first, or a kill in between would bring them back
    write_atomically(spool / FETCHED, json.dumps(known, ensure_ascii=False))
    _remove(spool / source, keep=set())
    return len(files)


def _fetch_source(
    driver: AbstractFileSystem,
    spool: Path,
    objects: dict[str, _Object],
    wanted: dict[str, _Object],
    said: list[str],
    shown: str,
) -> bool:
    """Brings what is wanted into the spool of a source, all or nothing; whether it did."""
    came: dict[str, Path] = {}
    failed: dict[str, str] = {}

    def fetch(name: str) -> None:
        path = spool / name
        part = path.with_name(path.name + _ON_ITS_WAY)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            ask(driver, "get_file", wanted[name].path, str(part), size=wanted[name].size)
            size = part.stat().st_size
            if size != wanted[name].size:
                failed[name] = f"has {size:,} bytes, listed were {wanted[name].size:,}: it changed meanwhile"
                return
            os.utime(part, (wanted[name].modified, wanted[name].modified))
            came[name] = part
        except FileNotFoundError:
            failed[name] = "is listed, and is not there"
        except Exception as error:
            failed[name] = _safe(error)

    # a driver that waits for one answer after the other has one connection
    at_a_time = _AT_A_TIME if is_async(driver) else 1
    with ThreadPoolExecutor(at_a_time) as pool:
        list(pool.map(fetch, wanted))
    if failed:
        for name in wanted:
            path = spool / name
            path.with_name(path.name + _ON_ITS_WAY).unlink(missing_ok=True)
        first = "; ".join(f"{printable(name)} {why}" for name, why in sorted(failed.items())[:_SHOWN])
        more = f"; and {len(failed) - _SHOWN:,} more" if len(failed) > _SHOWN else ""
        said.append(f"{shown}: not all could be fetched, so nothing new of it is read: {first}{more}")
        return False
    _remove(spool, keep={*objects, *(str(part.relative_to(spool)) for part in came.values())})
    for name, part in came.items():
        (spool / name).unlink(missing_ok=True)
        part.replace(spool / name)
    return True


def _is_there(
    spool: Path, source: str, name: str, one: _Object, kept: list[Any] | None, is_in_lake: InLake | None
) -> bool:
    """Whether an object need not be fetched: it is in the spool, or was and is not wanted again."""
    if kept is not None and kept[:3] != one.as_kept:
        return False
    if kept is not None and kept[3:] == [_FORGOTTEN]:
        return True
    if kept is not None and kept[3:4] == [_IN_LAKE]:
        return is_in_lake is None or is_in_lake(source, name, one.size, kept[4])
    try:
        status = (spool / source / name).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    # to the microsecond: a file system may keep no more of it
    return status.st_size == one.size and abs(status.st_mtime - one.modified) < 1e-5


def _objects(listed: dict[str, dict[str, Any]], root: str, shown: str, said: list[str]) -> dict[str, _Object]:
    """Name below the source's folder → object, of those that can be files here; hidden and unfinished ones are left."""
    found = {}
    base = root.lstrip("/") + "/"
    for path, entry in listed.items():
        name = path.lstrip("/").removeprefix(base)
        parts = name.split("/")
        if name.endswith("/") or entry.get("type") == "directory":
            continue  # what some programs make a folder by
        if any(part in ("", ".", "..") or "\0" in part or len(os.fsencode(part)) > 250 for part in parts):
            said.append(f"{shown}: {printable(name)[:200]}: no name that a file can have here; it is not read")
            continue
        suffix = Path(parts[-1]).suffix.lower()
        if any(part.startswith(".") for part in parts) or (suffix in UNFINISHED and suffix != ".done"):
            continue
        found[name] = _Object(path, int(entry.get("size") or 0), _modified(entry), _etag(entry))
    folders = {"/".join(name.split("/")[:depth]) for name in found for depth in range(1, name.count("/") + 1)}
    for name in sorted(found.keys() & folders):
        said.append(f"{shown}: {printable(name)}: is an object and a folder of others; only those are read")
        del found[name]
    return found


def _modified(entry: dict[str, Any]) -> float:
    """When an object was written, as each driver calls it, in seconds since the epoch; 0 where none says it."""
    said = next((entry[key] for key in ("LastModified", "last_modified", "mtime", "updated") if entry.get(key)), 0)
    if isinstance(said, str):
        said = datetime.fromisoformat(said)
    if isinstance(said, datetime):
        return (said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp()
    return float(said)


def _etag(entry: dict[str, Any]) -> str | None:
    said = next((entry[key] for key in ("ETag", "etag", "md5Hash") if entry.get(key)), None)
    return None if said is None else str(said).strip('"')


def _name_others(spool: Path, lying: list[dict[str, Any]], sources: list[str]) -> None:
    """Empty folders and files for what lies beside those of the sources, so that it is listed as in any landing."""
    names = {_last(entry["name"]): entry["type"] for entry in lying}
    for entry in spool.iterdir():
        if entry.name not in (*names, *sources, FETCHED):
            _remove(entry, keep=set())
    for name, kind in names.items():
        if name in ("", ".", "..", FETCHED) or name in sources or name.startswith("."):
            continue
        if kind == "directory":
            (spool / name).mkdir(exist_ok=True)
        elif not (spool / name).exists():
            (spool / name).touch()


def _remove(place: Path, keep: set[str]) -> None:
    """Removes what is no longer listed, and the folders that are empty then."""
    if place.is_file() or place.is_symlink():
        place.unlink()
        return
    for path in sorted(place.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.relative_to(place).as_posix() not in keep:
            path.unlink()
    if not keep and place.is_dir():
        place.rmdir()


def _last(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _safe(error: BaseException) -> str:
    return without_secrets(told(error))
