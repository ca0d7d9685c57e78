"""The team in Dynamics 365 Sales: "Export to Excel" of its views, lookups by name, dates as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from seeds.make_vendor_extracts.business import Activity, Business, Deal, Lead, business
from seeds.make_vendor_extracts.workbook import Cell, workbook

STAGES = ("Qualify", "Develop", "Propose", "Close")
REASONS = {"open": "In Progress", "won": "Won", "lost": "Out-Sold"}
KINDS = {"call": "Phone Call", "meeting": "Appointment", "task": "Task"}
SEED = 7002
_DAY_ZERO = datetime(1899, 12, 30)


def dynamics() -> Business:
    """Who and what this environment knows."""
    return business(SEED, len(STAGES))


def files(made: Business, night: datetime) -> dict[str, bytes]:
    """Its exports of one night, by name: a dated folder, since the names' own dates are the user's."""
    exported = f"{night.month}-{night.day}-{night.year} 6-00-00 PM.xlsx"
    deals = [deal for deal in made.deals if deal.created < night]
    leads = [lead for lead in made.leads if lead.created < night]
    acts = [one for one in made.activities if one.created < night]
    views = {
        "All Opportunities": _sheet("Opportunity", _OPPORTUNITY, [_deal(one, night) for one in deals]),
        "All Leads": _sheet("Lead", _LEAD, [_lead(one, made, night) for one in leads]),
        "All Activities": _sheet("Activity", _ACTIVITY, [_activity(one, night) for one in acts]),
        "Enabled and Disabled Users": _sheet(
            "User",
            ("Full Name", "Primary Email", "Status"),
            [
                (
                    9,
                    one.number,
                    one.name,
                    f"{one.first.lower()}@crm.example",
                    "Enabled" if one.is_active else "Disabled",
                )
                for one in made.owners
            ],
        ),
        # this table was renamed, and the view writes its name before every heading
        "All Accounts": _sheet(
            "Account",
            ("Company_Account Name", "Company_Industry", "Company_Owner"),
            [(2, one.number, one.name, one.industry, made.owners[0].name) for one in made.accounts],
        ),
    }
    return {f"{night:%Y-%m-%d}/{view} {exported}": content for view, content in views.items()}


_OPPORTUNITY = (
    *("Topic", "Account", "Est. close date", "Est. revenue", "Actual Close Date", "Actual Revenue", "Sales Stage"),
    *("Status", "Status Reason", "Owner", "Currency", "Originating Lead", "Source Campaign", "Created On"),
)
_LEAD = (
    *(" Full Name", "Company Name", "Email", "Lead Source", "Status", "Status Reason", "Owner", "Created On"),
    "Qualifying Opportunity",
)
_ACTIVITY = (
    *("Subject", "Regarding", "Activity Type", "Activity Status", "Direction", "Owner", "Start Date", "Due Date"),
    *("Actual End", "Created On"),
)


def _sheet(table: str, headings: Sequence[str], rows: Sequence[Sequence[Cell]]) -> bytes:
    """A view's sheet; the three technical columns of an export, which it hides, stand before the view's own."""
    technical = (f"(Do Not Modify) {table}", "(Do Not Modify) Row Checksum", "(Do Not Modify) Modified On")
    written: list[list[Cell]] = [[*technical, *headings]]
    for kind, number, *cells in rows:
        record = str(UUID(int=(int(str(kind)) << 64) + int(str(number))))
        written.append([record, f"{record[:8]}==", _serial(datetime(2026, 1, 29, 12)), *cells])
    return workbook(table, written)


def _serial(moment: datetime | date | None) -> float | int | None:
    """A moment as a workbook counts it: days since 1899-12-30. A day is a whole number."""
    if moment is None:
        return None
    if not isinstance(moment, datetime):
        return (datetime.combine(moment, datetime.min.time()) - _DAY_ZERO).days
    return round((moment - _DAY_ZERO) / timedelta(days=1), 5)


def _deal(deal: Deal, night: datetime) -> Sequence[Cell]:
    place, outcome = deal.known_at(night)
    closed = deal.closed if outcome != "open" else None
    return (
        *(3, deal.number, deal.name, deal.account.name if deal.account else None, _serial(deal.expected)),
        *(deal.estimated, _serial(closed.date() if closed else None), deal.amount if outcome == "won" else None),
        *(STAGES[place], outcome.title(), REASONS[outcome], deal.owner.name, "Euro"),
        *(deal.lead.name if deal.lead else None, deal.source, _serial(deal.created)),
    )


def _lead(lead: Lead, made: Business, night: datetime) -> Sequence[Cell]:
    deal = made.deals[lead.deal] if lead.deal is not None and made.deals[lead.deal].created < night else None
    status, reason = (
        ("Qualified", "Qualified")
        if deal
        else (("Open", "New"), ("Open", "Contacted"), ("Disqualified", "Lost"))[lead.number % 3]
    )
    mail = f"{lead.first.lower()}.{lead.number}@mail.example"
    return (
        *(1, lead.number, lead.name, lead.company, mail, lead.source, status, reason, lead.owner.name),
        *(_serial(lead.created), deal.name if deal else None),
    )


def _activity(one: Activity, night: datetime) -> Sequence[Cell]:
    is_done = one.is_done and one.due < night
    about = one.deal.name if one.deal else one.lead.name if one.lead else None
    direction = ("Incoming" if one.is_inbound else "Outgoing") if one.kind == "call" else None
    return (
        *(5, one.number, one.subject, about, KINDS[one.kind], "Completed" if is_done else "Open", direction),
        *(one.owner.name, _serial(one.due), _serial(one.due), _serial(one.due) if is_done else None),
        _serial(one.created),
    )
