"""What changed in months that were over when they were published, in sentences.

All of it is in quality.restatements and restatement_records; here it becomes words, for summary, webhook, check and
page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import duckdb

from dagster_project.config.metrics import Metric, metric
from dagster_project.wording import counted

#: The figure by which a month is told, the first of these that changed; and those that `max_restatement` watches.
TOLD_FIRST = (
    *("win_rate", "won_amount", "deals_won", "deals_lost", "opportunities_created", "new_leads", "spend"),
    *("deal_closure_rate", "lead_conversion_rate", "response_hours"),
)
WATCHED = ("won_amount", "deals_won", "deals_lost", "win_rate", "opportunities_created", "new_leads", "spend")
#: Months that the summary tells one by one.
_SHOWN_MONTHS = 3
_SHOWN_REASONS = 6

#: What happened to each record behind a figure of everything, in words that follow its number: one row a record.
WHAT_HAPPENED_SQL = """
    select
        month, metric, cause, entity, record_key,
        case
            when cause = 'deleted' then 'deleted'
            when cause = 'merged' then 'merged into others'
            when cause = 'rate' then 'at another exchange rate'
            when cause = 'configuration' then 'by another configuration'
            when cause = 'software' then 'by another version of Dealtrail'
            when cause = 'late' and bool_or(field = 'record') then 'delivered late'
            when cause = 'late' then 'answered by activities delivered late'
            when cause = 'time' and bool_or(field = 'status') then 'closed since'
            when cause = 'time' and bool_or(field = 'is_converted') then 'converted since'
            when cause = 'time' and bool_or(field = 'response_hours') then 'answered since'
            when cause = 'time' and bool_or(field = 'is_unanswered') then 'left unanswered since'
            when cause = 'time' then 'moved on since'
            when bool_or(field = 'record' and before = 'deleted') then 'back after a deletion'
            when bool_or(field = 'status' and before in ('won', 'lost') and now = 'open') then 'reopened'
            when bool_or(field = 'status' and before = 'open') then 'closed in the past'
            when bool_or(field = 'status') then 'turned from one outcome to the other'
            when bool_or(field = 'closed_on') then 'with another close date'
            when bool_or(field in ('amount', 'currency')) then 'with another amount'
            when bool_or(field = 'created_on') then 'with another creation date'
            when bool_or(field = 'owner') then 'of another owner'
            when bool_or(field = 'pipeline') then 'in another pipeline'
            when bool_or(field = 'is_first_win') then 'the first win of a customer, or no longer'
            else 'changed'
        end as what,
        any_value(file) as file,
        any_value(row_number) as row_number,
        string_agg(
            field || ' ' || coalesce(before, 'none') || ' → ' || coalesce(now, 'none'), '; ' order by field
        ) as changes
    from quality.restatement_records
    where grain = 'all'
    group by month, metric, cause, entity, record_key
"""


@dataclass(frozen=True)
class Restated:
    """One figure of all records, for a month that was over: what it was, what it is, and why in a few words."""

    month: date
    metric: str
    value_before: float | None
    value_now: float | None
    why: str

    @property
    def share(self) -> float:
        """By what share of what it was it differs; of nothing, all of it."""
        if not self.value_before or self.value_now is None:
            return 1.0
        return abs(self.value_now - self.value_before) / abs(self.value_before)

    def __str__(self) -> str:
        said = metric("mart_monthly_metrics", self.metric)
        before, now = apart(said, self.value_before, self.value_now)
        return f"{self.month:%b %Y} {_label(said)} {before} → {now}: {self.why}"


def restated(connection: duckdb.DuckDBPyConnection) -> list[Restated]:
    """Every figure of all records that changed, of months that were over; the newest month first."""
    reasons: dict[tuple[date, str], list[str]] = {}
    for month, name, entity, what, records in connection.execute(f"""
        select month, metric, entity, what, count(*) as records from ({WHAT_HAPPENED_SQL})
        group by month, metric, entity, what order by count(*) desc, entity, what
    """).fetchall():
        noun = {"deals": "deal", "leads": "lead"}.get(entity, "spend entry")
        reasons.setdefault((month, name), []).append(f"{counted(records, noun)} {what}")
    rows = connection.execute("""
        select month, metric, min(value_before), min(value_now), string_agg(distinct cause, ', ' order by cause)
        from quality.restatements where grain = 'all' and is_complete_month
        group by month, metric
    """).fetchall()
    found = []
    for month, name, value_before, value_now, causes in rows:
        why = reasons.get((month, name), [])
        more = [counted(len(why) - _SHOWN_REASONS, "more reason")] if len(why) > _SHOWN_REASONS else []
        found.append(
            Restated(month, name, value_before, value_now, ", ".join([*why[:_SHOWN_REASONS], *more]) or _bare(causes))
        )
    place = {name: number for number, name in enumerate(TOLD_FIRST)}
    return sorted(found, key=lambda one: (-one.month.toordinal(), place.get(one.metric, len(place)), one.metric))


def told(connection: duckdb.DuckDBPyConnection) -> dict[str, Any] | None:
    """For run.json: since which published night, how many past months changed, and the largest change; None where
    nothing was published before. The connection has `work`, too."""
    night = connection.execute("select as_of, seen_on from work.lake.published_night").fetchone()
    if night is None:
        return None
    figures = restated(connection)
    watched = [one for one in figures if one.metric in WATCHED]
    largest = max(watched, key=lambda one: one.share, default=None)
    return {
        "since": _moment(night[0]),
        "since_day": night[1].isoformat(),
        "months": len({one.month for one in figures}),
        "figures": len(figures),
        "lines": [str(one) for one in _first_of_months(figures)][:_SHOWN_MONTHS],
        "largest": _plain(largest) if largest else None,
    }


def above(found: dict[str, Any] | None, limit: float) -> str | None:
    """The largest change in words, where it is larger than this share."""
    if found is None or found["largest"] is None or found["largest"]["share"] <= limit:
        return None
    return str(found["largest"]["said"])


def apart(said: Metric, before: float | None, now: float | None) -> tuple[str, str]:
    """Two values as people write them, with as many digits as it takes to tell one from the other."""
    for digits in range(1, 7):
        texts = written(said, before, digits), written(said, now, digits)
        if texts[0] != texts[1]:
            break
    return texts


def written(said: Metric, value: float | None, digits: int = 1) -> str:
    """A figure with its unit."""
    if value is None:
        return "unknown"
    if said.unit == "rate":
        return f"{value * 100:.{digits}f} %"
    if said.unit == "count":
        return f"{value:,.0f}"
    if said.unit in ("money", "money_per_day") and abs(value) >= 100:
        return f"{value:,.{digits - 1}f}"
    return f"{value:,.{digits}f}" + {"days": " days", "hours": " hours"}.get(said.unit, "")


def _first_of_months(figures: list[Restated]) -> Iterator[Restated]:
    seen: set[date] = set()
    for one in figures:
        if one.month not in seen:
            seen.add(one.month)
            yield one


def _label(said: Metric) -> str:
    return said.label[0].lower() + said.label[1:] if said.label[1:2].islower() else said.label


def _bare(causes: str) -> str:
    return {"several": "several causes", "configuration": "another configuration", "software": "another version"}.get(
        causes, causes
    )


def _moment(moment: datetime) -> str:
    return f"{moment.isoformat()}+00:00"


def _plain(one: Restated) -> dict[str, Any]:
    return {**asdict(one), "month": one.month.isoformat(), "share": one.share, "said": str(one)}
