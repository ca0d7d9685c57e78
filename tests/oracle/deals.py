"""Deals as they stand at as-of (domain.md: History, Stages, Time and money; metrics 2 and 8)."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from .activities import activities_by, activity_times, last_completed, next_due
from .crm import Crm
from .currencies import money
from .fields import Texts, text_of, texts_of
from .history import history_times, opened_at, transitions_of
from .leads import Lead, converted_deals, linked_deals
from .money import Rates, in_reporting_currency, in_reporting_rate
from .rows import crm_close, row_stage
from .stages import Stage, normalised
from .transition import Transition
from .values import midnight
from .words import CURRENCY, Change, deal_currency, field_changes, shown_now

#: Closing a deal, a CRM writes its close date a moment before or after the stage.
BOOKKEEPING = timedelta(seconds=60)


@dataclass
class Deal:
    """A deal. `counted` are the transitions that metrics look at, `transitions` all of them."""

    key: str
    id: str
    source: str
    crm: Crm
    created_at: datetime
    created_at_is_estimated: bool
    created_on: date
    opened_on: date
    transitions: list[Transition]
    is_known_by_row_alone: bool
    name: str | None = None
    lost_reason: str | None = None
    expected_close_on: date | None = None
    close_date_pushes: int = 0
    lead: Lead | None = None
    counted: list[Transition] = field(default_factory=list)
    pipeline: str = ""
    stage: Stage | None = None
    status: str = "open"
    closed_at: datetime | None = None
    closed_on: date | None = None
    amount: Decimal | None = None
    amount_reporting: Decimal | None = None
    currency: str = ""
    currency_changes: list[Change] = field(default_factory=list)
    rated_on: date | None = None
    deleted_at: datetime | None = None
    owner_key: str | None = None
    account_key: str | None = None
    segment: str | None = None
    lead_key: str | None = None
    lead_source: str | None = None
    is_qualified: bool | None = None
    sales_cycle_days: int | None = None
    qualified_at: datetime | None = None
    last_activity_at: datetime | None = None
    next_activity_at: datetime | None = None
    merged_into_deal_key: str | None = None
    #: Those that the configuration adds, as text.
    fields: Texts = field(default_factory=dict)
    reporting_rate: float | None = None
    #: The newest word, whatever `amount` and `owner_key` were at a first close that stands.
    shown_amount: Decimal | None = None
    shown_owner_key: str | None = None

    #: Of a survivor that no earlier extract knew: the day of the merge, on which it enters what was open.
    entered_by_merge_on: date | None = None
    #: Whether it left what was open by being merged into another.
    is_merged_away: bool = False

    @property
    def there_from(self) -> date:
        """From when it stands in snapshots and daily counts."""
        return max(self.opened_on, self.entered_by_merge_on or self.opened_on)

    @property
    def last_touch_at(self) -> datetime | None:
        """Creation, the last change of stage or the last activity; to enter the first known stage is no change.

        A creation that is still to come touches nothing.
        """
        touches = [self.last_activity_at, *(one.at for one in self.counted[1:])]
        touches += [self.created_at] if self.created_at <= self.crm.as_of else []
        return max((one for one in touches if one), default=None)

    @property
    def is_deleted(self) -> bool:
        """Deleted deals are in no metric."""
        return self.status == "deleted"


def deals_of(crm: Crm, leads: dict[str, Lead], rates: Rates) -> list[Deal]:
    """The deals of a source, deleted ones included, in order of id."""
    on_deal = activities_by(crm, "deal_id", crm.merged_deals)
    leads_by_deal: dict[str, list[str]] = defaultdict(list)
    for lead_id, deal_ids in linked_deals(crm).items():
        for deal_id in deal_ids:
            leads_by_deal[deal_id].append(lead_id)
    deals = []
    for deal_id in crm.deal_ids():
        times = activity_times(crm, on_deal.get(deal_id, []))
        times += [*_conversions(crm, deal_id, leads_by_deal[deal_id]), *_own_closes(crm, deal_id)]
        deals.append(_with_history(crm, deal_id, times))
    _place_unconfigured(crm, deals)
    for deal in deals:
        _add_state(crm, deal)
        _add_attributes(crm, deal)
        deal.lost_reason = _lost_reason(crm, deal)
        _add_expected_close(crm, deal)
        known = [leads[lead_id] for lead_id in leads_by_deal[deal.id] if lead_id in leads]
        _add_lead(deal, min(known, key=lambda lead: (lead.created_at, lead.id), default=None))
        _add_currency(crm, deal)
        deal.rated_on = deal.closed_on
        deal.amount_reporting = in_reporting(deal, deal.amount, deal.currency, rates)
        rate = in_reporting_rate(deal.currency, deal.rated_on, crm.local_date(crm.as_of), rates, crm.config)
        deal.reporting_rate = None if rate is None else float(rate)
        deal.is_qualified = _is_qualified(crm, deal)
        deal.qualified_at = _qualified_at(crm, deal) if deal.is_qualified else None
        deal.last_activity_at = last_completed(crm, on_deal.get(deal.id, []))
        deal.next_activity_at = next_due(crm, on_deal.get(deal.id, []))
        if deal.id in crm.merged_deals.merged_at:
            deal.merged_into_deal_key = crm.key(crm.merged_deals.survivor(deal.id))
        deal.deleted_at = crm.deleted_at(deal.id)
        if deal.deleted_at:
            _delete(deal)
        _add_merge(crm, deal)
    return deals


def in_reporting(deal: Deal, amount: Decimal | None, currency: str, rates: Rates) -> Decimal | None:
    """Any amount the deal ever had, by the rate of the one day it has."""
    as_of_day = deal.crm.local_date(deal.crm.as_of)
    return in_reporting_currency(amount, currency, deal.rated_on, as_of_day, rates, deal.crm.config)


def _add_currency(crm: Crm, deal: Deal) -> None:
    """The one it closed in, else the present one; a row says its amount and its currency together."""
    deal.currency_changes = field_changes(crm, deal.id, CURRENCY)
    now = shown_now(crm, deal.id, CURRENCY)
    if deal.closed_at:
        told = [one for one in deal.currency_changes if one.at <= deal.closed_at or one.evidence == "observed"]
        later = [one.old for one in deal.currency_changes if one not in told]
        now = told[-1].new if told else later[0] if later else now
    deal.currency = now or crm.source.currency.upper()


def _own_closes(crm: Crm, deal_id: str) -> list[datetime]:
    """When a closed deal's row says it was closed: it was created by then."""
    record = crm.deals.get(deal_id)
    stage = row_stage(crm, record.row) if record else None
    if record is None or stage is None or stage.outcome is None:
        return []
    moments = [record.moment(f"{stage.outcome}_at"), record.moment("closed_at")]
    day = record.dates.day(record.row.get("close_on"))
    return [moment for moment in (*moments, midnight(day, crm.config.zone) if day else None) if moment]


