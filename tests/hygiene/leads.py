"""Leads put together from aspects as deals are (deals.py), and what was done about them."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.hygiene.calendar import AS_OF, DAY, EXTRACTS, NEWEST, SECOND, days_since, in_utc, moment
from tests.hygiene.planted import Planted
from tests.hygiene.records import Activity, Deal, Lead, shown_from
from tests.hygiene.world import STATE_OF_OWNER, World

CLOSED = ("converted", "rejected")
#: The deals that leads say they became.
NAMED_BY_LEADS, DELETED = "D-named", "D-deleted"
UNREADABLE_MOMENT = "in spring"
RESPONSES = ("call", "email", "E-Mail", "meeting")


def plant_lead(world: World, created: datetime | None = None, deal: Deal | None = None) -> Lead:
    """A lead with every aspect; `deal`: the one that names it."""
    at = created or _created(world)
    lead = Lead(world.next_id("L", world.leads), at)
    world.leads.append(lead)
    planted = world.of_record[lead.id] = Planted()
    lead.email, lead.lead_source = f"{lead.id.lower()}@example.com", world.pick("ads", None)
    lead.owner = world.pick("ann", "bob", "vague", "gone", "ghost", None) if world.delivers("leads.owner_id") else None
    lead.status = world.pick("new", "working", "working", "converted", "rejected")
    if world.delivers("leads.created_at") and world.rng.random() < 0.12:
        lead.first_shown = world.pick(0, NEWEST)
        lead.shown["created_at"] = world.pick("", UNREADABLE_MOMENT)
        if lead.shown["created_at"]:
            key = f"{world.name}:leads:{lead.id}:created_at"
            planted.judge("unparseable_value", key, True, UNREADABLE_MOMENT, "created_at")
    done = _activities(world, lead, at) if world.delivers("activities") else []
    _answered(world, lead, done)
    is_converted = _converted(world, lead, deal)
    is_open = not is_converted and lead.status not in CLOSED
    _alive(world, lead, done, is_open)
    state = STATE_OF_OWNER.get(lead.owner or "")
    is_idle = state is not None and is_open and world.delivers("owners")
    near = not is_open or lead.owner in ("vague", None)
    planted.judge("inactive_owner", world.key(lead.id), is_idle, state, "active", near=near)
    return lead


def _created(world: World) -> datetime:
    option = world.pick("SLA", "SLA", "dead", "dead", "recent", "long ago")
    if option == "SLA":
        return AS_OF - _sla(world) + world.pick(-1, 0, 1) * SECOND
    days = {"dead": world.limits.dead_lead_after_days + world.pick(-1, 0, 0, 1), "recent": world.rng.randrange(2, 60)}
    return moment(days.get(option, world.rng.randrange(100, 300)), world.rng)


def _sla(world: World) -> timedelta:
    return timedelta(hours=world.limits.lead_response_sla_hours)


def is_dated(world: World, lead: Lead) -> bool:
    """Whether its CRM says when it came in."""
    return world.delivers("leads.created_at") and "created_at" not in lead.shown


def _activities(world: World, lead: Lead, created: datetime) -> list[Activity]:
    """What was done: answers in time and late, and much that is no answer."""
    done = []
    sla, dead_after = _sla(world), world.limits.dead_lead_after_days
    late = world.pick(sla, sla, sla + SECOND, sla + SECOND, sla - SECOND, timedelta(0), timedelta(hours=50))
    options = {
        "answer": {
            "kind": world.pick(*RESPONSES),
            "direction": world.pick("", "outbound"),
            "completed": created + late,
        },
        "inbound": {"kind": "call", "direction": "inbound", "completed": created + timedelta(hours=1)},
        "note": {"kind": "note", "completed": created + timedelta(hours=1)},
        "before": {"kind": "call", "completed": created - SECOND},
        "undone": {"kind": "call", "due": created + timedelta(hours=1), "is_done": False},
        "ahead": {"kind": "call", "completed": AS_OF + SECOND},
        "this night": {"kind": "call", "completed": AS_OF},
        "touch": {"kind": "note", "completed": moment(dead_after + world.pick(-1, 0, 1, 1), world.rng)},
    }
    for name in world.rng.sample(sorted(options), world.rng.randrange(0, 3)):
        said = options[name]
        if name == "undone" and not world.delivers("activities.due_at"):
            continue
        if name == "answer" and created + late > AS_OF:
            continue
        activity = world.act(lead=lead.id, **said)
        plant_future_activity(world, activity.id, activity.completed)
        done.append(activity)
    return done


def plant_future_activity(world: World, activity_id: str, at: datetime | None) -> None:
    is_future = at is not None and at > AS_OF
    observed = in_utc(at) if at else None
    is_at_limit = at == AS_OF
    world.planted.judge(
        "future_activity_done", world.key(activity_id), is_future, observed, in_utc(AS_OF), near=is_at_limit
    )


def _answered(world: World, lead: Lead, done: list[Activity]) -> None:
    answers = [
        one.completed
        for one in done
        if one.completed is not None
        and lead.created <= one.completed <= AS_OF
        and one.kind in RESPONSES
        and one.direction != "inbound"
    ]
    waited = min(answers, default=AS_OF) - lead.created
    hours = round(waited / timedelta(hours=1), 2)
    applies = is_dated(world, lead) and world.delivers("activities")
    sla = _sla(world)
    is_late, near = applies and waited > sla, not applies or waited == sla
    allowed = sla / timedelta(hours=1)
    world.of_record[lead.id].judge("unanswered_lead", world.key(lead.id), is_late, hours, allowed, near=near)


def _converted(world: World, lead: Lead, deal: Deal | None) -> bool:
    """Converted by its status, or by a deal that names it or is named by it."""
    can_name = world.delivers("leads.converted_deal_id")
    option = world.pick("none", "none", "no such deal", "a deal", "a deleted deal") if can_name else "none"
    is_linked = deal is not None
    if option == "no such deal":
        lead.deal = "D-unknown"
    elif option == "a deal":
        lead.deal = NAMED_BY_LEADS
    elif option == "a deleted deal":
        lead.deal = DELETED
    is_named = lead.deal == NAMED_BY_LEADS
    is_converted = lead.status == "converted" or is_linked or is_named
    applies = can_name or world.delivers("deals.lead_id")
    is_broken = is_converted and not is_linked and not is_named and applies
    observed = world.key(lead.deal) if lead.deal else None
    near = is_converted or lead.deal is not None
    world.of_record[lead.id].judge(
        "converted_without_deal", world.key(lead.id), is_broken, observed, "a deal in the extract", near=near
    )
    return is_converted


def _alive(world: World, lead: Lead, done: list[Activity], is_open: bool) -> None:
    """Days since it came in or anything was done about it."""
    created = lead.created
    if not is_dated(world, lead):
        if not world.delivers("leads.created_at"):
            lead.first_shown = shown_from(created)
        signs = [at for one in done for at in (one.completed, one.due) if at is not None]
        delivered = next(at for number, at in enumerate(EXTRACTS) if lead.is_in(number))
        created = min([*signs, delivered])
    lead.known_since = created
    touches = [one.completed for one in done if one.completed is not None and one.completed <= AS_OF]
    days = days_since(max([created, *touches]))
    limit = world.limits.dead_lead_after_days
    is_dead = is_open and days > limit
    world.of_record[lead.id].judge("dead_lead", world.key(lead.id), is_dead, days, limit, near=days >= limit)


def plant_duplicate_leads(world: World) -> None:
    """Leads of one e-mail, however it is written; others' only look alike."""
    _of_one_email(world, ["Twice@Example.com", " twice@example.COM ", "twice@example.com"], True)
    _of_one_email(world, ["some.one@example.com", "someone@example.com"], False)
    _of_one_email(world, ["", "   "], False)
    deleted, _ = _of_one_email(world, ["deleted@example.com", "deleted@example.com"], False)
    deleted.is_deleted = True
    for activity in world.activities:
        if activity.lead == deleted.id:
            plant_orphan(world, activity, True, world.key(deleted.id))
    world.of_record[deleted.id].spare("inactive_owner", "unanswered_lead", "dead_lead", "converted_without_deal")


