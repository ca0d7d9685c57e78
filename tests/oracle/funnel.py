"""`mart_funnel`: of the deals and leads created in a month, how many ever came how far (domain.md, metric 10)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from .configuration import Source, folded
from .deals import Deal
from .leads import Lead
from .stages import CANONICAL_ORDER

#: Canonical stages on the way; post-sale ones are won.
STEPS = ("prospecting", "contact", "qualifying", "demo", "proposal", "closing", "won")


def funnel(
    sources: list[Source], deals: list[Deal], leads: list[Lead], months: dict[date, bool]
) -> list[dict[str, Any]]:
    """Every month × step of every pipeline with deals and of every source with leads; months → whether complete."""
    of_pipeline: dict[tuple[str, str], list[Deal]] = defaultdict(list)
    for deal in deals:
        of_pipeline[deal.source, deal.pipeline].append(deal)
    of_source: dict[str, list[Lead]] = defaultdict(list)
    for lead in leads:
        of_source[lead.source].append(lead)
    by_name = {source.name: source for source in sources}
    rows: list[dict[str, Any]] = []
    for month, is_complete in months.items():
        at = {"month": month, "is_complete_month": is_complete}
        for (source, pipeline), group in of_pipeline.items():
            key = {**at, "source": source, "pipeline": pipeline, "entity": "deals"}
            rows += ({**key, **row} for row in _deal_steps(_created_in(group, month)))
        for source, all_leads in of_source.items():
            statuses = _statuses(by_name[source], all_leads)
            key = {**at, "source": source, "pipeline": "default", "entity": "leads"}
            rows += ({**key, **row} for row in _lead_steps(_created_in(all_leads, month), statuses))
    return rows


def _created_in(group: list[Any], month: date) -> list[Any]:
    return [one for one in group if one.created_on.replace(day=1) == month]


def _furthest(deal: Deal) -> int:
    """Order of the furthest canonical stage ever; won is the last, a loss none; 0 if nothing is known."""
    orders = [
        CANONICAL_ORDER["won"] if one.stage.outcome == "won" else one.stage.canonical_order
        for one in deal.counted
        if one.stage.outcome != "lost"
    ]
    return max(orders, default=0)


def _deal_steps(cohort: list[Deal]) -> Iterator[dict[str, Any]]:
    furthest = [(_furthest(deal), deal.status) for deal in cohort]
    reached = [sum(order >= CANONICAL_ORDER[step] for order, _ in furthest) for step in STEPS]
    for place, step in enumerate(STEPS):
        order = CANONICAL_ORDER[step]
        is_last = step == "won"
        dropped = sum(one == (order, "lost") for one in furthest)
        ended = None if is_last else dropped + reached[place + 1]
        yield {
            "step": step,
            "step_order": order,
            "created": len(cohort),
            "reached": reached[place],
            "conversion_from_previous": _ratio(reached[place], reached[place - 1]) if place else None,
            "dropped": None if is_last else dropped,
            "ended": ended,
            "drop_off_rate": _ratio(dropped, ended),
        }


@dataclass(frozen=True)
class Status:
    """A lead status of a source."""

    key: str
    name: str
    order: int
    is_listed: bool
    converts: bool
    closes: bool

    @property
    def is_open(self) -> bool:
        """A listed one that a lead passes through."""
        return self.is_listed and not self.converts and not self.closes

    @property
    def is_on_the_way(self) -> bool:
        """A listed one of those that end in an opportunity."""
        return self.is_listed and (self.converts or not self.closes)


def _statuses(source: Source, leads: list[Lead]) -> list[Status]:
    """Those the mappings list, in their order, then those that were met and are not listed."""
    feeds = [feed for feed in source.feeds if feed.entity == "leads"]
    places: dict[str, int] = {}
    names: dict[str, str] = {}
    for feed in feeds:
        for place, name in enumerate(feed.lead_statuses):
            places[folded(name)] = min(place, places.get(folded(name), place))
            names[folded(name)] = min(name, names.get(folded(name), name))
    listed = sorted(places, key=lambda key: (places[key], key))
    met: dict[str, str] = {}
    for lead in leads:
        if lead.status is not None and folded(lead.status) not in places:
            met[folded(lead.status)] = min(lead.status, met.get(folded(lead.status), lead.status))
    return [
        Status(
            key=key,
            name=names.get(key) or met[key],
            order=order,
            is_listed=key in places,
            converts=any(key in feed.converted_lead_statuses for feed in feeds),
            closes=any(key in feed.closed_lead_statuses for feed in feeds),
        )
        for order, key in enumerate([*listed, *sorted(met)], start=1)
    ]


def _lead_steps(cohort: list[Lead], statuses: list[Status]) -> Iterator[dict[str, Any]]:
    by_key = {status.key: status for status in statuses}
    own = [by_key.get(folded(lead.status)) if lead.status is not None else None for lead in cohort]
    reach = _reach(statuses)
    ended = sum(lead.is_closed for lead in cohort)
    reached_before: int | None = None
    for status in statuses:
        reached = sum(reach(lead, stands, status) for lead, stands in zip(cohort, own, strict=True))
        dropped = sum(
            stands is status and lead.is_closed and not lead.is_converted
            for lead, stands in zip(cohort, own, strict=True)
        )
        yield {
            "step": status.name,
            "step_order": status.order,
            "created": len(cohort),
            "reached": reached,
            "conversion_from_previous": _ratio(reached, reached_before) if status.is_on_the_way else None,
            "dropped": dropped,
            "ended": ended,
            "drop_off_rate": _ratio(dropped, ended),
        }
        reached_before = reached if status.is_on_the_way else reached_before


def _reach(statuses: list[Status]) -> Callable[[Lead, Status | None, Status], bool]:
    """Whether a lead that stands in one status ever came to another one."""
    first = next((status for status in statuses if status.is_open), None)

    def reach(lead: Lead, own: Status | None, step: Status) -> bool:
        if lead.is_converted:
            return step.is_on_the_way or (step is own and (step.converts or not step.closes))
        if own is None:
            return False
        if step is own:
            return True
        if lead.is_closed or not own.is_listed:
            return step is first
        return step.is_open and step.order < own.order

    return reach


def _ratio(part: int, whole: int | None) -> float | None:
    return part / whole if whole else None
