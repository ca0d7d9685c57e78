"""Deals put together from independent aspects, each drawn from values on both sides of a limit.

An aspect sets some fields of a deal and says which rules the deal breaks by them, so that combinations come about by
themselves. What depends on several of them is said where they meet (`_touched`).
"""

from __future__ import annotations

import itertools
from datetime import date, datetime, timedelta
from decimal import Decimal

from tests.hygiene.calendar import (
    AS_OF,
    DAY,
    EXTRACTS,
    NEWEST,
    SECOND,
    TODAY,
    day,
    days_since,
    in_berlin,
    in_utc,
    moment,
)
from tests.hygiene.leads import plant_future_activity, plant_lead
from tests.hygiene.planted import Planted
from tests.hygiene.policies import OTHER_FIELDS, Pipeline
from tests.hygiene.records import ENDS, Deal
from tests.hygiene.world import ACCOUNTS, OWN_CURRENCY, STATE_OF_OWNER, World

UNREADABLE_AMOUNT, UNREADABLE_DAY = "about 500", "soon"
UNCONFIGURED = "Legal review"


def open_deal(
    world: World,
    pipeline: Pipeline,
    moves: list[tuple[datetime, str]] | None = None,
    row_says: str | None = None,
    created: datetime | None = None,
) -> Deal:
    """An open deal with every aspect.

    `moves` where its way so far is given, `row_says` a stage its log knows nothing of, `created` for a deal that only
    the newest extract knows.
    """
    stage = moves[-1][1] if moves else world.pick(*pipeline.stages).name
    deal = world.new_deal(pipeline.name, created or AS_OF)
    if created is not None:
        _just_created(world, deal)
    elif moves is None and row_says is None and world.rng.random() < 0.12:
        _without_history(world, deal, pipeline, stage)
    else:
        _way(world, deal, pipeline, moves or path(world, pipeline, stage))
        _estimated(world, deal)
    deal.stage = stage
    if row_says is not None:
        _disagrees(world, deal, pipeline, row_says)
    _touched(world, deal, pipeline)
    _pushes_and_close_date(world, deal, pipeline)
    _amount(world, deal, pipeline)
    _currency(world, deal)
    _owner(world, deal, pipeline)
    _account_and_others(world, deal, pipeline)
    _next_activity(world, deal)
    if world.rng.random() < 0.2 and deal.moves and row_says is None:
        deal.shown["stage"] = f" {deal.stage.upper()}  "
        _planted(world, deal).judge("unmapped_stage", world.key(deal.id), False)
    return deal


def closed_deal(
    world: World, pipeline: Pipeline, moves: list[tuple[datetime, str]] | None = None, is_plain: bool = False
) -> Deal:
    """A won or lost deal; open deals' rules would find much in it. `is_plain`: closed when its log says."""
    if moves is None:
        way = path(world, pipeline, world.pick(*pipeline.stages).name, least=2)
        days = world.rng.randrange(0, max(1, days_since(way[-1][0])))
        # on the day of the last move, or in its very second; of one second there is one version
        closing = way[-1][0] + timedelta(days=days, seconds=world.policy.history == "deal_versions")
        moves = [*way, (min(closing, EXTRACTS[-1] - SECOND), world.pick(*ENDS))]
    deal = world.new_deal(pipeline.name, AS_OF)
    _way(world, deal, pipeline, moves)
    deal.stage = moves[-1][1]
    _estimated(world, deal)
    _closing(world, deal, is_plain)
    _closed_amount(world, deal)
    _closed_currency(world, deal)
    deal.owner, deal.account = world.pick("ann", "gone", "ghost", None), world.pick("acme", None)
    if deal.stage == "Lost":
        deal.lost_reason = world.pick("price", None)
        judge(world, deal, "lost_without_reason", deal.lost_reason is None, None, "a reason")
        if not world.delivers("deals.lost_reason"):
            _planted(world, deal).spare("lost_without_reason")
    key = world.key(deal.id)
    for rule in ("stale_deal", "past_close_date", "missing_owner", "inactive_owner", "no_next_activity"):
        _planted(world, deal).judge(rule, key, False)
    return deal


