"""The same small CRM as its vendor's exports and as Fivetran, Airbyte and dlt write it into a database.

The tables have the names and columns that docs/connector-tables.md gives, with what the presets do not need left out.
Every connector last wrote at `SYNCED`, which is also the date in the name of the folder of the exports.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

SYNCED = datetime(2026, 2, 1, 2, tzinfo=UTC)
AS_OF = "2026-02-05T00:00:00Z"
FOLDER = "2026-02-01T0200Z"

Row = dict[str, Any]
#: schema → table → rows
Database = dict[str, dict[str, list[Row]]]


@dataclass(frozen=True)
class Deal:
    """A deal, and when it entered each of its stages; of the vendor's stages by number, won and lost apart."""

    number: int
    amount: float
    owner: int
    stages: tuple[tuple[str, str], ...]
    ends: str = ""
    is_deleted: bool = False

    @property
    def created(self) -> datetime:
        return moment(self.stages[0][1])

    @property
    def close_day(self) -> date:
        return date(2026, 3, self.number)


DEALS = [
    Deal(
        1, 1000.5, 11, (("0", "01-05 09:00"), ("1", "01-08 10:30"), ("3", "01-12 23:30"), ("won", "01-20 15:00")), "won"
    ),
    Deal(2, 2500.0, 12, (("0", "01-06 09:00"), ("2", "01-12 08:00"), ("1", "01-15 08:00"))),
    Deal(3, 300.0, 11, (("1", "01-07 12:00"), ("lost", "01-18 09:00")), "lost"),
    Deal(4, 90.25, 12, (("0", "01-09 07:00"), ("1", "01-10 07:00")), is_deleted=True),
    Deal(5, 7200.0, 11, (("0", "01-25 00:15"),)),
]
OWNERS = {11: ("Ann", "Meier", "ann@example.com"), 12: ("Bo", "O'Hara", "bo@example.com")}
ACCOUNTS = {501: ("Acme", "Steel"), 502: ('Quote "d" & Söhne', "Trade")}


def moment(text: str) -> datetime:
    """Of `01-05 09:00` of 2026, in UTC."""
    return datetime.fromisoformat(f"2026-{text}+00:00")


def account_of(deal: Deal) -> int:
    return 501 + deal.number % 2


# --- HubSpot

HUBSPOT = {
    "0": "appointmentscheduled",
    "1": "qualifiedtobuy",
    "2": "presentationscheduled",
    "3": "contractsent",
    "won": "closedwon",
    "lost": "closedlost",
}
HUBSPOT_LABELS = {
    "appointmentscheduled": "Appointment Scheduled",
    "qualifiedtobuy": "Qualified To Buy",
    "presentationscheduled": "Presentation Scheduled",
    "contractsent": "Contract Sent",
    "closedwon": "Closed Won",
    "closedlost": "Closed Lost",
}


def hubspot_properties(deal: Deal) -> Row:
    closed = moment(deal.stages[-1][1]) if deal.ends else datetime.combine(deal.close_day, datetime.min.time(), UTC)
    return {
        "dealname": f"Deal {deal.number}",
        "pipeline": "default",
        "dealstage": HUBSPOT[deal.stages[-1][0]],
        "amount": deal.amount,
        "deal_currency_code": "EUR",
        "hubspot_owner_id": str(deal.owner),
        "createdate": deal.created,
        "closedate": closed,
        "closed_lost_reason": "Price" if deal.ends == "lost" else None,
        "hs_analytics_source": "PAID_SEARCH",
    }


def hubspot_history() -> Iterable[tuple[int, str, str, datetime]]:
    for deal in DEALS:
        for stage, entered in deal.stages:
            yield deal.number, "dealstage", HUBSPOT[stage], moment(entered)
        yield deal.number, "amount", str(deal.amount), deal.created