def _conversions(crm: Crm, deal_id: str, lead_ids: list[str]) -> list[datetime]:
    """When leads were converted into this deal."""
    leads = [crm.leads[lead_id] for lead_id in lead_ids if lead_id in crm.leads]
    times = [lead.moment("converted_at") for lead in leads if deal_id in (converted_deals(crm, lead) or [deal_id])]
    return [time for time in times if time]


def _with_history(crm: Crm, deal_id: str, other_times: list[datetime]) -> Deal:
    given = _given_creation(crm, deal_id)
    created_at = given or min(history_times(crm, deal_id) + other_times)
    transitions, is_known_by_row_alone = transitions_of(crm, deal_id, created_at)
    return Deal(
        key=crm.key(deal_id),
        id=deal_id,
        source=crm.source.name,
        crm=crm,
        created_at=created_at,
        created_at_is_estimated=given is None,
        created_on=crm.local_date(created_at),
        opened_on=crm.local_date(opened_at(crm, deal_id, created_at)),
        transitions=transitions,
        is_known_by_row_alone=is_known_by_row_alone,
    )


def _given_creation(crm: Crm, deal_id: str) -> datetime | None:
    """The row's creation, else the log's; of a deal created twice in a log, the earliest creation."""
    if deal_id in crm.deals:
        created_at = crm.deals[deal_id].moment("created_at")
        if created_at:
            return created_at
    creations = [event for event in crm.events.get(deal_id, []) if event.field == "created_at"]
    return min((event.dates.moment(event.new) or event.at for event in creations), default=None)


def _counted(crm: Crm, transitions: list[Transition]) -> list[Transition]:
    """`after_close`: reopen, all of them; keep_first, up to the first win or loss."""
    for place, transition in enumerate(transitions):
        if transition.stage.outcome and crm.pipelines.of(transition.stage).after_close == "keep_first":
            return transitions[: place + 1]
    return transitions


