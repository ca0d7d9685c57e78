"""Text in whatever encoding it was written → UTF-8, which is all that is read further on."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from dagster_project.config.feeds import Feed
from dagster_project.errors import RefusedFileError
from dagster_project.read.formats import Plain

_CHUNK = 1 << 20
_HEAD_BYTES = 1 << 12
#: The longer marks first: that of UTF-16 begins that of UTF-32.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
#: What stands for more than one byte of UTF-8; what `surrogateescape` leaves of bytes that are none does not.
_BEYOND_ASCII = re.compile("[\u0080-\ud7ff\ue000-\U0010ffff]")
#: A letter of Latin script or a sign, as UTF-7 writes it among ASCII.
_UTF7 = re.compile(rb"\+(?:A[K-Za-k]|I[A-K])[A-Za-z0-9+/]+-")
_BEYOND_LETTERS = "\u2500"
#: What nobody writes: signs, dashes or a capital inside a word, several letters beyond ASCII in a row.
_UNLIKELY = re.compile(
    r"\w*[a-z](?:[ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞŸŠŒŽšžƒ]|[€„”“‚…†‡ˆ‰‹›•˜™¢£¤¥¦§©«¬®¯±³¶¹»¼½¾¿¡–])\w*"
    r"|\w*[€„”‚…†‡ˆ‰‹•˜™¢£¤¥¦§¬®¯±¶¿¡][a-z]\w*|[^\W\da-zA-Z_]{3,}"
)
#: Such characters among those beyond ASCII, as a share.
_FEW = 0.05

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

    Raises RefusedFileError where Windows-1252 gives what nobody writes, and for UTF-7.
    """
    configured = codecs.lookup(feed.encoding).name if feed.encoding else None
    if configured == "utf-7":
        return configured
    start, is_utf8 = _first_not_ascii(path)
    if start is None and configured is None:
        _refuse_utf7(path)
    if is_utf8:
        return None
    if configured is not None:
        return None if configured.startswith("utf-8") else feed.encoding
    if _has_utf8_characters(path):
        return None
    _refuse_unlikely(path)
    return "cp1252"


def _first_not_ascii(path: Path) -> tuple[int | None, bool]:
    """Where the first chunk that is not ASCII begins (None: nowhere), and whether all is UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    first: int | None = None
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            if first is None and chunk.isascii():
                continue
            first = file.tell() - len(chunk) if first is None else first
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                return first, False
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return first, False
    return first, True


def _has_utf8_characters(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="surrogateescape")
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            if not (text := decoder.decode(chunk)).isascii() and _BEYOND_ASCII.search(text):
                return True
    return False


def _refuse_utf7(path: Path) -> None:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            for found in _UTF7.findall(chunk) if b"+A" in chunk or b"+I" in chunk else []:
                if said := _as_utf7(found):
                    raise RefusedFileError(
                        f"seems to be UTF-7: '{found.decode('ascii')}' would be '{said}'. Set `encoding` of its feed "
                        "to utf-7 if it is, to utf-8 if it is not, or export it in UTF-8"
                    )


def _as_utf7(written: bytes) -> str | None:
    try:
        said = written.decode("utf-7")
    except UnicodeDecodeError:
        return None
    return said if max(said) < _BEYOND_LETTERS else None


def _refuse_unlikely(path: Path) -> None:
    """Raises RefusedFileError where more than a few characters of a text cannot be Windows-1252 as people write."""
    spots = 0
    odd: list[bytes] = []
    with path.open("rb") as file:
        for line in file:
            if line.isascii():
                continue
            text = line.decode("cp1252", errors="replace")
            spots += len(_BEYOND_ASCII.findall(text))
            odd += [found[0].encode("cp1252", errors="replace") for found in _UNLIKELY.finditer(text)]
    if odd and len(odd) > spots * _FEW:
        example = odd[0]
        raise RefusedFileError(
            f"is in an unknown encoding: as Windows-1252 it says '{example.decode('cp1252', errors='replace')}', "
            f"as Mac Roman '{example.decode('mac-roman')}', as DOS (cp850) '{example.decode('cp850')}'. Set `encoding` "
            "of its feed to what it was written in, or export it in UTF-8"
        )


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
            if read_bytes == 0 and not encoding.lower().startswith("utf"):
                chunk = chunk.removeprefix(codecs.BOM_UTF8)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                raise RefusedFileError(
                    f"is not {encoding} throughout: {error.reason} near byte {read_bytes + error.start}; "
                    "set `encoding` of its feed to what it was written in, or export it in UTF-8"
                ) from None
            if read_bytes == 0:
                text = text.lstrip("\ufeff")
            read_bytes += len(chunk)
            has_nul = has_nul or "\0" in text
            written.write(text.encode("utf-8"))
            if not chunk:
                return Plain(target, has_nul)
