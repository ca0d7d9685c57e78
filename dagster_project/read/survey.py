"""Whether delimited text is plainly well-formed, and how many records it has: a count of its bytes.

Independent of DuckDB, which reads such a file in place. What is in any way odd is read record by record (`records`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dagster_project.read.nothing import SPACES, WORDS, words_in

_CHUNK = 1 << 23
#: What DuckDB takes for one record is up to 2 MB.
LONGEST_RECORD = 1_900_000
_QUOTE, _LINE_FEED, _RETURN, _SPACE = b'"'[0], b"\n"[0], b"\r"[0], b" "[0]
_MARK = "\ufeff".encode()
#: A space that is no letter's part: its two bytes stand together in nothing else.
_NO_BREAK = "\xa0".encode()
#: By byte, whether a space of any kind may begin or end with it.
_BEGINS_SPACE = np.isin(np.arange(256), [space[0] for space in SPACES])
_ENDS_SPACE = np.isin(np.arange(256), [space[-1] for space in SPACES])
_LONGEST_WORD = max(map(len, WORDS))
#: Length, first and last letter of each word for nothing, in one number.
_LOOKS_OF_WORDS = np.array([(len(word) << 16) + (ord(word[0]) << 8) + ord(word[-1]) for word in WORDS])
#: What a cell may be quoted with instead.
OTHER_QUOTES = ("'", "«", "“", "„", "‘", "‚", "‹", "»")

_Places = npt.NDArray[np.intp]
_Flags = npt.NDArray[np.bool_]
_Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Survey:
    """What a look at every byte says: the records (the header is one), and whether nothing about them is odd."""

    records: int
    is_regular: bool
    #: Words for nothing that stand somewhere in the file as a whole cell.
    nothing: frozenset[str] = frozenset()
    #: Whether a cell may begin or end with a space; if not, nothing has to be trimmed.
    has_edge_spaces: bool = True


_ODD = Survey(0, False)


def survey(path: Path, delimiter: str, width: int) -> Survey:
    """Counts the records of a UTF-8 file that begins with its header; stops at the first thing that is odd.

    Odd are: a record without exactly `width` cells, a quote that is not at the edge of its cell, rows inside a
    quoted cell, lines that end in several ways, lines without a value (spaces are none), a byte-order mark inside,
    other quotes, cells that look like an Excel formula, records too long.
    """
    mark = delimiter.encode()
    if len(mark) != 1:
        return _ODD
    records = 0
    returns: bool | None = None
    nothing: set[str] = set()
    has_edge_spaces = False
    with path.open("rb") as file:
        if file.read(len(_MARK)) != _MARK:
            file.seek(0)
        rest = b""
        while chunk := file.read(_CHUNK):
            held = rest + chunk
            end = _end_of_records(held)
            if end == 0:
                if len(held) > LONGEST_RECORD:
                    return _ODD
                rest = held
                continue
            rest = held[end:]
            found = _records(held[:end], mark, width)
            if found is None or (returns is not None and found.returns != returns):
                return _ODD
            records, returns = records + found.records, found.returns
            has_edge_spaces |= found.has_edge_spaces
            nothing |= words_in(held[:end], mark) if found.may_say_nothing else set()
    last = rest.rstrip(b"\r\n")
    if last:
        found = _records(last + (b"\r\n" if returns else b"\n"), mark, width)
        if found is None:
            return _ODD
        records += found.records
        has_edge_spaces |= found.has_edge_spaces
        nothing |= words_in(last, mark)
    return Survey(records, True, frozenset(nothing), has_edge_spaces)


def _end_of_records(held: bytes) -> int:
    """Where the last whole record ends, by the parity of quotes before it."""
    end = held.rfind(b"\n")
    if b'"' not in held:
        return end + 1
    odd = held.count(b'"', 0, end + 1) % 2
    while end >= 0 and odd:
        before = held.rfind(b"\n", 0, end)
        odd ^= held.count(b'"', before + 1, end + 1) % 2
        end = before
    return end + 1


class _Block(NamedTuple):
    records: int
    #: Whether they end in a carriage return as well.
    returns: bool
    has_edge_spaces: bool
    #: Whether a cell may be a word for nothing.
    may_say_nothing: bool


def _records(held: bytes, mark: bytes, width: int) -> _Block | None:
    """What is to be known of whole records; None where anything is odd."""
    if _may_be_odd(held, mark):
        return None
    content = np.frombuffer(held, np.uint8)
    is_delimiter, is_end = content == mark[0], content == _LINE_FEED
    inside: _Flags | None = None
    if b'"' in held:
        is_quote = content == _QUOTE
        if not _are_at_edges(content, np.flatnonzero(is_quote), mark[0]):
            return None
        inside = np.logical_xor.accumulate(is_quote)
        if np.any(is_end & inside) and _holds_rows(inside, is_end, is_delimiter, width):
            return None
        is_delimiter, is_end = is_delimiter & ~inside, is_end & ~inside
    # every `width`-th mark of structure is the end of a record, and no other one is
    ends_record = is_end[np.flatnonzero(is_delimiter | is_end)]
    ends = np.flatnonzero(is_end)
    if ends_record.size != ends.size * width or not ends_record[width - 1 :: width].all():
        return None
    lengths = np.diff(ends, prepend=-1)
    if _is_any_blank(content, is_delimiter, ends):
        return None
    returned = content[np.maximum(ends - 1, 0)] == _RETURN
    returns = bool(returned[0])
    if np.any(returned != returns) or lengths.max() > LONGEST_RECORD or lengths.min() <= width + returns:
        return None
    is_return = content == _RETURN
    if np.count_nonzero(is_return if inside is None else is_return & ~inside) != returns * ends.size:
        return None
    is_edge = is_delimiter | is_end | is_return
    if inside is not None:
        is_edge |= content == _QUOTE
    has_edge_spaces, looks_like_nothing = _cells(content, is_edge)
    return _Block(int(ends.size), returns, has_edge_spaces, has_edge_spaces or looks_like_nothing)


def _cells(content: _Bytes, is_edge: _Flags) -> tuple[bool, bool]:
    """Whether a cell may begin or end with a space, and whether one may say nothing: by its length and its edges."""
    edges = np.flatnonzero(is_edge)
    starts = np.concatenate(([0], edges[:-1] + 1))
    firsts, lasts, lengths = content[starts], content[edges - 1], edges - starts
    has_edge_spaces = bool(_BEGINS_SPACE[firsts].any() or _ENDS_SPACE[lasts].any())
    short = np.flatnonzero((lengths > 0) & (lengths <= _LONGEST_WORD))
    looks = (lengths[short] << 16) + (firsts[short].astype(np.int64) << 8) + lasts[short]
    return has_edge_spaces, bool(np.isin(looks, _LOOKS_OF_WORDS).any())


def _is_any_blank(content: _Bytes, is_delimiter: _Flags, ends: _Places) -> bool:
    """Whether a record is nothing but delimiters, quotes and spaces."""
    is_value = (content > _SPACE) & (content != _QUOTE) & ~is_delimiter
    if np.any(content == _NO_BREAK[0]):
        is_value &= (content != _NO_BREAK[0]) & (content != _NO_BREAK[1])
    starts = np.concatenate(([0], ends[:-1] + 1))
    return not bool(np.logical_or.reduceat(is_value, starts).all())


def _may_be_odd(held: bytes, mark: bytes) -> bool:
    """Whether it has a byte-order mark, an Excel formula, or something else than `"` that may be the quote of a cell.

    Inside quotes too: a writer that knows the rules doubles the quotes of `="007"` and puts others around it.
    """
    if _MARK in held or b'="' in held:
        return True
    seen = [quote.encode() for quote in (OTHER_QUOTES[:1] if held.isascii() else OTHER_QUOTES)]
    starts = [edge + space for edge in (b"\n", mark, b'"') for space in (b"", b" ", _NO_BREAK)]
    return any(quote in held and any(start + quote in held for start in starts) for quote in seen)


def _are_at_edges(content: _Bytes, quotes: _Places, delimiter: int) -> bool:
    """Whether every cell with a quote begins and ends with one, and those inside are doubled."""
    opening, closing = quotes[0::2], quotes[1::2]
    before = content[np.maximum(opening - 1, 0)]
    starts = (opening == 0) | np.isin(before, (delimiter, _LINE_FEED, _QUOTE))
    after = content[np.minimum(closing + 1, content.size - 1)]
    stops = np.isin(after, (delimiter, _LINE_FEED, _RETURN, _QUOTE))
    return bool(opening.size == closing.size and starts.all() and stops.all())


def _holds_rows(inside: _Flags, is_end: _Flags, is_delimiter: _Flags, width: int) -> bool:
    """Whether a line of a record of several lines could be a record by itself."""
    lines = np.flatnonzero(is_end)
    counts = np.diff(np.searchsorted(np.flatnonzero(is_delimiter), lines), prepend=0)
    ends_inside = inside[lines]
    starts_inside = np.concatenate(([False], ends_inside[:-1]))
    return bool(np.any(counts[ends_inside | starts_inside] >= width - 1))
