"""The four businesses, and how each becomes a world of eighteen months."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from seeds.make_extracts.activity_log import about_accounts, about_deal
from seeds.make_extracts.business import Account, Activity, Business, Deal, Owner, Pipeline, Stage, Version, World
from seeds.make_extracts.clock import AS_OF_DAY, BERLIN, NEWEST, berlin_day, busy_days, extract_time, working_moment
from seeds.make_extracts.leads import follow, lead_of, other_leads
from seeds.make_extracts.lives import last_known_touch, live
from seeds.make_extracts.words import (
    CITIES,
    COMPANY_FORMS,
    FIRST_NAMES,
    LAST_NAMES,
    LEAD_SOURCES,
    PRODUCTS,
    SEGMENTS,
    EmailBook,
    ascii_slug,
    company,
    weighted,
)

SEED = 20251231
#: Days an open deal of a clean world may have been in its stage: well below the limit of the configuration.
LONGEST_STAY = 52
MOST_PUSHES = 2

SALESFORCE = Business(
    name="acme_salesforce",
    zone=ZoneInfo("UTC"),
    pipelines=(
        Pipeline(
            "default",
            (
                Stage("Prospecting", "prospecting", 45),
                Stage("Qualification", "qualifying"),
                Stage("Needs Analysis", "qualifying"),
                Stage("Value Proposition", "demo"),
                Stage("Id. Decision Makers", "demo"),
                Stage("Perception Analysis", "demo"),
                Stage("Proposal/Price Quote", "proposal"),
                Stage("Negotiation/Review", "closing", 14),
            ),
            median_amount=18000,
        ),
    ),
    pipeline_weights=(1.0,),
    currencies={"USD": 0.76, "": 0.04, "EUR": 0.14, "GBP": 0.06},
    deals=760,
    leads=1250,
    accounts=85,
    one_close_date=True,
    tells_history=True,
    late_facts_share=0.2,
    days_between_activities=12,
    activity_types={"call": 0.45, "email": 0.35, "meeting": 0.12, "task": 0.08},
    linked_share=0.45,
    lead_statuses=(
        "Open - Not Contacted",
        "Working - Contacted",
        "Closed - Converted",
        "Closed - Not Converted",
    ),
)

PIPEDRIVE = Business(
    name="boreal_pipedrive",
    zone=ZoneInfo("Europe/Helsinki"),
    pipelines=(
        Pipeline(
            "Pipeline",
            (
                Stage("Qualified", "qualifying"),
                Stage("Contact Made", "qualifying"),
                Stage("Demo Scheduled", "demo"),
                Stage("Proposal Made", "proposal"),
                Stage("Negotiations Started", "closing"),
            ),
            median_amount=9000,
        ),
        Pipeline(
            "Partners",
            (
                Stage("Lead In", "prospecting"),
                Stage("Contacted", "contact"),
                Stage("Qualified", "qualifying"),
                Stage("Trial", "demo"),
                Stage("Quote Sent", "proposal"),
                Stage("Subscription Agreed", "closing"),
            ),
            median_amount=3200,
        ),
    ),
    pipeline_weights=(0.68, 0.32),
    currencies={"EUR": 0.93, "GBP": 0.07},
    deals=930,
    leads=1500,
    accounts=75,
    one_close_date=False,
    tells_history=True,
    late_facts_share=0.35,
    days_between_activities=6.5,
    activity_types={"call": 0.5, "email": 0.28, "meeting": 0.14, "task": 0.08},
    linked_share=0.4,
    lead_statuses=("Open", "Contacted", "Converted", "Archived"),
)

FIELD_SHEET = Business(
    name="field_sheet",
    zone=BERLIN,
    pipelines=(
        Pipeline(
            "default",
            (
                Stage("Cold", "prospecting"),
                Stage("First visit", "contact"),
                Stage("Needs clear", "qualifying"),
                Stage("Offer", "proposal", 21),
                Stage("Signing", "closing"),
            ),
            median_amount=14000,
        ),
    ),
    pipeline_weights=(1.0,),
    currencies={"EUR": 0.92, "GBP": 0.08},
    deals=520,
    leads=950,
    accounts=48,
    one_close_date=True,
    tells_history=False,
    late_facts_share=0.3,
    days_between_activities=8,
    activity_types={"visit": 1.0},
    linked_share=0.5,
    lead_statuses=("new", "working", "converted", "rejected"),
)

HUBSPOT = Business(
    name="cascade_hubspot",
    zone=ZoneInfo("Europe/Lisbon"),
    pipelines=(
        Pipeline(
            "Sales Pipeline",
            (
                Stage("Appointment Scheduled", "contact"),
                Stage("Qualified To Buy", "qualifying"),
                Stage("Presentation Scheduled", "demo"),
                Stage("Decision Maker Bought-In", "proposal"),
                Stage("Contract Sent", "closing", 14),
            ),
            median_amount=11000,
        ),
        Pipeline(
            "Renewals — EMEA",
            (
                Stage("Renewal Due", "contact", 60),
                Stage("Review (on site)", "demo"),
                Stage("Terms Sent", "proposal"),
                Stage("Verbal Yes", "closing"),
            ),
            median_amount=6500,
        ),
    ),
    pipeline_weights=(0.72, 0.28),
    currencies={"EUR": 0.9, "USD": 0.06, "GBP": 0.04},
    deals=440,
    leads=760,
    accounts=40,
    one_close_date=True,
    tells_history=True,
    late_facts_share=0.25,
    days_between_activities=11,
    activity_types={"call": 0.34, "email": 0.34, "meeting": 0.12, "note": 0.12, "task": 0.08},
    linked_share=0.55,
    lead_statuses=("New", "Attempted to Contact", "Open Deal", "Unqualified"),
)

BUSINESSES = (SALESFORCE, PIPEDRIVE, FIELD_SHEET, HUBSPOT)
OWNERS = {"acme_salesforce": 10, "boreal_pipedrive": 9, "field_sheet": 7, "cascade_hubspot": 6}
_MAIL_HOSTS = {
    "acme_salesforce": "acme",
    "boreal_pipedrive": "boreal",
    "field_sheet": "field",
    "cascade_hubspot": "cascade",
}


def clean_world(business: Business) -> World:
    """Eighteen months of a business in which nothing is wrong."""
    rng = random.Random(f"{SEED}:{business.name}")
    horizon = extract_time(NEWEST, business.zone) - timedelta(hours=4)
    owners = list(_owners(business))
    accounts = list(_accounts(rng, business, owners))
    book = EmailBook()
    deals, leads, activities = [], [], []
    for day in busy_days(rng, business.deals, date(2025, 12, 30)):
        deal = _moving_deal(rng, business, day, owners, accounts, horizon)
        deals.append(deal)
        activities += about_deal(rng, business, deal, horizon)
        if rng.random() < business.linked_share:
            lead = lead_of(rng, business, deal, rng.choice(owners), book)
            if lead:
                deal.lead, deal.source = lead, lead.source
                leads.append(lead)
    leads += other_leads(rng, business, owners, business.leads - len(leads), horizon, book)
    for lead in leads:
        activities += follow(rng, business, lead, horizon)
    if "visit" not in business.activity_types:
        activities += about_accounts(rng, business, accounts, 60, horizon)
    return World(business, owners, accounts, leads, deals, [a for a in activities if _is_before(a, horizon)], book)


def _is_before(activity: Activity, horizon: datetime) -> bool:
    return activity.created_at < horizon


def _owners(business: Business) -> Iterator[Owner]:
    """Owners whose names no other business has; the last one has left."""
    names = list(OWNERS)
    start = sum(OWNERS[name] for name in names[: names.index(business.name)])
    count = OWNERS[business.name]
    for place in range(start, start + count):
        first_name, last_name = FIRST_NAMES[place], LAST_NAMES[place]
        email = f"{ascii_slug(first_name)}.{ascii_slug(last_name)}@{_MAIL_HOSTS[business.name]}.example"
        yield Owner(first_name, last_name, email, is_active=place != start + count - 1)


def _accounts(rng: random.Random, business: Business, owners: list[Owner]) -> Iterator[Account]:
    """Accounts of before the first day, no name twice; a few have no segment."""
    names: dict[str, None] = {}
    while len(names) < business.accounts:
        names[company(rng, COMPANY_FORMS[business.name])] = None
    for name in names:
        yield Account(
            name=name,
            segment=None if rng.random() < 0.06 else rng.choice(SEGMENTS),
            city=rng.choice(CITIES),
            created_at=datetime(2022, 1, 10, 9, tzinfo=UTC) + timedelta(seconds=rng.randrange(850 * 86400)),
            owner=rng.choice(owners),
        )


def _moving_deal(
    rng: random.Random, business: Business, day: date, owners: list[Owner], accounts: list[Account], horizon: datetime
) -> Deal:
    """A deal that, if it is open, is known and has not been in one stage for long: somebody works on it."""
    while True:
        deal = _deal(rng, business, day, owners, accounts)
        if deal.last_close_before(horizon) is not None:
            return deal
        version = deal.at(horizon) or deal.versions[0]
        is_late = version.close_on is not None and version.close_on < AS_OF_DAY
        if deal.account is None or deal.source is None or is_late or _is_neglected(deal, version):
            continue
        since = last_known_touch(deal, horizon) if business.tells_history else deal.created_at
        if (berlin_day(horizon) - berlin_day(since)).days <= LONGEST_STAY:
            return deal


def _is_neglected(deal: Deal, version: Version) -> bool:
    """Put off again and again, or left behind by an owner who is gone."""
    days = [one.close_on for one in deal.versions if one.at <= version.at and one.close_on]
    pushes = sum(later > earlier for earlier, later in pairwise(days))
    return pushes > MOST_PUSHES or (version.owner is not None and not version.owner.is_active)


def _deal(rng: random.Random, business: Business, day: date, owners: list[Owner], accounts: list[Account]) -> Deal:
    pipeline = rng.choices(business.pipelines, business.pipeline_weights)[0]
    created_at = working_moment(rng, day)
    # The owner who left started deals until summer, and hands over like anybody else.
    selling = owners if day < date(2025, 7, 1) else owners[:-1]
    owner = rng.choice(selling)
    account = None if rng.random() < 0.02 else rng.choice(accounts)
    return Deal(
        name=f"{account.name if account else 'New customer'} - {rng.choice(PRODUCTS)}",
        pipeline=pipeline,
        account=account,
        currency=weighted(rng, business.currencies),
        versions=live(rng, business, pipeline, created_at, (owner, rng.choice(owners[:-1]))),
        source=None if rng.random() < 0.04 else weighted(rng, LEAD_SOURCES),
    )
