"""The facts about deals and leads as they are published: every column of their tables (contract.md, Published)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from . import fields
from .changes import changes_of
from .crm import Crm
from .currencies import known, money
from .deals import Deal, known_at
from .leads import Lead
from .months import months_from
from .records import Record
from .stages import direction
from .star import pipeline_key, stage_key
from .transition import Transition
from .visits import Visit
from .words import CURRENCY

Rows = list[dict[str, Any]]


def deal_row(deal: Deal, first_wins: set[str]) -> dict[str, Any]:
    """`fct_deals`."""
    names = (
        "source status pipeline created_at created_at_is_estimated created_on closed_at closed_on amount currency "
        "amount_reporting sales_cycle_days owner_key account_key lead_key lead_source is_qualified qualified_at "
        "expected_close_on lost_reason close_date_pushes segment reporting_rate deleted_at merged_into_deal_key "
        "last_activity_at next_activity_at last_touch_at"
    )
    return {
        "deal_key": deal.key,
        "deal_id": deal.id,
        "deal_name": deal.name,
        "stage": deal.stage.name if deal.stage else None,
        "pipeline_key": pipeline_key(deal.source, deal.pipeline),
        "stage_key": stage_key(deal.source, deal.pipeline, deal.stage.name if deal.stage else None),
        "canonical_stage": deal.stage.canonical if deal.stage else None,
        "is_first_win": deal.key in first_wins,
        "last_stage_change_at": deal.counted[-1].at if len(deal.counted) > 1 else None,
        **{name: getattr(deal, name) for name in names.split()},
        "currency": known(deal.currency),
        "fields": fields.published(deal.fields, deal.crm.config.fields_of("deals")),
    }


def transition_rows(deal: Deal) -> Rows:
    """`fct_stage_transitions`, in order."""
    before = None
    rows = []
    for number, transition in enumerate(deal.transitions, start=1):
        amount, owner_key = _then(deal, transition)
        rows.append(
            {
                "deal_key": deal.key,
                "source": deal.source,
                "transition_number": number,
                "pipeline": transition.stage.pipeline,
                "from_stage": before.stage.name if before else None,
                "to_stage": transition.stage.name,
                "pipeline_key": pipeline_key(deal.source, transition.stage.pipeline),
                "from_stage_key": stage_key(deal.source, before.stage.pipeline, before.stage.name) if before else None,
                "to_stage_key": stage_key(deal.source, transition.stage.pipeline, transition.stage.name),
                "from_canonical_stage": before.stage.canonical if before else None,
                "to_canonical_stage": transition.stage.canonical,
                "transitioned_at": transition.at,
                "seconds_in_from_stage": (transition.at - before.at).total_seconds() if before else None,
                "direction": direction(deal.crm.pipelines, before.stage if before else None, transition.stage),
                "amount": amount,
                "owner_key": owner_key,
                "evidence": transition.evidence,
                "is_counted": number <= len(deal.counted),
            }
        )
        before = transition
    return rows


def _then(deal: Deal, transition: Transition) -> tuple[Decimal | None, str | None]:
    """Amount and owner as known at a transition: those of the version that tells of it, where it says them."""
    now = None if deal.shown_amount is None else str(deal.shown_amount)
    amount = known_at(deal.crm, deal.id, "amount", transition.at, now)
    owner_key = known_at(deal.crm, deal.id, "owner", transition.at, deal.shown_owner_key)
    version = transition.version
    if amount is None and not version and transition is deal.transitions[0] and deal.transitions[1:]:
        # what the first version tells and no later one changes was so from the beginning
        version = deal.transitions[1].version
    own = version.row if version else {}
    shown = money(own["amount"], own.get(CURRENCY), deal.crm.source.currency) if own.get("amount") else None
    return (
        shown.amount if shown else None if amount is None else Decimal(amount),
        deal.crm.key(str(own["owner_id"])) if own.get("owner_id") else owner_key,
    )


def change_rows(deal: Deal) -> Rows:
    """`fct_deal_changes`, numbered by field."""
    numbers: dict[str, int] = {}
    rows = []
    for change in changes_of(deal):
        numbers[change.field] = numbers.get(change.field, 0) + 1
        rows.append(
            {
                "deal_key": deal.key,
                "source": deal.source,
                "field": change.field,
                "change_number": numbers[change.field],
                "old_value": change.old,
                "new_value": change.new,
                "changed_at": change.at,
                "evidence": change.evidence,
            }
        )
    return rows


def visit_row(visit: Visit) -> dict[str, Any]:
    """`fct_stage_visits`."""
    return {
        "deal_key": visit.deal.key,
        "source": visit.deal.source,
        "pipeline": visit.stage.pipeline,
        "stage": visit.stage.name,
        "canonical_stage": visit.stage.canonical,
        "entered_at": visit.entered_at,
        "entered_on": visit.entered_on,
        "exited_at": visit.exited_at,
        "days_in_stage": visit.days_in_stage,
        "outcome": visit.outcome,
    }


def lead_row(lead: Lead) -> dict[str, Any]:
    """`fct_leads`."""
    names = (
        "source owner_key lead_name company email lead_source status created_at created_on created_at_is_estimated "
        "is_converted is_closed converted_at converted_deal_key last_activity_at first_response_at response_hours "
        "is_unanswered"
    )
    hours = lead.response_hours
    return {
        "lead_key": lead.key,
        "lead_id": lead.id,
        "is_answered_within_sla": hours is not None and hours <= lead.sla_hours if lead.is_watched else None,
        "fields": lead.fields,
        **{name: getattr(lead, name) for name in names.split()},
    }


def deal_months(deals: list[Deal]) -> Rows:
    """`fct_deal_months`: the months in which deals that are not deleted were worked."""
    return [
        {"deal_key": deal.key, "source": deal.source, "month": month}
        for deal in deals
        for month in months_from(deal.created_on, _worked_until(deal))
    ]


def _worked_until(deal: Deal) -> date:
    today = deal.crm.local_date(deal.crm.as_of)
    return min(deal.closed_on, today) if deal.closed_on else today


def owner_rows(crm: Crm) -> Rows:
    """`dim_owners`: everyone ever delivered, by id where nobody is named; active where nothing is said."""
    return [
        {
            "owner_key": crm.key(owner.id),
            "source": crm.source.name,
            "owner_id": owner.id,
            "owner_name": owner.row.get("owner_name") or owner.id,
            "is_active": owner.flag("is_active") is not False,
            "team": owner.row.get("team") or crm.config.team_of(crm.source.name, owner.id, owner.row.get("owner_name")),
            "email": owner.row.get("email"),
            "fields": _fields(crm, "owners", owner),
        }
        for owner in crm.owners.values()
    ]


def _fields(crm: Crm, entity: str, record: Record) -> str | None:
    return fields.published(fields.texts_of(crm, entity, record.row, record.dates), crm.config.fields_of(entity))


def account_rows(crm: Crm) -> Rows:
    """`dim_accounts`: those that are not deleted."""
    return [
        {
            "account_key": crm.key(account.id),
            "source": crm.source.name,
            "account_id": account.id,
            "account_name": account.row.get("account_name"),
            "segment": account.row.get("segment"),
            "fields": _fields(crm, "accounts", account),
        }
        for account in crm.accounts.values()
        if not account.is_deleted
    ]
