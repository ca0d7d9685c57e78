"""The entities a CRM has, and their canonical columns: the one list that mappings, lake and staging agree on.

A column's kind says how staging reads its text: `text`, `timestamp` (an `_at` moment), `date` (an `_on` day),
`amount`, `number`, `currency`, `boolean`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["text", "timestamp", "date", "amount", "number", "currency", "boolean"]
#: Kinds whose cells are words, which need no digit.
WORDS: frozenset[Kind] = frozenset({"text", "currency", "boolean"})


@dataclass(frozen=True)
class Entity:
    """One kind of record: its key column, its other columns, and what a file must have.

    `required_columns` refuse a delivery when missing; a row without a value in one of them is quarantined.
    `alternatives`: the columns that together can stand for a required one, in a file and in a row.
    """

    key: str
    columns: dict[str, Kind]
    required_columns: tuple[str, ...]
    alternatives: dict[str, tuple[str, ...]] = field(default_factory=dict)


ENTITIES: dict[str, Entity] = {
    "deals": Entity(
        key="deal_id",
        columns={
            "deal_id": "text",
            "deal_name": "text",
            "pipeline": "text",
            "stage": "text",
            "status": "text",
            "is_closed": "boolean",
            "is_won": "boolean",
            "is_lost": "boolean",
            "amount": "amount",
            "currency": "currency",
            "owner_id": "text",
            "account_id": "text",
            "lead_id": "text",
            # The person it is with: a lead of that person that leaves its inbox may have become this deal.
            "contact_id": "text",
            "lead_source": "text",
            "created_at": "timestamp",
            # A CRM with one field for both says when an open deal should close, and when a closed one did.
            "close_on": "date",
            "expected_close_on": "date",
            "closed_at": "timestamp",
            "won_at": "timestamp",
            "lost_at": "timestamp",
            "lost_reason": "text",
            "is_deleted": "boolean",
            # JSON: [{"stage": …, "pipeline": … or null, "entered": …}], as the headings that `stage_dates` of the
            # feed finds and their cells say it, in the order of the headings; NULL where all of them are empty.
            "stage_dates": "text",
            # A merged record is named by its survivor, or names it.
            "merged_ids": "text",
            "merged_into_id": "text",
        },
        required_columns=("deal_id", "stage"),
    ),
    "deal_changes": Entity(
        key="deal_id",
        columns={
            "deal_id": "text",
            "field": "text",
            "old_value": "text",
            "new_value": "text",
            # `id`: the values are ids; another word: they are not; none: it is not told
            "value_kind": "text",
            "changed_at": "timestamp",
            "is_deleted": "boolean",
        },
        required_columns=("deal_id", "field", "changed_at"),
    ),
    "deal_versions": Entity(
        key="deal_id",
        columns={
            "version_id": "text",
            "deal_id": "text",
            "version_at": "timestamp",
            "pipeline": "text",
            "stage": "text",
            "from_stage": "text",
            "amount": "amount",
            "currency": "currency",
            "owner_id": "text",
            "expected_close_on": "date",
            "is_deleted": "boolean",
        },
        required_columns=("deal_id", "stage", "version_at"),
    ),
    "leads": Entity(
        key="lead_id",
        columns={
            "lead_id": "text",
            "lead_name": "text",
            "company": "text",
            "email": "text",
            "owner_id": "text",
            "lead_source": "text",
            "status": "text",
            "created_at": "timestamp",
            "is_converted": "boolean",
            "converted_at": "timestamp",
            "converted_deal_id": "text",
            # The person and organisation it is of, or became: what is done with that contact answers a converted lead.
            "contact_id": "text",
            "account_id": "text",
            "is_deleted": "boolean",
            "merged_ids": "text",
            "merged_into_id": "text",
        },
        required_columns=("lead_id",),
    ),
    "activities": Entity(
        key="activity_id",
        columns={
            "activity_id": "text",
            "activity_type": "text",
            "subject": "text",
            "direction": "text",
            "deal_id": "text",
            "lead_id": "text",
            "contact_id": "text",
            "account_id": "text",
            "owner_id": "text",
            "created_at": "timestamp",
            "due_at": "timestamp",
            "completed_at": "timestamp",
            "is_done": "boolean",
            "is_deleted": "boolean",
        },
        required_columns=("activity_id",),
    ),
    "owners": Entity(
        key="owner_id",
        columns={
            "owner_id": "text",
            "owner_name": "text",
            "email": "text",
            "is_active": "boolean",
        },
        required_columns=("owner_id",),
    ),
    "accounts": Entity(
        key="account_id",
        columns={
            "account_id": "text",
            "account_name": "text",
            "segment": "text",
            "owner_id": "text",
            "is_deleted": "boolean",
        },
        required_columns=("account_id",),
    ),
    "stages": Entity(
        key="stage_id",
        columns={
            "stage_id": "text",
            "stage_name": "text",
            "pipeline": "text",
            # What a CRM knows of its stages beside their names: their place, and how a deal in one usually ends.
            "stage_order": "number",
            "win_probability": "number",
            "is_won": "boolean",
            "is_lost": "boolean",
            "canonical_stage": "text",
        },
        required_columns=("stage_id", "stage_name"),
    ),
    # Spend and revenue are events without an id; a month alone stands for its first day, and an amount without a
    # currency is in the source's.
    "spend": Entity(
        key="campaign",
        columns={
            "spent_on": "date",
            "amount": "amount",
            "currency": "currency",
            "campaign": "text",
            "pipeline": "text",
            "owner_id": "text",
            "segment": "text",
            "lead_source": "text",
            "is_deleted": "boolean",
        },
        required_columns=("spent_on", "amount"),
    ),
    "revenue": Entity(
        key="account_id",
        columns={
            "account_id": "text",
            "revenue_on": "date",
            # The first and the last day of what was paid for.
            "service_from": "date",
            "service_to": "date",
            "amount": "amount",
            "currency": "currency",
            # Tells two lines apart that are equal otherwise.
            "line_id": "text",
            "is_deleted": "boolean",
        },
        required_columns=("account_id", "amount", "revenue_on"),
        alternatives={"revenue_on": ("service_from", "service_to")},
    ),
    "exchange_rates": Entity(
        key="currency",
        columns={
            "rate_on": "date",
            # a rate of what is no currency is one that nobody asks for
            "currency": "text",
            "rate": "number",
            # The last day it holds, however old it is then; without one it holds for `max_rate_age_days`.
            "valid_until": "date",
        },
        required_columns=("rate_on", "currency", "rate"),
    ),
}

#: A column that names another record → the entity it can be looked up in, by id or by name (`look_up`).
LOOKED_UP = {
    "owner_id": "owners",
    "account_id": "accounts",
    "lead_id": "leads",
    "deal_id": "deals",
    "converted_deal_id": "deals",
}

#: Entities whose columns can be looked up.
LOOKING_UP = ("deals", "leads", "activities")

#: Entities that tell the history of a deal, by the shape in which they tell it (architecture: the five shapes).
#: `current` needs no entity of its own: it is the deal's row.
HISTORY_ENTITIES = {"deal_changes": "field_changes", "deal_versions": "deal_versions"}
