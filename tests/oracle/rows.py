"""What a deal's own row says: the stage it shows, and when it closed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from .mapping import Row
from .records import Record
from .stages import Stage
from .values import boolean, midnight

if TYPE_CHECKING:
    from .crm import Crm


def row_stage(crm: Crm, row: Row) -> Stage | None:
    """The stage a deal's row shows; an outcome told by a status or flag is the stage `Won` or `Lost`."""
    stage = named_stage(crm, row)
    outcome = row_outcome(row, stage)
    if outcome is None or (stage and stage.outcome == outcome):
        return stage
    pipeline = crm.pipelines.of(stage) if stage else crm.pipelines.pipeline(row.get("pipeline"))
    return pipeline.implicit(outcome)


def named_stage(crm: Crm, row: Row) -> Stage | None:
    """The stage a deal's row names, whatever its status says."""
    name = row.get("stage")
    return crm.stages.of_row(name, row.get("pipeline")) if name else None


def row_outcome(row: Row, stage: Stage | None) -> str | None:
    """What a row says of win and loss apart from its stage; closed and not known to be won: as its stage, else lost."""
    status = (row.get("status") or "").casefold()
    if status in ("won", "lost", "open"):
        return status if status != "open" else None
    is_won = boolean(row.get("is_won"))
    if boolean(row.get("is_lost")) and not is_won:
        return "lost"
    if is_won or not boolean(row.get("is_closed")):
        return "won" if is_won else None
    return (stage.outcome if stage and is_won is None else None) or "lost"


def own_word(row: Row) -> str | None:
    """What a row itself says of its deal, whatever its stage: `won`, `lost`, `open`, or nothing."""
    if (row.get("status") or "").casefold() == "open":
        return "open"
    flags = [boolean(row.get(column)) for column in ("is_closed", "is_won", "is_lost")]
    return row_outcome(row, None) or ("open" if any(flag is not None for flag in flags) else None)


def crm_close(crm: Crm, record: Record, outcome: str) -> tuple[datetime, str] | None:
    """The CRM's own close date and its column: the outcome's, else any closing's, else the one there is."""
    for column in (f"{outcome}_at", "closed_at"):
        moment = record.moment(column)
        if moment:
            return moment, column
    day = record.dates.day(record.row.get("close_on"))
    return (midnight(day, crm.config.zone), "close_on") if day else None
