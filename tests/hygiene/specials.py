"""What takes more than one record to plant: curves, duplicates, outliers, deletions, first closes that stand."""

from __future__ import annotations

import itertools
import math
from datetime import datetime
from decimal import Decimal
from statistics import median

from tests.hygiene.calendar import AS_OF, DAY, EXTRACTS, NEWEST, SECOND, TODAY, days_since, in_berlin, moment
from tests.hygiene.deals import UNCONFIGURED, closed_deal, judge, open_deal, path, transition, usual_amount
from tests.hygiene.leads import DELETED, NAMED_BY_LEADS
from tests.hygiene.limits import WITHOUT_HISTORY
from tests.hygiene.policies import Pipeline, Stage
from tests.hygiene.records import ENDS, Deal
from tests.hygiene.world import World

CENT = Decimal("0.01")
#: Of each record only these rules speak, whatever became of it: they are about its rows.
OF_ROWS = ("unparseable_value", "duplicate_key", "missing_key")


def plant_visits(world: World) -> None:
    """Stages whose limits are learnt from visits: thirty of which more than nine in ten have ended, and near misses."""
    pipeline = world.pipelines["Fast"]
    p90 = world.rng.randrange(5, 25)
    pipeline.p90["Thirty"] = p90
    short = [world.rng.randrange(1, p90) for _ in range(26)]
    _stays(world, pipeline, "Thirty", [*short, p90, p90], [p90, p90 + 1])
    limit = WITHOUT_HISTORY["max_days_in_stage"]
    _stays(world, pipeline, "Twenty-nine", [*short, p90], [limit, limit + 1])
    _stays(
        world, pipeline, "Unending", short[:10], [limit, limit + 1, *(world.rng.randrange(1, 90) for _ in range(18))]
    )


def _stays(world: World, pipeline: Pipeline, stage: str, ended: list[int], still_open: list[int]) -> None:
    for days in ended:
        left = world.rng.randrange(1, 60)
        moves = [(moment(left + days, world.rng), stage), (moment(left, world.rng), world.pick(*ENDS))]
        closed_deal(world, pipeline, moves)
    for days in still_open:
        open_deal(world, pipeline, [(moment(days, world.rng), stage)])


def plant_amounts(world: World) -> None:
    """A pipeline of its own with thirty positive amounts, or one too few, and one that stands far out."""
    pipeline = world.pipelines["Thin"] = Pipeline(
        "Thin", [Stage("First", "contact"), Stage("Second", "demo")], world.limits, after_close="keep_first"
    )
    amounts = [Decimal(world.rng.randrange(90_000, 160_000)) / 100 for _ in range(28 + world.seed % 2)]
    for amount in [*amounts, Decimal("9000000.00")]:
        left = world.rng.randrange(1, 60)
        moves = [(moment(left + 3, world.rng), "First"), (moment(left, world.rng), "Won")]
        deal = _plain_win(world, pipeline, moves)
        deal.amount = amount if world.delivers("deals.amount") else None
    for at_close, later in [("0.00", "500.00"), ("-5.00", "0.00"), (None, "500.00")]:
        _first_close_stands(world, pipeline, at_close, later)


def _plain_win(world: World, pipeline: Pipeline, moves: list[tuple[datetime, str]]) -> Deal:
    deal = world.new_deal(pipeline.name, moves[0][0], moves=moves, stage="Won", currency="EUR", owner="ann")
    closing_at = next(at for at, stage in moves if stage == "Won")
    deal.closed_at, deal.close_on = closing_at, in_berlin(closing_at)
    return deal


def _first_close_stands(world: World, pipeline: Pipeline, at_close: str | None, later: str) -> None:
    """Won, then taken up again, moved back and changed, which nobody looks at: it is as it was at its first close."""
    left = world.rng.randrange(10, 60)
    days = [(left + 3, "First"), (left + 1, "Second"), (left, "Won"), (left - 3, "Second"), (left - 5, "First")]
    moves = [(moment(ago, world.rng), stage) for ago, stage in days]
    deal = _plain_win(world, pipeline, moves)
    for (_, old), (at, new) in itertools.pairwise(moves):
        transition(world, deal, pipeline, old, new, at)
    transition(world, deal, pipeline, "Second", "First", moves[4][0])
    world.of_record[deal.id].spare("regressed")
    world.reopened.add(deal.id)
    if not world.delivers("deals.amount"):
        return
    then = None if at_close is None else Decimal(at_close)
    deal.amount = Decimal(later)
    deal.changes = [(moves[4][0] + SECOND, "amount", then, deal.amount)]
    judge(world, deal, "won_without_amount", not then, then, "more than 0")
    judge(world, deal, "negative_amount", then is not None and then < 0, then, 0)


