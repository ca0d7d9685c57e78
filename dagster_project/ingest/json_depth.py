"""How deeply JSON is nested, before anything reads it that keeps a place for each level."""

from __future__ import annotations

from pathlib import Path

from dagster_project.errors import RefusedFileError

#: Exports have five levels, seldom ten.
MAX_LEVELS = 100
_CHUNK = 1 << 22
_NOT_STRUCTURE = bytes(byte for byte in range(256) if byte not in b'"[]{}\n')


def refuse_deep(path: Path) -> None:
    """Raises RefusedFileError where brackets are opened within each other more than `MAX_LEVELS` times.

    Only brackets and quotes are kept of each piece, and what opens and closes is taken out level by level.
    """
    left = b""
    in_string = False
    with path.open("rb") as file:
        before = b""
        while chunk := file.read(_CHUNK):
            chunk = before + chunk
            # an escape is taken out whole: one cut in two waits for the next piece
            cut = len(chunk) - (len(chunk) - len(chunk.rstrip(b"\\"))) % 2
            chunk, before = chunk[:cut], chunk[cut:]
            kept = chunk.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NOT_STRUCTURE)
            brackets, in_string = _outside_strings(kept, in_string)
            left = _unclosed(left + brackets)
            if left.count(b"[") + left.count(b"{") > MAX_LEVELS:
                raise _too_deep()


def _outside_strings(kept: bytes, in_string: bool) -> tuple[bytes, bool]:
    """Brackets that are no text, and whether a string goes on. A line's end ends one: it was never closed."""
    outside = []
    for line in kept.split(b"\n") if _breaks_a_string(kept, in_string) else [kept]:
        parts = line.split(b'"')
        outside += parts[1 if in_string else 0 :: 2]
        in_string = (len(parts) % 2 == 0) != in_string
        if line is not kept:
            in_string = False
    return b"".join(outside).replace(b"\n", b""), in_string


def _breaks_a_string(kept: bytes, in_string: bool) -> bool:
    return any(b"\n" in text for text in kept.split(b'"')[0 if in_string else 1 :: 2])


def _unclosed(brackets: bytes) -> bytes:
    for _ in range(MAX_LEVELS + 1):
        shorter = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(shorter) == len(brackets):
            return shorter
        brackets = shorter
    raise _too_deep()


def _too_deep() -> RefusedFileError:
    return RefusedFileError(
        f"is JSON nested more than {MAX_LEVELS} levels deep, which no list of records is; export it again"
    )
