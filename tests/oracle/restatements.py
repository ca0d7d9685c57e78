"""`quality.restatements` and the records behind them, of two moments of one landing folder (domain.md, Restatement).

Causes are told from the facts of both moments and the rows that were delivered between them. What a cause adds is
found the long way: the metric is computed from records for every set of causes, and each cause has the mean of what it
adds in all orders. No parts, no formula of a quotient.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import permutations
from pathlib import Path
from typing import Any

import duckdb

from . import Result, Rows
from .configuration import Config, moment_in_utc, read_configuration
from .landing import deliveries_of
from .months import next_month

Row = dict[str, Any]
Key = tuple[str, str]
Cell = tuple[date, str, str | None]
#: Those of a deal's own fields that are grains, by name.
GRAIN_FIELDS = "grain_fields"
#: What of a record a metric looks at.
DEAL = [
    GRAIN_FIELDS,
    "status",
    "created_month",
    "closed_month",
    "pipeline",
    "owner_key",
    "segment",
    "lead_source",
    "amount_reporting",
    "is_qualified",
    "is_first_win",
    "sales_cycle_days",
]
LEAD = [
    "created_month",
    "owner_key",
    "lead_source",
    "is_converted",
    "response_hours",
    "is_answered_within_sla",
    "is_unanswered",
]
SPEND = ["created_month", "pipeline", "owner_key", "segment", "lead_source", "amount_reporting"]
#: Without parts.
WHOLE = {
    *("response_hours_median", "sales_cycle_days_median", "clv", "clv_to_cac", "revenue_12_months"),
    *("active_customer_months", "active_months_before", "churned_customers"),
}


@dataclass(frozen=True)
class Restated:
    """The causes of what changed: by record, and by figure with what each adds (None: not to be said)."""

    records: dict[Key, set[str]]
    figures: dict[tuple[date, str, str, str | None], dict[str, float | None]]
    values: dict[tuple[date, str, str, str | None], tuple[Any, Any]]


@dataclass
class _Rows:
    """The rows that tell of one record."""

    seen: set[str] = field(default_factory=set)
    since: set[str] = field(default_factory=set)
    has_seen: bool = False

    @property
    def has_new(self) -> bool:
        return bool(self.since - self.seen)


def restatements(
    before: Result,
    now: Result,
    config_path: Path,
    landing: Path,
    moments: tuple[str, str],
    between: Result | None = None,
) -> Restated:
    """What differs at the second moment from what was published at the first.

    `between`: with another configuration, what that of the first moment makes of the second.
    """
    config = read_configuration(config_path)
    at, later = (moment_in_utc(moment, config.zone).astimezone(UTC) for moment in moments)
    rows = _rows_told(config, landing, at, later)
    told, counted = _records(before, config), _records(now, config)
    context = _Context(rows, at, at.astimezone(config.zone).date(), now, between is not None)
    whole = _changed(told, counted)
    if between is None:
        return _figures(before, now, told, _steps(told, counted, whole, context))
    touched = {key for key in whole if _is_touched(key, told.get(key), counted.get(key), rows)}
    apart = {key: row for key, row in _records(between, config).items() if key in touched}
    steps = _steps(told, counted, whole - touched, context, beside=_changed(told, apart) & touched, apart=apart)
    steps += [
        _Step(key, _counted(apart.get(key)), _counted(counted.get(key)), "configuration", True)
        for key in touched & _changed(apart, counted)
    ]
    return _figures(before, now, told, steps)


@dataclass(frozen=True)
class _Step:
    """What changed of a record for one cause; `is_second`: after what its rows changed."""

    key: Key
    told: Row | None
    counted: Row | None
    cause: str
    is_second: bool = False


def _changed(told: dict[Key, Row], counted: dict[Key, Row]) -> set[Key]:
    return {
        key
        for key in told.keys() | counted.keys()
        if _signature(key, told.get(key)) != _signature(key, counted.get(key))
    }


def _is_touched(key: Key, told: Row | None, counted: Row | None, rows: dict[Key, _Rows]) -> bool:
    """Whether it has rows that say something new, is back, or only its being the first win of its customer changed."""
    of_record = rows.get(key, _Rows())
    if key[0] == "spend" or of_record.has_new:
        return True
    if _counted(told) is None:
        return told is not None and bool(of_record.since)
    return _is_first_win_alone(key, told, counted)


def _steps(
    told: dict[Key, Row],
    counted: dict[Key, Row],
    keys: set[Key],
    context: _Context,
    beside: frozenset[Key] | set[Key] = frozenset(),
    apart: dict[Key, Row] | None = None,
) -> list[_Step]:
    """By cause, what changed up to now; of those beside, up to what the configuration of then makes of now."""
    by_rows = replace(context, is_configured_anew=False)
    pairs = {key: (told.get(key), counted.get(key), context) for key in keys}
    pairs |= {key: (told.get(key), (apart or {}).get(key), by_rows) for key in beside}
    causes = {key: _cause(key, *pair) for key, pair in pairs.items()}
    sides = {key: (_counted(one), _counted(other)) for key, (one, other, _) in pairs.items()}
    causes |= _displaced(sides, causes)
    return [_Step(key, *sides[key], causes[key]) for key in pairs]


def _records(result: Result, config: Config) -> dict[Key, Row]:
    found: dict[Key, Row] = {("deals", row["deal_key"]): _with_grains(row, config) for row in result.deals}
    found |= {("leads", row["lead_key"]): row for row in result.leads}
    for row in result.spend:
        purpose = [row[name] for name in ("source", "spent_on", "pipeline", "owner_key", "segment", "lead_source")]
        key = ":".join("" if one is None else str(one) for one in (*purpose, row["campaign"], row["currency"]))
        same = found.get(("spend", key))
        if same is None:
            found["spend", key] = {**row, "rows": [row]}
        else:
            same["rows"].append(row)
            for name in ("amount", "amount_reporting"):
                filled = [one[name] for one in same["rows"] if one[name] is not None]
                same[name] = sum(filled) if filled else None
    return found


def _with_grains(row: Row, config: Config) -> Row:
    """A deal with those of its fields that are grains."""
    fields = json.loads(row["fields"] or "{}")
    values = {name: fields.get(name) for name in config.grains}
    return {**row, GRAIN_FIELDS: {name: None if value is None else str(value) for name, value in values.items()}}


def _counted(row: Row | None) -> Row | None:
    return None if row is None or (row.get("status") == "deleted" and "deal_key" in row) else row


def _month(day: date | None) -> date | None:
    return day.replace(day=1) if day else None


def _signature(key: Key, row: Row | None) -> tuple[Any, ...] | None:
    """What the metrics see of a record; None: nothing."""
    row = _counted(row)
    if row is None:
        return None
    kind = key[0]
    if kind == "spend":
        row = {**row, "created_month": _month(row["spent_on"])}
        return tuple(row[name] for name in SPEND)
    row = {**row, "created_month": _month(row["created_on"])}
    if kind == "leads":
        return tuple(row[name] for name in LEAD)
    is_closed = row["status"] in ("won", "lost")
    row |= {
        "closed_month": _month(row["closed_on"]),
        "amount_reporting": row["amount_reporting"] if row["status"] == "won" else None,
        "is_qualified": bool(row["is_qualified"]) if is_closed else None,
        "is_first_win": bool(row["is_first_win"]),
    }
    return tuple(row[name] for name in DEAL)


def _rows_told(config: Config, landing: Path, at: datetime, later: datetime) -> dict[Key, _Rows]:
    """Of each deal and lead the rows that the first moment knew, and those that came since."""
    found: dict[Key, _Rows] = defaultdict(_Rows)
    for source in config.sources:
        for delivery in deliveries_of(source, config, landing, later)[0]:
            entity = delivery.feed.entity
            kind = {"deals": "deals", "deal_changes": "deals", "deal_versions": "deals", "leads": "leads"}.get(entity)
            if kind is None:
                continue
            for row in delivery.rows:
                record_id = row["lead_id" if kind == "leads" else "deal_id"]
                rows = found[kind, f"{source.name}:{record_id}"]
                content = repr((entity, sorted((name, value) for name, value in row.items() if value is not None)))
                if delivery.extracted_at <= at:
                    rows.has_seen = True
                    rows.seen.add(content)
                else:
                    rows.since.add(content)
    return found


@dataclass(frozen=True)
class _Context:
    rows: dict[Key, _Rows]
    at: datetime
    day: date
    now: Result
    is_configured_anew: bool

    @property
    def rules(self) -> str | None:
        return "configuration" if self.is_configured_anew else None

    def moved_since(self, key: Key, name: str) -> bool:
        """Whether the last change of a deal's field lies after the first moment."""
        moments = [r["changed_at"] for r in self.now.changes if r["deal_key"] == key[1] and r["field"] == name]
        return bool(moments) and _utc(max(moments)) >= self.at


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _cause(key: Key, said: Row | None, row: Row | None, context: _Context) -> str:
    """One cause of a record (docs/restatements.md)."""
    told, counted = _counted(said), _counted(row)
    rows = context.rows.get(key, _Rows())
    if told is None:
        if said is not None:
            # its row need not say anything new but that it is back
            return "rewritten" if rows.since else context.rules or "rewritten"
        return (context.rules or "late") if rows.has_seen and not rows.has_new else "late"
    if counted is None:
        if row is not None and row.get("merged_into_deal_key"):
            return "merged"
        return "deleted"
    if key[0] == "spend":
        return "rate" if told["amount"] == counted["amount"] else "rewritten"
    if key[0] == "leads":
        return _cause_of_lead(told, counted, rows, context)
    return _cause_of_deal(key, told, counted, rows, context)