def plant_outliers(world: World) -> None:
    """Amounts a cent within and a cent beyond what the spread of their pipeline allows, when all others are known."""
    for pipeline in world.pipelines.values():
        limit = int(pipeline.limits.get("max_amount_deviations", world.limits.max_amount_deviations))
        deals = [deal for deal in world.deals if deal.pipeline == pipeline.name and deal.id not in world.deleted]
        probes = [deal for deal in deals if deal.currency == "EUR" and deal.id in world.probes][:4]
        for number, deal in enumerate(probes):
            deal.amount = Decimal("9000000.00") if number % 2 == 0 else Decimal("0.01")
        amounts = {
            deal.id: amount
            for deal in deals
            if (amount := world.in_reporting_currency(deal, deal.close_on if deal.stage in ENDS else None)) is not None
            and amount > 0
            and deal.id not in world.reopened
        }
        if not amounts:
            continue
        middle = median(math.log(amount) for amount in amounts.values())
        spread = 1.4826 * median(abs(math.log(amount) - middle) for amount in amounts.values())
        is_comparable = len(amounts) >= 30 and spread > 0
        high, low = math.exp(middle + limit * spread), math.exp(middle - limit * spread)
        cents = [math.floor(high * 100), math.ceil(low * 100), math.ceil(high * 100), math.floor(low * 100)]
        for deal, in_cents in zip(probes, cents, strict=False):
            if is_comparable and in_cents > 0:
                deal.amount = amounts[deal.id] = (Decimal(in_cents) / 100).quantize(CENT)
        for deal in deals:
            if deal.id in amounts:
                deviation = math.log(amounts[deal.id]) - middle
                is_far = abs(deviation) > limit * spread
                bound = round(high if deviation > 0 else low, 2)
                near = deal in probes or (is_far and not is_comparable)
                judge(world, deal, "amount_outlier", is_far and is_comparable, amounts[deal.id], bound, near=near)


def plant_duplicates(world: World) -> None:
    """Open deals of one account, name and amount, and pairs that differ in one thing, or have nothing to agree in."""
    pipeline = world.pipelines["Sales"]
    same: dict[str, object] = {"name": "Twins", "account": "acme", "amount": Decimal("777.00"), "currency": "EUR"}
    _alike(world, pipeline, [same, same, same], True)
    others: list[dict[str, object]] = [
        {"name": "Twins, again"},
        {"account": "globex"},
        {"amount": Decimal("777.01")},
        {"currency": world.foreign},
    ]
    for number, other in enumerate(others):
        base = {**same, "name": f"Twins {number}"}
        is_unseen = "currency" in other and not world.delivers("deals.currency")
        _alike(world, pipeline, [base, {**base, **other}], is_unseen)
    nothings: list[dict[str, object]] = [{"name": ""}, {"account": None}, {"amount": None}]
    for number, nothing in enumerate(nothings):
        empty = {**same, "name": f"Twins of nothing {number}", **nothing}
        _alike(world, pipeline, [empty, empty], False)
    won = {**same, "name": "Twins, one won"}
    _alike(world, pipeline, [won], False)
    closed = closed_deal(world, pipeline)
    closed.name, closed.account, closed.amount = "Twins, one won", "acme", Decimal("777.00")
    world.of_record[closed.id].forget("won_without_amount", "negative_amount", "missing_exchange_rate")
    closed.currency = "EUR"
    if not world.delivers("deals.amount"):
        closed.amount = None


def _alike(world: World, pipeline: Pipeline, wanted: list[dict[str, object]], is_one: bool) -> None:
    made = []
    created = moment(world.rng.randrange(20, 90), world.rng)
    for about, days_older in zip(wanted, world.rng.sample([0, 0, 1], 3), strict=False):
        at = created - days_older * DAY
        moves = [(at, "New"), (moment(world.rng.randrange(1, 15), world.rng), world.pick("New", "Talk"))]
        deal = open_deal(world, pipeline, moves if moves[1][1] == "Talk" else moves[:1])
        planted = world.of_record[deal.id]
        world.probes.discard(deal.id)
        # what this pair is about stands instead of what was drawn
        deal.shown.pop("amount", None)
        deal.shown.pop("created_at", None)
        deal.changes = [change for change in deal.changes if change[1] != "amount"]
        planted.forget(
            "missing_amount", "negative_amount", "missing_exchange_rate", "missing_account", "missing_required_field"
        )
        planted.forget_cells("amount", "created_at")
        for name, value in about.items():
            setattr(deal, name, value)
        if deal.currency == world.foreign:
            judge(world, deal, "missing_exchange_rate", False, None, None)
        if not world.delivers("deals.amount"):
            deal.amount = None
        required = pipeline.required(deal.stage)
        if deal.account is None and "account" in required and world.delivers("deals.account_id"):
            judge(world, deal, "missing_account", True, None, "an account")
        if not deal.name and "deal_name" in required and world.delivers("deals.deal_name"):
            judge(world, deal, "missing_required_field", True, "deal_name", "deal_name")
        made.append(deal)
    oldest = min(made, key=lambda deal: (deal.created, deal.id))
    applies = (
        world.delivers("deals.account_id") and world.delivers("deals.deal_name") and world.delivers("deals.amount")
    )
    for deal in made:
        is_broken = is_one and applies and deal is not oldest
        judge(world, deal, "duplicate_deal", is_broken, world.key(oldest.id), 1)


