"""Sources whose deliveries are what is wrong: late, small, refused, with other columns, more empty cells, other stages.

Their records are as plain as can be: accounts, and deals that were closed long ago.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from tests.hygiene.calendar import AS_OF, SECOND, TODAY, in_utc
from tests.hygiene.deliveries import Delivery, Feed, stability
from tests.hygiene.extracts import plant_unusable
from tests.hygiene.limits import WITHOUT_HISTORY, Limits
from tests.hygiene.planted import Planted
from tests.hygiene.records import Row
from tests.hygiene.sources import Source

ACCOUNT_FEEDS, DEAL_FEEDS = 12, 5
ACCOUNT_COLUMNS = ["account_id", "account_name", "segment"]
DEAL_COLUMNS = ["deal_id", "stage", "lead_source", "amount", "lost_reason", "created_at", "close_on"]
STAGES = ["Won", "Lost", "Renewed"]
ROWS = 64
PIPELINE = {
    "name": "default",
    "stages": [
        {"name": "New", "canonical": "prospecting"},
        {"name": "Renewed", "canonical": "post_sale"},
    ],
}


def sources_of_deliveries(seed: int, limits: Limits) -> list[Source]:
    """A source with many feeds; one of which nothing is good; and one that has its deals from a log alone."""
    rng = Random(f"deliveries {seed}")
    planted = Planted()
    name = f"feeds{seed:03d}"
    feeds = [_accounts(limits, rng, planted, name, number) for number in range(ACCOUNT_FEEDS)]
    feeds += [_deals(limits, rng, planted, name, number) for number in range(DEAL_FEEDS)]
    feeds += [_incremental(limits, planted, name), *_nothing_new(limits, name), _revenue(limits, name)]
    for feed in feeds:
        feed.judged(planted)
    planted.judge("entity_without_rows", f"{name}:deals", False)
    settings = {"pipelines": [PIPELINE]}
    others = [
        _without_deals(limits, f"nothing{seed:03d}"),
        _logged(limits, f"logged{seed:03d}"),
        _dated(limits, f"dated{seed:03d}"),
    ]
    return [Source(name, settings, feeds, planted), *others]


def _ends(limits: Limits, rng: Random) -> tuple[timedelta, dict[str, Any]]:
    """How old the newest delivery is, and what the feed's configuration says of that."""
    limit = timedelta(hours=limits.max_delivery_age_hours)
    age = rng.choice([limit - SECOND, limit, limit, limit + SECOND, timedelta(hours=2), timedelta(days=9)])
    if rng.random() < 0.25:
        return age, {"max_delivery_age_hours": int(age / timedelta(hours=1)) + 1}
    return age, {}


def _accounts(limits: Limits, rng: Random, planted: Planted, source: str, number: int) -> Feed:
    """Accounts with a certain number of deliveries, of which the newest, or one before it, is odd."""
    age, settings = _ends(limits, rng)
    earlier = rng.choice([1, 2, 3, 4, 7, 8])
    shapes = _empty_cells(limits)
    shape = shapes[number % len(shapes)]
    feed = Feed(source, f"accounts_{number}", "accounts", limits, [], settings)
    for place in range(earlier + 1):
        ago = earlier - place
        empty = shape.now if ago == 0 else shape.before if ago <= 7 else 0
        rows = [
            {"account_id": f"{source}-{number}-{row}", "account_name": "Any", "segment": "" if row < empty else "SMB"}
            for row in range(shape.rows)
        ]
        feed.deliveries.append(Delivery(AS_OF - age - timedelta(days=ago), rows, list(ACCOUNT_COLUMNS)))
    _change_headings(rng, feed)
    _change_volume(rng, feed)
    _quarantine(rng, planted, feed)
    return feed


@dataclass(frozen=True)
class _EmptyCells:
    """How many cells of a column are empty in the newest delivery, and in those before it."""

    rows: int
    before: int
    now: int


