"""How deeply JSON is nested, before anything reads it that keeps a place for each level."""

from __future__ import annotations

from pathlib import Path

#: Exports have five levels, seldom ten.
MAX_LEVELS = 100
_CHUNK = 1 << 22
_NOT_STRUCTURE = bytes(byte for byte in range(256) if byte not in b'"[]{}\n')
TOO_DEEP = f"is JSON nested more than {MAX_LEVELS} levels deep, which no list of records is; export it again"


def is_deep(path: Path, by_line: bool = False) -> bool:
    """Whether brackets are opened within each other more than `MAX_LEVELS` times; `by_line`: within one line.

    Only brackets and quotes are kept of each piece, and what opens and closes is taken out level by level.
    """
    left = b""
    in_string = False
    before = b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            chunk = before + chunk
            # an escape is taken out whole: one cut in two waits for the next piece
            cut = len(chunk) - (len(chunk) - len(chunk.rstrip(b"\\"))) % 2
            chunk, before = chunk[:cut], chunk[cut:]
            kept = chunk.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NOT_STRUCTURE)
            brackets, in_string = _outside_strings(kept, in_string)
            parts = (left + brackets).split(b"\n") if by_line else [(left + brackets).replace(b"\n", b"")]
            for part in parts:
                left = _unclosed(part)
                if b"[]" in left or b"{}" in left or left.count(b"[") + left.count(b"{") > MAX_LEVELS:
                    return True
    return False


def _outside_strings(kept: bytes, in_string: bool) -> tuple[bytes, bool]:
    """Brackets that are no text, and whether a string goes on. A line's end ends one: it was never closed."""
    outside = []
    lines = kept.split(b"\n")
    for number, line in enumerate(lines):
        if number:
            in_string = False
        parts = line.split(b'"')
        outside.append(b"".join(parts[1 if in_string else 0 :: 2]))
        in_string = (len(parts) % 2 == 0) != in_string
    return b"\n".join(outside), in_string


def _unclosed(brackets: bytes) -> bytes:
    """What is left when pairs are taken out, as often as there may be levels: no pair, unless there are more."""
    for _ in range(MAX_LEVELS):
        shorter = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(shorter) == len(brackets):
            break
        brackets = shorter
    return brackets
