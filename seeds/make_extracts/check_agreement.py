"""Do the files of a night tell one story? No event after the export, history and row alike, no dead link."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

from seeds.make_extracts.reading import BERLIN, Delivery, Row, read

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
_LOGGED = {"value": "amount", "expected_close_date": "expected_close_on", "lost_reason": "lost_reason"}

_CONVERTED = {"Closed - Converted", "converted", "Converted", "Open Deal"}


def disagreements(night: list[Delivery]) -> Iterator[str]:
    """One line per contradiction, in words."""
    for delivery in night:
        yield from _from_the_future(delivery)
    for source, extracted_at in sorted({(delivery.feed.source, delivery.extracted_at) for delivery in night}):
        own = [d for d in night if d.feed.source == source and d.is_loaded]
        files = {d.feed.entity: d for d in own if d.extracted_at == extracted_at and d.feed.name != "tenders"}
        if "deal_versions" in files:
            yield from _versions_against_row(files)
        if source == "boreal_pipedrive":
            log = [d for d in own if d.feed.entity == "deal_changes" and d.extracted_at <= extracted_at]
            yield from _log_against_row(log, files)
        if source == "cascade_hubspot":
            yield from _dates_against_row(files)
        if "leads" in files:
            yield from _conversions(files)


def _from_the_future(delivery: Delivery) -> Iterator[str]:
    for number, row in delivery.rows:
        for column in (
            "created_at",
            "version_at",
            "changed_at",
            "completed_at",
            "won_at",
            "lost_at",
            "converted_at",
        ):
            at = read(column, row.get(column, ""), delivery.feed.source)
            if isinstance(at, datetime) and delivery.extracted_at <= at < AS_OF:  # later ones are dirt: check.py
                yield f"{delivery.file} row {number}: {column} {at} is after the export"


def _ids(cell: str | None) -> list[str]:
    return cell.split(";") if cell else []


def _rows(delivery: Delivery) -> dict[str, Row]:
    """The last row of each id."""
    id_column = next(iter(delivery.feed.columns))
    return {row[id_column]: row for _, row in delivery.rows if row[id_column]}


def _versions_against_row(files: dict[str, Delivery]) -> Iterator[str]:
    newest = _rows(files["deal_versions"])
    for deal_id, row in _rows(files["deals"]).items():
        version = newest.get(deal_id)
        if version is None or version["expected_close_on"] != row["close_on"]:
            yield f"{files['deals'].file}: {deal_id} and its newest version disagree"
        elif version["amount"] != row["amount"] and read("amount", row["amount"], "acme_salesforce") is not None:
            yield f"{files['deals'].file}: {deal_id} and its newest version differ in amount"
    for deal_id in newest.keys() - _rows(files["deals"]).keys():
        yield f"{files['deal_versions'].file}: {deal_id} is no deal"


def _dates_against_row(files: dict[str, Delivery]) -> Iterator[str]:
    """The stage entered last is the one the deal stands in, and none was entered before the deal began."""
    for deal_id, row in _rows(files["deals"]).items():
        entered = {column.removesuffix(" entered_at"): row[column] for column in row if column.endswith(" entered_at")}
        last = max(entered.values())
        stage = " ".join(row["stage"].split()).casefold()
        if last not in [at for name, at in entered.items() if name.casefold() == stage]:
            yield f"{files['deals'].file}: {deal_id} stands in {row['stage']} and was last seen elsewhere: {entered}"
        if min(at for at in entered.values() if at) < row["created_at"]:
            yield f"{files['deals'].file}: {deal_id} entered a stage before it began: {entered}"


def _moment(column: str, text: str | None) -> str:
    return str(read(column, text or "", "boreal_pipedrive"))


def _log_against_row(log: list[Delivery], files: dict[str, Delivery]) -> Iterator[str]:
    names = {row["stage_id"]: row["stage_name"] for row in _rows(files["stages"]).values()}
    people = {row["owner_id"]: row["owner_name"] for row in _rows(files["owners"]).values()}
    told: dict[str, Row] = {}
    for delivery in log:
        for _, row in delivery.rows:
            told.setdefault(row["deal_id"], {})[row["field"]] = row["new_value"]
            told[row["deal_id"]][f"{row['field']} since"] = row["changed_at"]
    for deal_id, row in _rows(files["deals"]).items():
        history = told.get(deal_id, {})
        pairs = [
            (names.get(history.get("stage_id", "")), row["stage"]),
            (history.get("status", "open"), row["status"].lower()),
            (people.get(history.get("user_id", ""), ""), row["owner"]),
            (_moment("changed_at", history.get("add_time")), _moment("created_at", row["created_at"])),
        ]
        pairs += [
            (history.get(key, ""), row[column])
            for key, column in _LOGGED.items()
            if not row[column] or column == "lost_reason" or read(column, row[column], "boreal_pipedrive") is not None
        ]
        if any(logged != shown for logged, shown in pairs):
            yield f"{files['deals'].file}: {deal_id} and its log disagree: {pairs}"
        closed_at = row["won_at"] or row["lost_at"]
        logged_at = _moment("changed_at", history.get("status since"))
        if closed_at and _moment("won_at", closed_at) != logged_at and closed_at > row["created_at"]:
            yield f"{files['deals'].file}: {deal_id} was closed at {closed_at}, or when its log says so?"


def _conversions(files: dict[str, Delivery]) -> Iterator[str]:
    """A converted lead has its deal, created no earlier than the lead."""
    source, deals, leads = files["deals"].feed.source, _rows(files["deals"]), _rows(files["leads"])
    pairs = [(lead_id, deal_id) for deal_id, row in deals.items() for lead_id in _ids(row.get("lead_id"))]
    pairs += [(lead_id, deal_id) for lead_id, row in leads.items() for deal_id in _ids(row.get("converted_deal_id"))]
    for lead_id, deal_id in pairs:
        if lead_id not in leads or deal_id not in deals:
            yield f"{files['leads'].file}: {lead_id} → {deal_id}, one of which is missing"
            continue
        asked = read("created_at", leads[lead_id]["created_at"], source)
        began = read("created_at", deals[deal_id]["created_at"], source)
        closed = read("close_on", deals[deal_id].get("close_on", ""), source)
        if isinstance(asked, datetime) and isinstance(closed, date) and closed < asked.astimezone(BERLIN).date():
            continue  # dirt: check.py
        if not isinstance(asked, date) or not isinstance(began, date) or asked >= began:
            yield f"{files['leads'].file}: {lead_id} asked after its deal {deal_id} began"
        if leads[lead_id]["status"] not in _CONVERTED:
            yield f"{files['leads'].file}: {lead_id} has a deal and is not converted"
