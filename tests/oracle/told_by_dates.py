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
    now, entries = record.row.get("pipeline"), []
    for name, pipeline, cell in json.loads(record.row.get("stage_dates") or "[]"):
        at = record.dates.moment(cell)
        if at and at <= crm.as_of:
            entries.append((at, crm.stages.of_history(name, pipeline, now).rank, name, pipeline))
    entered: list[Transition] = []
    for at, _, name, pipeline in sorted(entries, key=lambda one: one[:2]):
        before = entered[-1].stage if entered else None
        entered.append(Transition(at, crm.stages.of_history(name, pipeline, now, before), "dated"))
    return changes(entered)
