"""The hygiene rules about activities and transitions (domain.md, Hygiene rules)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from .activities import activity_rows, completed_at
from .crm import Crm
from .deals import Deal, known_at
from .hygiene import Violation
from .leads import Lead, contacts_of
from .merges import ids_in
from .stages import direction


def concerned(crm: Crm, leads: dict[str, Lead], deals: list[Deal]) -> dict[str, tuple[str | None, str | None]]:
    """Id of an activity → the pipeline of its deal, and its owner."""
    pipelines = {deal.key: deal.pipeline for deal in deals}
    of_activity = {}
    for row in activity_rows(crm, leads, contacts_of(crm)):
        activity_id = row["activity_key"].removeprefix(crm.key(""))
        owner = crm.activities[activity_id].row.get("owner_id")
        of_activity[activity_id] = pipelines.get(row["deal_key"]), crm.key(owner) if owner else None
    return of_activity


def activity_violations(crm: Crm, leads: dict[str, Lead], deals: list[Deal]) -> Iterator[Violation]:
    """What is broken about the activities of a source that are not deleted."""
    deal_keys = {deal.key for deal in deals}
    lead_keys = {lead.key for lead in leads.values()}
    whose = concerned(crm, leads, deals)
    for row in activity_rows(crm, leads, contacts_of(crm)):
        activity_id = row["activity_key"].removeprefix(crm.key(""))
        record = crm.activities[activity_id]
        accounts = ids_in(record.row.get("account_id"), record.feed)
        known = [one for one in accounts if one in crm.accounts and not crm.accounts[one].is_deleted]
        broken: dict[str, tuple[Any, Any]] = {}
        if row["deal_key"] not in deal_keys and row["lead_key"] not in lead_keys and not known:
            account_key = crm.key(accounts[0]) if accounts else None
            pointed = row["deal_key"] or row["lead_key"] or account_key or "no link"
            broken["orphan_activity"] = pointed, "a deal, lead or account"
        done_at = completed_at(crm, record)
        if done_at and done_at > crm.as_of:
            broken["future_activity_done"] = done_at, crm.as_of
        for rule, values in broken.items():
            yield Violation(rule, row["activity_key"], crm.source.name, *whose[activity_id], *values)


def transition_violations(crm: Crm, deals: list[Deal]) -> Iterator[Violation]:
    """Steps back, and forward over a mandatory stage, with who owned the deal then.

    A transition's key here is its deal's with its number.
    """
    for deal in (deal for deal in deals if not deal.is_deleted):
        for number, (left, entered) in enumerate(pairwise(deal.counted), start=2):
            before, after = left.stage, entered.stage
            step = direction(crm.pipelines, before, after)
            skipped = crm.pipelines.of(after).first_skipped(before, after) if step == "skipped" else None
            if step == "regressed" or skipped:
                yield Violation(
                    "skipped_stage" if skipped else "regressed",
                    f"{deal.key}#{number}",
                    deal.source,
                    after.pipeline,
                    known_at(crm, deal.id, "owner", entered.at, deal.owner_key),
                    after.name,
                    (skipped or before).name,
                )
