"""Shape `snapshots`: the difference of consecutive full extracts of the deals (domain.md, History)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from .crm import Crm
from .rows import named_stage, row_stage
from .stages import Stage
from .transition import Transition


@dataclass(frozen=True)
class Extracts:
    """What the full extracts tell: `first_stage` and `since` of a deal that stood in the source's first one.

    `named_first` is the stage beside the status of the first row that shows the deal anywhere.
    """

    transitions: list[Transition]
    first_stage: Stage | None = None
    since: datetime | None = None
    named_first: Stage | None = None


def observed(crm: Crm, deal_id: str) -> Extracts:
    """A deal of the first extract: where it changed; any other: when it first stood there, and where it changed.

    A deal that vanishes and returns is compared across the gap.
    """
    record = crm.deals.get(deal_id)
    seen = [(one, row_stage(crm, one.row)) for one in record.full_sightings] if record else []
    shown = [Transition(one.extracted_at, stage, "observed") for one, stage in seen if stage]
    if not shown:
        return Extracts([])
    transitions = [later for earlier, later in pairwise(shown) if earlier.stage is not later.stage]
    first, stage = seen[0]
    if stage and first.extracted_at == crm.first_full_extracts[first.feed.name]:
        return Extracts(transitions, stage, first.extracted_at)
    row = next(one.row for one, stage in seen if stage)
    return Extracts([shown[0], *transitions], named_first=named_stage(crm, row))
