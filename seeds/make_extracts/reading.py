"""Reads written extracts back, knowing only headings and formats: nothing of how they were made."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = {
    "acme_salesforce": ZoneInfo("UTC"),
    "boreal_pipedrive": ZoneInfo("Europe/Helsinki"),
    "field_sheet": BERLIN,
    "cascade_hubspot": ZoneInfo("Europe/Lisbon"),
}
#: How a source writes a day and a moment.
_FORMATS = {
    "acme_salesforce": ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S"),
    "boreal_pipedrive": ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S"),
    "field_sheet": ("%d.%m.%Y", "%d.%m.%Y %H:%M"),
    "cascade_hubspot": ("%Y-%m-%d", "%Y-%m-%d %H:%M"),
}
#: A column per stage: its date of entry becomes the canonical column `<stage> entered_at`.
_ENTERED = re.compile(r'Date entered "(.+) \((?:Sales Pipeline|Renewals — EMEA)\)"')
_NULLS = {"acme_salesforce": {"000000000000000AAA", "000"}}
_WORDS = {"done": True, "to do": False, "1": True, "0": False, "true": True, "false": False}
_WORDS |= {"completed": True, "sent": True, "not_started": False, "scheduled": False, "no show": False}
_KINDS = {
    "amount": "amount",
    "rate": "amount",
    "close_on": "date",
    "expected_close_on": "date",
    "rate_on": "date",
    "revenue_on": "date",
    "service_from": "date",
    "service_to": "date",
}

Row = dict[str, str]


@dataclass(frozen=True)
class Feed:
    """Which files hold it and what their columns mean.

    `columns`: canonical → heading, the id first; so many of them, from the first, are `required`.
    """

    source: str
    name: str
    entity: str
    pattern: str
    columns: dict[str, str]
    delimiter: str = ","
    incremental: bool = False
    required: int = 1


@dataclass
class Delivery:
    """A file that could be read: canonical rows with their numbers, and the numbers of rejected rows."""

    feed: Feed
    file: str
    sha256: str
    extracted_at: datetime
    rows: list[tuple[int, Row]] = field(default_factory=list)
    rejected: list[int] = field(default_factory=list)
    refused: bool = False
    held_back: bool = False

    @property
    def is_loaded(self) -> bool:
        """Whether its rows count."""
        return not self.refused and not self.held_back


def _columns(text: str) -> dict[str, str]:
    """`canonical=Heading; …` as a dictionary."""
    return dict(part.strip().split("=", 1) for part in text.split(";"))


SALESFORCE_FEEDS = (
    ("users", "owners", r"User\.csv", "owner_id=Id; is_active=IsActive"),
    ("accounts", "accounts", r"Account\.csv", "account_id=Id; account_name=Name; segment=Industry"),
    (
        "leads",
        "leads",
        r"Lead\.csv",
        "lead_id=Id; status=Status; is_deleted=IsDeleted; created_at=CreatedDate; is_converted=IsConverted; "
        "converted_at=ConvertedDate; converted_deal_id=ConvertedOpportunityId",
    ),
    (
        "opportunities",
        "deals",
        r"Opportunity\.csv",
        "deal_id=Id; deal_name=Name; stage=StageName; is_closed=IsClosed; is_won=IsWon; "
        "is_deleted=IsDeleted; amount=Amount; currency=CurrencyIsoCode; account_id=AccountId; "
        "close_on=CloseDate; created_at=CreatedDate",
    ),
    (
        "opportunity_history",
        "deal_versions",
        r"OpportunityHistory\.csv",
        "deal_id=OpportunityId; version_id=Id; stage=StageName; version_at=CreatedDate; amount=Amount; "
        "expected_close_on=CloseDate",
    ),
    (
        "tasks",
        "activities",
        r"Task\.csv",
        "activity_id=Id; who=WhoId; what=WhatId; due_at=ActivityDate; is_done=IsClosed; subject=Subject; "
        "completed_at=CompletedDateTime; created_at=CreatedDate",
    ),
)
PIPEDRIVE_FEEDS = (
    ("users", "owners", r"users\.csv", "owner_id=id; owner_name=name; is_active=active_flag"),
    ("stages", "stages", r"stages\.csv", "stage_id=id; stage_name=name; pipeline=pipeline_name"),
    ("organizations", "accounts", r"organizations-", "account_id=Organization - ID"),
    ("leads", "leads", r"leads-", "lead_id=Lead - ID; status=Lead - Status; created_at=Lead - Lead created"),
    (
        "deals",
        "deals",
        r"deals-",
        "deal_id=Deal - ID; deal_name=Deal - Title; stage=Deal - Stage; status=Deal - Status; "
        "pipeline=Deal - Pipeline; lead_id=Deal - Lead ID; amount=Deal - Value; currency=Deal - Currency of Value; "
        "owner=Deal - Owner; account_id=Deal - Organization ID; lost_reason=Deal - Lost reason; "
        "created_at=Deal - Deal created; expected_close_on=Deal - Expected close date; "
        "won_at=Deal - Won time; lost_at=Deal - Lost time",
    ),
    (
        "deal_changes",
        "deal_changes",
        r"deal_changes\.csv",
        "deal_id=deal_id; field=changed_field_key; changed_at=log_time; old_value=old_value; new_value=new_value",
    ),
    (
        "activities",
        "activities",
        r"activities-",
        "activity_id=Activity - ID; subject=Activity - Subject; deal_id=Activity - Deal ID; "
        "lead_id=Activity - Lead ID; account_id=Activity - Organization ID; due_at=Activity - Due date; "
        "is_done=Activity - Done; completed_at=Activity - Marked as done time; "
        "created_at=Activity - Add time",
    ),
)
SHEET_FEEDS = (
    (
        "opportunities",
        "deals",
        r"opportunities_",
        "deal_id=Deal No; deal_name=Customer Project; stage=Phase; amount=Value; currency=Currency; "
        "lead_id=Lead No; account_id=Customer; close_on=Closing; created_at=Opened",
    ),
    (
        "tenders",
        "deals",
        r"tenders_",
        "deal_id=Tender No; deal_name=Title; stage=Phase; amount=Value; account_id=Authority; close_on=Award; "
        "created_at=Published",
    ),
    ("leads", "leads", r"leads_", "lead_id=Lead No; status=State; created_at=Received"),
    (
        "visits",
        "activities",
        r"visits_",
        "activity_id=Visit No; deal_id=Deal No; lead_id=Lead No; completed_at=When; subject=Notes",
    ),
    ("reps", "owners", r"reps_", "owner_id=Rep; is_active=Active"),
    ("customers", "accounts", r"customers_", "account_id=Customer; segment=Branch"),
    ("rates", "exchange_rates", r"rates_", "currency=Currency; rate_on=Date; rate=EUR per unit"),
    (
        "revenue",
        "revenue",
        r"revenue_",
        "account_id=Customer; revenue_on=Invoiced; service_from=From; service_to=To; amount=Net; currency=Currency",
    ),
    ("spend", "spend", r"spend_", "month=Month; amount=Cost; lead_source=Found via; segment=Branch"),
)
_LINKS = "deal_id=Associated Deal IDs; lead_id=Associated Contact IDs; account_id=Associated Company IDs"
HUBSPOT_FEEDS = (
    ("owners", "owners", r"owners-", "owner_id=id; owner_name=firstName"),
    (
        "revenue",
        "revenue",
        r"finance-revenue-",
        "account_id=company_id; service_from=service_start; service_to=service_end; amount=net_amount; "
        "currency=currency",
    ),
    ("spend", "spend", r"finance-marketing-", "month=booked_on; amount=amount; currency=currency"),
    ("companies", "accounts", r"hubspot-crm-exports-all-companies-", "account_id=Record ID; segment=Industry"),
    (
        "contacts",
        "leads",
        r"hubspot-crm-exports-all-contacts-",
        "lead_id=Record ID; status=Lead Status; company=Company Name; created_at=Create Date; "
        "converted_at=First Deal Created Date; converted_deal_id=Associated Deal IDs",
    ),
    (
        "deals",
        "deals",
        r"hubspot-crm-exports-all-deals-",
        "deal_id=Record ID; deal_name=Deal Name; stage=Deal Stage; is_won=Is Closed Won; amount=Amount; "
        "currency=Currency; account_id=Associated Company IDs; lead_id=Associated Contact IDs; "
        "close_on=Close Date; created_at=Create Date; merged_ids=Merged object IDs",
    ),
    (
        "calls",
        "activities",
        r"hubspot-crm-exports-all-calls-",
        f"activity_id=Record ID; subject=Call Title; completed_at=Activity date; is_done=Call status; {_LINKS}",
    ),
    (
        "emails",
        "activities",
        r"hubspot-crm-exports-all-emails-",
        f"activity_id=Record ID; subject=Email subject; completed_at=Activity date; {_LINKS}",
    ),
    (
        "meetings",
        "activities",
        r"hubspot-crm-exports-all-meetings-",
        f"activity_id=Record ID; subject=Meeting name; due_at=Meeting start time; is_done=Meeting outcome; {_LINKS}",
    ),
    (
        "notes",
        "activities",
        r"hubspot-crm-exports-all-notes-",
        f"activity_id=Record ID; subject=Note body; completed_at=Activity date; {_LINKS}",
    ),
    (
        "tasks",
        "activities",
        r"hubspot-crm-exports-all-tasks-",
        "activity_id=Record ID; subject=Task Title; due_at=Due date; completed_at=Completion date; "
        f"is_done=Task status; {_LINKS}",
    ),
)
INCREMENTAL = {
    ("boreal_pipedrive", "deal_changes"),
    ("boreal_pipedrive", "activities"),
    ("field_sheet", "visits"),
}
FEEDS = [
    Feed(
        source=source,
        name=name,
        entity=entity,
        pattern=pattern,
        columns=_columns(columns),
        delimiter="\t" if (source, name) == ("field_sheet", "leads") else delimiter,
        incremental=(source, name) in INCREMENTAL,
        required=3 if entity == "exchange_rates" else 1,
    )
    for source, delimiter, feeds in (
        ("acme_salesforce", ",", SALESFORCE_FEEDS),
        ("boreal_pipedrive", ",", PIPEDRIVE_FEEDS),
        ("field_sheet", ";", SHEET_FEEDS),
        ("cascade_hubspot", ",", HUBSPOT_FEEDS),
    )
    for name, entity, pattern, columns in feeds
]


def deliveries(landing: Path) -> list[Delivery]:
    """All files below the sources' folders, in the order of their extract times."""
    found = [
        _delivery(feed, path, landing)
        for feed in FEEDS
        for path in sorted((landing / feed.source).rglob("*"))
        if path.is_file() and re.match(feed.pattern, path.name)
    ]
    night = sorted(found, key=lambda delivery: delivery.extracted_at)
    for place, delivery in enumerate(night):
        before = [len(d.rows) for d in night[:place] if d.feed == delivery.feed and d.is_loaded][-7:]
        if before and not delivery.feed.incremental and not delivery.refused:
            delivery.held_back = len(delivery.rows) < median(before) / 2
    return night