def _differs(told: Row, counted: Row, *names: str) -> bool:
    return any(told[name] != counted[name] for name in names)


def _cause_of_deal(key: Key, told: Row, counted: Row, rows: _Rows, context: _Context) -> str:
    one, other = (dict(zip(DEAL, _signature(key, row) or (), strict=True)) for row in (told, counted))
    differing = {name for name in DEAL if one[name] != other[name]}
    if differing == {"amount_reporting"} and not _differs(told, counted, "amount", "currency", "closed_on"):
        return "rate"
    if differing == {"is_first_win"}:
        return context.rules or "rewritten"
    if "created_month" in differing:
        return "rewritten" if rows.has_new else context.rules or "rewritten"
    closed_since = told["status"] == "open" and counted["status"] in ("won", "lost")
    if rows.has_new:
        if closed_since and counted["closed_on"] >= context.day:
            return "time"
        if told["status"] == counted["status"] == "open":
            fields = {"owner_key": "owner", "pipeline": "pipeline"}
            moved = all(name in fields and context.moved_since(key, fields[name]) for name in differing)
            return "time" if moved else "rewritten"
        return "rewritten"
    return context.rules or ("time" if closed_since else "rewritten")


def _cause_of_lead(told: Row, counted: Row, rows: _Rows, context: _Context) -> str:
    by_rows = "rewritten" if rows.has_new else context.rules or "rewritten"
    if _month(told["created_on"]) != _month(counted["created_on"]) or _differs(
        told, counted, "owner_key", "lead_source"
    ):
        return by_rows
    if told["is_converted"] != counted["is_converted"]:
        is_past = counted["converted_at"] is not None and _utc(counted["converted_at"]) < context.at
        return by_rows if is_past else "time"
    if told["response_hours"] != counted["response_hours"]:
        if counted["first_response_at"] is not None and _utc(counted["first_response_at"]) >= context.at:
            return "time"
        return context.rules or ("late" if told["response_hours"] is None else "rewritten")
    return context.rules or "time"