def judge(world: World, deal: Deal, rule: str, is_broken: bool, *seen: object, near: bool = True) -> None:
    """What a deal is planted with."""
    observed, allowed = seen
    _planted(world, deal).judge(rule, world.key(deal.id), is_broken, observed, allowed, near)


def unparseable(world: World, deal: Deal, column: str, text: str, is_unread: bool = True) -> None:
    key = f"{world.name}:deals:{deal.id}:{column}"
    _planted(world, deal).judge("unparseable_value", key, is_unread, text, column)


def _planted(world: World, deal: Deal) -> Planted:
    return world.of_record[deal.id]


def path(world: World, pipeline: Pipeline, stage: str, least: int = 1) -> list[tuple[datetime, str]]:
    """Moves that end in a stage: straight, over others, back, twice within a second, or lost and reopened."""
    limits = pipeline.limit("max_days_in_stage", stage), pipeline.limit("stale_after_days", stage)
    days = max(1, world.near_or_over(*limits))
    way = [stage]
    names = [one.name for one in pipeline.stages]
    while len(way) < least or (world.rng.random() < 0.6 and len(way) < 4):
        other = world.rng.choice(names)
        if other != way[0]:
            way.insert(0, other)
    if world.rng.random() < 0.12 and len(way) > 1:
        way.insert(len(way) - 1, "Lost")
    if (pipeline.after_close or world.policy.after_close) == "keep_first":
        way = [one for one in way if one not in ENDS]
        way = [one for number, one in enumerate(way) if number == 0 or way[number - 1] != one]
    moves = [(moment(days, world.rng), stage)]
    for before in reversed(way[:-1]):
        is_alone = len(moves) == 1 or moves[0][0] != moves[1][0]
        can_tie = is_alone and world.policy.history == "deal_changes" and not {before, moves[0][1]} & {*ENDS}
        if can_tie and world.rng.random() < 0.1:
            at = moves[0][0]
        else:
            at = moment(days_since(moves[0][0]) + world.rng.randrange(1, 15), world.rng)
        moves.insert(0, (at, before))
    return moves


def _way(world: World, deal: Deal, pipeline: Pipeline, moves: list[tuple[datetime, str]]) -> None:
    """Its moves, and the transitions among them that go back or over a mandatory stage."""
    deal.moves, deal.created = moves, moves[0][0]
    for (_, old), (at, new) in itertools.pairwise(moves):
        transition(world, deal, pipeline, old, new, at)


def transition(world: World, deal: Deal, pipeline: Pipeline, old: str, new: str, at: datetime) -> None:
    key = "|".join([world.key(deal.id), old, new, in_utc(at)])
    planted = _planted(world, deal)
    if old in ENDS or new in ENDS:
        planted.judge("regressed", key, False, near=old in ENDS)
        planted.judge("skipped_stage", key, False)
        return
    goes_back = pipeline.place(new) < pipeline.place(old)
    skipped = None if goes_back else pipeline.passed_over(old, new)
    planted.judge("regressed", key, goes_back, new, old)
    planted.judge("skipped_stage", key, skipped is not None, new, skipped)


def _disagrees(world: World, deal: Deal, pipeline: Pipeline, row_says: str) -> None:
    """Its row shows another stage than its log: that counts, since the extract; it is listed if the log is as new."""
    told = deal.stage
    deal.stage = deal.shown["stage"] = row_says
    transition(world, deal, pipeline, told, row_says, EXTRACTS[NEWEST])
    is_listed = row_says != told and not world.policy.log_lags
    judge(world, deal, "stage_disagrees_with_history", is_listed, row_says, told)


