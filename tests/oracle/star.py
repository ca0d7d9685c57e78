"""The keys by which facts and dimensions join, and the rows of dimensions that only facts tell of."""

from __future__ import annotations

from typing import Any

from .configuration import Config
from .crm import Crm
from .fields import wide

Rows = list[dict[str, Any]]


def pipeline_key(source: str, pipeline: str) -> str:
    """`<source>:<pipeline>`."""
    return f"{source}:{pipeline}"


def stage_key(source: str, pipeline: str | None, stage: str | None) -> str | None:
    """`<source>:<pipeline>:<stage>`, so that no colon within a name parts it elsewhere."""
    if pipeline is None or stage is None:
        return None
    return ":".join([source, *(name.replace("%", "%25").replace(":", "%3A") for name in (pipeline, stage))])


def with_stage_keys(rows: Rows) -> Rows:
    """Rows that name a source, a pipeline and a stage, with both keys."""
    return [
        row
        | {
            "pipeline_key": pipeline_key(row["source"], row["pipeline"]),
            "stage_key": stage_key(row["source"], row["pipeline"], row["stage"]),
        }
        for row in rows
    ]


def owners_met(crms: list[Crm], delivered: Rows, facts: list[Rows]) -> Rows:
    """`dim_owners`: those delivered, and whoever else a fact names; one who is named by name is known by it."""
    known: dict[str, bool] = {}
    said: dict[str, dict[str, set[str | None]]] = {}
    for crm in crms:
        for owner in crm.owners.values():
            name = owner.row.get("owner_name")
            if name and not owner.is_deleted:
                key = crm.key(str(name))
                known[key] = known.get(key, False) or owner.flag("is_active") is not False
                for column in ("team", "email"):
                    said.setdefault(key, {}).setdefault(column, set()).add(owner.row.get(column))
    return [row | {"is_delivered": True} for row in delivered] + [
        {
            "owner_key": key,
            "source": source,
            "owner_id": key[len(source) + 1 :],
            "owner_name": key[len(source) + 1 :],
            "is_active": known.get(key),
            "is_delivered": key in known,
            "team": _only(said.get(key, {}).get("team", set()))
            or crms[0].config.team_of(source, *[key[len(source) + 1 :]] * 2),
            "email": _only(said.get(key, {}).get("email", set())),
            "fields": None,
        }
        for key, source in _met("owner_key", delivered, facts)
    ]


def owners_named(changes: Rows) -> Rows:
    """Whom changes of owner name, before and after."""
    return [
        {"owner_key": row[value], "source": row["source"]}
        for row in changes
        if row["field"] == "owner"
        for value in ("old_value", "new_value")
    ]


def accounts_met(delivered: Rows, facts: list[Rows]) -> Rows:
    """`dim_accounts`: those delivered, and whichever else a fact names."""
    return [row | {"is_delivered": True} for row in delivered] + [
        {
            "account_key": key,
            "source": source,
            "account_id": key[len(source) + 1 :],
            "account_name": None,
            "segment": None,
            "fields": None,
            "is_delivered": False,
        }
        for key, source in _met("account_key", delivered, facts)
    ]


def pipelines_met(stages: Rows, facts: list[Rows]) -> Rows:
    """`dim_pipelines`."""
    named = {(row["source"], row["pipeline"]) for rows in (stages, *facts) for row in rows}
    return [
        {
            "pipeline_key": pipeline_key(source, pipeline),
            "source": source,
            "pipeline": pipeline,
            "is_configured": any(stage["is_configured"] for stage in its),
            "open_stages": sum(not stage["is_won"] and not stage["is_lost"] for stage in its),
        }
        for source, pipeline in sorted(named)
        for its in [[one for one in stages if (one["source"], one["pipeline"]) == (source, pipeline)]]
    ]


def deals_wide(deals: Rows, owners: Rows, accounts: Rows, stages: Rows, config: Config) -> Rows:
    """`deals_wide`: the names beside each deal's key; `(none)` of what it has not; its fields, its account's, its
    owner's."""
    of_account = {row["account_key"]: row["fields"] for row in accounts}
    owner = {row["owner_key"]: row for row in owners}
    account = {row["account_key"]: row["account_name"] or row["account_id"] for row in accounts}
    order = {(row["source"], row["pipeline"], row["stage"]): row["stage_order"] for row in stages}
    return [
        {
            "deal_key": deal["deal_key"],
            **_owner(owner.get(deal["owner_key"])),
            "account_name": account[deal["account_key"]] if deal["account_key"] else "(none)",
            "stage_name": deal["stage"] or "(none)",
            "stage_order": order.get((deal["source"], deal["pipeline"], deal["stage"])),
            "pipeline_name": deal["pipeline"],
            **wide(deal["fields"], config.fields_of("deals")),
            **wide(of_account.get(deal["account_key"]), config.fields_of("accounts"), "account_"),
            **wide(owner.get(deal["owner_key"], {}).get("fields"), config.fields_of("owners"), "owner_"),
        }
        for deal in deals
    ]


def leads_wide(leads: Rows, deals: Rows, owners: Rows, config: Config) -> Rows:
    """`leads_wide`."""
    owner = {row["owner_key"]: row for row in owners}
    deal = {row["deal_key"]: row for row in deals}
    return [
        {
            "lead_key": lead["lead_key"],
            **_owner(owner.get(lead["owner_key"])),
            "converted_deal_name": deal.get(lead["converted_deal_key"], {}).get("deal_name"),
            "converted_deal_status": deal.get(lead["converted_deal_key"], {}).get("status"),
            **wide(lead["fields"], config.fields_of("leads")),
        }
        for lead in leads
    ]


def _only(said: set[str | None]) -> str | None:
    return next(iter(said)) if len(said) == 1 else None


def _owner(owner: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "owner_name": owner["owner_name"] if owner else "(none)",
        "owner_is_active": owner["is_active"] if owner else None,
        "team": (owner["team"] if owner else None) or "(none)",
    }


def _met(column: str, delivered: Rows, facts: list[Rows]) -> list[tuple[str, str]]:
    """Key and source of what facts name and no feed does."""
    there = {row[column] for row in delivered}
    met = {(row[column], row["source"]) for rows in facts for row in rows if row[column] is not None}
    return sorted((key, source) for key, source in met if key not in there)