def _empty_cells(limits: Limits) -> list[_EmptyCells]:
    few, ratio = round(40 * limits.max_null_share), limits.max_null_share_ratio
    usual = math.ceil(64 * limits.max_null_share / ratio) + 1
    return [
        _EmptyCells(40, 0, few),  # exactly as many as may be
        _EmptyCells(40, 0, few + 1),
        _EmptyCells(64, usual, ratio * usual),  # exactly so many times the usual
        _EmptyCells(64, usual, ratio * usual + 1),
        _EmptyCells(64, 1, ratio + 1),  # more than so many times, and still few
        _EmptyCells(64, 64, 64),
    ]


def _change_headings(rng: Random, feed: Feed) -> None:
    *before, newest = feed.deliveries
    option = rng.choice(["same", "same", "new", "gone", "both", "order", "long ago", "ids only", "ids only before"])
    if option in ("new", "both"):
        newest.others.append("Lucky Number")
    if option in ("gone", "both"):
        newest.columns.remove("account_name")
    if option == "ids only":
        newest.columns = ["account_id"]
    if option == "ids only before":
        before[-1].columns = ["account_id"]
    if option == "order":
        newest.columns.reverse()
    if option == "long ago" and len(before) > 1:
        before[-2].others.append("Lucky Number")


def _change_volume(rng: Random, feed: Feed) -> None:
    """As few rows as may be, or one less, confirmed or not; or a file without its required column."""
    delivery = rng.choice(feed.deliveries[-2:])
    option = rng.choice(["all", "all", "least", "less", "less, confirmed", "refused"])
    if option in ("least", "less", "less, confirmed"):
        least = math.ceil(feed.limits.min_volume_share * len(delivery.rows))
        delivery.rows = delivery.rows[: least - (option != "least")]
        delivery.is_confirmed = option == "less, confirmed"
    if option == "refused":
        delivery.columns.remove("account_id")
        delivery.is_refused = True


def _quarantine(rng: Random, planted: Planted, feed: Feed) -> None:
    """As many rows without an id as may be, or one more, in the newest delivery or in an older one."""
    newest = feed.deliveries[-1]
    option = rng.choice(["none", "few", "many", "many, confirmed", "older"])
    if option == "none" or newest.is_refused or len(newest.rows) < 20:
        return
    delivery = feed.deliveries[-2] if option == "older" else newest
    # a row whose only cell is empty is blank, and none
    if delivery.is_refused or "account_name" not in delivery.columns:
        return
    few = math.floor(len(delivery.rows) * feed.limits.max_quarantine_share)
    # a row of delimiters alone is none
    nameless: Row = {"account_name": "Nameless", "segment": "SMB"}
    bad: list[tuple[Row, str]] = [(dict(nameless), "account_id") for _ in range(few + (option != "few"))]
    delivery.rows = delivery.rows[: -len(bad)]
    delivery.is_confirmed |= option == "many, confirmed"
    unusable = Planted()
    plant_unusable(unusable, feed, delivery, bad, "account_id")
    if feed.judged(Planted())[-1] is delivery:
        # else a later full extract stands in its place, or it does not count at all
        planted.add(unusable)


def _deals(limits: Limits, rng: Random, planted: Planted, source: str, number: int) -> Feed:
    """Closed deals, always the same ones, whose stages are mixed otherwise in the newest delivery."""
    age, settings = _ends(limits, rng)
    earlier = rng.choice([2, 3, 3, 5, 8])
    usual = rng.choice([[30, 20, 14], [40, 24, 0], [20, 22, 22]])
    newest = _other_mix(limits, rng, usual, is_over=rng.random() < 0.5)
    feed = Feed(source, f"deals_{number}", "deals", limits, [], settings)
    for place in range(earlier + 1):
        ago = earlier - place
        # what is older than the last seven is not compared with
        mix = newest if ago == 0 or ago > 7 else usual
        stages = [stage for stage, count in zip(STAGES, mix, strict=True) for _ in range(count)]
        rows = [
            {
                "deal_id": f"{number}-{row}",
                "stage": stage,
                "lead_source": "web",
                "amount": "100.00",
                "lost_reason": "price",
                "created_at": "2025-03-01 12:00:00",
                "close_on": "2025-05-01",
            }
            for row, stage in enumerate(stages)
        ]
        feed.deliveries.append(Delivery(AS_OF - age - timedelta(days=ago), rows, list(DEAL_COLUMNS)))
    _judge_outcomes(planted, feed)
    return feed