def _just_created(world: World, deal: Deal) -> None:
    """A deal of which only its newest row tells, created about now."""
    deal.first_shown = NEWEST
    is_given = world.delivers("deals.created_at")
    observed, allowed = in_utc(deal.created), in_utc(AS_OF)
    judge(world, deal, "created_in_future", is_given and deal.created > AS_OF, observed, allowed)
    if not is_given:
        deal.created = EXTRACTS[NEWEST]


def _without_history(world: World, deal: Deal, pipeline: Pipeline, stage: str) -> None:
    """A deal of which its row alone tells, in the same stage in every extract: nobody knows since when."""
    limit = max(pipeline.limit("stale_after_days", stage), pipeline.limit("max_days_in_stage", stage))
    deal.created, deal.stage = moment(max(30, world.near_or_over(limit, 30)), world.rng), stage
    judge(world, deal, "stuck_in_stage", False, None, None)
    if not world.delivers("deals.created_at"):
        deal.created = EXTRACTS[0]


def _estimated(world: World, deal: Deal) -> None:
    """A created date that is missing, or too long ago to be true: then its history tells when it came."""
    option = world.pick(*["given"] * 12, "", "1999-12-31 12:00:00")
    if option == "given" or not world.delivers("deals.created_at"):
        return
    deal.shown["created_at"] = option
    if option:
        unparseable(world, deal, "created_at", option)


def _touched(world: World, deal: Deal, pipeline: Pipeline) -> None:
    """Days in the present stage, and days since anything happened: a move, or an activity."""
    since = deal.moves[-1][0] if deal.moves else deal.created
    if deal.moves and deal.moves[-1][1] != deal.stage:
        since = EXTRACTS[NEWEST]
    days = touched = days_since(since)
    stale, stuck = pipeline.limit("stale_after_days", deal.stage), pipeline.limit("max_days_in_stage", deal.stage)
    called = max(0, world.near_or_over(stale))
    option = world.pick("call", "call", "none", "without time", "of an account too", "undone", "tomorrow")
    if world.delivers("activities") and called < days:
        at = moment(called, world.rng)
        about = {"deal": deal.id, "kind": world.pick("call", "note", "visit"), "direction": world.pick("inbound", "")}
        if option == "call":
            world.act(**about, completed=at)
        elif option == "of an account too":
            world.act(**about, account="acme", completed=at)
        elif option == "without time" and world.delivers("activities.due_at"):
            world.act(**about, due=at)
        elif option == "undone" and world.delivers("activities.due_at"):
            world.act(**about, due=at, is_done=False)
        elif option == "tomorrow":
            activity = world.act(**about, completed=AS_OF + world.pick(SECOND, DAY))
            plant_future_activity(world, activity.id, activity.completed)
        if option in ("call", "of an account too", "without time"):
            touched = called if option != "without time" or world.delivers("activities.due_at") else touched
    is_at_limit = touched in (stale, stale - 1)
    judge(world, deal, "stale_deal", touched > stale, touched, stale, near=is_at_limit)
    if deal.moves:
        judge(world, deal, "stuck_in_stage", days > stuck, days, stuck, near=days in (stuck, stuck - 1))


