"""A life as a CRM exports it: the five shapes under headings of our own, and the vendors' own files.

A telling is a source of the configuration and its files: the extract's date → file name → rows of text.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from tests.properties.lives import EXTRACTS, STAGES, Life, Step, World

REPORTING_ZONE = ZoneInfo("Europe/Berlin")
SHAPES = ("logged", "versioned", "dated", "observed")
Table = list[list[str]]
#: Kind of a field that the configuration adds → what its cells say, the last one what it cannot be.
OWN_CELLS = {
    "text": ["Nord", 'Süd, "West"', "", "Ä\\ß"],
    "boolean": ["yes", "no", "", "perhaps"],
    "amount": ["1000", "99.5", "", "-0.01", "a lot"],
    "number": ["3", "2.5", "", "-17", "many"],
    "date": ["2026-03-05", "2025-12-31", "", "1999-12-31"],
    "timestamp": ["2026-03-05 10:00:00", "2026-03-05", "", "soon"],
}
#: The same cells as they are published: a day is its midnight in the reporting timezone, and 1999 no year of ours.
OWN_TEXTS: dict[str, list[str | None]] = {
    "text": ["Nord", 'Süd, "West"', None, "Ä\\ß"],
    "boolean": ["true", "false", None, None],
    "amount": ["1000.00", "99.50", None, "-0.01", None],
    "number": ["3", "2.5", None, "-17", None],
    "date": ["2026-03-05", "2025-12-31", None, None],
    "timestamp": ["2026-03-05T10:00:00Z", "2026-03-04T23:00:00Z", None, None],
}


@dataclass
class Telling:
    """One source: its part of `pipeline.yml`, and its files by path below its landing folder and extract."""

    name: str
    world: World
    shapes: frozenset[str]
    source: dict[str, Any]
    has_rows: bool = True
    own_kind: str = ""
    files: dict[int, dict[str, Table]] = field(default_factory=dict)

    def deliver(self, landing: Path, extract: int) -> list[Path]:
        """Writes the files of an extract."""
        paths = []
        for name, table in self.files.get(extract, {}).items():
            path = landing / self.name / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(as_csv(table), encoding="utf-8")
            paths.append(path)
        return paths


def configuration(tellings: list[Telling], folder: Path) -> Path:
    """Writes `pipeline.yml` for these sources; volume drops are another test's matter."""
    path = folder / "pipeline.yml"
    fields = {
        name
        for telling in tellings
        for feed in telling.source["feeds"].values()
        for name, said in feed.get("fields", {}).items()
        if said["kind"] in ("text", "boolean")
    }
    content = {
        "timezone": str(REPORTING_ZONE),
        "currency": "EUR",
        "landing_dir": "landing",
        "thresholds": {"min_volume_share": 0},
        "grains": [f"deals.{name}" for name in sorted(fields)],
        "sources": [telling.source for telling in tellings],
    }
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def tellings_of(world: World, name: str) -> list[Telling]:
    """A world in every shape its CRM could tell it in, one by one; in several at once; and as vendors export it."""
    possible = ["logged", "observed"] if world.has_statuses else list(SHAPES)
    together = frozenset(world.shapes & set(possible)) or frozenset(possible)
    found = [generic(world, f"{name}_{shape}", frozenset({shape})) for shape in possible]
    found += [generic(world, f"{name}_current", frozenset()), generic(world, f"{name}_together", together)]
    if world.has_statuses:
        return [*found, pipedrive(world, f"{name}_pipedrive")]
    return [*found, salesforce(world, f"{name}_salesforce"), hubspot(world, f"{name}_hubspot")]


def generic(world: World, name: str, shapes: frozenset[str]) -> Telling:
    """Headings of our own; a deal's row comes with every shape but a log that is complete."""
    is_complete_log = shapes == {"logged"} and world.log_since < min(life.created_at for life in world.lives)
    kind = Random(name).choice(list(OWN_CELLS))
    feeds = {**({} if is_complete_log else {"deals": _deals_feed(world, shapes, kind)})}
    if "logged" in shapes:
        feeds["log"] = _feed("deal_changes", "log_*.csv", LOG, deliveries="incremental")
    if "versioned" in shapes:
        feeds["versions"] = _feed("deal_versions", "versions_*.csv", VERSIONS, deliveries="incremental")
    if len(shapes) > 1:
        feeds["calls"] = _feed("activities", "calls_*.csv", CALLS, deliveries="incremental")
        feeds["leads"] = _feed("leads", "leads_*.csv", LEADS)
    telling = Telling(name, world, shapes, _source(name, feeds), not is_complete_log, kind)
    for extract in range(len(EXTRACTS)):
        day = f"{EXTRACTS[extract]:%Y-%m-%d}"
        tables = {
            "deals": lambda extract=extract: deal_rows(world, extract, "dated" in shapes, kind),
            "log": lambda extract=extract: log_rows(world, extract, kind),
            "versions": lambda extract=extract: version_rows(world, extract),
            "calls": lambda extract=extract: call_rows(world, extract),
            "leads": lambda extract=extract: lead_rows(extract),
        }
        telling.files[extract] = {f"{feed}_{day}.csv": table() for feed, table in tables.items() if feed in feeds}
    return telling


