"""Finds the violations in written extracts by the words of the rules, and compares them with the plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from seeds.make_extracts.check_agreement import disagreements
from seeds.make_extracts.reading import BERLIN, Delivery, Row, deliveries, read, unreadable

AS_OF_DAY = date(2026, 1, 1)
LIMITS = {
    ("acme_salesforce", "Prospecting"): 45,
    ("acme_salesforce", "Negotiation/Review"): 14,
    ("field_sheet", "Offer"): 21,
    ("cascade_hubspot", "Contract Sent"): 14,
    ("cascade_hubspot", "Renewal Due"): 60,
}
NEED_AMOUNT = {
    *("Proposal/Price Quote", "Negotiation/Review"),
    *("Proposal Made", "Negotiations Started", "Quote Sent", "Subscription Agreed"),
    *("Offer", "Signing", "Bid sent"),
    *("Decision Maker Bought-In", "Contract Sent", "Terms Sent", "Verbal Yes"),
}
CONFIGURED = NEED_AMOUNT | {
    *("Prospecting", "Qualification", "Needs Analysis", "Value Proposition", "Id. Decision Makers"),
    *("Perception Analysis", "Closed Won", "Closed Lost"),
    *("Qualified", "Contact Made", "Demo Scheduled", "Lead In", "Contacted", "Trial"),
    *("Cold", "First visit", "Needs clear", "Sold", "No deal"),
    *("Appointment Scheduled", "Qualified To Buy", "Presentation Scheduled", "Renewal Due", "Review (on site)"),
    *("Renewed", "Cancelled"),
    *("Announced", "Documents in", "Awarded", "Not awarded"),
}
_SPELLINGS = {name.casefold(): name for name in CONFIGURED}
WON, LOST = {"Closed Won", "Sold", "Renewed", "Awarded"}, {"Closed Lost", "No deal", "Cancelled", "Not awarded"}
#: Entities of which every row counts.
EVENTS = ("deal_changes", "deal_versions", "exchange_rates", "spend", "revenue")
DEFAULT_CURRENCY = {"acme_salesforce": "USD"}

#: The rules that are looked for in here.
CHECKED = {
    *("delivery_refused", "delivery_held_back", "missing_key", "duplicate_key", "unparseable_value"),
    *("stale_deal", "past_close_date", "missing_amount", "closed_before_created", "missing_exchange_rate"),
    *("unmapped_stage", "orphan_activity"),
}

Violation = tuple[str, str, str]


@dataclass
class Known:
    """All that one source tells: the newest row of each id by entity, and deal ids of any night."""

    rows: dict[str, dict[str, Row]] = field(default_factory=lambda: defaultdict(dict))
    deals_ever: set[str] = field(default_factory=set)
    history: dict[str, list[tuple[datetime, str]]] = field(default_factory=lambda: defaultdict(list))


def contradictions(landing: Path, planned: Sequence[Violation], rejects: Sequence[Sequence[str]]) -> list[str]:
    """What is planned and not found, found and not planned, and where files contradict each other."""
    night = deliveries(landing)
    found = set(_file_violations(night))
    rates = _rates(night)
    for source in sorted({delivery.feed.source for delivery in night}):
        own = [delivery for delivery in night if delivery.feed.source == source and delivery.is_loaded]
        known = _known(own)
        found |= set(_cell_violations(source, own, known))
        found |= set(_deal_violations(source, known, rates))
        found |= set(_orphans(source, known))
    # Rules that nothing here finds are found by the night alone: tests/integration/test_sample_extracts.py.
    expected = {violation for violation in planned if violation[0] in CHECKED}
    problems = [f"planned, not found: {violation}" for violation in sorted(expected - found)]
    problems += [f"found, not planned: {violation}" for violation in sorted(found - expected)]
    if len(set(planned)) != len(planned):
        problems.append("a violation is planned twice")
    ragged = {(d.feed.source, d.file, str(number)) for d in night for number in d.rejected}
    problems += [f"rejected row, planned or found alone: {row}" for row in ragged ^ {tuple(row) for row in rejects}]
    return problems + list(disagreements(night))


def _newest(feed_deliveries: Iterable[Delivery]) -> Delivery:
    return max(feed_deliveries, key=lambda delivery: delivery.extracted_at)


def _by_feed(night: Iterable[Delivery]) -> dict[tuple[str, str], list[Delivery]]:
    feeds: dict[tuple[str, str], list[Delivery]] = defaultdict(list)
    for delivery in night:
        feeds[delivery.feed.source, delivery.feed.name].append(delivery)
    return feeds


def _file_violations(night: list[Delivery]) -> Iterator[Violation]:
    """Refused deliveries, rows without id, ids twice in the newest delivery."""
    for (source, name), files in _by_feed(night).items():
        newest = _newest(files)
        for delivery in files:
            if delivery.refused:
                yield (
                    "delivery_refused",
                    source,
                    f"{source}:{name}:{delivery.extracted_at:%Y-%m-%dT%H:%M:%SZ}",
                )
            if delivery.held_back:
                yield (
                    "delivery_held_back",
                    source,
                    f"{source}:{name}:{delivery.extracted_at:%Y-%m-%dT%H:%M:%SZ}",
                )
            id_column = next(iter(delivery.feed.columns))
            if delivery is newest or delivery.feed.incremental:
                for number, row in delivery.rows:
                    if not row[id_column]:
                        yield "missing_key", source, f"{delivery.sha256}:{number}"
        if newest.feed.entity in EVENTS:
            continue
        id_column = next(iter(newest.feed.columns))
        seen: dict[str, Row] = {}
        for _, row in newest.rows:
            if row[id_column] and seen.setdefault(row[id_column], row) != row:
                yield "duplicate_key", source, f"{source}:{newest.feed.entity}:{row[id_column]}:{id_column}"


def _known(own: list[Delivery]) -> Known:
    known = Known()
    stage_names: dict[str, str] = {}
    for (_, name), files in _by_feed(own).items():
        current = files if files[0].feed.incremental else [_newest(files)]
        id_column = next(iter(files[0].feed.columns))
        for delivery in sorted(current, key=lambda delivery: delivery.extracted_at):
            for _, row in delivery.rows:
                if row[id_column]:
                    known.rows[delivery.feed.entity][row[id_column]] = row
        if name == "stages":
            stage_names = {key: row["stage_name"] for key, row in known.rows["stages"].items()}
        if files[0].feed.entity == "deals":
            known.deals_ever |= {row[id_column] for delivery in files for _, row in delivery.rows} - {""}
    _tell_history(own, stage_names, known)
    return known


def _tell_history(own: list[Delivery], stage_names: dict[str, str], known: Known) -> None:
    """(moment, stage) of every entry that is told, win, loss and reopening included: by versions, by the log, by
    dates of entry, or, of deals that nothing else tells of, by one night's extract after the other."""
    versions = [delivery for delivery in own if delivery.feed.entity == "deal_versions"]
    for _, row in _newest(versions).rows if versions else []:
        moment = read("version_at", row["version_at"], "acme_salesforce")
        assert isinstance(moment, datetime)
        history = known.history[row["deal_id"]]
        if not history or history[-1][1] != row["stage"]:
            history.append((moment, row["stage"]))
    for delivery in (delivery for delivery in own if delivery.feed.entity == "deal_changes"):
        for _, row in delivery.rows:
            moment = read("changed_at", row["changed_at"], "boreal_pipedrive")
            assert isinstance(moment, datetime)
            if row["field"] in ("stage_id", "status"):
                known.history[row["deal_id"]].append((moment, stage_names.get(row["new_value"], row["new_value"])))
    for deal_id, row in known.rows["deals"].items():
        for column in (column for column in row if column.endswith(" entered_at") and row[column]):
            moment = read(column, row[column], "cascade_hubspot")
            assert isinstance(moment, datetime), (deal_id, column)
            known.history[deal_id].append((moment, column.removesuffix(" entered_at")))
    for files in _by_feed(own).values():
        observed = _observed(files) if files[0].feed.entity == "deals" else {}
        for deal_id in observed.keys() - known.history.keys():
            known.history[deal_id] = observed[deal_id]


