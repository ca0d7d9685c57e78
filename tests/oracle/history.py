"""The stage transitions of a deal: the shapes in which its CRM tells history, joined (domain.md, History)."""

from __future__ import annotations

from datetime import datetime

from .crm import Crm, Version
from .logged import logged
from .mapping import Row
from .records import Record
from .rows import crm_close, named_stage, row_outcome, row_stage
from .stages import Stage
from .told_by_dates import dated
from .told_by_extracts import Extracts, observed
from .transition import Transition, changes


def transitions_of(crm: Crm, deal_id: str, created_at: datetime) -> tuple[list[Transition], bool]:
    """All transitions of a deal, in order, from the best witness back; and whether only its row tells of it."""
    record = crm.deals.get(deal_id)
    told = _told(crm, deal_id, created_at)
    if not told:
        return (_current(crm, record, created_at) if record else []), True
    return (told + _shown_by_row(crm, record, told[-1]) if record else told), False


def history_times(crm: Crm, deal_id: str) -> list[datetime]:
    """When the log, the versions, the stage dates and the first delivery show the deal."""
    times = [event.at for event in crm.events.get(deal_id, [])]
    times += [version.at for version in crm.versions.get(deal_id, [])]
    times += [entry.at for entry in dated(crm, deal_id)]
    return times + ([crm.deals[deal_id].first_delivered_at] if deal_id in crm.deals else [])


def opened_at(crm: Crm, deal_id: str, created_at: datetime) -> datetime:
    """Creation for transitions and counts by day: after `as_of`, when a delivery first shows it."""
    record = crm.deals.get(deal_id)
    if record is None or created_at <= crm.as_of:
        return created_at
    text = record.row.get("created_at")
    return record.first_shown(lambda row: row.get("created_at") == text)


def _told(crm: Crm, deal_id: str, created_at: datetime) -> list[Transition]:
    """The best witness from its first word on, before it the next best; before all, what the first word left."""
    log, left, never_left = logged(crm, deal_id)
    extracts = observed(crm, deal_id)
    better = _before(dated(crm, deal_id), _before(_versioned(crm, deal_id), log))
    told = _before(extracts.transitions, better)
    if told and extracts.since and (not better or extracts.since < better[0].at):
        left = extracts.first_stage
    elif told and told[0].version:
        left = _left_by_version(crm, deal_id, told[0].version, told[0].stage)
    elif not never_left or (told and left not in (told[0].stage, _named_by(extracts, told[0]))):
        left = left if told and told[0] in log[:1] else None
    if left:
        known = [one for one in (told[0].at if told else None, extracts.since) if one]
        start = min([opened_at(crm, deal_id, created_at), *known])
        told = [Transition(start, left, "inferred"), *told]
    return changes(told)


def _named_by(extracts: Extracts, first: Transition) -> Stage | None:
    """The stage that an extract names beside the status it shows."""
    return extracts.named_first if first.evidence == "observed" else None


def _before(witness: list[Transition], told: list[Transition]) -> list[Transition]:
    """What a witness tells of the time before better ones speak, and then their words."""
    return [transition for transition in witness if not told or transition.at < told[0].at] + told


def _versioned(crm: Crm, deal_id: str) -> list[Transition]:
    told = zip(crm.versions.get(deal_id, []), crm.stages_of_versions(deal_id), strict=True)
    return changes([Transition(version.at, stage, "versioned", version) for version, stage in told])


def _left_by_version(crm: Crm, deal_id: str, version: Version, entered: Stage) -> Stage | None:
    """The other stage that a version says it came from."""
    if not version.row.get("from_stage"):
        return None
    left = crm.version_stage(deal_id, version, "from_stage")
    return left if left is not entered else None


def _close_moment(crm: Crm, record: Record, stage: Stage) -> datetime:
    """When a closed deal's row says it closed; without a date, when a delivery first showed it closed."""
    outcome = str(stage.outcome)
    own = crm_close(crm, record, outcome)
    if own is None:
        return record.first_shown(lambda row: _shows(crm, row) == outcome)
    moment, column = own
    if moment > crm.as_of:
        text = record.row.get(column)
        return record.first_shown(lambda row: row.get(column) == text and _shows(crm, row) == outcome)
    return min(moment, record.extracted_at)


def _shows(crm: Crm, row: Row) -> str | None:
    stage = named_stage(crm, row)
    return row_outcome(row, stage) or (stage.outcome if stage else None)


def _current(crm: Crm, record: Record, created_at: datetime) -> list[Transition]:
    """Shape `current`: one transition, at `created_at` if open, at the close date if closed."""
    stage = row_stage(crm, record.row)
    if stage is None:
        return []
    created_at = opened_at(crm, record.id, created_at)
    at = max(created_at, _close_moment(crm, record, stage)) if stage.outcome else created_at
    return [Transition(min(at, record.extracted_at) if stage.outcome else at, stage, "inferred")]


def _shown_by_row(crm: Crm, record: Record, last: Transition) -> list[Transition]:
    """One more transition if the newest row shows another stage than the history and is not older."""
    stage = row_stage(crm, record.row)
    if stage is None or stage is last.stage or last.at > record.extracted_at:
        return []
    at = _close_moment(crm, record, stage) if stage.outcome else record.extracted_at
    return [Transition(max(at, last.at), stage, "observed", is_by_row=True)]