def _place_unconfigured(crm: Crm, deals: list[Deal]) -> None:
    """Counts which configured open stage came last before each unconfigured one, and places them."""
    entered_after: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for deal in deals:
        last: dict[str, Stage] = {}
        for stage in (transition.stage for transition in deal.transitions):
            if stage.is_configured and not stage.outcome:
                last[stage.pipeline] = stage
            elif not stage.is_configured and stage.pipeline in last:
                before = normalised(last[stage.pipeline].name)
                entered_after[stage.pipeline][normalised(stage.name)][before] += 1
    for pipeline in crm.pipelines.all():
        pipeline.place_unconfigured(entered_after[pipeline.name])


def _add_state(crm: Crm, deal: Deal) -> None:
    """Stage, status and the two closing clocks."""
    deal.counted = _counted(crm, deal.transitions)
    last = deal.counted[-1] if deal.counted else None
    deal.stage = last.stage if last else None
    deal.pipeline = _pipeline(crm, deal)
    if last and last.stage.outcome:
        deal.status = last.stage.outcome
        deal.closed_at = _closing_transition(deal.counted).at
        deal.closed_on = _own_close_day(crm, deal) or crm.local_date(deal.closed_at)


def _add_merge(crm: Crm, deal: Deal) -> None:
    """A merge changes nothing of the days before it: then the swallowed deals stood there, and not a new survivor."""
    merges, record = crm.merged_deals, crm.deals.get(deal.id)
    deal.is_merged_away = deal.deleted_at is not None and deal.deleted_at == merges.merged_at.get(deal.id)
    swallowed = [merges.merged_at[one] for one in merges.swallowed_by(deal.id) if one in crm.deals]
    if record and swallowed and min(swallowed) <= record.first_delivered_at:
        deal.entered_by_merge_on = crm.local_date(min(swallowed))


def _delete(deal: Deal) -> None:
    """A deleted deal is neither won nor lost; whatever else is known of it stands."""
    deal.status, deal.closed_at, deal.closed_on, deal.sales_cycle_days = "deleted", None, None, None


def _closing_transition(transitions: list[Transition]) -> Transition:
    """The one that opens the last unbroken run of transitions with the same outcome."""
    closing = transitions[-1]
    for transition in reversed(transitions):
        if transition.stage.outcome != closing.stage.outcome:
            break
        closing = transition
    return closing


def _own_close_day(crm: Crm, deal: Deal) -> date | None:
    """The date of the CRM's own close, if that counts."""
    own = own_close(crm, deal)
    return crm.local_date(own) if own else None


def own_close(crm: Crm, deal: Deal) -> datetime | None:
    """The CRM's own close, if it shows this outcome; under keep_first only if the deal closed once."""
    record = crm.deals.get(deal.id)
    stage = row_stage(crm, record.row) if record else None
    if record is None or stage is None or stage.outcome != deal.status:
        return None
    if len(deal.counted) < len(deal.transitions) and _closings(deal.transitions) > 1:
        return None
    own = crm_close(crm, record, deal.status)
    return own[0] if own else None


def _closings(transitions: list[Transition]) -> int:
    """How many unbroken runs of one outcome there are."""
    outcomes = [None, *(transition.stage.outcome for transition in transitions)]
    return sum(after is not None and after != before for before, after in pairwise(outcomes))


def _pipeline(crm: Crm, deal: Deal) -> str:
    """As configured, else as the CRM writes it: that of the stage it stands in, else its row's."""
    record = crm.deals.get(deal.id)
    stage = deal.stage or (row_stage(crm, record.row) if record else None)
    return stage.pipeline if stage else crm.pipelines.pipeline(crm.deal_value(deal.id, "pipeline")).name


def _add_attributes(crm: Crm, deal: Deal) -> None:
    """Amount and owner (under keep_first those at the first close), account and its segment."""
    owner, text, currency = (crm.deal_value(deal.id, column) for column in ("owner_id", "amount", CURRENCY))
    now = money(text, currency, crm.source.currency)
    deal.shown_amount, deal.shown_owner_key = now.amount if now else None, crm.key(owner) if owner else None
    at_close = _at_standing_close(crm, deal, "amount", str(now.amount) if now else None)
    deal.amount = None if at_close is None else Decimal(at_close)
    deal.owner_key = _at_standing_close(crm, deal, "owner", crm.key(owner) if owner else None)
    deal.name = crm.deal_value(deal.id, "deal_name")
    deal.fields = _fields(crm, deal)
    account = crm.deal_value(deal.id, "account_id")
    if account:
        deal.account_key = crm.key(account)
        deal.segment = crm.accounts[account].row.get("segment") if account in crm.accounts else None


