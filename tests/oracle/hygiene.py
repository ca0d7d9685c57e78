"""What breaks the hygiene rules (domain.md, Hygiene rules): one violation per rule and record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .crm import Crm

#: What tells of a field of deals: its rows, or versions of them.
AMOUNT = ("deals.amount", "deal_versions.amount", "deal_changes.amount")
EXPECTED_CLOSE = (
    "deals.expected_close_on",
    "deals.close_on",
    "deal_versions.expected_close_on",
    "deal_changes.expected_close_on",
)
OWNER = ("deals.owner_id", "deal_versions.owner_id", "deal_changes.owner_id")
#: Rule → what a source has to deliver for it, each as a choice of columns; other rules apply everywhere.
NEEDS: dict[str, list[tuple[str, ...]]] = {
    "past_close_date": [EXPECTED_CLOSE],
    "missing_close_date": [EXPECTED_CLOSE],
    "missing_amount": [AMOUNT],
    "won_without_amount": [AMOUNT],
    "missing_owner": [OWNER],
    "missing_account": [("deals.account_id", "deal_versions.account_id", "deal_changes.account_id")],
    "no_next_activity": [("activities.due_at",)],
    "inactive_owner": [("owners.owner_id",)],
    "lost_without_reason": [("deals.lost_reason", "deal_changes.lost_reason")],
    "unanswered_lead": [("leads.created_at",), ("activities.lead_id", "activities.contact_id")],
    "orphan_activity": [("activities.deal_id", "activities.lead_id", "activities.account_id")],
    "converted_without_deal": [("deals.lead_id", "leads.converted_deal_id")],
}


@dataclass(frozen=True)
class Violation:
    """A record breaks a rule; `observed` and `allowed` are bare values."""

    rule: str
    record_key: str
    source: str
    pipeline: str | None
    owner_key: str | None
    observed: Any
    allowed: Any
    #: A note that is a warning, for there are many of one owner.
    is_often: bool = False


def applies(rule: str, crm: Crm) -> bool:
    """Whether a rule is switched on, and the source delivers what it needs."""
    return rule not in crm.config.disabled_rules and all(crm.delivers(*choice) for choice in NEEDS.get(rule, []))


def applying(violations: Iterable[Violation], crm: Crm) -> Iterator[Violation]:
    """Those of rules that apply to their source."""
    known: dict[str, bool] = {}
    for violation in violations:
        if violation.rule not in known:
            known[violation.rule] = applies(violation.rule, crm)
        if known[violation.rule]:
            yield violation
