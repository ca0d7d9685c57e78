"""The things a CRM knows: owners, accounts, leads, deals as they stood from moment to moment, activities.

Records point at each other as objects; their ids are given last, in the order of creation, as a CRM would.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from seeds.make_extracts.words import EmailBook

CANONICAL_ORDER = ("prospecting", "contact", "qualifying", "demo", "proposal", "closing")


@dataclass(frozen=True)
class Stage:
    """An open stage as the CRM names it; `stale_after` is its limit in days."""

    name: str
    canonical: str
    stale_after: int = 30

    @property
    def rank(self) -> int:
        """The place of its canonical stage, from 0."""
        return CANONICAL_ORDER.index(self.canonical)


@dataclass(frozen=True)
class Pipeline:
    """The open stages of a pipeline, in order."""

    name: str
    stages: tuple[Stage, ...]
    median_amount: int

    def stage(self, name: str) -> Stage | None:
        """The configured stage of that name; case and runs of spaces do not matter."""
        key = name.casefold().split()
        return next((stage for stage in self.stages if stage.name.casefold().split() == key), None)


@dataclass(frozen=True)
class Business:
    """One source: how big it is and how it keeps its books.

    `one_close_date`: its CRM has a single field for when a deal should close and when it did.
    `tells_history`: its exports say when stages changed.
    `days_between_activities`: the mean gap on an open deal.
    """

    name: str
    zone: ZoneInfo
    pipelines: tuple[Pipeline, ...]
    pipeline_weights: tuple[float, ...]
    currencies: dict[str, float]
    deals: int
    leads: int
    accounts: int
    one_close_date: bool
    tells_history: bool
    late_facts_share: float
    days_between_activities: float
    activity_types: dict[str, float]
    linked_share: float
    lead_statuses: tuple[str, str, str, str]


@dataclass
class Record:
    """What every record has: the CRM's id, and cells that are written wrong.

    `spoiled`: canonical column → the text in its place; with `spoiled_until` the error is gone from the
    delivery of that day on.
    """

    id: str = field(default="", kw_only=True)
    spoiled: dict[str, str] = field(default_factory=dict, kw_only=True)
    spoiled_until: date | None = field(default=None, kw_only=True)

    def written(self, column: str, text: str, day: date) -> str:
        """The cell as the delivery of that day has it."""
        if column in self.spoiled and (self.spoiled_until is None or day < self.spoiled_until):
            return self.spoiled[column]
        return text


@dataclass
class Owner(Record):
    """Somebody who sells."""

    first_name: str
    last_name: str
    email: str
    is_active: bool = True

    @property
    def name(self) -> str:
        """First name and last name."""
        return f"{self.first_name} {self.last_name}"


@dataclass
class Account(Record):
    """A company that buys, or may."""

    name: str
    segment: str | None
    city: str
    created_at: datetime
    owner: Owner


@dataclass
class Lead(Record):
    """Somebody who asked; `statuses` are (since, status) in time order. `converted_to`: the first of their deals."""

    first_name: str
    last_name: str
    company: str
    email: str
    source: str | None
    owner: Owner | None
    created_at: datetime
    statuses: list[tuple[datetime, str]]
    note: str = ""
    is_deleted: bool = False
    converted_at: datetime | None = None
    converted_to: Deal | None = None

    def status_at(self, moment: datetime) -> str:
        """The status just before a moment."""
        return [status for since, status in self.statuses if since < moment][-1]


@dataclass(frozen=True)
class Version:
    """A deal as it stands from `at` on. `stage` is its (last) open stage; `status` says won and lost."""

    at: datetime
    stage: str
    status: str
    amount: Decimal | None
    close_on: date | None
    owner: Owner | None
    lost_reason: str | None = None


@dataclass
class Deal(Record):
    """A deal with all its versions, the first of which is its creation."""

    name: str
    pipeline: Pipeline
    account: Account | None
    currency: str
    versions: list[Version]
    source: str | None = None
    lead: Lead | None = None
    note: str = ""
    backdated_to: datetime | None = None  # somebody edited the moment of closing
    flagged_deleted_at: datetime | None = None
    gone_from: date | None = None  # the first delivery without it
    away_on: date | None = None  # a delivery without it, which the next one has again
    more_leads: list[Lead] = field(default_factory=list)  # others who asked for the same
    merged_into: Deal | None = None
    merged_at: datetime | None = None
    has_next_step: bool = True  # something is planned, as long as it is open

    @property
    def created_at(self) -> datetime:
        """The moment of creation."""
        return self.versions[0].at

    def at(self, moment: datetime) -> Version | None:
        """The version just before a moment; None before the creation."""
        return next((version for version in reversed(self.versions) if version.at < moment), None)

    def is_exported(self, day: date) -> bool:
        """Whether the delivery of that day has it, once it is created."""
        is_gone = self.gone_from is not None and self.gone_from <= day
        return not is_gone and self.away_on != day

    def last_close_before(self, moment: datetime) -> datetime | None:
        """When the outcome of the version at that moment was entered."""
        closed_at = None
        for version in self.versions:
            if version.at >= moment:
                break
            if version.status == "open":
                closed_at = None
            elif closed_at is None:
                closed_at = version.at
        return closed_at


@dataclass
class Activity(Record):
    """A call, e-mail, meeting or visit. `done_at` None: planned. `stray_*`: ids that nothing has."""

    type: str
    subject: str
    owner: Owner | None
    created_at: datetime
    due_on: date | None
    done_at: datetime | None
    deal: Deal | None = None
    lead: Lead | None = None
    account: Account | None = None
    direction: str = "Outbound"
    done_without_time: bool = False
    stray_deal_id: str = ""
    stray_lead_id: str = ""
    edited_at: datetime | None = None  # its subject was completed then
    edit: str = ""

    def subject_at(self, moment: datetime) -> str:
        """The subject just before a moment."""
        return self.subject + self.edit if self.edited_at and self.edited_at < moment else self.subject

    def is_done_at(self, moment: datetime) -> bool:
        """Whether it was ticked off before a moment."""
        return self.done_at is not None and self.done_at < moment

    def changed_between(self, start: datetime | None, end: datetime) -> bool:
        """Whether an incremental export from `start` (None: ever) up to `end` has it."""
        moments = (self.created_at, self.done_at, self.edited_at)
        return self.created_at < end and any(
            moment is not None and moment < end and (start is None or moment >= start) for moment in moments
        )


@dataclass
class World:
    """All of one business."""

    business: Business
    owners: list[Owner]
    accounts: list[Account]
    leads: list[Lead]
    deals: list[Deal]
    activities: list[Activity]
    emails: EmailBook


def changed(version: Version, at: datetime, change: Mapping[str, object]) -> Version:
    """The version that follows when some fields change."""
    return replace(version, at=at, **change)  # type: ignore[arg-type]
