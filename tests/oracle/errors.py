"""Why a delivery is not loaded."""

from __future__ import annotations


class RefusedError(Exception):
    """It cannot be read, or lacks what it needs."""

    state = "refused"


class HeldBackError(RefusedError):
    """It is suspiciously small."""

    state = "held_back"
