"""What the checks leave behind as published tables: their columns, types and meanings.

dbt builds the other tables of the schema `quality`; these four are written after dbt, from what the expectations
found, so their contract stands here: it becomes their DDL, the comments in the database, and what Dagster shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dagster_project import sql


@dataclass(frozen=True)
class Table:
    """A published table: column → (type, meaning)."""

    name: str
    says: str
    columns: dict[str, tuple[str, str]]

    def create(self, connection: Any, select: str) -> None:
        """Makes the table of a query's columns of these names, with types and comments."""
        self.create_empty(connection)
        names = ", ".join(f'"{name}"' for name in self.columns)
        connection.execute(f"insert into quality.{self.name} select {names} from ({select})")

    def create_empty(self, connection: Any) -> None:
        """Makes the table without rows."""
        typed = ", ".join(f'"{name}" {kind}' for name, (kind, _) in self.columns.items())
        connection.execute(f"create or replace table quality.{self.name} ({typed})")
        connection.execute(f"comment on table quality.{self.name} is {sql.text(self.says)}")
        for name, (_, says) in self.columns.items():
            connection.execute(f'comment on column quality.{self.name}."{name}" is {sql.text(says)}')


_RULE = ("varchar", "Id of the rule: docs/hygiene.md says what it means, why it matters and how to fix it.")
_SEVERITY = ("varchar", "`critical` stops the publish, `warning` counts in the score, `info` is listed.")
_SOURCE = ("varchar", "Name of the source (a CRM or spreadsheet) in pipeline.yml.")
_PIPELINE = ("varchar", "Pipeline of the record; NULL where it has none.")
_OWNER = ("varchar", "`<source>:<owner_id>` of who is responsible; NULL where it is unassigned.")
_RECORD_KEY = (
    "varchar",
    "The record's key; of a row `<source>:<entity>:<id>:<column>` (without an id the file's sha256 and the row's "
    "number), of a delivery `<source>:<feed>:<extracted_at>`.",
)

#: What the expectations found tonight, before it is put beside the records of earlier nights.
FOUND_COLUMNS = {
    "rule": _RULE,
    "severity": _SEVERITY,
    "entity": ("varchar", "What is broken: deals, leads, activities, transitions, deliveries, run, or a row's entity."),
    "record_key": _RECORD_KEY,
    "source": _SOURCE,
    "pipeline": _PIPELINE,
    "owner_key": _OWNER,
    "observed": ("varchar", "What was observed, as text; numbers without unit."),
    "allowed": ("varchar", "What is allowed: the limit that was used, as text; numbers without unit."),
    "message": ("varchar", "The violation as a sentence for the record's owner."),
}

HYGIENE_VIOLATIONS = Table(
    "hygiene_violations",
    "Grain: one row per violation and unbroken run of published nights that saw it; one that comes back is a new row.",
    {
        **FOUND_COLUMNS,
        "first_seen_on": ("date", "Day of the first published night that saw it, in the reporting timezone."),
        "last_seen_on": ("date", "Day of the last published night that saw it."),
        "resolved_on": ("date", "Day of the first published night that no longer saw it; NULL while it is open."),
    },
)

CHECK_RESULTS = Table(
    "check_results",
    "Grain: one row per expectation of this run.",
    {
        "suite": ("varchar", "File of expectations/ it stands in; `own_rules` for those of the configuration."),
        "expectation": ("varchar", "Id of the rule; of a gate, with its column."),
        "table": ("varchar", "Table it looks at."),
        "severity": _SEVERITY,
        "applies": ("boolean", "Whether any source delivers what it needs."),
        "not_applied_to": ("varchar", "Sources it says nothing of, because they do not deliver what it needs."),
        "success": ("boolean", "Nothing was found."),
        "evaluated": ("bigint", "Records it looked at."),
        "unexpected": ("bigint", "Records that break it."),
    },
)

HYGIENE_SCORES = Table(
    "hygiene_scores",
    "Grain: one row per source, pipeline, owner and day of a published run (the day's last). An open deal is clean if "
    "no warning or critical violation has it as its record; ratios are of sums, so add numerators and denominators up.",
    {
        "date_day": ("date", "Day of the run in the reporting timezone."),
        "source": _SOURCE,
        "pipeline": ("varchar", "Pipeline of the deals; `default` where the CRM has none."),
        "owner_key": _OWNER,
        "open_deals": ("bigint", "Open deals (fct_deals) on that day."),
        "clean_deals": ("bigint", "Open deals of which no warning or critical violation is listed."),
        "score": ("double", "clean_deals ÷ open_deals."),
        "open_amount": ("decimal(18, 2)", "Their amount in the reporting currency; unknown amounts count 0."),
        "clean_amount": ("decimal(18, 2)", "Amount of the clean ones in the reporting currency."),
        "score_by_amount": ("double", "clean_amount ÷ open_amount; NULL where nothing is at stake."),
    },
)

WORKLISTS = Table(
    "worklists",
    "Grain: one row per record with open warning or critical violations, in the list of who is responsible for it: "
    "what to send out in the morning. Unassigned records are the list of owner_key NULL.",
    {
        "owner_key": _OWNER,
        "owner_name": ("varchar", "Name of the owner; the id in the CRM where it gives no name."),
        "place": ("bigint", "Place in the owner's list, from 1, worst first: by amount_at_stake, severity, age."),
        "source": _SOURCE,
        "pipeline": _PIPELINE,
        "entity": ("varchar", "Deals, leads, activities, or the entity of a row."),
        "record_key": _RECORD_KEY,
        "record_name": ("varchar", "Name of the deal or lead."),
        "stage": ("varchar", "Stage of the deal, status of the lead."),
        "amount_at_stake": ("decimal(18, 2)", "Amount of the deal in the reporting currency; NULL if unknown."),
        "severity": ("varchar", "The worst of its violations: `critical` or `warning`."),
        "violations": ("bigint", "How many rules it breaks."),
        "rules": ("varchar", "Their ids, joined by a comma."),
        "messages": ("varchar", "What to fix: their messages, joined by a semicolon."),
        "first_seen_on": ("date", "Day on which the oldest of them was first seen."),
    },
)

#: In the order in which they are written.
TABLES = (CHECK_RESULTS, HYGIENE_VIOLATIONS, HYGIENE_SCORES, WORKLISTS)
