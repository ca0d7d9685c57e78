"""Which version of a warehouse is published."""

from __future__ import annotations

from pathlib import Path


def current_version(warehouse: Path) -> Path | None:
    """The published version's folder, if there is one."""
    link = warehouse / "current"
    return link.resolve() if link.exists() else None
