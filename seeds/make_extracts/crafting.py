"""From a case (cases.py) to a deal with its versions and activities, made to measure."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from seeds.make_extracts.activity_log import done
from seeds.make_extracts.business import Activity, Deal, Owner, Pipeline, Version, World, changed
from seeds.make_extracts.clock import (
    AS_OF_DAY,
    NEWEST,
    berlin_day,
    berlin_moment,
    days_before_as_of,
    working_moment,
)
from seeds.make_extracts.words import LEAD_SOURCES, weighted

USUAL_AMOUNT = "8400"


@dataclass(frozen=True)
class Case:
    """A deal that breaks `rules`, or, with none, just does not. Days count back from the as-of day.

    quiet_days       since the last touch, which is what `touched_by` says, at `touched_at` (Berlin time)
    close_in_days    the expected close, from the as-of day; None: none
    closed_on        the day a deal was won or lost, at `closed_at` (Berlin time)
    backdated_days   by how much its CRM shows an earlier close than that
    days_in_stage    since the present stage was entered; None: as the last touch has it, 15 days before at most
    typed            canonical column → what stands in the row, readable, and wrong
    spoiled          canonical column → what stands in the file; until `spoiled_until` if given
    """

    source: str
    why: str
    stage: str
    rules: tuple[str, ...] = ()
    pipeline: str = "default"
    age_days: int = 90
    status: Literal["open", "won", "lost"] = "open"
    quiet_days: int = 4
    touched_by: Literal["stage", "activity", "creation"] = "activity"
    touched_at: str = "10:40:00"
    close_in_days: int | None = 40
    closed_on: date | None = None
    closed_at: str = "15:12:09"
    backdated_days: int = 0
    amount: str | None = USUAL_AMOUNT
    currency: str = "EUR"
    name: str | None = None
    has_owner: bool = True
    has_account: bool = True
    repriced_since: bool = False  # a new amount after the last touch, which is no touch
    same_second: bool = False  # the last two stages are entered in one second
    reopened: bool = False  # was lost once
    went_back: bool = False  # was a stage further, and came back to this one
    absorbs_quiet_days: tuple[int, ...] = ()  # deals merged into it, by the days since their last activity
    absorbed_on: date | None = None
    flagged_deleted_on: date | None = None
    gone_from: date | None = None
    away_on: date | None = None
    days_in_stage: int | None = None
    pushes: int = 0  # how often the expected close was moved later
    lost_reason: str | None = "Timing"
    has_source: bool = True
    owner_left: bool = False
    is_planned: bool = True  # something is to be done about it
    is_twice: bool = False  # somebody entered it a second time, two days later: that one breaks the rules
    asked_after: bool = False  # the lead it is linked to came after its close
    typed: dict[str, str] = field(default_factory=dict)
    spoiled: dict[str, str] = field(default_factory=dict)
    spoiled_until: date | None = None


def craft(rng: random.Random, world: World, case: Case, owner: Owner) -> tuple[Deal, list[Activity]]:
    """The deal of a case, and what was done about it."""
    pipeline = next(p for p in world.business.pipelines if p.name == case.pipeline)
    account = rng.choice(world.accounts[: len(world.accounts) // 2])
    owner = world.owners[-1] if case.owner_left else owner
    versions = _versions(rng, world, case, pipeline, owner if case.has_owner else None)
    deal = Deal(
        name=case.name or f"{account.name} - {rng.choice(('Extension', 'Renewal talk', 'Second line'))}",
        pipeline=pipeline,
        account=account if case.has_account else None,
        currency=case.currency,
        versions=versions,
        source=weighted(rng, LEAD_SOURCES) if case.has_source else None,
        gone_from=case.gone_from,
        away_on=case.away_on,
        spoiled={**case.spoiled, **case.typed},
        spoiled_until=case.spoiled_until,
        has_next_step=case.is_planned,
    )
    if case.flagged_deleted_on:
        deal.flagged_deleted_at = berlin_moment(case.flagged_deleted_on, "11:05:00")
    if case.backdated_days:
        deal.backdated_to = versions[-1].at - timedelta(days=case.backdated_days)
    return deal, list(_activities(rng, world, case, deal, owner))


def _created_at(rng: random.Random, case: Case, pipeline: Pipeline) -> datetime:
    if case.touched_by == "creation":
        return berlin_moment(days_before_as_of(case.quiet_days), case.touched_at)
    if case.closed_on:
        return working_moment(rng, case.closed_on - timedelta(days=case.age_days))
    # a deal in its first stage is as old as its stay there, which is not what its case is about
    is_first = case.stage == pipeline.stages[0].name
    return working_moment(rng, days_before_as_of(min(case.age_days, 50) if is_first else case.age_days))


def _last_move(case: Case, created_at: datetime) -> datetime:
    """When the present stage was entered."""
    if case.closed_on:
        return berlin_moment(case.closed_on, case.closed_at) - timedelta(days=5)
    touched_at = berlin_moment(days_before_as_of(case.quiet_days), case.touched_at)
    if case.touched_by == "stage":
        return touched_at
    if case.days_in_stage is not None:
        return berlin_moment(days_before_as_of(case.days_in_stage), case.touched_at)
    middle = max(created_at + (touched_at - created_at) / 2, touched_at - timedelta(days=15))
    return middle.replace(microsecond=0)


def _path(case: Case, pipeline: Pipeline) -> list[str]:
    """All stages up to the present one; a stage nobody configured comes after the offer."""
    if case.touched_by == "creation":
        return [case.stage]
    names = [stage.name for stage in pipeline.stages]
    configured = pipeline.stage(case.stage)
    if configured:  # written, at the end, as the case has it
        place = names.index(configured.name)
        detour = names[place : place + 2] if case.went_back else []
        return [*names[:place], *detour, case.stage]
    offered = next(place for place, stage in enumerate(pipeline.stages) if stage.canonical == "proposal")
    return [*names[: offered + 1], case.stage]


def _versions(rng: random.Random, world: World, case: Case, pipeline: Pipeline, owner: Owner | None) -> list[Version]:
    created_at = _created_at(rng, case, pipeline)
    path = _path(case, pipeline)
    moved_at = _last_move(case, created_at)
    expected = None if case.close_in_days is None else AS_OF_DAY + timedelta(days=case.close_in_days)
    if case.closed_on:
        expected = case.closed_on + timedelta(days=12)
    amount = _amount(rng, case)
    versions = [Version(created_at, path[0], "open", amount, expected, owner)]
    for place, stage in enumerate(path[1:], start=1):
        at = created_at + (moved_at - created_at) * place / (len(path) - 1)
        if case.same_second and place == len(path) - 2:
            at = moved_at
        versions.append(changed(versions[-1], at.replace(microsecond=0), {"stage": stage}))
    if case.reopened:
        versions += _there_and_back(world, versions[-1], moved_at)
    for place in range(case.pushes):
        at = versions[-1].at + timedelta(days=place + 1)
        later = AS_OF_DAY + timedelta(days=(case.close_in_days or 0) + 7 * (place + 1))
        versions.append(changed(versions[-1], at, {"close_on": later}))
    if case.repriced_since and amount is not None:
        repriced_at = berlin_moment(days_before_as_of(6), "09:30:00")
        versions.append(changed(versions[-1], repriced_at, {"amount": amount - 300}))
    if case.closed_on:
        versions.append(_closed(world, case, versions[-1]))
    return versions


def _amount(rng: random.Random, case: Case) -> Decimal | None:
    """The usual amount is never twice the same, so that no two deals look alike."""
    if case.amount is None:
        return None
    return Decimal(case.amount) + (rng.randrange(-60, 120) * 50 if case.amount == USUAL_AMOUNT else 0)


def _there_and_back(world: World, version: Version, after: datetime) -> Iterator[Version]:
    """Lost a day after a moment, and open again two days later."""
    lost_at = after + timedelta(days=1)
    lost: dict[str, object] = {"status": "lost", "lost_reason": "No decision"}
    if world.business.one_close_date:
        lost["close_on"] = berlin_day(lost_at)
    yield changed(version, lost_at, lost)
    back = {"status": "open", "lost_reason": None, "close_on": version.close_on}
    yield changed(version, lost_at + timedelta(days=2), back)


def _closed(world: World, case: Case, version: Version) -> Version:
    assert case.closed_on is not None
    close: dict[str, object] = {"status": case.status}
    if case.status == "lost":
        close["lost_reason"] = case.lost_reason
    if world.business.one_close_date:
        close["close_on"] = case.closed_on - timedelta(days=case.backdated_days)
    return changed(version, berlin_moment(case.closed_on, case.closed_at), close)


def _activities(rng: random.Random, world: World, case: Case, deal: Deal, owner: Owner) -> Iterator[Activity]:
    """A few before the last touch, and the last touch itself where it is an activity."""
    created_at, last_at = deal.created_at, deal.versions[-1].at
    if not case.closed_on:
        last_at = berlin_moment(days_before_as_of(case.quiet_days), case.touched_at)
    days = (berlin_day(last_at) - berlin_day(created_at)).days
    for offset in sorted(rng.sample(range(1, days - 3), 3)) if days > 10 else []:
        at = working_moment(rng, berlin_day(created_at) + timedelta(days=offset))
        if at < last_at - timedelta(days=1):
            yield done(rng, world.business, at, owner=owner, deal=deal)
    if case.touched_by == "activity" and not case.closed_on:
        touch = done(rng, world.business, last_at, owner=owner, deal=deal)
        touch.done_without_time = False
        touch.created_at = max(touch.created_at, created_at)
        yield touch


def entered_again(deal: Deal) -> Deal:
    """What somebody entered who did not know that it was there, two days later."""
    versions = [changed(version, version.at + timedelta(days=2), {}) for version in deal.versions]
    return replace(deal, versions=versions)


def ask_after(world: World, deal: Deal) -> None:
    """Links a deal with a lead that came only when it was closed."""
    lead = next(
        lead
        for lead in world.leads
        if lead.converted_at is None and not lead.spoiled and lead.created_at > deal.versions[-1].at + timedelta(days=9)
    )
    lead.converted_at, lead.converted_to = lead.created_at + timedelta(days=3), deal
    lead.statuses = [*lead.statuses[:1], (lead.converted_at, world.business.lead_statuses[2])]
    deal.lead = lead


def absorbed(
    rng: random.Random, world: World, case: Case, survivor: Deal, owner: Owner
) -> Iterator[tuple[Deal, list[Activity]]]:
    """The deals that were merged into the deal of a case, each with the one thing that was done about it."""
    if not case.absorbs_quiet_days:
        return
    assert case.absorbed_on is not None, case.why
    for place, quiet_days in enumerate(case.absorbs_quiet_days, start=1):
        first = survivor.versions[0]
        created_at = first.at + timedelta(days=place, minutes=25)
        deal = Deal(
            name=f"{survivor.name} ({place + 1})",
            pipeline=survivor.pipeline,
            account=survivor.account,
            currency=survivor.currency,
            versions=[changed(first, created_at, {"stage": survivor.pipeline.stages[0].name})],
            source=survivor.source,
            merged_into=survivor,
            merged_at=berlin_moment(case.absorbed_on, "16:05:00"),
        )
        at = berlin_moment(days_before_as_of(quiet_days), "11:20:00")
        activity = done(rng, world.business, at, owner=owner, deal=deal)
        activity.done_without_time = False
        yield deal, [activity]


def gone_in_newest(case: Case) -> bool:
    """Whether no delivery of the last night shows the deal as it was."""
    return case.flagged_deleted_on is not None or (case.gone_from is not None and case.gone_from <= NEWEST)
