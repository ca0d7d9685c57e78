"""The hygiene rules about activities and transitions (domain.md, Hygiene rules)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from .crm import Crm
from .deals import Deal, known_at
from .hygiene import Violation
from .leads import Lead, activity_rows, completed_at
from .merges import ids_in
from .stages import direction


def activity_violations(crm: Crm, leads: dict[str, Lead], deals: list[Deal]) -> Iterator[Violation]:
    """What is broken about the activities of a source that are not deleted."""
    deals_by_key = {deal.key: deal for deal in deals}
    lead_keys = {lead.key for lead in leads.values()}
    for row in activity_rows(crm, leads):
        record = crm.activities[row["activity_key"].removeprefix(crm.key(""))]
        deal = deals_by_key.get(row["deal_key"])
        accounts = ids_in(record.row.get("account_id"), record.feed)
        known = [one for one in accounts if one in crm.accounts and not crm.accounts[one].is_deleted]
        broken = {}
        if not deal and row["lead_key"] not in lead_keys and not known:
            account_key = crm.key(accounts[0]) if accounts else None
            pointed = row["deal_key"] or row["lead_key"] or account_key or "no link"
            broken["orphan_activity"] = pointed, "a deal, lead or account"
        done_at = completed_at(record)
        if done_at and done_at > crm.as_of:
            broken["future_activity_done"] = done_at, crm.as_of
        owner = record.row.get("owner_id")
        for rule, values in broken.items():
            pipeline, owner_key = deal.pipeline if deal else None, crm.key(owner) if owner else None
            yield Violation(rule, row["activity_key"], crm.source.name, pipeline, owner_key, *values)


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
