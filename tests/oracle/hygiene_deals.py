"""The hygiene rules about deals (domain.md, Hygiene rules), each as a function from a deal to (observed, allowed)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from statistics import median
from typing import Any

from .activities import activities_by, completed_at
from .crm import Crm
from .currencies import known
from .deals import Deal, own_close
from .hygiene import Violation
from .limits import Limits
from .records import Record
from .rewritten import Rewritten, rewritten
from .values import boolean, cents
from .visits import Visit

Broken = tuple[Any, Any] | None

#: Fields without a rule of their own: how stages name them → what the deal holds, and the columns that can tell it.
OTHER_FIELDS: dict[str, tuple[Callable[[Deal], Any], tuple[str, ...]]] = {
    "deal_name": (lambda deal: deal.name, ("deals.deal_name", "deal_changes.deal_name")),
    "lead": (lambda deal: deal.lead_key, ("deals.lead_id", "leads.converted_deal_id")),
    "lead_source": (
        lambda deal: deal.lead_source,
        ("deals.lead_source", "deal_changes.lead_source", "leads.lead_source"),
    ),
    "segment": (lambda deal: deal.segment, ("accounts.segment",)),
}


def _own(name: str) -> Callable[[Deal], Any]:
    """A field that the configuration adds."""
    return lambda deal: deal.fields.get(name)


#: The last witness of a deal's history → the entity whose newest delivery says how far it knows.
HISTORY = {"logged": "deal_changes", "versioned": "deal_versions"}
DEALS_FOR_OUTLIERS = 30
#: Of the normal distribution: makes the median absolute deviation comparable to a standard deviation.
MAD_SCALE = 1.4826


def deal_violations(crm: Crm, deals: list[Deal], visits: list[Visit]) -> Iterator[Violation]:
    """What is broken about the deals of a source; of a deleted deal, nothing but that."""
    rules = _DealRules(crm, deals, visits)
    for deal in deals:
        for rule, broken in rules.of_deleted(deal) if deal.is_deleted else rules.of(deal):
            if broken:
                yield Violation(rule, deal.key, deal.source, deal.pipeline, deal.owner_key, *broken)
    yield from _rewritten(crm, deals)


def _rewritten(crm: Crm, deals: list[Deal]) -> Iterator[Violation]:
    """Deals whose closed past was changed of late; of more than a few of one owner each is a warning."""
    days, most = (int(crm.config.threshold(name)) for name in ("rewritten_within_days", "max_rewritten_deals"))
    of_owner: dict[str | None, list[tuple[Deal, Rewritten]]] = defaultdict(list)
    for deal in deals:
        found = None if deal.is_deleted else rewritten(deal)
        if found and (crm.local_date(crm.as_of) - found.on).days <= days:
            of_owner[deal.owner_key].append((deal, found))
    for owner_key, of_one in of_owner.items():
        for deal, found in of_one:
            seen = found.fields, found.closed_on
            yield Violation(
                "history_rewritten", deal.key, deal.source, deal.pipeline, owner_key, *seen, is_often=len(of_one) > most
            )


class _DealRules:
    def __init__(self, crm: Crm, deals: list[Deal], visits: list[Visit]) -> None:
        self.crm = crm
        self.today = crm.local_date(crm.as_of)
        living = [deal for deal in deals if not deal.is_deleted]
        self.limits = Limits(crm, visits)
        self.open_visits = {visit.deal.key: visit for visit in visits if visit.outcome == "open"}
        self.activities = activities_by(crm, "deal_id", crm.merged_deals)
        own = {name: (_own(name), (f"deals.{name}", f"deal_changes.{name}")) for name in crm.config.fields_of("deals")}
        self.values = {name: value for name, (value, columns) in (OTHER_FIELDS | own).items() if crm.delivers(*columns)}
        self.dated_stages = {
            (one.stage.pipeline, one.stage.name)
            for deal in deals
            for one in deal.transitions
            if one.evidence == "dated"
        }
        self.usual_amounts = _usual_amounts(living)
        self.originals = _originals(living)

    def of_deleted(self, deal: Deal) -> Iterator[tuple[str, Broken]]:
        if deal.deleted_at and deal.id not in self.crm.merged_deals.merged_at:
            yield "deleted_deal", (self.crm.local_date(deal.deleted_at), "present")

    def of(self, deal: Deal) -> Iterator[tuple[str, Broken]]:
        if deal.status == "open":
            yield from self._of_open(deal)
        else:
            yield from self._of_closed(deal)
        if deal.created_at > self.crm.as_of:
            yield "created_in_future", (deal.created_at, self.crm.as_of)
        if deal.amount is not None and deal.amount < 0:
            yield "negative_amount", (deal.amount, 0)
        if deal.amount is not None and deal.amount_reporting is None:
            yield "missing_exchange_rate", (known(deal.currency), self.crm.config.max_rate_age_days)
        if deal.stage and not deal.stage.is_configured:
            yield "unmapped_stage", (deal.stage.name, "a configured stage")
        yield "amount_outlier", self._outlier(deal)
        yield "stage_disagrees_with_history", self._disagreement(deal)

    def _of_open(self, deal: Deal) -> Iterator[tuple[str, Broken]]:
        on_deal = self.activities.get(deal.id, [])
        limit = self._limit("stale_after_days", deal)
        idle = (self.today - self._touched_on(deal, on_deal)).days
        yield "stale_deal", (idle, limit) if idle > limit else None
        visit, longest = self.open_visits.get(deal.key), self._limit("max_days_in_stage", deal)
        if visit and visit.days_in_stage > longest:
            yield "stuck_in_stage", (visit.days_in_stage, longest)
        if deal.expected_close_on and deal.expected_close_on < self.today:
            yield "past_close_date", (deal.expected_close_on, self.today)
        yield from self._missing(deal)
        if not any(self._is_planned(activity) for activity in on_deal):
            yield "no_next_activity", (None, self.today)
        yield "inactive_owner", owner_trouble(self.crm, deal.owner_key)
        pushes = self._limit("max_close_date_pushes", deal)
        yield "pushed_too_often", (deal.close_date_pushes, pushes) if deal.close_date_pushes > pushes else None
        if deal.key in self.originals:
            yield "duplicate_deal", (self.originals[deal.key], 1)

    def _of_closed(self, deal: Deal) -> Iterator[tuple[str, Broken]]:
        if deal.status == "won" and not deal.amount:
            yield "won_without_amount", (deal.amount, "more than 0")
        if deal.status == "lost" and not deal.lost_reason:
            yield "lost_without_reason", (None, "a reason")
        if deal.closed_on is None:
            return
        if not deal.created_at_is_estimated and deal.closed_on < deal.created_on:
            yield "closed_before_created", (deal.closed_on, deal.created_on)
        lead = deal.lead
        if lead and not lead.created_at_is_estimated and deal.closed_on < lead.created_on:
            yield "closed_before_lead", (deal.closed_on, lead.created_on)
        own = own_close(self.crm, deal)
        if deal.closed_on > self.today or (own and own > self.crm.as_of):
            yield "closed_in_future", (deal.closed_on, self.today)

    def _limit(self, name: str, deal: Deal) -> float:
        return self.limits.of(name, deal.pipeline, deal.stage)

    def _touched_on(self, deal: Deal, activities: list[Record]) -> date:
        """The day of its creation, its last change of stage or the last activity completed by as-of.

        To enter the first stage that is known is no change.
        """
        done = [completed_at(self.crm, activity) for activity in activities]
        completed = [at for at in done if at and at <= self.crm.as_of]
        return self.crm.local_date(max([deal.created_at, *completed, *(one.at for one in deal.counted[1:])]))

    def _is_planned(self, activity: Record) -> bool:
        """Undone, and due on the as-of day or later."""
        due = activity.moment("due_at")
        return due is not None and completed_at(self.crm, activity) is None and self.crm.local_date(due) >= self.today

    def _missing(self, deal: Deal) -> Iterator[tuple[str, Broken]]:
        for rule, field, value, wanted in (
            ("missing_amount", "amount", deal.amount, "an amount"),
            ("missing_close_date", "expected_close_on", deal.expected_close_on, "an expected close date"),
            ("missing_owner", "owner", deal.owner_key, "an owner"),
            ("missing_account", "account", deal.account_key, "an account"),
        ):
            if value is None and self.limits.requires(field, deal.pipeline, deal.stage):
                yield rule, (None, wanted)
        required = [name for name in self.values if self.limits.requires(name, deal.pipeline, deal.stage)]
        missing = [name for name in required if self.values[name](deal) is None]
        if missing:
            yield "missing_required_field", (", ".join(missing), ", ".join(required))

    def _outlier(self, deal: Deal) -> Broken:
        usual = self.usual_amounts.get(deal.pipeline)
        if usual is None or deal.amount_reporting is None or deal.amount_reporting <= 0:
            return None
        middle, mad = usual
        width = self._limit("max_amount_deviations", deal) * MAD_SCALE * mad
        distance = math.log(deal.amount_reporting) - middle
        if abs(distance) <= width:
            return None
        bound = math.exp(middle + math.copysign(width, distance))
        return deal.amount_reporting, cents(Decimal(bound))

    def _disagreement(self, deal: Deal) -> Broken:
        """The row shows another stage than a history that was read as late as the row."""
        if len(deal.counted) < 2 or not deal.counted[-1].is_by_row:
            return None
        last, shown = deal.counted[-2:]
        read_at = self._history_read_at(deal, last.evidence)
        if read_at is None or read_at < self.crm.deals[deal.id].extracted_at:
            return None
        if last.evidence == "dated" and (shown.stage.pipeline, shown.stage.name) not in self.dated_stages:
            return None  # no column tells when a deal entered this stage
        return shown.stage.name, last.stage.name

    def _history_read_at(self, deal: Deal, evidence: str) -> datetime | None:
        if evidence == "dated":
            return self.crm.deals[deal.id].extracted_at
        entity = HISTORY.get(evidence)
        return max((one.extracted_at for one in self.crm.deliveries if one.feed.entity == entity), default=None)


def owner_trouble(crm: Crm, owner_key: str | None) -> Broken:
    """Whether an owner is deactivated, or named, by id or by name, and not among the owners.

    Of several of one name it is enough that one is there.
    """
    if owner_key is None:
        return None
    named = owner_key.removeprefix(crm.key(""))
    present = [owner for owner in crm.owners.values() if not owner.is_deleted]
    known = [one for one in present if one.id == named] or [
        one for one in present if one.row.get("owner_name") == named
    ]
    if not known:
        return "unknown", "active"
    if all(boolean(owner.row.get("is_active")) is False for owner in known):
        return "deactivated", "active"
    return None


def _usual_amounts(deals: list[Deal]) -> dict[str, tuple[float, float]]:
    """Pipeline → median and median absolute deviation of the logarithms of its positive amounts, if they tell."""
    logs: dict[str, list[float]] = defaultdict(list)
    for deal in deals:
        if deal.amount_reporting is not None and deal.amount_reporting > 0:
            logs[deal.pipeline].append(math.log(deal.amount_reporting))
    usual = {}
    for pipeline, of_pipeline in logs.items():
        middle = median(of_pipeline)
        mad = median(abs(value - middle) for value in of_pipeline)
        if len(of_pipeline) >= DEALS_FOR_OUTLIERS and mad > 0:
            usual[pipeline] = middle, mad
    return usual


def _originals(deals: list[Deal]) -> dict[str, str]:
    """Every open deal but the oldest with its account, name, amount and currency → the oldest."""
    same: dict[tuple[Any, ...], list[Deal]] = defaultdict(list)
    for deal in deals:
        if deal.status == "open" and deal.account_key and deal.name and deal.amount is not None:
            same[deal.account_key, deal.name, deal.amount, deal.currency].append(deal)
    return dict(of_each_but_the_oldest(same.values()))


def of_each_but_the_oldest(groups: Iterable[list[Any]]) -> Iterator[tuple[str, str]]:
    """(key of a duplicate, key of the oldest): earliest created, tie by key."""
    for group in groups:
        oldest, *others = sorted(group, key=lambda one: (one.created_at, one.key))
        for other in others:
            yield other.key, oldest.key
