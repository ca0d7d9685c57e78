"""A deal enters a stage, and how that is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .crm import Version
from .stages import Stage


@dataclass
class Transition:
    """A deal enters a stage; `version` is the one that tells so, if one does.

    `is_by_row`: no witness tells of it, the newest row shows another stage than the history.
    """

    at: datetime
    stage: Stage
    evidence: str
    version: Version | None = None
    is_by_row: bool = False


def changes(transitions: list[Transition]) -> list[Transition]:
    """A change to the stage a deal is already in is no transition."""
    return [
        transition
        for before, transition in zip([None, *transitions], transitions, strict=False)
        if before is None or before.stage is not transition.stage
    ]