def _observed(extracts: list[Delivery]) -> dict[str, list[tuple[datetime, str]]]:
    """What full extracts show by themselves: a deal that is new in a later one, or stands in another stage there."""
    history: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    stages: dict[str, str] = {}
    for place, extract in enumerate(sorted(extracts, key=lambda extract: extract.extracted_at)):
        for _, row in extract.rows:
            deal_id, stage = row[next(iter(extract.feed.columns))], row["stage"]
            if place and stages.get(deal_id) != stage:
                history[deal_id].append((extract.extracted_at, stage))
            stages[deal_id] = stage
    return history


def _cell_violations(source: str, own: list[Delivery], known: Known) -> Iterator[Violation]:
    for entity, rows in known.rows.items():
        for record_id, row in rows.items():
            for column in unreadable(row, source):
                yield "unparseable_value", source, f"{source}:{entity}:{record_id}:{column}"
    for delivery in own:  # in events every row counts
        if delivery.feed.entity in EVENTS:
            for number, row in delivery.rows:
                assert not unreadable(row, source), f"{delivery.file} row {number}"


def _rates(night: list[Delivery]) -> dict[str, list[date]]:
    days: dict[str, list[date]] = defaultdict(list)
    for _, row in _newest(delivery for delivery in night if delivery.feed.name == "rates").rows:
        on = read("rate_on", row["rate_on"], "field_sheet")
        assert isinstance(on, date)
        days[row["currency"]].append(on)
    return days


