"""Text in whatever encoding it was written → UTF-8, which is all that is read further on."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from dagster_project.config.models import Feed
from dagster_project.errors import RefusedFileError
from dagster_project.ingest.formats import Plain

_CHUNK = 1 << 20
_HEAD_BYTES = 1 << 12
#: The longer marks first: that of UTF-16 begins that of UTF-32.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
#: What `surrogateescape` leaves of bytes that are no UTF-8, and what stands for more than one byte that is.
_BROKEN = re.compile("[\udc80-\udcff]")
_BEYOND_ASCII = re.compile("[\u0080-\ud7ff\ue000-\U0010ffff]")

CP1252_NOTE = (
    "is not UTF-8 and was read as Windows-1252 (cp1252). If names look wrong, set `encoding` of its feed to what it "
    "was written in; if they look right, set it to cp1252 and this is not said again"
)


def wide_encoding(path: Path, feed: Feed) -> str | None:
    """UTF-16 or UTF-32: told by its byte-order mark or, for UTF-16, by the NUL in every other byte; else as configured.

    A feed's word alone counts only for what is no UTF-8: Cyrillic in UTF-16 has few NULs, UTF-8 has none.
    """
    with path.open("rb") as file:
        start = file.read(_HEAD_BYTES)
    for mark, encoding in _MARKS.items():
        if start.startswith(mark):
            return encoding
    pairs = max(1, len(start) // 2)
    first, second = start[0::2].count(0) / pairs, start[1::2].count(0) / pairs
    if second > 0.4 and first < 0.05:
        return "utf-16-le"
    if first > 0.4 and second < 0.05:
        return "utf-16-be"
    configured = codecs.lookup(feed.encoding).name if feed.encoding else ""
    return configured if configured.startswith(("utf-16", "utf-32")) and b"\0" in start else None


def narrow_encoding(path: Path, feed: Feed) -> str | None:
    """The encoding of a text without a mark, if it is to be read as another one than UTF-8.

    The feed's `encoding`; else Windows-1252, if no character in it is UTF-8: a file that has both is UTF-8 with
    rows damaged elsewhere, and reading it all as Windows-1252 would spoil the good ones.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="surrogateescape")
    broken = beyond_ascii = False
    with path.open("rb") as file:
        while True:
            chunk = file.read(_CHUNK)
            text = decoder.decode(chunk, final=not chunk)
            if not text.isascii():
                broken = broken or _BROKEN.search(text) is not None
                beyond_ascii = beyond_ascii or _BEYOND_ASCII.search(text) is not None
            if not chunk:
                break
    if not broken:
        return None
    if feed.encoding is not None:
        return None if codecs.lookup(feed.encoding).name.startswith("utf-8") else feed.encoding
    return None if beyond_ascii else "cp1252"


def transcoded(path: Path, encoding: str, target: Path, errors: str = "strict") -> Plain:
    """A text written again as UTF-8 without a mark, to `target`.

    Raises RefusedFileError where it is not in that encoding throughout.
    """
    decoder = codecs.getincrementaldecoder(encoding)(errors=errors)
    has_nul = False
    read_bytes = 0
    with path.open("rb") as read, target.open("wb") as written:
        while True:
            chunk = read.read(_CHUNK)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                raise RefusedFileError(
                    f"is not {encoding} throughout: {error.reason} near byte {read_bytes + error.start}; "
                    "set `encoding` of its feed to what it was written in, or export it in UTF-8"
                ) from None
            if read_bytes == 0:
                text = text.removeprefix("\ufeff")
            read_bytes += len(chunk)
            has_nul = has_nul or "\0" in text
            written.write(text.encode("utf-8"))
            if not chunk:
                return Plain(target, has_nul)
