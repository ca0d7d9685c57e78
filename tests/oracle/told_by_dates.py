"""Shape `stage_dates`: one date per stage in the deal's newest row (domain.md, History)."""

from __future__ import annotations

import json

from .crm import Crm
from .transition import Transition, changes


def dated(crm: Crm, deal_id: str) -> list[Transition]:
    """The entries by as-of, in order of time, then stage, then as the headings stand."""
    record = crm.deals.get(deal_id)
    if record is None:
        return []
    entries = []
    for stage, pipeline, cell in json.loads(record.row.get("stage_dates") or "[]"):
        at = record.dates.moment(cell)
        if at and at <= crm.as_of:
            entered = crm.stages.of_history(stage, pipeline, None if pipeline else record.row.get("pipeline"))
            entries.append(Transition(at, entered, "dated"))
    return changes(sorted(entries, key=lambda one: (one.at, one.stage.rank)))