def _fields(crm: Crm, deal: Deal) -> Texts:
    """What its newest row has of the configured fields; without a row, the last word of its log."""
    record = crm.deals.get(deal.id)
    if record:
        return texts_of(crm, "deals", record.row, record.dates, deal_currency(crm, record.row))
    last = {event.field: event for event in crm.events.get(deal.id, [])}
    read = {
        name: text_of(kind, last[name].new, last[name].dates, crm.source.currency)
        for name, kind in crm.config.fields_of("deals").items()
        if name in last
    }
    return {name: text for name, text in read.items() if text is not None}


def _lost_reason(crm: Crm, deal: Deal) -> str | None:
    """Of a lost deal the one now known; of a first close that stands the one at it, as long as that can be told."""
    if deal.status != "lost":
        return None
    now, close = crm.deal_value(deal.id, "lost_reason"), deal.counted[-1]
    if crm.pipelines.of(close.stage).after_close != "keep_first":
        return now
    told = [one for one in crm.events.get(deal.id, []) if one.field == "lost_reason"]
    by_then = [one.new for one in told if one.at <= close.at]
    if by_then:
        return by_then[-1]
    record = crm.deals.get(deal.id)
    shown = [one for one in record.full_sightings if one.extracted_at >= close.at] if record else []
    if close.evidence == "observed" and not close.is_by_row:
        return shown[0].row.get("lost_reason")
    if _closings(deal.transitions) < 2:
        return now
    if told:
        return told[0].old
    # closed more than once: what extracts showed before it went on
    went_on = deal.transitions[len(deal.counted)].at
    before = [one for one in shown if one.extracted_at < went_on]
    return before[0].row.get("lost_reason") if before else None


def _add_expected_close(crm: Crm, deal: Deal) -> None:
    """When it is expected to close, and how often that was moved to a later day."""
    expected = shown_now(crm, deal.id, "expected_close_on")
    deal.expected_close_on = date.fromisoformat(expected) if expected else None
    changes = field_changes(crm, deal.id, "expected_close_on")
    moved_later = [one for one in changes if one.old and one.new and one.old < one.new]
    deal.close_date_pushes = sum(not is_bookkeeping(deal, one) for one in moved_later)


def is_bookkeeping(deal: Deal, change: Change) -> bool:
    """Whether a close date was written by a close: in the minute before or after it."""
    closes = [one.at for one in deal.counted if one.stage.outcome]
    return any(abs(change.at - close) <= BOOKKEEPING for close in closes)


def _at_standing_close(crm: Crm, deal: Deal, field: str, now: str | None) -> str | None:
    """A field now; of a first close that stands, at that close."""
    close = deal.counted[-1] if deal.closed_at else None
    if close is None or crm.pipelines.of(close.stage).after_close != "keep_first":
        return now
    return known_at(crm, deal.id, field, close.at, now)


def known_at(crm: Crm, deal_id: str, field: str, at: datetime, now: str | None) -> str | None:
    """A field at a moment: the last word by then, else what the next replaced, else what is known now."""
    changes = field_changes(crm, deal_id, field)
    by_then = [change.new for change in changes if change.at <= at]
    later = [change.old for change in changes if change.at > at]
    return by_then[-1] if by_then else later[0] if later else now


def _add_lead(deal: Deal, lead: Lead | None) -> None:
    """The deal's lead, its lead source, and metric 2: days from first contact to `closed_on`."""
    own_source = deal.crm.deal_value(deal.id, "lead_source")
    deal.lead, deal.lead_key = lead, lead.key if lead else None
    deal.lead_source = own_source or (lead.lead_source if lead else None)
    first_contact = lead.created_on if lead and not lead.created_at_is_estimated else None
    if first_contact is None and not deal.created_at_is_estimated:
        first_contact = deal.created_on
    if deal.status == "won" and first_contact and deal.closed_on:
        days = (deal.closed_on - first_contact).days
        deal.sales_cycle_days = days if days >= 0 else None


def _is_qualified(crm: Crm, deal: Deal) -> bool | None:
    """Entered a qualified stage or a later open one, or was won; None if only inferred history is known."""
    if all(transition.evidence == "inferred" for transition in deal.counted):
        return None
    return _qualified_at(crm, deal) is not None


def _qualified_at(crm: Crm, deal: Deal) -> datetime | None:
    return next(
        (
            one.at
            for one in deal.counted
            if one.stage.outcome == "won" or crm.pipelines.of(one.stage).is_qualifying(one.stage)
        ),
        None,
    )