def _is_first_win_alone(key: Key, told: Row | None, counted: Row | None) -> bool:
    if key[0] != "deals":
        return False
    one, other = (_signature(key, row) for row in (told, counted))
    if one is None or other is None or one == other:
        return False
    place = DEAL.index("is_first_win")
    return one[:place] + one[place + 1 :] == other[:place] + other[place + 1 :]


def _displaced(changed: dict[Key, tuple[Row | None, Row | None]], causes: dict[Key, str]) -> dict[Key, str]:
    """A first win that goes to another deal of the account, or comes from it, goes for that one's cause."""
    flips: dict[str, list[tuple[Key, bool]]] = defaultdict(list)
    for key, (told, counted) in changed.items():
        if key[0] != "deals":
            continue
        first = [bool(row and row["is_first_win"]) for row in (told, counted)]
        if first[0] == first[1]:
            continue
        account = (counted or told or {})["account_key"]
        alone = _is_first_win_alone(key, told, counted)
        flips[account].append((key, alone))
    found: dict[Key, str] = {}
    for of_account in flips.values():
        others = [causes[key] for key, alone in of_account if not alone]
        found |= {key: min(others) for key, alone in of_account if alone and others}
    return found


GRAINS: dict[str, Callable[[Row], Any]] = {
    "all": lambda row: "all",
    "source": lambda row: row["source"],
    "pipeline": lambda row: f"{row['source']}:{row['pipeline']}" if row.get("pipeline") else None,
    "owner": lambda row: row["owner_key"],
    "segment": lambda row: row.get("segment"),
    "lead_source": lambda row: row["lead_source"],
}