def _judge_outcomes(planted: Planted, feed: Feed) -> None:
    """Won in one delivery and lost in the next, months after the close date that both say."""
    for rows in zip(*(delivery.rows for delivery in feed.deliveries), strict=True):
        outcomes = ["lost" if row["stage"] == "Lost" else "won" for row in rows]
        is_rewritten = len(set(outcomes)) > 1
        key = f"{feed.source}:{rows[0]['deal_id']}"
        planted.judge("history_rewritten", key, is_rewritten, "status", "2025-05-01", near=False)


def _other_mix(limits: Limits, rng: Random, usual: list[int], is_over: bool) -> list[int]:
    """One of the mixes that are only just alike, or only just not."""
    before = [stage for stage, count in zip(STAGES, usual, strict=True) for _ in range(count)]
    found = []
    for won in range(ROWS + 1):
        for lost in range(ROWS + 1 - won):
            mix = [won, lost, ROWS - won - lost]
            now = [stage for stage, count in zip(STAGES, mix, strict=True) for _ in range(count)]
            distance = stability(before, now) - limits.max_stage_mix_psi
            if (distance > 0) == is_over:
                found.append((abs(distance), mix))
    return rng.choice([mix for _, mix in sorted(found)[:4]])


def _incremental(limits: Limits, planted: Planted, source: str) -> Feed:
    """Deliveries of which none replaces another: of the older one much is in quarantine, but it is not the newest."""
    columns = ["account_id", "account_name"]
    older, newest = (
        [{"account_id": f"{source}-{when}-{row}", "account_name": "Any"} for row in range(20)]
        for when in ("old", "new")
    )
    deliveries = [Delivery(AS_OF - timedelta(hours=hours), rows, columns) for hours, rows in ((25, older), (1, newest))]
    feed = Feed(source, "accounts_incremental", "accounts", limits, deliveries, {"deliveries": "incremental"})
    bad: list[tuple[Row, str]] = [({"account_name": "Nameless"}, "account_id") for _ in range(3)]
    plant_unusable(planted, feed, deliveries[0], bad, "account_id")
    planted.judge("quarantine_share", feed.key(deliveries[0]), False)
    return feed


def _nothing_new(limits: Limits, source: str) -> list[Feed]:
    """A night on which nothing happened is an empty list of JSON: it has no headings, and none has vanished."""
    some = [{"account_id": f"{source}-some", "account_name": "Any"}]
    feeds = []
    for name, tables in {"nothing_new": [some, []], "something_new": [[], some]}.items():
        deliveries = [
            Delivery(AS_OF - timedelta(hours=hours), rows, list(some[0]), is_json=True)
            for hours, rows in zip((25, 1), tables, strict=True)
        ]
        feeds.append(Feed(source, name, "accounts", limits, deliveries, {"deliveries": "incremental"}))
    return feeds


def _revenue(limits: Limits, source: str) -> Feed:
    """What two customers paid, so that there are months of customers whose key can be wrong."""
    rows = [
        {"account_id": customer, "revenue_on": f"2025-{month}-01", "amount": "10.00"}
        for customer in ("first", "second")
        for month in (10, 11, 12)
    ]
    return Feed(source, "revenue", "revenue", limits, [Delivery(AS_OF - timedelta(hours=1), rows, list(rows[0]))])


def _without_deals(limits: Limits, name: str) -> Source:
    """Its only file of deals cannot be used, and leads, which it must have, have never come."""
    planted = Planted()
    deals = Delivery(AS_OF - timedelta(hours=1), [{"stage": "New"}], ["stage", "amount"], is_refused=True)
    accounts = Delivery(AS_OF - timedelta(hours=1), [{"account_id": "1"}], ["account_id"])
    mapped = {"deal_id": "Deal Id", "stage": "Stage", "amount": "Amount"}
    feeds = [
        Feed(name, "deals", "deals", limits, [deals], {"columns": mapped}),
        Feed(name, "leads", "leads", limits, [], {"columns": {"lead_id": "Lead Id"}, "required": True}),
        Feed(name, "accounts", "accounts", limits, [accounts], {"required": True}),
    ]
    for feed in feeds:
        feed.judged(planted)
    planted.judge("entity_without_rows", f"{name}:deals", True, 0, 1)
    planted.judge("entity_without_rows", f"{name}:leads", True, 0, 1)
    planted.judge("entity_without_rows", f"{name}:accounts", False)
    return Source(name, {"pipelines": [PIPELINE]}, feeds, planted)