def _pushes_and_close_date(world: World, deal: Deal, pipeline: Pipeline) -> None:
    """The expected close date, and how often it was moved to a later day on its way there."""
    if not world.delivers("deals.expected_close_on"):
        return
    is_required = "expected_close_on" in pipeline.required(deal.stage)
    column = "close_on" if world.policy.has_one_close_date else "expected_close_on"
    option = world.pick("yesterday", "today", "today", "tomorrow", "first day", "none", "unreadable")
    known = {"yesterday": day(1), "today": TODAY, "tomorrow": TODAY + DAY, "first day": date(2000, 1, 1)}
    deal.expected = known.get(option)
    if option == "unreadable":
        deal.shown[column] = UNREADABLE_DAY
        unparseable(world, deal, column, UNREADABLE_DAY)
    if option == "first day":
        unparseable(world, deal, column, "2000-01-01", is_unread=False)
    judge(world, deal, "past_close_date", option in ("yesterday", "first day"), deal.expected, TODAY)
    is_missing = deal.expected is None and is_required
    judge(world, deal, "missing_close_date", is_missing, None, "an expected close date")
    if not deal.moves:
        return
    limit = pipeline.limit("max_close_date_pushes", deal.stage)
    pushes = 0 if option == "first day" else world.pick(limit, limit, limit + 1, limit + 1, limit + 4, 0)
    _moved_close_dates(world, deal, pushes)
    judge(world, deal, "pushed_too_often", pushes > limit, pushes, limit, near=pushes == limit)


def _moved_close_dates(world: World, deal: Deal, pushes: int) -> None:
    """Changes of the expected close date, with so many among them that move it later; they end in today's."""
    steps = ["later"] * pushes + ["earlier"] * world.rng.randrange(0, 3)
    world.rng.shuffle(steps)
    if deal.expected is None and steps:
        steps.append("emptied")
    value = deal.expected
    changes: list[tuple[date | None, date | None]] = []
    for step in reversed(steps):
        if step == "emptied":
            before = day(world.rng.randrange(0, 60))
        else:
            assert value is not None
            before = value - world.rng.randrange(1, 40) * DAY * (1 if step == "later" else -1)
        changes.insert(0, (before, value))
        value = before
    if changes and world.rng.random() < 0.4:
        changes.insert(0, (None, value))
    first = max(deal.created, AS_OF - 300 * DAY)
    span = (EXTRACTS[NEWEST] - first) / (len(changes) + 1)
    for number, (old, new) in enumerate(changes, 1):
        at = (first + span * number).replace(microsecond=0)
        deal.changes.append((at, "expected_close_on", old, new))


def _amount(world: World, deal: Deal, pipeline: Pipeline) -> None:
    """Empty, unreadable, nothing, a cent, a cent too little, or as usual."""
    if not world.delivers("deals.amount"):
        return
    option = world.pick(*["usual"] * 12, "none", "none", "unreadable", "zero", "cent", "negative", "changed")
    usual = usual_amount(world, deal)
    deal.amount = {
        "none": None,
        "unreadable": None,
        "zero": Decimal("0.00"),
        "cent": Decimal("0.01"),
        "negative": Decimal("-0.01"),
    }.get(option, usual)
    if option == "unreadable":
        deal.shown["amount"] = UNREADABLE_AMOUNT
        unparseable(world, deal, "amount", UNREADABLE_AMOUNT)
    if option == "changed" and deal.moves:
        at = deal.moves[-1][0] + SECOND
        deal.changes.append((at, "amount", usual + 10, usual))
    if option == "usual":
        world.probes.add(deal.id)
    is_required = "amount" in pipeline.required(deal.stage)
    judge(world, deal, "missing_amount", deal.amount is None and is_required, None, "an amount")
    _negative(world, deal, option)


def _negative(world: World, deal: Deal, option: str) -> None:
    is_negative = deal.amount is not None and deal.amount < 0
    judge(world, deal, "negative_amount", is_negative, deal.amount, 0, near=option in ("zero", "cent", "none"))


def is_flat(world: World, deal: Deal) -> bool:
    """Of a pipeline in which most amounts are the same, so that there is no spread to compare with."""
    return world.policy.is_flat and deal.pipeline == "Fast"


def usual_amount(world: World, deal: Deal) -> Decimal:
    if is_flat(world, deal):
        return Decimal("1000.00")
    return Decimal(world.rng.randrange(90_000, 160_000)) / 100


def _currency(world: World, deal: Deal) -> None:
    kinds = ("fresh", "as old as may be", "too old", "unknown")
    kind = OWN_CURRENCY if is_flat(world, deal) else world.pick(*[OWN_CURRENCY] * 6, *kinds)
    _in_currency(world, deal, kind, kind == "as old as may be")