def _touches(source: str, known: Known) -> dict[str, list[datetime]]:
    """Completed activities by deal; those of a merged deal are its survivor's."""
    merged_into = {
        merged_id: deal_id for deal_id, row in known.rows["deals"].items() for merged_id in _ids(row.get("merged_ids"))
    }
    touches: dict[str, list[datetime]] = defaultdict(list)
    for row in known.rows["activities"].values():
        is_done = "is_done" not in row or read("is_done", row["is_done"], source)
        at = read("completed_at", row.get("completed_at", ""), source) or read("due_at", row.get("due_at", ""), source)
        if is_done and isinstance(at, datetime):
            for deal_id in _ids(row.get("deal_id", row.get("what"))):
                touches[merged_into.get(deal_id, deal_id)].append(at)
    return touches


def _ids(cell: str | None) -> list[str]:
    """The ids in a cell, of which there may be several."""
    return cell.split(";") if cell else []


def _deal_violations(source: str, known: Known, rates: dict[str, list[date]]) -> Iterator[Violation]:
    touches = _touches(source, known)
    for deal_id, row in known.rows["deals"].items():
        if row.get("is_deleted") == "1":
            continue
        for rule in _broken(source, row, known.history[deal_id], touches[deal_id], rates):
            yield rule, source, f"{source}:{deal_id}"


def _broken(
    source: str,
    row: Row,
    history: list[tuple[datetime, str]],
    touches: list[datetime],
    rates: dict[str, list[date]],
) -> Iterator[str]:
    stage = _SPELLINGS.get(" ".join(row["stage"].split()).casefold(), row["stage"])
    outcome = row.get("status", "").lower() or ("won" if stage in WON else "lost" if stage in LOST else "open")
    created_at = read("created_at", row["created_at"], source)
    assert isinstance(created_at, datetime), row
    amount = read("amount", row["amount"], source)
    closed_on = _closed_on(source, row, outcome)
    if stage not in CONFIGURED:
        yield "unmapped_stage"
    if outcome == "open":
        last = max(created_at, *(at for at, _ in history), *touches) if history or touches else created_at
        if (AS_OF_DAY - last.astimezone(BERLIN).date()).days > LIMITS.get((source, stage), 30):
            yield "stale_deal"
        expected = read("close_on", row.get("close_on") or row.get("expected_close_on", ""), source)
        if isinstance(expected, date) and expected < AS_OF_DAY:
            yield "past_close_date"
        if stage in NEED_AMOUNT and amount is None and not row["amount"]:
            yield "missing_amount"
    elif closed_on and closed_on < created_at.astimezone(BERLIN).date():
        yield "closed_before_created"
    currency = row.get("currency") or DEFAULT_CURRENCY.get(source, "EUR")
    if isinstance(amount, Decimal) and currency != "EUR":
        asked = AS_OF_DAY if closed_on is None else closed_on
        if not any(asked - timedelta(days=62) <= on <= asked for on in rates[currency]):
            yield "missing_exchange_rate"


def _closed_on(source: str, row: Row, outcome: str) -> date | None:
    if outcome == "open":
        return None
    if source == "boreal_pipedrive":
        at = read("closed_at", row["won_at"] or row["lost_at"], source)
        assert isinstance(at, datetime), row
        return at.astimezone(BERLIN).date()
    on = read("close_on", row["close_on"], source)
    assert isinstance(on, date), row
    return on


def _orphans(source: str, known: Known) -> Iterator[Violation]:
    deals, leads, accounts = known.deals_ever, known.rows["leads"].keys(), known.rows["accounts"].keys()
    for activity_id, row in known.rows["activities"].items():
        linked = (
            not deals.isdisjoint(_ids(row.get("deal_id", row.get("what"))))
            or not leads.isdisjoint(_ids(row.get("lead_id", row.get("who"))))
            or not accounts.isdisjoint(_ids(row.get("account_id", row.get("what"))))
        )
        if not linked:
            yield "orphan_activity", source, f"{source}:{activity_id}"