def hubspot_files() -> dict[str, list[Row]]:
    return {
        "deals.csv": [
            {"hs_object_id": deal.number, **hubspot_properties(deal), "archived": deal.is_deleted}
            | {"associations.companies.results.id": account_of(deal), "associations.contacts.results.id": 300}
            for deal in DEALS
        ],
        "deal_property_history.csv": [
            {"dealId": deal, "property": name, "value": value, "timestamp": at}
            for deal, name, value, at in hubspot_history()
        ],
        "stages.csv": [
            {"stageId": stage, "stageLabel": label, "pipelineLabel": "Sales Pipeline"}
            for stage, label in HUBSPOT_LABELS.items()
        ],
        "owners.csv": [
            {"id": key, "firstName": first, "lastName": last, "email": email, "archived": False}
            for key, (first, last, email) in OWNERS.items()
        ],
        "companies.csv": [
            {"hs_object_id": key, "name": name, "industry": industry} for key, (name, industry) in ACCOUNTS.items()
        ],
        "contacts.csv": [
            {"hs_object_id": 300, "firstname": "Cy", "lastname": "Ng", "createdate": moment("01-02 08:00")}
        ],
    }


def fivetran(rows: Iterable[Row]) -> list[Row]:
    return [{**row, "_fivetran_synced": SYNCED} for row in rows]


def airbyte(rows: Iterable[Row]) -> list[Row]:
    return [
        {"_airbyte_raw_id": f"raw-{at}", "_airbyte_extracted_at": SYNCED, "_airbyte_meta": Json({"changes": []}), **row}
        for at, row in enumerate(rows)
    ]


def dlt(rows: Iterable[Row]) -> list[Row]:
    return [
        {**row, "_dlt_load_id": f"{SYNCED.timestamp():.6f}", "_dlt_id": row.get("_dlt_id", f"id{at}")}
        for at, row in enumerate(rows)
    ]


@dataclass(frozen=True)
class Json:
    """A value that the database has as jsonb."""

    value: Any