def _logged(limits: Limits, name: str) -> Source:
    """A log in one file, and nothing more: it gives a deal that was won, and one that is open and late."""
    planted = Planted()
    told = [
        ("1", "stage", "", "New", 3),
        ("1", "stage", "New", "Won", 4),
        ("2", "stage", "", "New", 3),
        ("2", "expected_close_on", "", "2026-01-01", 4),
        ("2", "expected_close_on", "2026-01-01", "2026-01-02", 5),
        ("2", "expected_close_on", "2026-01-02", "2026-01-03", 6),
        ("2", "expected_close_on", "2026-01-03", "2026-01-04", 7),
        ("2", "expected_close_on", "2026-01-04", "2026-01-14", 8),
        ("2", "amount", "", "-1.00", 9),
    ]
    rows = [
        {
            "deal_id": deal,
            "field": field,
            "old_value": old,
            "new_value": new,
            "changed_at": f"2025-{month:02}-01 12:00:00",
        }
        for deal, field, old, new, month in told
    ]
    log = Delivery(AS_OF - timedelta(hours=1), rows, list(rows[0]))
    feed = Feed(name, "log", "deal_changes", limits, [log])
    feed.judged(planted)
    late, stuck = f"{name}:2", limits.max_days_in_stage
    if stuck == "auto":
        stuck = WITHOUT_HISTORY["max_days_in_stage"]
    planted.judge("stale_deal", late, True, 320, limits.stale_after_days)
    planted.judge("stuck_in_stage", late, True, 320, stuck)
    planted.judge("past_close_date", late, True, "2026-01-14", TODAY)
    planted.judge("pushed_too_often", late, True, 4, limits.max_close_date_pushes)
    planted.judge("negative_amount", late, True, "-1.00", 0)
    planted.judge("won_without_amount", f"{name}:1", True, None, "more than 0")
    # it never says who owns a deal
    planted.judge("missing_owner", late, False)
    planted.judge("entity_without_rows", f"{name}:deals", False)
    return Source(name, {"pipelines": [PIPELINE]}, [feed], planted)


def _dated(limits: Limits, name: str) -> Source:
    """Dates of stages in the row itself: a deal stands in the stage it entered last, others do not."""
    planted = Planted()
    first, second = (f'Date entered "{stage}"' for stage in ("New", "Offer"))
    columns = ["deal_id", "stage", "created_at", first, second]
    rows = [
        {"deal_id": "1", "stage": "Offer", "created_at": "2026-01-02", first: "2026-01-02", second: "2026-01-05"},
        {"deal_id": "2", "stage": "New", "created_at": "2026-01-02", first: "2026-01-02", second: "2026-01-05"},
        {"deal_id": "3", "stage": "Offer", "created_at": "2026-01-02", first: "2026-01-02"},
        # no column tells of this stage
        {"deal_id": "4", "stage": "Lost", "created_at": "2026-01-02", first: "2026-01-02"},
    ]
    delivery = Delivery(AS_OF - timedelta(hours=1), rows, columns)
    settings = {"stage_dates": ['Date entered "{stage}"']}
    feed = Feed(name, "deals", "deals", limits, [delivery], settings)
    feed.judged(planted)
    rule = "stage_disagrees_with_history"
    planted.judge(rule, f"{name}:1", False)
    planted.judge(rule, f"{name}:2", True, "New", "Offer")
    planted.judge(rule, f"{name}:3", True, "Offer", "New")
    planted.judge(rule, f"{name}:4", False)
    back = "|".join([f"{name}:2", "Offer", "New", in_utc(delivery.extracted_at)])
    planted.judge("regressed", back, True, "New", "Offer")
    planted.judge("entity_without_rows", f"{name}:deals", False)
    stages = [{"name": "New", "canonical": "prospecting"}, {"name": "Offer", "canonical": "proposal"}]
    return Source(name, {"pipelines": [{"name": "default", "stages": stages}]}, [feed], planted)
