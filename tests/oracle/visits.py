"""Stays of deals in open stages, each with exactly one outcome (domain.md, end of The twelve metrics)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from .deals import Deal
from .stages import Stage, direction

OUTCOMES = {
    "won": "advanced",
    "advanced": "advanced",
    "skipped": "advanced",
    "lost": "lost",
    "regressed": "regressed",
}


@dataclass
class Visit:
    """A stay of a deal in an open stage."""

    deal: Deal
    stage: Stage
    entered_at: datetime
    exited_at: datetime | None
    entered_on: date
    days_in_stage: int
    outcome: str


def visits_of(deal: Deal) -> list[Visit]:
    """The visits of a deal; none if it is deleted or known by its present row alone (shape `current`)."""
    if deal.is_deleted or deal.is_known_by_row_alone:
        return []
    crm, visits = deal.crm, []
    for entry, exit_ in zip(deal.counted, [*deal.counted[1:], None], strict=True):
        if entry.stage.outcome:
            continue
        entered_on = crm.local_date(entry.at)
        visits.append(
            Visit(
                deal=deal,
                stage=entry.stage,
                entered_at=entry.at,
                exited_at=exit_.at if exit_ else None,
                entered_on=entered_on,
                days_in_stage=(crm.local_date(exit_.at if exit_ else crm.as_of) - entered_on).days,
                outcome=OUTCOMES[direction(crm.pipelines, entry.stage, exit_.stage)] if exit_ else "open",
            )
        )
    return visits