class _World:
    """Records by what they are counted in: (kind of counting, grain, value, month)."""

    def __init__(self, records: Iterable[tuple[Key, Row]]) -> None:
        self.places: dict[tuple[str, str, str | None, date], list[tuple[Key, Row]]] = defaultdict(list)
        self.deals: dict[tuple[str, str | None], list[tuple[Key, Row]]] = defaultdict(list)
        self.add(records)

    def add(self, records: Iterable[tuple[Key, Row]]) -> None:
        for key, row in records:
            values = {grain: value_of(row) for grain, value_of in GRAINS.items()} | row.get(GRAIN_FIELDS, {})
            for grain, value in values.items():
                if key[0] == "leads" and grain in ("pipeline", "segment"):
                    continue
                day = row["spent_on"] if key[0] == "spend" else row["created_on"]
                self.places[f"{key[0]} created", grain, value, day.replace(day=1)].append((key, row))
                if key[0] == "deals":
                    self.deals[grain, value].append((key, row))
                    if row["closed_on"]:
                        self.places["closed", grain, value, row["closed_on"].replace(day=1)].append((key, row))

    def of(self, cell: Cell) -> dict[str, list[Row]]:
        month, grain, value = cell
        found = {
            name: [row for _, row in self.places.get((name, grain, value, month), [])]
            for name in ("deals created", "leads created", "spend created", "closed")
        }
        end = next_month(month)
        found["worked"] = [
            row
            for _, row in self.deals.get((grain, value), [])
            if row["created_on"] < end
            and (row["closed_on"] is None or row["closed_on"] >= month)
            # closed before it was created: in no month
            and (row["closed_on"] is None or row["closed_on"].replace(day=1) >= row["created_on"].replace(day=1))
        ]
        return found


def _metrics(found: dict[str, list[Row]]) -> dict[str, float | None]:
    """Every metric of one cell, from its records."""
    created, leads, spent, closed = (
        found[name] for name in ("deals created", "leads created", "spend created", "closed")
    )
    won, lost = ([row for row in closed if row["status"] == outcome] for outcome in ("won", "lost"))
    amounts = [row for row in won if row["amount_reporting"] is not None]
    cycles = [row for row in won if row["sales_cycle_days"] is not None]
    hours = [row for row in leads if row["response_hours"] is not None]
    won_amount, cycle_days, response_hours = (
        sum(_weight(row) * float(row[name]) for row in rows)
        for rows, name in ((amounts, "amount_reporting"), (cycles, "sales_cycle_days"), (hours, "response_hours"))
    )
    qualified = [_number(row for row in some if row["is_qualified"]) for some in (won, lost)]
    firsts = _number(row for row in won if row["is_first_win"])
    late = _number(row for row in leads if row["is_unanswered"])
    within = _number(row for row in leads if row["is_answered_within_sla"])
    created_won = _number(row for row in created if row["status"] == "won")
    converted = _number(row for row in leads if row["is_converted"])
    spend = sum(_weight(row) * float(row["amount_reporting"]) for row in spent if row["amount_reporting"] is not None)
    deals_won, deals_closed, answered = _number(won), _number(closed), _number(hours)
    rate, size = _over(deals_won, deals_closed), _over(won_amount, _number(amounts))
    cycle = _over(cycle_days, _number(cycles))
    worked = _number(found["worked"])
    velocity = None if rate is None or size is None or not cycle else worked * rate * size / cycle
    return {
        "new_leads": _number(leads),
        "converted_leads": converted,
        "answered_leads": answered,
        "leads_answered_within_sla": within,
        "leads_unanswered": late,
        "lead_conversion_rate": _over(converted, _number(leads)),
        "response_hours": _over(response_hours, answered),
        "response_within_sla_rate": _over(within, answered + late),
        "opportunities_created": _number(created),
        "opportunities_created_won": created_won,
        "deal_closure_rate": _over(created_won, _number(created)),
        "deals_worked": worked,
        "deals_won": deals_won,
        "deals_lost": _number(lost),
        "qualified_won": qualified[0],
        "qualified_lost": qualified[1],
        "won_amount": won_amount,
        "won_deals_with_amount": _number(amounts),
        "new_customers": firsts,
        "win_rate": rate,
        "win_loss_ratio": _over(deals_won, _number(lost)),
        "opportunity_win_rate": _over(qualified[0], sum(qualified)),
        "avg_deal_size": size,
        "sales_cycle_days": cycle,
        "pipeline_velocity_per_day": velocity,
        "spend": spend,
        "spend_rows_without_rate": sum(
            _weight(row) * (one["amount_reporting"] is None) for row in spent for one in row.get("rows", [row])
        ),
        "cac": _over(spend, firsts),
    }


