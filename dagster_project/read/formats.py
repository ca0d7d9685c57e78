"""What a delivered file is, by its bytes and not by its name; compressed ones are unpacked."""

from __future__ import annotations

import gzip
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from backports import zstd

from dagster_project.errors import RefusedFileError
from dagster_project.read.archives import Delivered, Member, unpacked_member

Format = Literal["delimited", "json", "parquet", "xlsx"]

_CHUNK = 1 << 20
_HEAD_BYTES = 1 << 16
_GZIP, _ZSTD, _ZIP = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"
#: A file may be compressed and lie in an archive; deeper nesting is no export.
_MAX_LAYERS = 3

_FOREIGN = {
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture (PNG)",
    b"\xff\xd8\xff": "a picture (JPEG)",
    b"GIF8": "a picture (GIF)",
    b"{\\rtf": "a text document (RTF)",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"SQLite format 3": "a SQLite database",
    b"Obj\x01": "an Avro file",
}
#: What unpacks to so many times its size, from this size on, is no export: rows of one text over and over reach 100.
_MAX_RATIO, _SUSPECT_BYTES = 200, 1 << 28
#: Unpacking leaves this much of a disk to what else a night writes.
_FREE_BYTES = 1 << 29

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_WANTED = "export it as CSV, JSON, Parquet or .xlsx"


@dataclass(frozen=True)
class Plain:
    """An unpacked file under a name without meaning: DuckDB takes `*` and `[` in a name for a pattern.

    `has_nul` says whether it holds a NUL byte; None where nobody has looked.
    """

    path: Path
    has_nul: bool | None


def unpack(file: Delivered, scratch: Path) -> Plain:
    """The plain file inside what was delivered: a link to it, or its unpacked copy in the folder `scratch`.

    Raises RefusedFileError for one that is damaged, encrypted, or not compressed although its name says so.
    """
    if isinstance(file, Member):
        packed_bytes = file.info.compress_size if file.info else file.bytes
        plain = _written(unpacked_member(file), scratch / "layer-0", packed_bytes)
        name = file.name.lower()
    else:
        (scratch / "layer-0").symlink_to(file.resolve())
        plain = Plain(scratch / "layer-0", None)
        name = file.name.lower()
        if name.endswith(".zip") and not zipfile.is_zipfile(plain.path):
            raise RefusedFileError("cannot be read: not a whole .zip archive although its name says so")
    for layer in range(1, _MAX_LAYERS + 1):
        start = _start(plain.path, 4)
        if start.startswith(_GZIP):
            plain = _written(_gunzipped(plain.path), scratch / f"layer-{layer}", plain.path.stat().st_size)
        elif start == _ZSTD:
            plain = _written(_unzstd(plain.path), scratch / f"layer-{layer}", plain.path.stat().st_size)
        else:
            for ending, kind in ((".gz", "gzip"), (".zst", "Zstandard")):
                if name.endswith(ending) and layer == 1:
                    raise RefusedFileError(
                        f"cannot be read: not a {kind} file although its name ends in {ending}; deliver it again"
                    )
            return plain
    raise RefusedFileError("is compressed more than twice; deliver it plain, or compressed once")


def _written(chunks: Iterator[bytes], path: Path, packed_bytes: int) -> Plain:
    """The unpacked file. Raises RefusedFileError for one that would fill the disk, as bombs do."""
    has_nul = False
    written = 0
    free = shutil.disk_usage(path.parent).free - _FREE_BYTES
    with path.open("wb") as unpacked:
        for chunk in chunks:
            written += len(chunk)
            if written > max(_SUSPECT_BYTES, _MAX_RATIO * packed_bytes):
                raise RefusedFileError(
                    f"unpacks to more than {_MAX_RATIO} times its {packed_bytes} bytes, as no export does; "
                    "if it is right, deliver it unpacked"
                )
            if written > free:
                raise RefusedFileError(
                    f"unpacks to more than the {max(free, 0) >> 20} MB that the disk of WAREHOUSE_DIR has to spare; "
                    "make room there and deliver it again, under a later extract time"
                )
            has_nul = has_nul or b"\0" in chunk
            unpacked.write(chunk)
    return Plain(path, has_nul)


def _gunzipped(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path) as packed:
            while chunk := packed.read(_CHUNK):
                yield chunk
    except (OSError, EOFError, zlib.error) as error:
        raise RefusedFileError(f"cannot be read as a whole .gz file ({error}); deliver it again") from None


def _unzstd(path: Path) -> Iterator[bytes]:
    try:
        with zstd.open(path) as packed:
            while chunk := packed.read(_CHUNK):
                yield chunk
    except (OSError, EOFError, zstd.ZstdError) as error:
        raise RefusedFileError(f"cannot be read as a whole .zst file ({error}); deliver it again") from None


def is_text(path: Path) -> bool:
    """Whether a file is text, in whatever encoding. Raises RefusedFileError for an empty file."""
    start = _start(path, _HEAD_BYTES)
    if not start.strip(b" \t\r\n\0\xef\xbb\xbf"):
        raise RefusedFileError("is empty: not even a header")
    return not start.startswith((_ZIP, b"PAR1", _OLE, *_FOREIGN))


def binary_format(path: Path) -> Format:
    """The format of a file that is no text. Raises RefusedFileError saying what it is instead."""
    start = _start(path, _HEAD_BYTES)
    if start.startswith(b"PAR1"):
        return "parquet"
    if start.startswith(_ZIP):
        return _of_zip(path)
    if start.startswith(_OLE):
        if "EncryptedPackage".encode("utf-16-le") in path.read_bytes():
            raise RefusedFileError("is a workbook protected by a password; deliver it without")
        raise RefusedFileError(f"is a legacy Office file (.xls or .doc), not .xlsx; {_WANTED}")
    kind = next(kind for magic, kind in _FOREIGN.items() if start.startswith(magic))
    raise RefusedFileError(f"is {kind}, not a text file or table; {_WANTED}")


def _of_zip(path: Path) -> Format:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except zipfile.BadZipFile:
        raise RefusedFileError("cannot be read: a damaged .xlsx or .zip file; deliver it again") from None
    if "xl/workbook.xml" in names:
        return "xlsx"
    if "[Content_Types].xml" in names or "mimetype" in names:
        raise RefusedFileError(f"is a document of an office program (such as .docx, .xlsb or .ods); {_WANTED}")
    raise RefusedFileError("is an archive inside an archive; deliver its files themselves, or one archive of them")


def text_format(path: Path, name: str) -> Format:
    """Whether a UTF-8 text holds JSON or delimited rows. Raises RefusedFileError for a web page and the like.

    `name` helps only where a file starts with neither.
    """
    start = _start(path, _HEAD_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip()
    if re.match(rb"(?i)<(!doctype|html|\?xml|table|head|body|meta|!--)", start):
        raise RefusedFileError(
            "is a web page (HTML or XML), not a CSV: the export met a login or an error page, or is an "
            f"'Excel' file that is none; {_WANTED}"
        )
    plain = re.sub(r"(\.(gz|zst|zip))+$", "", name.lower())
    if re.match(rb'\[\s*[\[{\]]|\{\s*["}]', start) or plain.endswith((".json", ".jsonl", ".ndjson")):
        return "json"
    if b"\0" in start.split(b"\n", 1)[0]:
        raise RefusedFileError(f"is not a text file; {_WANTED}")
    return "delimited"


def _start(path: Path, length: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(length)
    except OSError as error:
        raise RefusedFileError(f"cannot be read: {error.strerror or error}") from None