def _of_one_email(world: World, emails: list[str], is_one: bool) -> list[Lead]:
    created = moment(world.rng.randrange(3, 60), world.rng)
    days_older = world.rng.sample([0, 0, 1], 3)
    leads = [plant_lead(world, created - days * DAY) for days, _ in zip(days_older, emails, strict=False)]
    oldest = min(leads, key=lambda lead: (lead.known_since, lead.id))
    for lead, email in zip(leads, emails, strict=True):
        lead.email = email
        is_broken = is_one and lead is not oldest and world.delivers("leads.email")
        observed = world.key(oldest.id)
        world.of_record[lead.id].judge("duplicate_lead", world.key(lead.id), is_broken, observed, 1)
    return leads


def plant_activities(world: World) -> None:
    """Activities of records that are there, of some that are not, and of none."""
    if not world.delivers("activities"):
        return
    deleted_lead = next(lead.id for lead in world.leads if lead.is_deleted)
    links: list[tuple[dict[str, str], bool]] = [
        ({}, True),
        ({"deal": "D-unknown"}, True),
        ({"lead": "L-unknown"}, True),
        ({"lead": deleted_lead}, True),
        ({"account": "unlisted"}, True),
        ({"deal": "D-unknown", "lead": "L-unknown", "account": "unlisted"}, True),
        ({"deal": DELETED}, False),
        ({"account": "plain"}, False),
        ({"deal": "D-unknown", "account": "acme"}, False),
        ({"deal": "D-unknown", "lead": "L0001"}, False),
        ({"deal": NAMED_BY_LEADS, "lead": "L-unknown"}, False),
    ]
    for named, is_orphan in links:
        # nothing that touches a deal or answers a lead
        activity = world.act(kind="note", direction="inbound", is_done=False, **named)
        observed = next((world.key(record) for record in named.values()), "no link")
        plant_orphan(world, activity, is_orphan, observed)
    for at in (AS_OF, AS_OF + SECOND):
        activity = world.act(kind="note", account="acme", completed=at)
        plant_future_activity(world, activity.id, at)
    if world.delivers("activities.due_at"):
        # without a time of its own it was done when due, at the latest when first shown as done
        activity = world.act(kind="note", account="acme", due=AS_OF + DAY)
        world.planted.judge("future_activity_done", world.key(activity.id), False)


def plant_orphan(world: World, activity: Activity, is_orphan: bool, observed: str) -> None:
    world.planted.judge("orphan_activity", world.key(activity.id), is_orphan, observed, "a deal, lead or account")