DEALS = {
    "deal_id": "No",
    "pipeline": "Funnel",
    "stage": "Phase",
    "status": "State",
    "amount": "Value",
    "owner_id": "Rep",
    "lead_id": "Leads",
    "created_at": "Opened",
    "close_on": "Closing",
    "is_deleted": "Binned",
    "merged_ids": "Was also",
}
LOG = {"deal_id": "No", "field": "What", "old_value": "From", "new_value": "To", "changed_at": "When"}
VERSIONS = {
    "version_id": "Version",
    "deal_id": "No",
    "version_at": "When",
    "pipeline": "Funnel",
    "stage": "Phase",
    "amount": "Value",
    "owner_id": "Rep",
    "expected_close_on": "Closing",
}
CALLS = {"activity_id": "Call", "deal_id": "Deals", "lead_id": "Leads", "completed_at": "When"}
LEADS = {"lead_id": "Lead", "created_at": "Received", "status": "State", "merged_into_id": "Now"}
STAGE_DATES = 'Entered "{stage}" of {pipeline}'


def _feed(entity: str, files: str, columns: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"entity": entity, "files": [files], "columns": columns, **more}


def _deals_feed(world: World, shapes: frozenset[str], kind: str) -> dict[str, Any]:
    """Only full extracts can be compared with one another."""
    feed = _feed("deals", "deals_*.csv", DEALS, deliveries="full" if "observed" in shapes else "incremental")
    feed["fields"] = {f"own_{kind}": {"from": ["Our own"], "kind": kind}}
    return {**feed, "stage_dates": [STAGE_DATES]} if "dated" in shapes else feed


def _source(name: str, feeds: dict[str, Any], **more: Any) -> dict[str, Any]:
    pipelines = [
        {"name": pipeline, "stages": [_stage(stage, canonical) for stage, canonical in stages.items()]}
        for pipeline, stages in STAGES.items()
    ]
    return {"name": name, "timezone": "UTC", "id_separator": ";", "pipelines": pipelines, "feeds": feeds, **more}


def _stage(name: str, canonical: str) -> dict[str, Any]:
    return {"name": name, "canonical": canonical, "qualified": name == "Demo", "mandatory": canonical == "demo"}


def own_cell(kind: str, life: Life, step: Step) -> str:
    """What a field of ours says of a deal at a step."""
    return Random(f"{life.id} {step.at} {kind}").choice(OWN_CELLS[kind])


def deal_rows(world: World, extract: int, with_dates: bool, kind: str) -> Table:
    """The extract of the deals: how each stands, and what was merged into it."""
    headings = [*DEALS.values(), "Our own"]
    places = _stage_columns(world)
    if with_dates:
        headings += [STAGE_DATES.format(stage=stage, pipeline=pipeline) for pipeline, stage in places]
    table = [headings]
    for life in world.lives:
        step = life.at(EXTRACTS[extract])
        if step is None or not life.is_in(extract):
            continue
        row = [
            life.id,
            step.pipeline,
            life.column_stage(step) if world.has_statuses else step.stage,
            (step.outcome or "open") if world.has_statuses else "",
            _text(step.amount),
            step.owner,
            "L1;L2" if life.id == "1" else "L3",
            _moment(life.created_at),
            close_day(life, step),
            "yes" if extract in life.flagged else "no",
            ";".join(one.id for one in world.lives if one.merged_into == life.id and extract >= one.merged_at),
            own_cell(kind, life, step),
        ]
        table.append(row + [entry(world, life, place, extract) for place in places] if with_dates else row)
    return table


def _stage_columns(world: World) -> list[tuple[str, str]]:
    """The stages that have a date: not the outcomes, where these are statuses."""
    places = [(pipeline, stage) for pipeline, stages in STAGES.items() for stage in stages]
    return [place for place in places if not (world.has_statuses and place[1] in ("Won", "Lost"))]


