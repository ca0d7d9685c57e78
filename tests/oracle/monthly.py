"""`mart_monthly_metrics`, for all six grains (domain.md), and those that the configuration adds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import fmean, median
from typing import Any

from .configuration import Config
from .customers import Customer, is_over, lifetime_value, year_terms
from .deals import Deal
from .leads import Lead
from .months import months_from, next_month
from .spend import Spend, rows_without_rate, spend_in

#: grain → the value of a deal, the value of a lead (None where lead metrics do not exist)
GRAINS: dict[str, tuple[Callable[[Deal], str | None], Callable[[Lead], str | None] | None]] = {
    "all": (lambda deal: "all", lambda lead: "all"),
    "source": (lambda deal: deal.source, lambda lead: lead.source),
    "pipeline": (lambda deal: f"{deal.source}:{deal.pipeline}", None),
    "owner": (lambda deal: deal.owner_key, lambda lead: lead.owner_key),
    "segment": (lambda deal: deal.segment, None),
    "lead_source": (lambda deal: deal.lead_source, lambda lead: lead.lead_source),
}
LEAD_METRICS = (
    "new_leads",
    "converted_leads",
    "lead_conversion_rate",
    "response_hours",
    "response_hours_median",
    "leads_unanswered",
    "answered_leads",
    "leads_answered_within_sla",
    "response_within_sla_rate",
)


@dataclass
class Group:
    """The deals and leads of one grain value."""

    deals: list[Deal] = field(default_factory=list)
    leads: list[Lead] = field(default_factory=list)
    #: Whether any of its sources tells of activities.
    is_watched: bool = True


def monthly_metrics(
    deals: list[Deal],
    leads: list[Lead],
    spend: Spend,
    customers: list[Customer],
    config: Config,
    as_of: datetime,
    watched: frozenset[str],
) -> list[dict[str, Any]]:
    """One row per month × grain × grain value; deals are those that are not deleted.

    `watched`: the sources that tell of activities.
    """
    as_of_day = as_of.astimezone(config.zone).date()
    months = list(_months(deals, leads, as_of_day))
    wins = first_wins(deals)
    rows = []
    for grain, (value_of_deal, value_of_lead) in {**GRAINS, **_own_grains(config)}.items():
        groups: dict[str | None, Group] = defaultdict(Group)
        for deal in deals:
            groups[value_of_deal(deal)].deals.append(deal)
        if value_of_lead:
            for lead in leads:
                groups[value_of_lead(lead)].leads.append(lead)
        for grain_value in _values_of_money(grain, spend, customers, as_of_day):
            groups[grain_value]
        for grain_value, group in sorted(groups.items(), key=lambda item: (item[0] is None, item[0] or "")):
            sources = {deal.source for deal in group.deals} | {lead.source for lead in group.leads}
            group.is_watched = bool(watched & sources if sources else watched)
            for row in _rows(group, months, wins, has_leads=value_of_lead is not None):
                month = row["month"]
                clv, reason = lifetime_value(customers, (grain, grain_value), month, config, as_of)
                spent = spend_in(spend, (grain, grain_value), month)
                cac = float(spent / row["new_customers"]) if spent is not None and row["new_customers"] else None
                rows.append(
                    {
                        "grain": grain,
                        "grain_value": grain_value,
                        "is_complete_month": is_over(month, as_of, config),
                        **row,
                        "spend": spent,
                        "cac": cac,
                        "clv": clv,
                        "clv_to_cac": clv / cac if clv is not None and cac else None,
                        "clv_null_reason": reason,
                        **year_terms(customers, (grain, grain_value), month, config, as_of),
                        "spend_rows_without_rate": rows_without_rate(spend, (grain, grain_value), month),
                    }
                )
    return rows


def _own_grains(config: Config) -> dict[str, tuple[Callable[[Deal], str | None], None]]:
    """Fields of deals, of which leads, spend and revenue tell nothing."""

    def value_of(name: str) -> Callable[[Deal], str | None]:
        return lambda deal: deal.fields.get(name)

    return {name: (value_of(name), None) for name in config.grains}


def _values_of_money(grain: str, spend: Spend, customers: list[Customer], as_of_day: date) -> Iterator[str | None]:
    """Values that spend and revenue up to as-of's month carry, whether a deal or a lead has them or not."""
    for (spend_grain, value), months in spend.items():
        if spend_grain == grain and min(months) <= as_of_day:
            yield value
    for customer in customers:
        if grain in ("all", "source", "segment") and min(customer.cents) <= as_of_day:
            yield customer.value_of(grain)


def _months(deals: Iterable[Deal], leads: Iterable[Lead], as_of_day: date) -> Iterator[date]:
    """Contiguous, from the earliest creation or `closed_on` to as-of's month."""
    days = [day for deal in deals for day in (deal.created_on, deal.closed_on) if day]
    days += [lead.created_on for lead in leads]
    return months_from(min(days, default=as_of_day + timedelta(days=31)), as_of_day)