def hubspot_tables() -> Database:
    history = list(hubspot_history())
    deleted = {deal.number: deal.is_deleted for deal in DEALS}
    return {
        "fivetran_hubspot": {
            "deal": fivetran(
                {
                    "deal_id": deal.number,
                    "is_deleted": deal.is_deleted,
                    "deal_pipeline_id": "default",
                    "deal_pipeline_stage_id": HUBSPOT[deal.stages[-1][0]],
                    "owner_id": deal.owner,
                    **{f"property_{name}": value for name, value in hubspot_properties(deal).items()},
                }
                for deal in DEALS
            ),
            "deal_stage": fivetran(
                {"deal_id": deal, "value": value, "date_entered": at, "_fivetran_start": at}
                for deal, name, value, at in history
                if name == "dealstage"
            ),
            "deal_property_history": fivetran(
                {"deal_id": deal, "name": name, "value": value, "timestamp": at} for deal, name, value, at in history
            ),
            "deal_company": fivetran(
                {"deal_id": deal.number, "company_id": account_of(deal), "type_id": 5} for deal in DEALS
            ),
            "deal_contact": fivetran({"deal_id": deal.number, "contact_id": 300, "type_id": 3} for deal in DEALS),
            "deal_pipeline": fivetran([{"pipeline_id": "default", "label": "Sales Pipeline"}]),
            "deal_pipeline_stage": fivetran(
                {"stage_id": stage, "label": label, "pipeline_id": "default"} for stage, label in HUBSPOT_LABELS.items()
            ),
            "owner": fivetran(
                {"owner_id": key, "first_name": first, "last_name": last, "email": email, "is_active": True}
                for key, (first, last, email) in OWNERS.items()
            ),
            "company": fivetran(
                {"id": key, "property_name": name, "property_industry": industry, "is_deleted": False}
                for key, (name, industry) in ACCOUNTS.items()
            ),
            "contact": fivetran(
                [
                    {"id": 300, "property_firstname": "Cy", "property_lastname": "Ng", "_fivetran_deleted": False}
                    | {"property_createdate": moment("01-02 08:00")}
                ]
            ),
        },
        "airbyte_hubspot": {
            "deals": airbyte(
                {
                    "id": str(deal.number),
                    "properties": Json({name: plain(value) for name, value in hubspot_properties(deal).items()}),
                    "archived": deal.is_deleted,
                    "companies": Json([str(account_of(deal))]),
                    "contacts": Json(["300"]),
                }
                for deal in DEALS
            ),
            "deals_property_history": airbyte(
                {"dealId": str(deal), "property": name, "value": value, "timestamp": plain(at)}
                for deal, name, value, at in history
            ),
            "deal_pipelines": airbyte(
                [
                    {
                        "label": "Sales Pipeline",
                        "pipelineId": "default",
                        "stages": Json([{"stageId": stage, "label": label} for stage, label in HUBSPOT_LABELS.items()]),
                    }
                ]
            ),
            "owners": airbyte(
                {"id": str(key), "firstName": first, "lastName": last, "email": email, "archived": False}
                for key, (first, last, email) in OWNERS.items()
            ),
            "companies": airbyte(
                {"id": str(key), "properties": Json({"name": name, "industry": industry}), "archived": False}
                for key, (name, industry) in ACCOUNTS.items()
            ),
            "contacts": airbyte(
                [
                    {
                        "id": "300",
                        "properties": Json(
                            {"firstname": "Cy", "lastname": "Ng", "createdate": plain(moment("01-02 08:00"))}
                        ),
                        "archived": False,
                    }
                ]
            ),
        },
        "dlt_hubspot": {
            "deals": dlt(
                {"id": str(deal.number), "hs_object_id": str(deal.number), **hubspot_properties(deal)}
                | {"is_deleted": deleted[deal.number]}
                for deal in DEALS
            ),
            "deals_property_history": dlt(
                {"object_id": str(deal), "property_name": name, "value": value, "timestamp": at}
                for deal, name, value, at in history
            ),
            "companies__deals": dlt({"value": str(account_of(deal)), "deals_id": str(deal.number)} for deal in DEALS),
            "contacts__deals": dlt({"value": "300", "deals_id": str(deal.number)} for deal in DEALS),
            "pipelines_deals": dlt([{"id": "default", "label": "Sales Pipeline", "_dlt_id": "p"}]),
            "pipelines_deals__stages": dlt(
                {"id": stage, "label": label, "_dlt_parent_id": "p"} for stage, label in HUBSPOT_LABELS.items()
            ),
            "owners": dlt(
                {"id": str(key), "first_name": first, "last_name": last, "email": email, "archived": False}
                for key, (first, last, email) in OWNERS.items()
            ),
            "companies": dlt(
                {"id": str(key), "hs_object_id": str(key), "name": name, "industry": industry}
                for key, (name, industry) in ACCOUNTS.items()
            ),
            "contacts": dlt(
                [
                    {"id": "300", "hs_object_id": "300", "firstname": "Cy", "lastname": "Ng"}
                    | {"createdate": moment("01-02 08:00")}
                ]
            ),
        },
    }


# --- Salesforce

SALESFORCE = {
    "0": "Prospecting",
    "1": "Qualification",
    "2": "Needs Analysis",
    "3": "Negotiation/Review",
    "won": "Closed Won",
    "lost": "Closed Lost",
}


def sf(prefix: str, number: int) -> str:
    return f"{prefix}{number:012d}AAA"


