"""What the lake holds, by its own account: `lake/SHA256SUMS`, one line a file, which `sha256sum --check` reads as well.

A line is written before its file is put in place or taken away, so a kill in between leaves both states allowed, and
what is neither is damage: a flipped bit, a file that is gone, one that nobody wrote. Damage stops a night before
anything is computed from it. Of several lines of one file any may be true; `settle` leaves the one that is.

Under the inventory stand the rows, rejects and records of deliveries, the nights' violations and scores, and the
tombstones of whoever was forgotten.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from dagster_project.config.entities import ENTITIES
from dagster_project.errors import DealtrailError

NAME = "SHA256SUMS"
#: From this format of the lake on there is an inventory; a lake of an older one gets it when it is next written.
FIRST_FORMAT = 5
_FORMATS = re.compile(r'"lake_format": (\d+)')
#: Stands for the hash of a file that is to be taken away.
_GONE = "0" * 64
_LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")
_SHOWN = 10
#: Files that this process has seen, or written → their size, time and hash then.
_seen: dict[Path, tuple[int, int, str]] = {}


class DamagedLakeError(DealtrailError):
    """Files of the lake are not what was written there."""


@dataclass(frozen=True)
class Damage:
    """One file of the lake (its path from the lake on), and what is wrong with it."""

    file: str
    what: str


def place(unfinished: Path, target: Path, lake_dir: Path) -> None:
    """Puts a finished file into the lake, or in the place of the one that is there."""
    written = _hash(unfinished)
    # where there is none yet, a kill before the next line leaves none
    _note(lake_dir, [*([] if target.exists() else [(_GONE, target)]), (written, target)])
    unfinished.replace(target)
    _seen[target] = (*_stamp(target), written)


def place_text(target: Path, text: str, lake_dir: Path, mode: int | None = None) -> None:
    """Puts a small text file into the lake, whole or not at all; `mode` is that of the new file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(target.name + ".unfinished")
    unfinished.unlink(missing_ok=True)
    if mode is not None:
        unfinished.touch(mode=mode)
    with unfinished.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    place(unfinished, target, lake_dir)


def take_away(paths: Iterable[Path], lake_dir: Path) -> None:
    """Removes files from the lake, in this order; one that is not there is no matter."""
    standing = [path for path in paths if path.exists()]
    _note(lake_dir, [(_GONE, path) for path in standing])
    for path in standing:
        path.unlink()


def settle(lake_dir: Path) -> None:
    """Looks at all but the contents of rows and rejects, and tidies the inventory: one line a file from then on.

    Begins it where there is none yet. Whoever writes to the lake does so first, holding the warehouse. Raises
    DamagedLakeError.
    """
    if not lake_dir.is_dir():
        return
    listed = _opened(lake_dir)
    _refuse(_damages(lake_dir, listed, _is_read_by_every_night), lake_dir)
    # of several lines the one that is true; a file that is gone has none
    _write(lake_dir, {name: _true_line(lake_dir / name, hashes) for name, hashes in listed.items()})


def verify(lake_dir: Path, paths: Iterable[Path]) -> None:
    """Raises DamagedLakeError if the contents of one of these files are not as they were written."""
    wanted = {_name(path, lake_dir) for path in paths}
    listed = {name: hashes for name, hashes in _read(lake_dir).items() if name in wanted}
    _refuse(_contents_changed(lake_dir, listed, lambda path: True), lake_dir)


def verify_all(lake_dir: Path) -> None:
    """Raises DamagedLakeError if anything in the lake is not as it was written."""
    if lake_dir.is_dir():
        settle(lake_dir)
        _refuse(damages(lake_dir), lake_dir)


def damages(lake_dir: Path) -> list[Damage]:
    """Everything in the lake that is not as it was written; every file's contents are looked at anew."""
    _seen.clear()
    return _damages(lake_dir, _opened(lake_dir), lambda path: True)


def holdings(lake_dir: Path) -> int:
    """How many files the inventory lists."""
    return len(_read(lake_dir))


def set_aside(lake_dir: Path, aside: Path) -> list[str]:
    """Moves what is damaged out of the lake, whole deliveries, into the folder `aside`; the files, from the lake on.

    The next night reads again what landing still holds. A lake without its inventory gets a new one, of the files as
    they are.
    """
    _seen.clear()
    if not (lake_dir / NAME).exists():
        _write(lake_dir, {_name(path, lake_dir): _hash(path) for path in _files(lake_dir)})
        return []
    damaged = {lake_dir / damage.file for damage in _damages(lake_dir, _read(lake_dir), lambda path: True)}
    deliveries = {_delivery(path) for path in damaged}
    moved = sorted(damaged | {path for path in _files(lake_dir) if _delivery(path) in deliveries})
    _note(lake_dir, [(_GONE, path) for path in moved])
    for path in moved:
        if path.exists():
            target = aside / _name(path, lake_dir)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, target)
    settle(lake_dir)
    return [_name(path, lake_dir) for path in moved]


def _refuse(found: list[Damage], lake_dir: Path) -> None:
    if not found:
        return
    shown = "; ".join(f"{damage.file}: {damage.what}" for damage in found[:_SHOWN])
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    raise DamagedLakeError(
        f"the lake ({lake_dir}) is damaged, nothing was computed from it: {shown}{more}. Restore these files from a "
        "backup; or run `dealtrail check-lake --set-aside`, which moves their deliveries out of the lake: the next "
        "night reads them again from landing, if they still lie there"
    )