def plant_disagreements(world: World) -> None:
    """Rows that show another stage than the log's last word."""
    pipeline = world.pipelines["Sales"]
    for _ in range(4):
        stage, other = world.rng.sample([one.name for one in pipeline.stages], 2)
        open_deal(world, pipeline, path(world, pipeline, stage), row_says=other)


def plant_unconfigured(world: World) -> None:
    """Deals in a stage the configuration does not know, or in none, and which want nothing else."""
    for stage in (UNCONFIGURED, UNCONFIGURED, ""):
        is_named = stage == UNCONFIGURED
        moves = [(moment(3, world.rng), "New"), (moment(1, world.rng), stage)] if is_named else []
        # of a deal without any date the first extract is the first that is known
        first = moment(29, world.rng) if world.delivers("deals.created_at") else EXTRACTS[0]
        created = moves[0][0] if is_named else first
        deal = world.new_deal("Sales", created, moves=moves, stage=stage, account="acme", currency="EUR")
        deal.owner, deal.lead_source, deal.expected = "ann", "fair", TODAY
        deal.amount = usual_amount(world, deal) if world.delivers("deals.amount") else None
        deal.lead = "L0001" if world.delivers("deals.lead_id") else None
        if world.delivers("activities.due_at"):
            world.act(deal=deal.id, kind="task", due=AS_OF + DAY, is_done=False)
        judge(world, deal, "unmapped_stage", is_named, stage, "a configured stage")
        if not is_named:
            limit = world.pipelines["Sales"].limit("stale_after_days", stage)
            judge(world, deal, "stale_deal", limit < days_since(created), days_since(created), limit)
    # the first of them is no more
    deal = world.deals[-3]
    _delete(world, deal, NEWEST, is_flagged=True)


def plant_new_deals(world: World) -> None:
    """Deals created at the very moment of the night, and after it."""
    for created in (AS_OF - SECOND, AS_OF, AS_OF + SECOND, AS_OF + 3 * DAY):
        open_deal(world, world.pipelines["Small"], created=created)
    deleted = open_deal(world, world.pipelines["Small"], created=AS_OF + DAY)
    _delete(world, deleted, NEWEST, is_flagged=True)


def plant_deletions(world: World) -> None:
    """Flagged, gone, merged; and what only seemed to go."""
    sales, small = world.pipelines["Sales"], world.pipelines["Small"]
    world.reserved.append(NAMED_BY_LEADS)
    open_deal(world, small)
    world.reserved.append(DELETED)
    _delete(world, open_deal(world, small), NEWEST, is_flagged=True)
    for extract in (NEWEST, NEWEST, NEWEST, NEWEST - 1, NEWEST - 1):
        deal = _any_deal(world, world.pick(sales, sales, small))
        _delete(world, deal, extract, is_flagged=world.pick(True, False))
    for _ in range(3):
        # whose fields would be missing in the last stage
        last = sales.stages[-1].name
        _delete(world, open_deal(world, sales, [(moment(40, world.rng), last)]), NEWEST, is_flagged=True)
    other = open_deal(world, sales, path(world, sales, "New"), row_says="Offer")
    _delete(world, other, NEWEST, is_flagged=True)
    absent = _any_deal(world, small, at_least=NEWEST - 2)
    absent.absent = {NEWEST - 1}
    judge(world, absent, "deleted_deal", False, None, None)
    _merge(world, small)


def _any_deal(world: World, pipeline: Pipeline, at_least: int | None = None) -> Deal:
    """`at_least`: old enough to stand in this extract."""
    while True:
        deal = open_deal(world, pipeline) if world.rng.random() < 0.7 else closed_deal(world, pipeline, is_plain=True)
        if at_least is None or deal.is_in(at_least):
            return deal


def _delete(world: World, deal: Deal, extract: int, is_flagged: bool) -> None:
    planted = world.of_record[deal.id]
    world.deleted.add(deal.id)
    planted.spare_but(*OF_ROWS)
    if is_flagged or not deal.is_in(extract - 1):
        deal.flagged = set(range(extract, NEWEST + 1))
        extract = next(number for number in sorted(deal.flagged) if deal.is_in(number))
    else:
        deal.absent = set(range(extract, NEWEST + 1))
        # what its last row would have shown is not there to be read
        planted.forget(*OF_ROWS)
    judge(world, deal, "deleted_deal", True, in_berlin(EXTRACTS[extract]), "present")


def _merge(world: World, pipeline: Pipeline) -> None:
    """Gone because it lives on in another one."""
    survivor, merged = _any_deal(world, pipeline), _any_deal(world, pipeline, at_least=NEWEST - 1)
    survivor.merged_ids, merged.absent = merged.id, {NEWEST}
    world.deleted.add(merged.id)
    for activity in world.activities:
        if activity.deal == merged.id:
            # or it would be one of the survivor's
            activity.deal, activity.account = None, "acme"
    planted = world.of_record[merged.id]
    planted.forget(*OF_ROWS)
    planted.spare_but()
    judge(world, merged, "deleted_deal", False, None, None)
