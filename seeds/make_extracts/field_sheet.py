"""field_sheet: the tabs of a spreadsheet that a field team keeps, saved as text by Excel every evening.

Semicolons (tabs for the leads), dd.mm.yyyy in Berlin, no history. Visits are incremental, all else is full.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from seeds.make_extracts.business import Account, Deal, Lead, Owner, Record, Version, World
from seeds.make_extracts.clock import BERLIN, NEWEST, berlin_day
from seeds.make_extracts.delivery import Dialect, Extract, Night, Table, nights
from seeds.make_extracts.money import costs, invoiced
from seeds.make_extracts.tenders import tenders

_SHEET = Dialect(delimiter=";", line_end="\r\n")
_SHEET_WITH_MARK = Dialect(delimiter=";", line_end="\r\n", byte_order_mark=True)
_TABBED = Dialect(delimiter="\t", line_end="\r\n")
_CLOSED_PHASES = {"won": "Sold", "lost": "No deal"}
#: Currency → (EUR per unit at the first day, its swing). NOK is no longer followed since NOK_UNTIL.
_RATES = {"USD": (0.93, 0.05), "GBP": (1.18, 0.02)}
_NOK_DAYS = [date(2024, 6, 28) + timedelta(days=61 * place) for place in range(7)] + [date(2025, 8, 29)]


#: Where a customer sits → the region it is sold from. Of the last night on Boston is nobody's west any more.
_REGIONS = {
    "Berlin": "Ost",
    "Boston": "West",
    "Göteborg": "Nord",
    "Hamburg": "Nord",
    "Helsinki": "Nord",
    "Köln": "West",
    "Leeds": "West",
    "München": "Süd",
    "Tampere": "Nord",
    "Wien": "Süd",
    "Zürich": "Süd",
}


def give_ids(world: World, rng: random.Random) -> None:
    """Numbers with a letter, in the order of entry; nobody leaves gaps in a sheet."""
    del rng  # the others need it
    for records in (world.accounts, world.leads, world.deals, world.activities):
        records.sort(key=lambda record: record.created_at)
    numbered: tuple[tuple[str, Sequence[Record]], ...] = (
        ("C-{:03d}", world.accounts),
        ("L-{:05d}", world.leads),
        ("F-{:04d}", world.deals),
        ("V-{:05d}", world.activities),
        ("R{:02d}", world.owners),
    )
    for form, records_of_kind in numbered:
        for place, record in enumerate(records_of_kind, start=1):
            record.id = form.format(place)


def extracts(world: World) -> Iterator[Extract]:
    """All files of all nights."""
    files = (
        ("opportunities", "deals", "csv.gz", _SHEET, _opportunities),
        ("leads", "leads", "tsv.gz", _TABBED, _leads),
        ("visits", "activities", "csv.gz", _SHEET, _visits),
        ("reps", "owners", "csv", _SHEET_WITH_MARK, _reps),
        ("customers", "accounts", "csv", _SHEET, _customers),
        ("rates", "exchange_rates", "csv", _SHEET, _rates),
        ("revenue", "revenue", "csv.gz", _SHEET, _revenue),
        ("spend", "spend", "csv", _SHEET, _spend),
    )
    source = world.business.name
    for night in nights(BERLIN):
        for feed, entity, ending, dialect, table in files:
            if feed == "spend" and night.day == NEWEST:
                continue  # the bookkeeper is on holiday
            path = f"{source}/{feed}_{night.day}.{ending}"
            yield Extract(source, feed, entity, night.day, path, dialect, table(world, night))
    yield from tenders(world)


def _time(moment: datetime | None) -> str:
    return moment.astimezone(BERLIN).strftime("%d.%m.%Y %H:%M") if moment else ""


def _day(day: date | None) -> str:
    return day.strftime("%d.%m.%Y") if day else ""


def _money(amount: Decimal | None) -> str:
    return f"{amount:.2f}" if amount is not None else ""


def _id(record: Owner | Account | Lead | Deal | None) -> str:
    return record.id if record else ""


def _phase(version: Version) -> str:
    return _CLOSED_PHASES.get(version.status, version.stage)


def _opportunities(world: World, night: Night) -> Table:
    shown = [deal for deal in world.deals if deal.is_exported(night.day)]
    first: dict[str, Deal] = {}
    for deal in sorted(world.deals, key=lambda deal: deal.created_at):
        first.setdefault(_id(deal.account), deal)
    return Table.of(
        _opportunity(deal, version, night)
        | {
            "Region": _region(deal, night),
            "Renewal?": "" if deal.account is None else "nein" if first[_id(deal.account)] is deal else "ja",
        }
        for deal in shown
        if (version := deal.at(night.now))
    )


def _region(deal: Deal, night: Night) -> str:
    if deal.account is None:
        return ""
    return "Overseas" if deal.account.city == "Boston" and night.day == NEWEST else _REGIONS[deal.account.city]


def _opportunity(deal: Deal, version: Version, night: Night) -> dict[str, str]:
    return {
        "Deal No": deal.id,
        "Customer Project": deal.name,
        "Customer": _id(deal.account),
        "Lead No": _id(deal.lead),
        "Rep": _id(version.owner),
        "Phase": _phase(version),
        "Value": deal.written("amount", _money(version.amount), night.day),
        "Currency": deal.currency,
        "Opened": deal.written("created_at", _day(berlin_day(deal.created_at)), night.day),
        "Closing": deal.written("close_on", _day(version.close_on), night.day),
        "Why lost": version.lost_reason or "",
        "Found via": deal.source or "",
        "Remarks": deal.note,
    }


def _leads(world: World, night: Night) -> Table:
    return Table.of(
        {
            "Lead No": lead.id,
            "Contact": f"{lead.first_name} {lead.last_name}",
            "Firm": lead.company,
            "E-Mail": lead.email,
            "Rep": _id(lead.owner),
            "Found via": lead.source or "",
            "State": lead.status_at(night.now),
            "Received": lead.written("created_at", _time(lead.created_at), night.day),
            "Remarks": lead.note,
        }
        for lead in world.leads
        if lead.created_at < night.now
    )


def _visits(world: World, night: Night) -> Table:
    return Table.of(
        {
            "Visit No": visit.id,
            "When": visit.written("completed_at", _time(visit.done_at), night.day),
            "Rep": _id(visit.owner),
            "Deal No": visit.deal.id if visit.deal else visit.stray_deal_id,
            "Lead No": visit.lead.id if visit.lead else visit.stray_lead_id,
            "Notes": visit.subject_at(night.now),
            "Entered on": _day(berlin_day(visit.created_at)),
        }
        for visit in world.activities
        if visit.changed_between(night.previous, night.now)
    )


def _reps(world: World, night: Night) -> Table:
    regions = ("Nord", "Süd", "West", "Ost")
    return Table.of(
        {
            "Rep": owner.id,
            "Name": owner.name,
            "Active": owner.written("is_active", str(owner.is_active).upper(), night.day),
            "Region": regions[place % 4],
        }
        for place, owner in enumerate(world.owners)
    )


def _customers(world: World, night: Night) -> Table:
    return Table.of(
        {
            "Customer": account.id,
            "Name": account.name,
            "Branch": account.segment or "",
            "Town": account.city,
            "Rep": account.owner.id,
        }
        for account in world.accounts
        if account.created_at < night.now
    )


def _rates(_: World, night: Night) -> Table:
    """Fridays' rates for USD and GBP, and some days' for NOK."""
    rows = []
    friday = date(2024, 6, 28)
    while friday < night.day:
        weeks = (friday - date(2024, 6, 28)).days / 7
        for currency, (start, swing) in _RATES.items():
            rows.append([_day(friday), currency, f"{start + swing * math.sin(weeks / 9) - swing * weeks / 80:.4f}"])
        friday += timedelta(days=7)
    rows += [[_day(on), "NOK", f"{0.0875 - 0.0004 * place:.4f}"] for place, on in enumerate(_NOK_DAYS)]
    return Table(["Date", "Currency", "EUR per unit"], rows)


def _revenue(world: World, night: Night) -> Table:
    """The bookkeeper's list: a day, and for a yearly fee the first and last day it pays for."""
    return Table.of(
        {
            "Customer": line.account.id,
            "Invoice": line.number,
            "Invoiced": _day(line.on),
            "From": _day(line.on if line.until else None),
            "To": _day(line.until),
            "Net": _money(line.amount),
            "Currency": line.currency,
        }
        for line in invoiced(world)
        if line.on < night.day
    )


def _spend(world: World, night: Night) -> Table:
    """A month to a row, all of it in euros at the bank's rate of that day."""
    return Table.of(
        {
            "Month": f"{cost.month:%Y-%m}",
            "Cost": _money(cost.amount),
            "Found via": cost.channel,
            "Branch": cost.segment,
            "Rep": _id(cost.owner),
            "Remarks": "" if cost.channel else "agency",
        }
        for cost in costs(world)
        if cost.month < night.day and cost.currency == "EUR"
    )
