"""The team in Zoho CRM: a CSV for each module, and the module of stage history."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from seeds.make_vendor_extracts.business import Activity, Business, Deal, business

STAGES = (
    "Qualification",
    "Needs Analysis",
    "Value Proposition",
    "Identify Decision Makers",
    "Proposal/Price Quote",
    "Negotiation/Review",
)
PROBABILITY = (10, 20, 40, 60, 75, 90)
ENDS = {"won": ("Closed Won", 100), "lost": ("Closed Lost", 0)}
SEED = 7001


def zoho() -> Business:
    """Who and what this account knows."""
    return business(SEED, len(STAGES))


def files(made: Business, night: datetime) -> dict[str, bytes]:
    """Its exports of one night, by name."""
    day = f"{night:%Y_%m_%d}"
    deals = [deal for deal in made.deals if deal.created < night]
    acts = [one for one in made.activities if one.created < night]
    return {
        f"Users_{day}.csv": _csv(
            ("Record Id", "First Name", "Last Name", "Full Name", "Email", "Status"),
            (
                (_id(9, one.number), one.first, one.last, one.name, f"{one.first.lower()}@crm.example", _active(one))
                for one in made.owners
            ),
        ),
        f"Accounts_{day}.csv": _csv(
            ("Record Id", "Account Owner.id", "Account Owner", "Rating", "Account Name", "Industry", "Created Time"),
            (
                (_id(2, one.number), _id(9, 0), made.owners[0].name, "", one.name, one.industry, str(one.created))
                for one in made.accounts
            ),
        ),
        f"Leads_{day}.csv": _leads(made, night),
        f"Deals_{day}.csv": _csv(
            (
                *("Record Id", "Deal Owner.id", "Deal Owner", "Amount", "Deal Name", "Closing Date", "Account Name.id"),
                *("Account Name", "Stage", "Type", "Probability (%)", "Lead Source", "Created Time", "Modified Time"),
                *("Reason For Loss", "Tag"),
            ),
            (_deal(deal, night) for deal in deals),
        ),
        f"Deals__{day}.csv": _csv(
            (
                *("Record Id", "Deal Name.id", "Deal Name", "Stage", "Stage Duration (Calendar Days)"),
                *("Probability (%)", "Moved To", "Amount", "Expected Revenue", "Closing Date", "Modified By"),
                *("Modified By.id", "Modified Time"),
            ),
            (row for deal in deals for row in _history(deal, night)),
        ),
        f"Calls_{day}.csv": _csv(
            (
                *("Record Id", "Subject", "Call Type", "Call Start Time", "Call Duration (in seconds)", "Call Status"),
                *("Call Owner.id", "Call Owner", "Related To.id", "Related To", "Contact Name.id", "Contact Name"),
                "Created Time",
            ),
            (_call(one) for one in acts if one.kind == "call"),
        ),
        f"Tasks_{day}.csv": _csv(
            (
                *("Record Id", "Task Owner.id", "Task Owner", "Subject", "Due Date", "Status", "Closed Time"),
                *("Related To.id", "Related To", "Created Time"),
            ),
            (_task(one, night) for one in acts if one.kind == "task"),
        ),
        f"Events_{day}.csv": _csv(
            ("Record Id", "Title", "From", "To", "Host.id", "Host", "Related To.id", "Related To", "Created Time"),
            (_event(one) for one in acts if one.kind == "meeting"),
        ),
    }


def _id(kind: int, number: int) -> str:
    return f"zcrm_5550000000{kind}{number:05}"


def _active(one: object) -> str:
    return "active" if getattr(one, "is_active", False) else "inactive"


def _leads(made: Business, night: datetime) -> bytes:
    rows = []
    for lead in made.leads:
        if lead.created < night:
            deal = made.deals[lead.deal] if lead.deal is not None and made.deals[lead.deal].created < night else None
            status = ("Contacted", "Not Contacted", "Junk Lead", "Attempted to Contact")[lead.number % 4]
            rows.append(
                (
                    *(_id(1, lead.number), _id(9, lead.owner.number), lead.owner.name, lead.first, lead.last),
                    *(lead.company, f"{lead.first.lower()}.{lead.number}@mail.example", lead.source, status),
                    *(str(lead.created), "true" if deal else "false", str(deal.created) if deal else ""),
                    _id(3, deal.number) if deal else "",
                )
            )
    return _csv(
        (
            *("Record Id", "Lead Owner.id", "Lead Owner", "First Name", "Last Name", "Company", "Email", "Lead Source"),
            *("Lead Status", "Created Time", "Is Converted", "Converted Date Time", "Converted Deal.id"),
        ),
        rows,
    )


def _stays(deal: Deal, night: datetime) -> list[tuple[str, int, datetime]]:
    """Stage, probability and moment of entry of each of its stays that began before a night."""
    stays = [(STAGES[place], PROBABILITY[place], moment) for moment, place in deal.moves]
    if deal.closed:
        stays.append((*ENDS[deal.outcome], deal.closed))
    return [stay for stay in stays if stay[2] < night]


def _deal(deal: Deal, night: datetime) -> Sequence[str]:
    stage, probability, since = _stays(deal, night)[-1]
    return (
        *(_id(3, deal.number), _id(9, deal.owner.number), deal.owner.name, str(deal.amount), deal.name),
        *(str(deal.expected), _id(2, deal.account.number) if deal.account else ""),
        *(deal.account.name if deal.account else "", stage, "New Business", str(probability), deal.source),
        *(str(deal.created), str(since), deal.reason or "" if stage == "Closed Lost" else "", ""),
    )


def _history(deal: Deal, night: datetime) -> Iterable[Sequence[str]]:
    """Newest first, as the module lists it."""
    stays = _stays(deal, night)
    for place in reversed(range(len(stays))):
        stage, probability, since = stays[place]
        following = stays[place + 1] if place + 1 < len(stays) else None
        yield (
            *(_id(4, 100 * deal.number + place), _id(3, deal.number), deal.name, stage),
            *(str((following[2] - since).days) if following else "", str(probability)),
            *(following[0] if following else "", str(deal.amount), str(deal.amount * probability // 100)),
            *(str(deal.expected), deal.owner.name, _id(9, deal.owner.number), str(since)),
        )


def _related(one: Activity) -> tuple[str, str]:
    return (_id(3, one.deal.number), one.deal.name) if one.deal else ("", "")


def _call(one: Activity) -> Sequence[str]:
    lead = one.lead
    return (
        *(_id(5, one.number), one.subject, "Inbound" if one.is_inbound else "Outbound", str(one.due), "300"),
        *("Received" if one.is_inbound else "Attended Dialled", _id(9, one.owner.number), one.owner.name),
        *(*_related(one), _id(1, lead.number) if lead else "", lead.name if lead else "", str(one.created)),
    )


def _task(one: Activity, night: datetime) -> Sequence[str]:
    is_done = one.is_done and one.due < night
    return (
        *(_id(5, one.number), _id(9, one.owner.number), one.owner.name, one.subject, str(one.due.date())),
        *("Completed" if is_done else "Not Started", str(one.due) if is_done else "", *_related(one)),
        str(one.created),
    )


def _event(one: Activity) -> Sequence[str]:
    until = one.due + timedelta(hours=1)
    host = (_id(9, one.owner.number), one.owner.name)
    return (_id(5, one.number), one.subject, str(one.due), str(until), *host, *_related(one), str(one.created))


def _csv(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows(rows)
    return out.getvalue().encode()