def salesforce_objects() -> dict[str, list[Row]]:
    """By the API's names."""
    return {
        "Opportunity": [
            {
                "Id": sf("006", deal.number),
                "IsDeleted": deal.is_deleted,
                "Name": f"Deal {deal.number}",
                "StageName": SALESFORCE[deal.stages[-1][0]],
                "Amount": deal.amount,
                "CloseDate": moment(deal.stages[-1][1]).date() if deal.ends else deal.close_day,
                "IsClosed": bool(deal.ends),
                "IsWon": deal.ends == "won",
                "OwnerId": sf("005", deal.owner),
                "AccountId": sf("001", account_of(deal)),
                "LeadSource": "Web",
                "CreatedDate": deal.created,
            }
            for deal in DEALS
        ],
        "OpportunityHistory": [
            {
                "Id": sf("008", 100 * deal.number + at),
                "OpportunityId": sf("006", deal.number),
                "StageName": SALESFORCE[stage],
                "Amount": deal.amount,
                "CloseDate": deal.close_day,
                "CreatedDate": moment(entered),
                "IsDeleted": False,
            }
            for deal in DEALS
            for at, (stage, entered) in enumerate(deal.stages)
        ],
        "User": [
            {"Id": sf("005", key), "Name": f"{first} {last}", "Email": email, "IsActive": True}
            for key, (first, last, email) in OWNERS.items()
        ],
        "Account": [
            {"Id": sf("001", key), "Name": name, "Industry": industry, "OwnerId": sf("005", 11), "IsDeleted": False}
            for key, (name, industry) in ACCOUNTS.items()
        ],
    }


def salesforce_files() -> dict[str, list[Row]]:
    return {f"{name}.csv": rows for name, rows in salesforce_objects().items()}


def snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def salesforce_tables() -> Database:
    objects = salesforce_objects()
    small = {
        snake(name): [{snake(key): value for key, value in row.items()} for row in rows]
        for name, rows in objects.items()
    }
    return {
        "fivetran_salesforce": {
            name: fivetran(
                {**row, **({"_fivetran_deleted": False} if name != "opportunity_history" else {})} for row in rows
            )
            for name, rows in small.items()
        },
        "airbyte_salesforce": {name: airbyte(rows) for name, rows in objects.items()},
        "dlt_salesforce": {"sf_user" if name == "user" else name: dlt(rows) for name, rows in small.items()},
    }


# --- Pipedrive

PIPEDRIVE = {"0": 1, "1": 2, "2": 3, "3": 5}
PIPEDRIVE_NAMES = {
    1: "Qualified",
    2: "Contact Made",
    3: "Demo Scheduled",
    4: "Proposal Made",
    5: "Negotiations Started",
}


def pipedrive_time(at: datetime) -> str:
    """As the API writes it: UTC, which it does not say."""
    return f"{at:%Y-%m-%d %H:%M:%S}"


def pipedrive_deal(deal: Deal) -> Row:
    ended = pipedrive_time(moment(deal.stages[-1][1]))
    stages = [stage for stage, _ in deal.stages if stage in PIPEDRIVE]
    return {
        "id": deal.number,
        "title": f"Deal {deal.number}",
        "pipeline_id": 1,
        "stage_id": PIPEDRIVE[stages[-1]],
        "status": deal.ends or "open",
        "value": deal.amount,
        "currency": "EUR",
        "user_id": deal.owner,
        "org_id": account_of(deal),
        "add_time": pipedrive_time(deal.created),
        "expected_close_date": deal.close_day,
        "close_time": ended if deal.ends else None,
        "won_time": ended if deal.ends == "won" else None,
        "lost_time": ended if deal.ends == "lost" else None,
        "lost_reason": "Price" if deal.ends == "lost" else None,
    }


def pipedrive_changes() -> list[Row]:
    found = []
    for deal in (deal for deal in DEALS if not deal.is_deleted):
        before = None
        for stage, entered in deal.stages:
            if stage not in PIPEDRIVE:
                continue
            found.append(
                {
                    "item_id": deal.number,
                    "field_key": "stage_id" if before else "add_time",
                    "old_value": str(PIPEDRIVE[before]) if before else None,
                    "new_value": str(PIPEDRIVE[stage]) if before else pipedrive_time(moment(entered)),
                    "log_time": pipedrive_time(moment(entered)),
                }
            )
            before = stage
    return found