def entry(world: World, life: Life, place: tuple[str, str], extract: int) -> str:
    """When a stage was entered, first or last; the day alone as it is in the reporting timezone."""
    entries = [move.at for move in life.moves if move.place == place and move.at <= EXTRACTS[extract]]
    if not entries:
        return ""
    at = entries[0] if world.keeps_first_entry else entries[-1]
    return f"{at.astimezone(REPORTING_ZONE):%Y-%m-%d}" if world.enters_days_only else _moment(at)


def close_day(life: Life, step: Step) -> str:
    """One date for both: when an open deal should close, and when a closed one did."""
    if step.outcome is None:
        return _text(step.close_on)
    done = life.steps[: life.steps.index(step) + 1]
    closing = step
    for one in reversed(done):
        if one.outcome != step.outcome:
            break
        closing = one
    return f"{closing.at.astimezone(REPORTING_ZONE):%Y-%m-%d}"


@dataclass(frozen=True)
class LogRow:
    """One row of a change log."""

    deal_id: str
    field: str
    old: str
    new: str
    at: datetime


def log_of(world: World, life: Life, kind: str = "") -> list[LogRow]:
    """What the log of a life says, from the moment the log began."""
    rows = []
    for before, step in zip([None, *life.steps], life.steps, strict=False):
        if step.at <= world.log_since:
            continue
        if before is None:
            rows.append(LogRow(life.id, "created_at", "", _moment(step.at), step.at))
        for name, new in _fields(world, life, step, kind).items():
            old = _fields(world, life, before, kind)[name] if before else ""
            is_moved = before is not None and name == "stage" and before.pipeline != step.pipeline
            if old != new or is_moved:
                rows.append(LogRow(life.id, name, old if world.names_old_values else "", new, step.at))
    return rows


def _fields(world: World, life: Life, step: Step, kind: str) -> dict[str, str]:
    """The columns a log tells of; a change of stage stands before the status that goes with it."""
    fields = {
        "pipeline": step.pipeline,
        "stage": life.column_stage(step) if world.has_statuses else step.stage,
        **({"status": step.outcome or "open"} if world.has_statuses else {}),
        "amount": _text(step.amount),
        "owner_id": step.owner,
        "expected_close_on": _text(step.close_on),
        **({f"own_{kind}": own_cell(kind, life, step)} if kind else {}),
    }
    return fields


def log_rows(world: World, extract: int, kind: str = "") -> Table:
    """The changes since the extract before."""
    rows = [row for life in world.lives for row in log_of(world, life, kind) if _is_new(row.at, extract)]
    rows.sort(key=lambda row: row.at)
    return [list(LOG.values()), *([row.deal_id, row.field, row.old, row.new, _moment(row.at)] for row in rows)]


def versions_of(world: World, life: Life) -> list[Step]:
    """The steps since the CRM keeps versions."""
    return [step for step in life.steps if step.at > world.versions_since]


def version_rows(world: World, extract: int) -> Table:
    """The versions since the extract before; ids ascend with time."""
    table = [list(VERSIONS.values())]
    for life in world.lives:
        for number, step in enumerate(life.steps):
            if step in versions_of(world, life) and _is_new(step.at, extract):
                about = [step.pipeline, step.stage, _text(step.amount), step.owner, _text(step.close_on)]
                table.append([f"{life.id}-{number:02d}", life.id, _moment(step.at), *about])
    return table


def call_rows(world: World, extract: int) -> Table:
    """One call about two deals, and one about a deal nobody knows and one they know."""
    first, last = world.lives[0].id, world.lives[-1].id
    when = _moment(EXTRACTS[extract])
    rows = [[f"C{extract}a", f"{last};{first}", "L2", when], [f"C{extract}b", f"99;{first}", "", when]]
    return [list(CALLS.values()), *rows]


def lead_rows(extract: int) -> Table:
    """Three leads; from the third extract on the second one is the first."""
    rows = [[f"L{number}", f"2026-01-0{number} 08:00:00", "open", ""] for number in (1, 2, 3)]
    if extract >= 2:
        rows[1][-1] = "L1"
    return [list(LEADS.values()), *rows]


