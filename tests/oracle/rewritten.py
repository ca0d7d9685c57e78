"""Deals whose closed past was changed after the month they were closed in (docs/hygiene.md, history_rewritten)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise

from .changes import changes_of
from .crm import Crm
from .deals import Deal
from .records import Record, Sighting
from .rows import named_stage, row_stage
from .values import midnight
from .words import CURRENCY, shown_in

ORDER = ("status", "closed_on", "amount", "owner", "pipeline")
Rewrite = tuple[str, date, date]


@dataclass(frozen=True)
class Rewritten:
    """The closing that was changed (of several the first), the last change of it, and what was changed."""

    closed_on: date
    on: date
    fields: str


def rewritten(deal: Deal) -> Rewritten | None:
    """What became of a deal's closed past, if anything."""
    found = [one for one in [*_told(deal), *_seen(deal)] if _month(one[2]) > _month(one[1])]
    if not found:
        return None
    fields = {field for field, _, _ in found}
    return Rewritten(
        min(closed_on for _, closed_on, _ in found),
        max(on for _, _, on in found),
        ", ".join(field for field in ORDER if field in fields),
    )


def _month(day: date) -> date:
    return day.replace(day=1)


def _told(deal: Deal) -> Iterator[Rewrite]:
    """By log or versions: while it stood closed, or by what ended that."""
    runs: list[tuple[datetime, str | None]] = []
    for transition in deal.transitions:
        if not runs or runs[-1][1] != transition.stage.outcome:
            runs.append((transition.at, transition.stage.outcome))
    changes = [one for one in changes_of(deal) if one.evidence in ("logged", "versioned") and one.field in ORDER]
    for (closed_at, outcome), (left_at, _) in pairwise([*runs, (None, None)]):
        if outcome is None or closed_at is None:
            continue
        for change in changes:
            if change.at > closed_at and (left_at is None or change.at <= left_at):
                yield change.field, deal.crm.local_date(closed_at), deal.crm.local_date(change.at)


def _seen(deal: Deal) -> Iterator[Rewrite]:
    """By two rows of one feed, where a delivery of a later month still had the first of them."""
    record = deal.crm.deals.get(deal.id)
    if record is None:
        return
    for name in {one.feed.name for one in record.sightings}:
        moments = sorted({one.extracted_at for one in deal.crm.deliveries if one.feed.name == name})
        for earlier, later in pairwise([one for one in record.sightings if one.feed.name == name]):
            was, now = (_shown(deal.crm, record, one) for one in (earlier, later))
            days = [_closed_on(deal.crm, record, one) for one in (earlier, later)]
            if was["status"] == "open":
                continue
            closed_on = days[0] or deal.crm.local_date(earlier.extracted_at)
            stood = [moment for moment in moments if moment < later.extracted_at]
            if _month(deal.crm.local_date(stood[-1])) <= _month(closed_on):
                continue
            changed = [field for field, value in was.items() if value != now[field]]
            if was["status"] == now["status"] and None not in days and days[0] != days[1]:
                changed.append("closed_on")
            for field in changed:
                yield field, closed_on, deal.crm.local_date(later.extracted_at)


def _shown(crm: Crm, record: Record, sighting: Sighting) -> dict[str, object]:
    row, named = sighting.row, named_stage(crm, sighting.row)
    return {
        "status": _status(crm, sighting),
        "amount": (shown_in(crm, "amount", row, record.dates), shown_in(crm, CURRENCY, row, record.dates)),
        "owner": row.get("owner_id"),
        "pipeline": named.pipeline if named else crm.pipelines.pipeline(row.get("pipeline")).name,
    }


def _status(crm: Crm, sighting: Sighting) -> str:
    shown = row_stage(crm, sighting.row)
    return (shown.outcome if shown else None) or "open"


def _closed_on(crm: Crm, record: Record, sighting: Sighting) -> date | None:
    """The day of closing that the row of a closed deal says."""
    status, row = _status(crm, sighting), sighting.row
    moments = [record.dates.moment(row.get(column)) for column in (f"{status}_at", "closed_at")]
    day = record.dates.day(row.get("close_on"))
    given = next((one for one in moments if one), midnight(day, crm.config.zone) if day else None)
    return crm.local_date(given) if given and status != "open" else None