def pipedrive_rest() -> dict[str, list[Row]]:
    return {
        "users": [
            {"id": key, "name": f"{first} {last}", "email": email, "active_flag": True}
            for key, (first, last, email) in OWNERS.items()
        ],
        "organizations": [
            {"id": key, "name": name, "industry": industry, "owner_id": 11}
            for key, (name, industry) in ACCOUNTS.items()
        ],
    }


def pipedrive_files() -> dict[str, list[Row]]:
    return {
        "deals.csv": [pipedrive_deal(deal) for deal in DEALS if not deal.is_deleted],
        "deal_changes.csv": pipedrive_changes(),
        "stages.csv": [
            {"stage_id": key, "stage_name": name, "pipeline_name": "Pipeline"} for key, name in PIPEDRIVE_NAMES.items()
        ],
        **{f"{name}.csv": rows for name, rows in pipedrive_rest().items()},
    }


def pipedrive_tables() -> Database:
    stages = [{"id": key, "name": name, "pipeline_id": 1, "order_nr": key} for key, name in PIPEDRIVE_NAMES.items()]
    rest, pipelines = pipedrive_rest(), [{"id": 1, "name": "Pipeline"}]
    kept = [deal for deal in DEALS if not deal.is_deleted]
    return {
        "fivetran_pipedrive": {
            "deal": fivetran({**pipedrive_deal(deal), "_fivetran_deleted": False} for deal in kept),
            "deal_history": fivetran(
                {
                    **{key: value for key, value in pipedrive_deal(deal).items() if key not in ("stage_id", "status")},
                    "stage_id": PIPEDRIVE[stage],
                    "_fivetran_start": moment(entered),
                    "_fivetran_end": datetime(9999, 12, 31, tzinfo=UTC),
                    "_fivetran_active": False,
                }
                for deal in kept
                for stage, entered in deal.stages
                if stage in PIPEDRIVE
            ),
            "stage": fivetran(stages),
            "pipeline": fivetran(pipelines),
            "user": fivetran(rest["users"]),
            "organization": fivetran(rest["organizations"]),
        },
        "airbyte_pipedrive": {
            "deals": airbyte({**pipedrive_deal(deal), "deleted": False} for deal in kept),
            "stages": airbyte(stages),
            "pipelines": airbyte(pipelines),
            **{name: airbyte(rows) for name, rows in rest.items()},
        },
        "dlt_pipedrive": {
            "deals": dlt({**pipedrive_deal(deal), "deleted": False} for deal in kept),
            "deals_flow_deal_change": dlt(pipedrive_changes()),
            "stages": dlt(stages),
            "pipelines": dlt(pipelines),
            **{name: dlt(rows) for name, rows in rest.items()},
        },
    }


# --- writing them


def plain(value: Any) -> Any:
    return f"{value:%Y-%m-%dT%H:%M:%S}Z" if isinstance(value, datetime) else value


def write_files(folder: Path, files: dict[str, list[Row]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in files.items():
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            for row in rows:
                writer.writerow({key: plain(value) for key, value in row.items()})


def statements(database: Database) -> list[str]:
    """SQL that makes the tables, as Postgres takes it."""
    made = []
    for schema, tables in database.items():
        made.append(f"create schema {schema}")
        for table, rows in tables.items():
            columns = ", ".join(f'"{name}" {_kind([row[name] for row in rows])}' for name in rows[0])
            made.append(f'create table {schema}."{table}" ({columns})')
            listed = ", ".join(f"({', '.join(map(_literal, row.values()))})" for row in rows)
            made.append(f'insert into {schema}."{table}" values {listed}')
    return made


def _kind(values: list[Any]) -> str:
    kinds = {
        bool: "boolean",
        int: "bigint",
        float: "double precision",
        datetime: "timestamptz",
        date: "date",
        Json: "jsonb",
    }
    given = next((value for value in values if value is not None), "")
    return kinds.get(type(given), "text")


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    said = json.dumps(value.value) if isinstance(value, Json) else str(value)
    return "'" + said.replace("'", "''") + "'"