def _in_currency(world: World, deal: Deal, kind: str, is_near: bool) -> None:
    deal.currency = kind if kind == OWN_CURRENCY else world.currency(kind)
    closed_on = deal.close_on if deal.stage in ENDS else None
    is_missing = deal.amount is not None and world.rate(deal.currency, closed_on or TODAY) is None
    near = is_near or (deal.amount is None and kind in ("too old", "unknown"))
    allowed = world.limits.max_rate_age_days
    judge(world, deal, "missing_exchange_rate", is_missing, deal.currency, allowed, near=near)


def _owner(world: World, deal: Deal, pipeline: Pipeline) -> None:
    if not world.delivers("deals.owner_id"):
        return
    deal.owner = world.pick("ann", "ann", "bob", "vague", "silent", "gone", "ghost", None)
    is_missing = deal.owner is None and "owner" in pipeline.required(deal.stage)
    judge(world, deal, "missing_owner", is_missing, None, "an owner")
    state = STATE_OF_OWNER.get(deal.owner or "")
    near = deal.owner in ("vague", "silent", None)
    judge(world, deal, "inactive_owner", state is not None and world.delivers("owners"), state, "active", near=near)
    if deal.moves and deal.owner and world.rng.random() < 0.15:
        deal.changes.append((deal.moves[-1][0] + 2 * SECOND, "owner_id", "gone", deal.owner))


def _account_and_others(world: World, deal: Deal, pipeline: Pipeline) -> None:
    """The account, and the fields that have no rule of their own."""
    required = pipeline.required(deal.stage)
    if world.delivers("deals.account_id"):
        deal.account = world.pick("acme", "acme", "globex", "plain", "unlisted", None)
        is_missing = deal.account is None and "account" in required
        judge(world, deal, "missing_account", is_missing, None, "an account")
    if not world.delivers("deals.deal_name") or world.rng.random() < 0.1:
        deal.name = None
    deal.lead_source = world.pick("fair", "web", None)
    if world.rng.random() < 0.4 and world.delivers("deals.lead_id"):
        deal.lead = world.pick("L0001", "L0002", "unlisted")
    has_lead = deal.lead is not None and deal.lead != "unlisted"
    filled = {
        "deal_name": deal.name is not None,
        "lead": has_lead,
        # its own, else its lead's
        "lead_source": deal.lead_source is not None or (has_lead and deal.lead == "L0001"),
        "segment": bool(ACCOUNTS.get(deal.account or "")),
    }
    can_be_had = {
        "deal_name": world.delivers("deals.deal_name"),
        "lead": world.delivers("deals.lead_id") or world.delivers("leads.converted_deal_id"),
    }
    demanded = [name for name in OTHER_FIELDS if name in required and can_be_had.get(name, True)]
    missing = [name for name in demanded if not filled[name]]
    observed, allowed = ", ".join(missing), ", ".join(demanded)
    judge(world, deal, "missing_required_field", bool(missing), observed, allowed, near=bool(demanded))


def _next_activity(world: World, deal: Deal) -> None:
    """Something to do on the as-of day or later; what is done, or has no day, does not count."""
    if not world.delivers("activities"):
        return
    has_due = world.delivers("activities.due_at")
    today = AS_OF - timedelta(minutes=30)  # the first moment of the as-of day
    option = world.pick("none", "yesterday", "today", "later", "later", "done", "undated")
    about = {"deal": deal.id, "kind": "task", "is_done": False, "first_shown": world.pick(NEWEST, NEWEST - 1)}
    if option == "yesterday":
        world.act(**about, due=today - SECOND)
    elif option == "today":
        world.act(**about, due=today)
    elif option == "later":
        world.act(**about, due=AS_OF + world.rng.randrange(1, 60) * DAY)
    elif option == "done" and has_due:
        # before it was due
        world.act(deal=deal.id, kind="task", due=AS_OF + DAY, completed=min(deal.created, AS_OF))
    elif option == "undated":
        world.act(**about)
    has_next = option in ("today", "later")
    near = option == "today"
    judge(world, deal, "no_next_activity", not has_next and has_due, None, TODAY, near=near or not has_due)


