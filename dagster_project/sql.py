"""SQL that is put together in Python: values go in as literals, never as they are."""

from __future__ import annotations

from pathlib import Path


def text(value: str | Path) -> str:
    """A SQL text literal."""
    return "'" + str(value).replace("'", "''") + "'"