def read(kind_of: str, text: str, source: str) -> datetime | date | Decimal | bool | None:
    """A cell as its column's kind; None if it is empty or cannot be read."""
    kind = _KINDS.get(kind_of) or ("moment" if kind_of.endswith("_at") else "flag" if kind_of.startswith("is_") else "")
    try:
        if not text or not kind:
            return None
        if kind == "amount":
            return Decimal(text)
        if kind == "flag":
            return _WORDS[text.lower()]
        moment = _moment(text, source, UTC if kind_of == "changed_at" else ZONES[source])  # the log is from an API
        if moment.year < 2000:
            return None
        return moment.astimezone(BERLIN).date() if kind == "date" else moment
    except (ValueError, KeyError, InvalidOperation):
        return None


def unreadable(row: Row, source: str) -> list[str]:
    """The columns of a row in which something stands that cannot be read."""
    return [
        column
        for column, text in row.items()
        if text and (column in _KINDS or column.endswith("_at") or column.startswith("is_"))
        if read(column, text, source) is None
    ]


def _moment(text: str, source: str, zone: tzinfo) -> datetime:
    """A day alone is midnight in Berlin, as is `00:00:00`; a time is in the source's timezone."""
    day_format, moment_format = _FORMATS[source]
    if len(text) <= 10 or text.endswith(" 00:00:00"):
        day = datetime.strptime(text[:10], day_format).replace(tzinfo=BERLIN)
        return day.astimezone(UTC)
    moment = datetime.strptime(text, moment_format)
    return moment.replace(tzinfo=zone).astimezone(UTC)