def _weight(row: Row) -> int:
    return int(row.get("weight", 1))


def _number(rows: Iterable[Row]) -> int:
    return sum(map(_weight, rows))


def _over(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _figures(before: Result, now: Result, told: dict[Key, Row], steps: list[_Step]) -> Restated:
    first, second = (_cells(rows.monthly_metrics) for rows in (before, now))
    months = {month for month, grain, _ in first if grain == "all"}
    changed = {step.key for step in steps}
    stayed = _World((key, row) for key, row in told.items() if key not in changed and _counted(row))
    # what is the same up to the configuration is there from the beginning
    stayed.add(
        (step.key, step.told)
        for step in steps
        if step.is_second and step.told and not any(one.key == step.key and not one.is_second for one in steps)
    )
    by_cause = {
        cause: [_World(row for step in steps if step.cause == cause for row in _rows_of(step, side)) for side in (0, 1)]
        for cause in {step.cause for step in steps}
    }
    figures: dict[tuple[date, str, str, str | None], dict[str, float | None]] = {}
    values: dict[tuple[date, str, str, str | None], tuple[Any, Any]] = {}
    for cell in sorted(first.keys() | second.keys(), key=repr):
        if cell[0] not in months:
            continue
        differing = dict(_differing(first.get(cell), second.get(cell)))
        if not differing:
            continue
        month, grain, value = cell
        parts = {cause: [world.of(cell) for world in sides] for cause, sides in by_cause.items()}
        touching = [cause for cause, sides in parts.items() if any(any(of_side.values()) for of_side in sides)]
        common = stayed.of(cell)
        shares = _shares(common, parts, touching)
        for name, (was, is_now) in differing.items():
            figure = (month, name, grain, value)
            values[figure] = (was, is_now)
            if name in WHOLE:
                figures[figure] = {}
                continue
            moved = {cause: share for cause, share in shares[name].items() if abs(share) > 1e-9}
            known = was is not None and is_now is not None
            figures[figure] = {cause: share if known else None for cause, share in moved.items()}
    causes: dict[Key, set[str]] = defaultdict(set)
    for step in steps:
        causes[step.key].add(step.cause)
    return Restated(dict(causes), figures, values)


def _rows_of(step: _Step, side: int) -> Iterator[tuple[Key, Row]]:
    """What is counted of it without its cause, and with it. A second step takes away what the first one left."""
    if not step.is_second:
        row = step.counted if side else step.told
        if row:
            yield step.key, row
    elif side:
        if step.counted:
            yield step.key, step.counted
        if step.told:
            yield step.key, {**step.told, "weight": -1}


def _cells(rows: Rows) -> dict[Cell, Row]:
    return {(row["month"], row["grain"], row["grain_value"]): row for row in rows}


#: Of a grain value that one of the two does not know there was nothing.
_NOTHING = {
    *("new_leads", "converted_leads", "answered_leads", "leads_answered_within_sla", "leads_unanswered"),
    *(
        "opportunities_created",
        "opportunities_created_won",
        "deals_won",
        "deals_lost",
        "qualified_won",
        "qualified_lost",
    ),
    *("won_amount", "won_deals_with_amount", "deals_worked", "new_customers"),
}


def _differing(one: Row | None, other: Row | None) -> Iterator[tuple[str, tuple[Any, Any]]]:
    for name in (one or other or {}).keys() - {"month", "grain", "grain_value", "is_complete_month", "clv_null_reason"}:
        pair = [row[name] if row else None for row in (one, other)]
        for place, row in enumerate((one, other)):
            if row is None and name in _NOTHING and pair[1 - place] is not None:
                pair[place] = 0
        if pair[0] is None and pair[1] is None:
            continue
        a, b = (None if value is None else float(value) for value in pair)
        if a is None or b is None or abs(a - b) > 1e-9 * max(abs(a), abs(b)):
            yield name, (a, b)


def _shares(
    common: dict[str, list[Row]], parts: dict[str, list[dict[str, list[Row]]]], causes: list[str]
) -> dict[str, dict[str, float]]:
    """Metric → cause → the mean of what it adds over all orders of the causes; what is undefined on the way is 0."""
    known: dict[frozenset[str], dict[str, float | None]] = {}

    def at(chosen: frozenset[str]) -> dict[str, float | None]:
        if chosen not in known:
            found = {name: list(rows) for name, rows in common.items()}
            for cause in causes:
                for name, rows in parts[cause][1 if cause in chosen else 0].items():
                    found[name] += rows
            known[chosen] = _metrics(found)
        return known[chosen]

    names = at(frozenset()).keys()
    shares: dict[str, dict[str, float]] = {name: dict.fromkeys(causes, 0.0) for name in names}
    orders = list(permutations(causes))
    for order in orders:
        chosen: frozenset[str] = frozenset()
        for cause in order:
            added = chosen | {cause}
            for name in names:
                shares[name][cause] += ((at(added)[name] or 0) - (at(chosen)[name] or 0)) / len(orders)
            chosen = added
    return shares


def differences(expected: Restated, database: str | Path) -> list[str]:
    """Where the published restatements differ: values, causes with what they add, records with their cause."""
    with duckdb.connect(str(database), read_only=True) as connection:
        rows = connection.execute(
            "select month, metric, grain, grain_value, value_before, value_now, cause, difference "
            "from quality.restatements"
        ).fetchall()
        records = connection.execute(
            "select distinct entity, record_key, cause from quality.restatement_records where cause != 'several'"
        ).fetchall()
    found: dict[tuple[date, str, str, str | None], dict[str, float | None]] = defaultdict(dict)
    values = {}
    for month, metric, grain, grain_value, was, is_now, cause, difference in rows:
        found[month, metric, grain, grain_value][cause] = difference
        values[month, metric, grain, grain_value] = (was, is_now)
    lines = [
        f"{figure}: {'is' if figure in found else 'is not'} published"
        for figure in found.keys() ^ expected.values.keys()
    ]
    for figure in found.keys() & expected.values.keys():
        lines += (
            [f"{figure}: values {values[figure]}, not {expected.values[figure]}"]
            if not all(_same(a, b) for a, b in zip(values[figure], expected.values[figure], strict=True))
            else []
        )
        if figure[1] in WHOLE:
            continue
        ours, theirs = found[figure], expected.figures[figure]
        # a cause that a figure's records have, and that adds nothing, may be said or not
        for cause in ours.keys() | theirs.keys():
            a, b = ours.get(cause, 0.0), theirs.get(cause, 0.0)
            if not _same(a, b):
                lines.append(f"{figure}: {cause} adds {a}, not {b}")
    lines += [
        f"{(entity, key)}: {cause}, not {expected.records.get((entity, key))}"
        for entity, key, cause in records
        if cause not in expected.records.get((entity, key), set())
    ]
    return sorted(lines)


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other or {one, other} == {None, 0.0}
    return abs(one - other) <= 1e-9 * max(abs(one), abs(other), 1.0)