def _closing(world: World, deal: Deal, is_plain: bool) -> None:
    """When the CRM says it closed, beside what its log says, and its lead's age."""
    closing_at = deal.moves[-1][0]
    has_given_date = "created_at" not in deal.shown and world.delivers("deals.created_at")
    created_on = in_berlin(deal.created)
    options = {
        "as logged": in_berlin(closing_at),
        "before it was created": created_on - DAY,
        "the day it was created": created_on,
        "today": TODAY,
        "tomorrow": TODAY + DAY,
        "a second ahead": TODAY,
        "by the last rate": day(200 - world.limits.max_rate_age_days),
        "a day too late": day(200 - world.limits.max_rate_age_days - 1),
    }
    option = "as logged" if is_plain else world.pick("as logged", *options)
    deal.close_on = options[option]
    if not world.policy.has_one_close_date:
        # a time of that day in Berlin
        deal.closed_at = {
            "as logged": closing_at,
            "today": AS_OF,
            "a second ahead": AS_OF + SECOND,
        }.get(option, moment((TODAY - deal.close_on).days, world.rng) if deal.close_on < TODAY else AS_OF + DAY)
    is_future = option == "tomorrow" or (option == "a second ahead" and not world.policy.has_one_close_date)
    judge(world, deal, "closed_in_future", is_future, deal.close_on, TODAY, near=option in ("today", "a second ahead"))
    is_before = has_given_date and deal.close_on < created_on
    near = deal.close_on <= created_on
    judge(world, deal, "closed_before_created", is_before, deal.close_on, created_on, near=near)
    if not is_plain and world.rng.random() < 0.5 and world.delivers("deals.lead_id"):
        _lead(world, deal)


def _lead(world: World, deal: Deal) -> None:
    """The lead it came from came in before it closed, on that day, or after it; or nobody knows when."""
    assert deal.close_on is not None
    days_ago = (TODAY - deal.close_on).days + world.pick(-1, 0, 0, 1, 30)
    if days_ago < 1:
        return
    lead = plant_lead(world, created=moment(days_ago, world.rng), deal=deal)
    deal.lead = lead.id
    if lead.created is not None:
        created_on = in_berlin(lead.created)
        is_before = deal.close_on < created_on and "created_at" not in lead.shown and world.delivers("leads.created_at")
        judge(world, deal, "closed_before_lead", is_before, deal.close_on, created_on)


def _closed_amount(world: World, deal: Deal) -> None:
    if not world.delivers("deals.amount"):
        return
    option = world.pick(*["usual"] * 5, "none", "zero", "cent", "negative")
    known = {"none": None, "zero": Decimal("0.00"), "cent": Decimal("0.01"), "negative": Decimal("-0.01")}
    deal.amount = known.get(option, usual_amount(world, deal))
    is_nothing = option in ("none", "zero")
    is_broken = deal.stage == "Won" and is_nothing
    judge(world, deal, "won_without_amount", is_broken, deal.amount, "more than 0", near=option != "usual")
    _negative(world, deal, option)


def _closed_currency(world: World, deal: Deal) -> None:
    own, foreign = (OWN_CURRENCY, OWN_CURRENCY), ("once", "once", "fresh", "unknown")
    kind = OWN_CURRENCY if is_flat(world, deal) else world.pick(*own, *foreign)
    assert deal.close_on is not None
    is_near = kind == "once" and deal.close_on == day(200 - world.limits.max_rate_age_days)
    _in_currency(world, deal, kind, is_near)