def _delivery(feed: Feed, path: Path, landing: Path) -> Delivery:
    file = path.relative_to(landing / feed.source).as_posix()
    day = re.search(r"\d{4}-\d\d-\d\d", file)
    assert day, f"{path} has no date"
    content = path.read_bytes()
    midnight = datetime.fromisoformat(day[0]).replace(tzinfo=ZONES[feed.source]).astimezone(UTC)
    delivery = Delivery(feed, file, hashlib.sha256(content).hexdigest(), midnight)
    plain = gzip.decompress(content) if path.suffix == ".gz" else content
    records = list(csv.reader(io.StringIO(plain.decode("utf-8-sig"), newline=""), delimiter=feed.delimiter))
    headings, wanted = records[0], list(feed.columns.values())
    if not set(wanted[: feed.required]) <= set(headings):
        delivery.refused = True
        return delivery
    assert set(wanted) <= set(headings), f"{path}: {set(wanted) - set(headings)} missing"
    nulls = _NULLS.get(feed.source, set())
    for number, record in enumerate(records[1:], start=2):
        if len(record) != len(headings):
            delivery.rejected.append(number)
            continue
        cells = dict(zip(headings, (cell.strip() for cell in record), strict=True))
        row = {column: cells[heading] for column, heading in feed.columns.items()}
        if feed.entity == "deals":
            row |= {f"{found[1]} entered_at": cells[found[0]] for found in map(_ENTERED.fullmatch, headings) if found}
        delivery.rows.append((number, {column: "" if text in nulls else text for column, text in row.items()}))
    return delivery
