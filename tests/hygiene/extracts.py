"""A world as its CRM exports it: five full extracts of each feed, the newest with dirt in its rows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.hygiene.calendar import AS_OF, DAY, EXTRACTS, NEWEST, in_berlin
from tests.hygiene.deliveries import Delivery, Feed
from tests.hygiene.planted import Planted
from tests.hygiene.records import Row, as_text
from tests.hygiene.world import ACCOUNTS, OWNERS, World

LEAD_STATUSES = {
    "lead_statuses": ["new", "working", "converted", "rejected"],
    "converted_lead_statuses": ["converted"],
    "closed_lead_statuses": ["converted", "rejected"],
}


def feeds_of(world: World) -> list[Feed]:
    """Its feeds, as they will be delivered; rows that cannot be used are planted here."""
    zone = world.policy.zone
    one_date = world.policy.has_one_close_date
    lag = timedelta(minutes=world.policy.log_lags)
    feeds = []

    def add(entity: str, tables: list[list[Row]], columns: list[str], **settings: Any) -> None:
        if entity in world.policy.lacks:
            return
        told_of = "deals" if entity == "deal_versions" else entity
        left_out = [column for column in columns if not world.delivers(f"{told_of}.{column}")]
        # a column that is not there, or one in which nothing stands
        shown = columns if world.seed % 2 else [column for column in columns if column not in left_out]
        for row in (row for table in tables for row in table):
            row.update(dict.fromkeys(left_out, ""))
        taken = [at - lag if entity == world.policy.history else at for at in EXTRACTS]
        deliveries = [Delivery(at, rows, shown) for at, rows in zip(taken, tables, strict=True)]
        feeds.append(Feed(world.name, entity, entity, world.limits, deliveries, settings))

    deals = [
        [deal.row(extract, zone, one_date) for deal in world.deals if deal.is_in(extract)]
        for extract in range(len(EXTRACTS))
    ]
    has_log = world.policy.history == "deal_changes"
    told = [word for deal in world.deals for word in (deal.log(zone) if has_log else deal.versions(zone))]
    words = sorted(told, key=lambda word: word[0])
    history = [[dict(row) for at, row in words if at <= taken - lag] for taken in EXTRACTS]
    leads = [[lead.row(zone) for lead in world.leads if lead.is_in(number)] for number in range(len(EXTRACTS))]
    activities = [
        [one.row(zone) for one in world.activities if one.first_shown <= number] for number in range(len(EXTRACTS))
    ]
    owners = [as_text({"owner_id": one, "owner_name": one.title(), "is_active": said}) for one, said in OWNERS.items()]
    accounts = [as_text({"account_id": one, "account_name": one, "segment": said}) for one, said in ACCOUNTS.items()]
    rates = [
        as_text({"rate_on": told_on, "currency": currency, "rate": rate})
        for currency, told in world.currencies.items()
        for told_on, rate in told
    ]
    other = f"{world.foreign[:2]}X"
    rates += [
        as_text({"rate_on": in_berlin(AS_OF - number * DAY), "currency": other, "rate": 2}) for number in range(40)
    ]
    add("deals", deals, list(deals[NEWEST][0]))
    add(world.policy.history, history, list(history[NEWEST][0]))
    add("leads", leads, list(leads[NEWEST][0]), **LEAD_STATUSES)
    if world.delivers("activities"):
        add("activities", activities, list(activities[NEWEST][0]))
    add("owners", _five(owners), ["owner_id", "owner_name", "is_active"])
    add("accounts", _five(accounts), ["account_id", "account_name", "segment"])
    add("exchange_rates", _five(rates), ["rate_on", "currency", "rate"])
    for feed in feeds:
        _plant_rows(world, feed)
    return feeds


def _five(rows: list[Row]) -> list[list[Row]]:
    return [[dict(row) for row in rows] for _ in EXTRACTS]


#: Entity → rows without which they cannot be used, as (cells that are changed, the column that is missing).
_DIRT: dict[str, list[tuple[Row, str]]] = {
    "deals": [({"deal_id": ""}, "deal_id"), ({"deal_id": "  "}, "deal_id")],
    "deal_changes": [
        ({"deal_id": ""}, "deal_id"),
        ({"field": ""}, "field"),
        ({"changed_at": "noon"}, "changed_at"),
        ({"changed_at": "", "deal_id": "D-unknown"}, "changed_at"),
    ],
    "deal_versions": [
        ({"deal_id": ""}, "deal_id"),
        ({"stage": ""}, "stage"),
        ({"version_at": "noon"}, "version_at"),
    ],
    "leads": [({"lead_id": ""}, "lead_id")],
    "activities": [({"activity_id": ""}, "activity_id")],
    "exchange_rates": [({"rate": "?"}, "rate")],
}


def _plant_rows(world: World, feed: Feed) -> None:
    """Rows that cannot be used, and ids that stand twice: in the newest delivery, and harmlessly in an older one."""
    newest, older = feed.deliveries[NEWEST], feed.deliveries[NEWEST - 1]
    key_column = {"deals": "deal_id", "leads": "lead_id", "activities": "activity_id"}.get(feed.entity)
    unusable = _DIRT.get(feed.entity, [])
    bad = [({**world.rng.choice(newest.rows), **changes}, column) for changes, column in unusable]
    if key_column:
        _plant_twins(world, feed, key_column)
        older.rows.append({**older.rows[0], key_column: ""})
        # a later full extract stands in its place
        world.planted.judge("missing_key", f"{older.sha256}:{len(older.rows) + 1}", False)
    if feed.entity == "owners":
        world.planted.judge("unparseable_value", f"{world.name}:owners:vague:is_active", True, "maybe", "is_active")
    if feed.entity == "accounts":
        newest.rows += [{"account_id": "twice", "account_name": name, "segment": ""} for name in ("One", "Two")]
        world.planted.judge("duplicate_key", f"{world.name}:accounts:twice:account_id", True, 2, 1)
    history = dict.fromkeys(("deal_changes", "deal_versions"), "deal_id")
    record_column = {"exchange_rates": "currency", **history}.get(feed.entity, key_column or "")
    plant_unusable(world.planted, feed, newest, bad, record_column)


def plant_unusable(
    planted: Planted, feed: Feed, delivery: Delivery, bad: list[tuple[Row, str]], record_column: str
) -> None:
    """Puts rows into a delivery that lack their id or another required column, which is named beside them."""
    places = range(0, len(delivery.rows), max(1, len(delivery.rows) // (len(bad) + 1)))
    for place, (row, _) in reversed([*zip(places, bad, strict=False)]):
        delivery.rows.insert(place, row)
    delivery.quarantined = len(bad)
    for row, column in bad:
        number = next(place for place, one in enumerate(delivery.rows, 2) if one is row)
        record = row.get(record_column, "").strip()
        key = f"{feed.source}:{feed.entity}:{record}:{column}" if record else f"{delivery.sha256}:{number}"
        planted.judge("missing_key", key, True, row.get(column, "").strip() or None, column)


def _plant_twins(world: World, feed: Feed, key_column: str) -> None:
    """One id twice: with another content (the last row counts), with the same, and with another one long ago."""
    newest, older = feed.deliveries[NEWEST], feed.deliveries[NEWEST - 1]
    columns = ["pipeline", "lead_source", "status", "activity_type"]
    other = {next(name for name in columns if name in newest.columns): "something else"}
    differs, agrees = world.rng.sample(newest.rows, 2)
    newest.rows.insert(newest.rows.index(differs), {**differs, **other})
    newest.rows.insert(newest.rows.index(agrees), dict(agrees))
    older.rows.insert(0, {**older.rows[0], **other})
    for row, is_broken in ((older.rows[0], False), (agrees, False), (differs, True)):
        key = f"{world.name}:{feed.entity}:{row[key_column]}:{key_column}"
        world.planted.judge("duplicate_key", key, is_broken, 2, 1)
