"""The records of a planted source, as its CRM knows them, and the rows in which an extract shows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from tests.hygiene.calendar import EXTRACTS, NEWEST, local

Row = dict[str, str]
ENDS = ("Won", "Lost")


@dataclass
class Deal:
    """A deal: its moves as its log tells them, its fields as they are now, and what extracts show otherwise.

    `shown`: canonical column → the text of its cell where that is not what is meant.
    """

    id: str
    pipeline: str
    created: datetime
    moves: list[tuple[datetime, str]] = field(default_factory=list)
    stage: str = ""
    name: str | None = None
    account: str | None = None
    owner: str | None = None
    lead: str | None = None
    lead_source: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    expected: date | None = None
    closed_at: datetime | None = None
    close_on: date | None = None
    lost_reason: str | None = None
    merged_ids: str | None = None
    changes: list[tuple[datetime, str, Any, Any]] = field(default_factory=list)
    shown: Row = field(default_factory=dict)
    first_shown: int = 0
    absent: set[int] = field(default_factory=set)
    flagged: set[int] = field(default_factory=set)

    def is_in(self, extract: int) -> bool:
        is_there_yet = self.created <= EXTRACTS[extract] or extract == NEWEST
        return is_there_yet and extract >= self.first_shown and extract not in self.absent

    def stage_at(self, at: datetime) -> str:
        if not self.moves:
            return self.stage
        return next((stage for when, stage in reversed(self.moves) if when <= at), self.moves[0][1])

    def value_at(self, name: str, at: datetime) -> Any:
        """A field as it was: today's value, with the changes since then undone."""
        value = getattr(self, {"owner_id": "owner", "expected_close_on": "expected"}.get(name, name))
        for when, what, old, _ in sorted(self.changes, key=lambda change: change[0], reverse=True):
            if what == name and when > at:
                value = old
        return value

    def row(self, extract: int, zone: ZoneInfo, has_one_close_date: bool) -> Row:
        at = EXTRACTS[extract]
        is_newest = extract == NEWEST
        stage = self.stage_at(at)
        is_closed = stage in ENDS
        expected = self.value_at("expected_close_on", at)
        if has_one_close_date and is_closed:
            expected = self.close_on
        row = {
            "deal_id": self.id,
            "deal_name": self.name,
            "pipeline": self.pipeline,
            "stage": stage,
            "amount": self.value_at("amount", at),
            "currency": self.currency,
            "owner_id": self.value_at("owner_id", at),
            "account_id": self.account,
            "lead_id": self.lead,
            "lead_source": self.lead_source,
            "created_at": local(self.created, zone),
            "close_on" if has_one_close_date else "expected_close_on": expected,
            "lost_reason": self.lost_reason if stage == "Lost" else None,
            "is_deleted": "true" if extract in self.flagged else "false",
            "merged_ids": self.merged_ids if is_newest else None,
        }
        if not has_one_close_date:
            row["closed_at"] = local(self.closed_at, zone) if is_closed else None
        return {**as_text(row), **(self.shown if is_newest else {})}

    def log(self, zone: ZoneInfo) -> list[tuple[datetime, Row]]:
        """What the change log says: nothing of a deal without moves."""
        if not self.moves:
            return []
        words: list[tuple[datetime, str, Any, Any]] = [
            (at, "stage", old, new) for (_, old), (at, new) in pairwise([(self.created, ""), *self.moves])
        ]
        columns = ["deal_id", "field", "old_value", "new_value", "changed_at"]
        return [
            (at, as_text(dict(zip(columns, [self.id, what, old, new, local(at, zone)], strict=True))))
            for at, what, old, new in sorted([*words, *self.changes], key=lambda word: word[0])
        ]

    def versions(self, zone: ZoneInfo) -> list[tuple[datetime, Row]]:
        """The same told by versions: the whole deal after each change."""
        moments = sorted({at for at, _ in self.moves} | {at for at, *_ in self.changes}) if self.moves else []
        return [
            (
                at,
                as_text(
                    {
                        "version_id": f"{self.id}-{number:03d}",
                        "deal_id": self.id,
                        "version_at": local(at, zone),
                        "stage": self.stage_at(at),
                        **{name: self.value_at(name, at) for name in ("amount", "owner_id", "expected_close_on")},
                    }
                ),
            )
            for number, at in enumerate(moments)
        ]


@dataclass
class Lead:
    """A lead; `known_since`: the earliest sign of it, where its CRM does not say when it came in."""

    id: str
    created: datetime
    status: str = "working"
    email: str | None = None
    owner: str | None = None
    lead_source: str | None = None
    deal: str | None = None
    is_deleted: bool = False
    first_shown: int = 0
    known_since: datetime = EXTRACTS[0]
    shown: Row = field(default_factory=dict)

    def is_in(self, extract: int) -> bool:
        is_there_yet = self.created <= EXTRACTS[extract] or extract == NEWEST
        return is_there_yet and extract >= self.first_shown

    def row(self, zone: ZoneInfo) -> Row:
        row = {
            "lead_id": self.id,
            "email": self.email,
            "owner_id": self.owner,
            "lead_source": self.lead_source,
            "status": self.status,
            "created_at": local(self.created, zone),
            "converted_deal_id": self.deal,
            "is_deleted": "true" if self.is_deleted else "false",
        }
        return {**as_text(row), **self.shown}


@dataclass
class Activity:
    """A call, a meeting, a note: done or to do. It stands in the extracts from `first_shown` on."""

    id: str
    kind: str = "call"
    direction: str = "outbound"
    deal: str | None = None
    lead: str | None = None
    account: str | None = None
    due: datetime | None = None
    completed: datetime | None = None
    is_done: bool = True
    first_shown: int = NEWEST
    shown: Row = field(default_factory=dict)

    def row(self, zone: ZoneInfo) -> Row:
        row = {
            "activity_id": self.id,
            "activity_type": self.kind,
            "direction": self.direction,
            "deal_id": self.deal,
            "lead_id": self.lead,
            "account_id": self.account,
            "due_at": local(self.due, zone),
            "completed_at": local(self.completed, zone),
            "is_done": "true" if self.is_done else "false",
        }
        return {**as_text(row), **self.shown}


def shown_from(at: datetime) -> int:
    """The first extract taken after a moment."""
    return next((number for number, taken in enumerate(EXTRACTS) if taken >= at), NEWEST)


def as_text(row: dict[str, Any]) -> Row:
    return {name: "" if value is None else str(value) for name, value in row.items()}