def pipedrive(world: World, name: str) -> Telling:
    """Deals as listed in its UI, changes as read from its API."""
    feeds = {"deal_changes": {"deliveries": "incremental"}}
    telling = Telling(name, world, frozenset({"logged", "observed"}), _source(name, feeds, vendor="pipedrive"))
    fields = {"created_at": "add_time", "stage": "stage_id", "owner_id": "user_id", "amount": "value"}
    fields |= {"expected_close_on": "expected_close_date", "pipeline": "pipeline_id"}
    for extract in range(len(EXTRACTS)):
        deals = [["Deal - ID", "Deal - Title", "Deal - Pipeline", "Deal - Stage", "Deal - Status", "Deal - Value"]]
        deals[0] += ["Deal - Owner", "Deal - Deal created", "Deal - Expected close date", "Deal - Won time"]
        deals[0] += ["Deal - Lost time"]
        for life in world.lives:
            step = life.at(EXTRACTS[extract])
            if step is None or not life.is_in(extract):
                continue
            status = "deleted" if extract in life.flagged else step.outcome or "open"
            closed = close_day(life, step) if step.outcome else ""
            row = [life.id, f"Deal {life.id}", step.pipeline, life.column_stage(step), status.capitalize()]
            row += [_text(step.amount), step.owner, _moment(life.created_at), _text(step.close_on)]
            deals.append([*row, closed if step.outcome == "won" else "", closed if step.outcome == "lost" else ""])
        _, *rows = log_rows(world, extract)
        log = [["deal_id", "changed_field_key", "old_value", "new_value", "change_time"]]
        log += [[deal_id, fields.get(what, what), old, new, at] for deal_id, what, old, new, at in rows]
        day = f"{EXTRACTS[extract]:%Y-%m-%d}"
        telling.files[extract] = {f"{day}/deals-2968486-7.csv": deals, f"{day}/deal_changes.csv": log}
    return telling


def salesforce(world: World, name: str) -> Telling:
    """Its data export: opportunities, and their history, whole every time; a history knows no record types."""
    source = _source(name, {}, vendor="salesforce")
    telling = Telling(name, world, frozenset({"versioned", "observed"}), source)
    for extract in range(len(EXTRACTS)):
        now = EXTRACTS[extract]
        deals = [
            ["Id", "IsDeleted", "Name", "RecordType.Name", "StageName", "Amount", "OwnerId", "CreatedDate", "CloseDate"]
        ]
        history = [["Id", "OpportunityId", "CreatedDate", "StageName", "Amount", "CloseDate", "IsDeleted"]]
        for life in world.lives:
            step = life.at(now)
            if step is not None and life.is_in(extract):
                flag = "1" if extract in life.flagged else "0"
                about = [step.pipeline, step.stage, _text(step.amount), step.owner, _moment(life.created_at)]
                deals.append([life.id, flag, f"Deal {life.id}", *about, close_day(life, step)])
            for number, one in enumerate(life.steps):
                if one.at <= now and one in versions_of(world, life):
                    about = [_moment(one.at), one.stage, _text(one.amount), _text(one.close_on)]
                    history.append([f"{life.id}-{number:02d}", life.id, *about, "0"])
        day = f"{now:%Y-%m-%d}"
        telling.files[extract] = {f"{day}/Opportunity.csv": deals, f"{day}/OpportunityHistory.csv": history}
    return telling


def hubspot(world: World, name: str) -> Telling:
    """Deals as listed in its UI, with the date of every stage."""
    telling = Telling(name, world, frozenset({"dated", "observed"}), _source(name, {}, vendor="hubspot"))
    places = [(pipeline, stage) for pipeline, stages in STAGES.items() for stage in stages]
    for extract in range(len(EXTRACTS)):
        table = [
            ["Record ID", "Deal Name", "Pipeline", "Deal Stage", "Amount", "Deal owner", "Create Date", "Close Date"]
        ]
        table[0] += ["Merged object IDs", *(f'Date entered "{stage} ({pipeline})"' for pipeline, stage in places)]
        for life in world.lives:
            step = life.at(EXTRACTS[extract])
            if step is None or not life.is_in(extract):
                continue
            merged = [one.id for one in world.lives if one.merged_into == life.id and extract >= one.merged_at]
            row = [life.id, f"Deal {life.id}", step.pipeline, step.stage, _text(step.amount), step.owner]
            row += [_moment(life.created_at), close_day(life, step), ";".join(merged)]
            table.append(row + [entry(world, life, place, extract) for place in places])
        telling.files[extract] = {f"hubspot-crm-exports-all-deals-{EXTRACTS[extract]:%Y-%m-%d}.csv": table}
    return telling


def as_csv(table: Table) -> str:
    """Comma-separated, quoted where needed."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(table)
    return written.getvalue()


def _is_new(at: datetime, extract: int) -> bool:
    return at <= EXTRACTS[extract] and (extract == 0 or at > EXTRACTS[extract - 1])


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


def _text(value: object) -> str:
    return "" if value is None else str(value)
