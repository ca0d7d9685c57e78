"""The hygiene rules about leads (domain.md, Hygiene rules)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from .activities import activities_by, completed_at
from .crm import Crm
from .deals import Deal
from .hygiene import Violation
from .hygiene_deals import of_each_but_the_oldest, owner_trouble
from .leads import Lead, contacts_of, converted_deals, linked_deals
from .values import cents, hours_between

Broken = tuple[Any, Any] | None


def lead_violations(crm: Crm, leads: dict[str, Lead], deals: list[Deal]) -> Iterator[Violation]:
    """What is broken about the leads of a source; a deleted or merged one is none."""
    rules = _LeadRules(crm, leads, deals)
    for lead in leads.values():
        for rule, broken in rules.of(lead):
            if broken:
                yield Violation(rule, lead.key, lead.source, None, lead.owner_key, *broken)


class _LeadRules:
    def __init__(self, crm: Crm, leads: dict[str, Lead], deals: list[Deal]) -> None:
        self.crm = crm
        self.deals = {deal.id: deal for deal in deals}
        self.linked = linked_deals(crm)
        self.activities = activities_by(crm, "lead_id", crm.merged_leads, contacts_of(crm))
        self.originals = _originals(crm, leads)

    def of(self, lead: Lead) -> Iterator[tuple[str, Broken]]:
        if not lead.is_closed:
            yield "inactive_owner", owner_trouble(self.crm, lead.owner_key)
            yield "dead_lead", self._dead(lead)
        if lead.key in self.originals:
            yield "duplicate_lead", (self.originals[lead.key], 1)
        hours = _hours_without_response(lead)
        if hours is not None and hours > lead.sla_hours:
            yield "unanswered_lead", (cents(hours), lead.sla_hours)
        if lead.is_converted and not any(not self.deals[one].is_deleted for one in self._known_deals(lead)):
            yield "converted_without_deal", (self._became(lead), "a deal in the extract")

    def _dead(self, lead: Lead) -> Broken:
        """Untouched since its creation, or since an activity completed by as-of."""
        completed = [completed_at(self.crm, activity) for activity in self.activities.get(lead.id, [])]
        touched = max([lead.created_at, *(at for at in completed if at and at <= self.crm.as_of)])
        days = (self.crm.local_date(self.crm.as_of) - self.crm.local_date(touched)).days
        limit = int(self.crm.config.threshold("dead_lead_after_days"))
        return (days, limit) if days > limit else None

    def _known_deals(self, lead: Lead) -> list[str]:
        return [deal_id for deal_id in self.linked.get(lead.id, ()) if deal_id in self.deals]

    def _became(self, lead: Lead) -> str | None:
        """The one deal that the lead names; of several that are not there none is it."""
        named = converted_deals(self.crm, self.crm.leads[lead.id])
        return self.crm.key(named[0]) if len(named) == 1 else None


def _hours_without_response(lead: Lead) -> Decimal | None:
    """Until the first response, or as-of; estimated creations take no part."""
    return (
        None if lead.created_at_is_estimated else hours_between(lead.created_at, lead.first_response_at or lead.as_of)
    )


def _originals(crm: Crm, leads: dict[str, Lead]) -> dict[str, str]:
    """Every lead but the oldest with its e-mail address → the oldest."""
    same: dict[str, list[Lead]] = defaultdict(list)
    for lead in leads.values():
        email = (crm.leads[lead.id].row.get("email") or "").strip().lower()
        if email:
            same[email].append(lead)
    return dict(of_each_but_the_oldest(same.values()))
