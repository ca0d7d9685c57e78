"""Deliveries in an archive: each member of a ZIP is a file of its own."""

from __future__ import annotations

import mmap
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dagster_project.errors import RefusedFileError

_CHUNK = 1 << 20
_LOCAL_HEADER = struct.Struct("<4s2xHH16xHH")
_IS_ENCRYPTED = 0x1
_IS_UTF8 = 0x800


@dataclass(frozen=True)
class Member:
    """One file inside a ZIP archive. `info` is None where the archive is too damaged to list what it holds.

    `name` has `/` between its folders, also where a program on Windows wrote `\\`.
    """

    archive: Path
    name: str
    info: zipfile.ZipInfo | None

    @property
    def bytes(self) -> int:
        """Its unpacked size; of a damaged archive that of the archive."""
        return self.info.file_size if self.info else self.archive.stat().st_size


#: Where the bytes of one delivered file lie.
Delivered = Path | Member


def members(path: Path) -> list[Member] | None:
    """The files in a ZIP archive, by name; None for a file that is no archive (an .xlsx is a ZIP, but one file).

    Of a damaged archive: those whose names can still be read, so that their deliveries are refused; if there are
    none it counts as one file.
    """
    try:
        with path.open("rb") as file:
            if file.read(4) not in (b"PK\x03\x04", b"PK\x05\x06"):
                return None
        with zipfile.ZipFile(path) as archive:
            found = [Member(path, _with_slashes(info.filename), info) for info in archive.infolist()]
    except OSError:
        return None  # reading it as a file will say why it cannot be
    except zipfile.BadZipFile:
        found = [Member(path, _with_slashes(name), None) for name in _names_in_damaged(path)]
        if not found:
            return None
    if any(member.name == "[Content_Types].xml" for member in found):
        return None
    return sorted((member for member in found if _is_file(member.name)), key=lambda member: member.name)


def _with_slashes(name: str) -> str:
    return name.replace("\\", "/")


def _is_file(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return not name.lower().endswith(("/", ".part", ".tmp")) and not any(
        part.startswith((".", "__MACOSX")) for part in parts
    )


def _names_in_damaged(path: Path) -> list[str]:
    """Names from the headers before each member, for an archive that lost the directory at its end."""
    names: dict[str, None] = {}
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        starts = [found.start() for found in re.finditer(rb"PK\x03\x04", content)]
        for start in starts:
            if start + _LOCAL_HEADER.size > len(content):
                break
            _, flags, _, name_length, _ = _LOCAL_HEADER.unpack_from(content, start)
            raw = content[start + _LOCAL_HEADER.size : start + _LOCAL_HEADER.size + name_length]
            name = raw.decode("utf-8" if flags & _IS_UTF8 else "cp437", errors="replace")
            if name.isprintable():
                names[name] = None
    return list(names)


def as_delivered(file: Delivered) -> Iterator[bytes]:
    """A file's bytes as they lie in landing, in pieces: those of a member are still compressed.

    They say whether a file is new, so they can be read also where unpacking them fails; of a member with what the
    archive says about it, since the same bytes may be described wrongly and then delivered again.
    """
    path = file.archive if isinstance(file, Member) else file
    with path.open("rb") as opened:
        left = path.stat().st_size
        if isinstance(file, Member) and file.info is not None:
            info = file.info
            yield f"{info.CRC} {info.file_size} {info.compress_type} {info.flag_bits & _IS_ENCRYPTED}\n".encode()
            opened.seek(file.info.header_offset)
            header = opened.read(_LOCAL_HEADER.size)
            if len(header) == _LOCAL_HEADER.size and header.startswith(b"PK\x03\x04"):
                *_, name_length, extra_length = _LOCAL_HEADER.unpack(header)
                opened.seek(name_length + extra_length, 1)
                left = file.info.compress_size
            else:
                opened.seek(0)
        while left and (chunk := opened.read(min(left, 1 << 22))):
            left -= len(chunk)
            yield chunk


def unpacked_member(member: Member) -> Iterator[bytes]:
    """A member's content in pieces. Raises RefusedFileError for a damaged or encrypted one."""
    again = "deliver the archive again"
    if member.info is None:
        raise RefusedFileError(f"lies in a damaged .zip archive, whose list of files is missing; {again}")
    if member.info.flag_bits & _IS_ENCRYPTED:
        raise RefusedFileError("lies encrypted in its .zip archive; deliver it without a password")
    try:
        with zipfile.ZipFile(member.archive) as archive, archive.open(member.info) as packed:
            while chunk := packed.read(_CHUNK):
                yield chunk
    except NotImplementedError as error:
        raise RefusedFileError(f"cannot be unpacked ({error}); pack it as an ordinary .zip or .gz") from None
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise RefusedFileError(f"lies damaged in its .zip archive ({error}); {again}") from None