def first_wins(deals: Iterable[Deal]) -> set[str]:
    """The deals that made an account a customer: its first win in the source; tie: closing time, key."""
    wins = [deal for deal in deals if deal.status == "won" and deal.account_key and deal.closed_on]
    wins.sort(key=lambda deal: (deal.closed_on, deal.closed_at, deal.key), reverse=True)
    return set({deal.account_key: deal.key for deal in wins}.values())


def _rows(group: Group, months: list[date], first_wins: set[str], has_leads: bool) -> Iterator[dict[str, Any]]:
    created, closed, leads = defaultdict(list), defaultdict(list), defaultdict(list)
    for deal in group.deals:
        created[deal.created_on.replace(day=1)].append(deal)
        if deal.closed_on:
            closed[deal.closed_on.replace(day=1)].append(deal)
    for lead in group.leads:
        leads[lead.created_on.replace(day=1)].append(lead)
    for month in months:
        row = {
            "month": month,
            **(_lead_metrics(leads[month], group.is_watched) if has_leads else dict.fromkeys(LEAD_METRICS)),
            **_creation_metrics(created[month]),
            **_closing_metrics(closed[month], first_wins),
            "deals_worked": _worked(group.deals, month),
        }
        yield {**row, "pipeline_velocity_per_day": _velocity(row)}


def _lead_metrics(leads: list[Lead], is_watched: bool) -> dict[str, Any]:
    """Metrics 1, 7 and 12, of the leads created in the month; of sources without activities nobody knows the last."""
    converted = sum(lead.is_converted for lead in leads)
    hours = [lead.response_hours for lead in leads if lead.response_hours is not None]
    unanswered = sum(bool(lead.is_unanswered) for lead in leads)
    within_sla = sum(lead.response_hours <= lead.sla_hours for lead in leads if lead.response_hours is not None)
    return {
        "new_leads": len(leads),
        "converted_leads": converted,
        "answered_leads": len(hours) if is_watched else None,
        "leads_answered_within_sla": within_sla if is_watched else None,
        "lead_conversion_rate": _ratio(converted, len(leads)),
        "response_hours": fmean(hours) if hours else None,
        "response_hours_median": median(hours) if hours else None,
        "leads_unanswered": unanswered if is_watched else None,
        "response_within_sla_rate": _ratio(within_sla, len(hours) + unanswered),
    }


def _creation_metrics(deals: list[Deal]) -> dict[str, Any]:
    """Metric 3, of the opportunities created in the month."""
    won = sum(deal.status == "won" for deal in deals)
    return {
        "opportunities_created": len(deals),
        "opportunities_created_won": won,
        "deal_closure_rate": _ratio(won, len(deals)),
    }


def _closing_metrics(deals: list[Deal], first_wins: set[str]) -> dict[str, Any]:
    """Metrics 2, 4, 6 and 8, and new customers, of the deals closed in the month."""
    won = [deal for deal in deals if deal.status == "won"]
    lost = [deal for deal in deals if deal.status == "lost"]
    qualified_won, qualified_lost = (sum(bool(deal.is_qualified) for deal in some) for some in (won, lost))
    amounts = [deal.amount_reporting for deal in won if deal.amount_reporting is not None]
    cycles = [deal.sales_cycle_days for deal in won if deal.sales_cycle_days is not None]
    won_amount = sum(amounts, Decimal(0))
    return {
        "deals_won": len(won),
        "deals_lost": len(lost),
        "won_amount": won_amount,
        "won_deals_with_amount": len(amounts),
        "avg_deal_size": float(won_amount / len(amounts)) if amounts else None,
        "win_rate": _ratio(len(won), len(won) + len(lost)),
        "qualified_won": qualified_won,
        "qualified_lost": qualified_lost,
        "opportunity_win_rate": _ratio(qualified_won, qualified_won + qualified_lost),
        "win_loss_ratio": _ratio(len(won), len(lost)),
        "sales_cycle_days": fmean(cycles) if cycles else None,
        "sales_cycle_days_median": float(median(cycles)) if cycles else None,
        "new_customers": sum(deal.key in first_wins for deal in won),
    }


def _worked(deals: list[Deal], month: date) -> int:
    """Created before the end of the month and not closed before its start."""
    end = next_month(month)
    return sum(deal.created_on < end and (deal.closed_on is None or deal.closed_on >= month) for deal in deals)


def _velocity(row: dict[str, Any]) -> float | None:
    """Metric 5: deals worked × win rate × average deal size ÷ mean sales cycle; a mean of zero gives None."""
    rate, size, cycle = row["win_rate"], row["avg_deal_size"], row["sales_cycle_days"]
    return None if rate is None or size is None or not cycle else row["deals_worked"] * rate * size / cycle


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
