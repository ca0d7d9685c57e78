"""The planted sources: CRMs full of records, and sources whose deliveries are what is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from tests.hygiene.calendar import moment
from tests.hygiene.deals import closed_deal, open_deal
from tests.hygiene.extracts import feeds_of
from tests.hygiene.feeds import sources_of_deliveries
from tests.hygiene.leads import plant_activities, plant_duplicate_leads, plant_lead
from tests.hygiene.limits import DEFAULT, Limits
from tests.hygiene.records import Lead
from tests.hygiene.rewrites import judge_rewrites, plant_rewrites
from tests.hygiene.sources import Source
from tests.hygiene.specials import (
    plant_amounts,
    plant_deletions,
    plant_disagreements,
    plant_duplicates,
    plant_new_deals,
    plant_outliers,
    plant_unconfigured,
    plant_visits,
)
from tests.hygiene.world import World

OPEN_DEALS, CLOSED_DEALS, FEW_DEALS, LEADS = 40, 14, 6, 40


def planted_sources(records: Iterable[int], deliveries: Iterable[int], limits: Limits = DEFAULT) -> list[Source]:
    """Those of these seeds."""
    sources = [source_of_records(seed, limits) for seed in records]
    return [*sources, *(source for seed in deliveries for source in sources_of_deliveries(seed, limits))]


def source_of_records(seed: int, limits: Limits) -> Source:
    """A CRM full of deals, leads and activities; the same for the same seed."""
    world = World(seed, limits)
    _known_leads(world)
    sales, small = world.pipelines["Sales"], world.pipelines["Small"]
    for _ in range(OPEN_DEALS):
        open_deal(world, sales)
    for _ in range(CLOSED_DEALS):
        closed_deal(world, sales)
    for _ in range(FEW_DEALS):
        open_deal(world, small)
    plant_deletions(world)
    plant_visits(world)
    plant_amounts(world)
    plant_duplicates(world)
    plant_disagreements(world)
    plant_unconfigured(world)
    plant_new_deals(world)
    plant_rewrites(world)
    plant_outliers(world)
    judge_rewrites(world)
    for _ in range(LEADS):
        plant_lead(world)
    plant_duplicate_leads(world)
    plant_activities(world)
    feeds = feeds_of(world)
    for planted in world.of_record.values():
        world.planted.add(planted)
    for feed in feeds:
        feed.judged(world.planted)
    settings = {
        "timezone": str(world.policy.zone),
        "after_close": world.policy.after_close,
        "decimal_separator": ".",
        "pipelines": [pipeline.as_yaml() for pipeline in world.pipelines.values()],
    }
    return Source(world.name, settings, feeds, world.planted)


def _known_leads(world: World) -> None:
    """Two leads that open deals name: one says where it came from, the other does not. Both were answered at once."""
    for number, lead_source in ((1, "ads"), (2, None)):
        created = moment(250, world.rng)
        lead = Lead(f"L{number:04d}", created, "rejected", f"known{number}@example.com", lead_source=lead_source)
        world.leads.append(lead)
        if world.delivers("activities"):
            world.act(kind="call", lead=lead.id, completed=created + timedelta(hours=1))