def _opened(lake_dir: Path) -> dict[str, list[str]]:
    """The inventory, begun now if no file of the lake was written when there were inventories."""
    if (lake_dir / NAME).exists():
        return _read(lake_dir)
    files = _files(lake_dir)
    records = [path for path in files if path.suffix == ".json"]
    formats = [int(number) for path in records for number in _FORMATS.findall(path.read_text(errors="replace"))]
    if max(formats, default=0) >= FIRST_FORMAT:
        raise DamagedLakeError(
            f"{lake_dir / NAME} is missing: without it, damage to the lake would go unseen. Restore it from a backup; "
            "or, if the files are as they should be, `dealtrail check-lake --set-aside` makes a new one"
        )
    _write(lake_dir, {_name(path, lake_dir): _hash(path) for path in files})
    return _read(lake_dir)


def _damages(lake_dir: Path, listed: dict[str, list[str]], is_read: Callable[[Path], bool]) -> list[Damage]:
    """`is_read`: of which files, named from the lake on, the contents are looked at; of the others, if they exist."""
    missing = [
        Damage(name, "is missing")
        for name, hashes in listed.items()
        if _GONE not in hashes and not (lake_dir / name).exists()
    ]
    names = [_name(path, lake_dir) for path in _files(lake_dir)]
    strange = [Damage(name, "is not of the lake: nothing has written it here") for name in names if name not in listed]
    return missing + _contents_changed(lake_dir, listed, is_read) + strange


def _contents_changed(lake_dir: Path, listed: dict[str, list[str]], is_read: Callable[[Path], bool]) -> list[Damage]:
    return [
        Damage(name, "its contents have changed since they were written")
        for name, hashes in listed.items()
        if (is_read(Path(name)) or len(hashes) > 1)
        and (lake_dir / name).exists()
        and _known_hash(lake_dir / name) not in hashes
    ]


def _is_read_by_every_night(path: Path) -> bool:
    """Of a file, named from the lake on. Of deliveries and publications each night looks at those it reads."""
    return path.suffix != ".parquet" or (len(path.parents) < 4 and path.parts[0] != "published")


def _true_line(path: Path, hashes: list[str]) -> str:
    if not path.exists():
        return _GONE
    return hashes[0] if len(hashes) == 1 else _known_hash(path)


def _read(lake_dir: Path) -> dict[str, list[str]]:
    """File (from the lake on) → its hashes, in the order written. A last line cut off by a kill is none."""
    path = lake_dir / NAME
    if not path.exists():
        return {}
    listed: dict[str, list[str]] = {}
    whole, _, _ = path.read_text(encoding="utf-8", errors="replace").rpartition("\n")
    for number, line in enumerate(whole.split("\n") if whole else [], start=1):
        said = _LINE.fullmatch(line)
        if said is None:
            raise DamagedLakeError(
                f"{path}, line {number}: is no line of an inventory any more. Restore the file from a backup; or "
                "delete it, and `dealtrail check-lake --set-aside` makes a new one of the lake as it is"
            )
        listed.setdefault(said[2], []).append(said[1])
    return listed


def _write(lake_dir: Path, lines: dict[str, str]) -> None:
    """Writes the inventory anew if it says anything else."""
    text = "".join(f"{written}  {name}\n" for name, written in sorted(lines.items()) if written != _GONE)
    path = lake_dir / NAME
    if path.exists() and path.read_text(encoding="utf-8", errors="replace") == text:
        return
    unfinished = path.with_name(f"{NAME}.unfinished")
    with unfinished.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _note(lake_dir: Path, lines: list[tuple[str, Path]]) -> None:
    """Says what is about to be done, and waits until the disk has it."""
    if not lines:
        return
    lake_dir.mkdir(parents=True, exist_ok=True)
    with (lake_dir / NAME).open("a", encoding="utf-8") as file:
        file.write("".join(f"{written}  {_name(path, lake_dir)}\n" for written, path in lines))
        file.flush()
        os.fsync(file.fileno())


def _files(lake_dir: Path) -> list[Path]:
    """Every file that stands under the inventory."""
    of_entities = [
        path for entity in ENTITIES for path in lake_dir.glob(f"{entity}/*/*/*") if path.suffix in (".json", ".parquet")
    ]
    of_nights = [path for what in ("violations", "scores", "published") for path in lake_dir.glob(f"{what}/*.parquet")]
    of_forgotten = [*lake_dir.glob("tombstones/forgotten-*.json"), *lake_dir.glob("tombstones/key")]
    return sorted(of_entities + of_nights + of_forgotten)


def _delivery(path: Path) -> Path:
    """What a delivery's rows, rejects and record have in common."""
    name = path.name
    for ending in (".rejects.parquet", ".parquet", ".json"):
        name = name.removesuffix(ending)
    return path.with_name(name)


def _name(path: Path, lake_dir: Path) -> str:
    return path.relative_to(lake_dir).as_posix()


def _known_hash(path: Path) -> str:
    stamp = _stamp(path)
    if path not in _seen or _seen[path][:2] != stamp:
        _seen[path] = (*stamp, _hash(path))
    return _seen[path][2]


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
