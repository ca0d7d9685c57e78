"""What a person recognises of their deals in what a night has published."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import duckdb

from dagster_project.lake.manifest import FileRecord
from dagster_project.published import opened
from dagster_project.wording import counted

_SHOWN_STAGES = 12
_SHOWN_CELLS = 4
#: What a delivery's message says of rows that are no records (ingest: blank_note, totals_note, tail_note).
_PASSED = {
    "blank": re.compile(r"(\d+) blank rows? passed over"),
    "of totals": re.compile(r"(\d+) rows? of totals passed over"),
    "of a report's footer": re.compile(r"(\d+) rows below the last record"),
}


def recognised(database: Path, records: list[FileRecord]) -> list[tuple[str, str]]:
    """Five figures: deals by stage, what was won, first and last days, owners, rows left out."""
    with opened(database) as connection:
        return [
            ("deals", _stages(connection)),
            ("won", _won(connection)),
            ("days", _days(connection)),
            ("owners", _owners(connection)),
            ("left out", _left_out(connection, records)),
        ]


def unread_cells(database: Path) -> str | None:
    """How many cells could not be read and count as empty, and what some of them say."""
    with opened(database) as connection:
        rows = connection.execute(
            "select observed, count(*) from quality.hygiene_violations "
            "where rule = 'unparseable_value' and resolved_on is null "
            "group by observed order by count(*) desc, observed"
        ).fetchall()
    if not rows:
        return None
    total = sum(count for _, count in rows)
    shown = ", ".join(f"'{said}'" for said, _ in rows[:_SHOWN_CELLS])
    cells = counted(total, "cell")
    return f"{cells} cannot be read and count{'s' if total == 1 else ''} as empty, such as {shown}"


def _stages(connection: duckdb.DuckDBPyConnection) -> str:
    rows = connection.execute(
        """
        select coalesce(fct_deals.stage, '(none)'), count(*)
        from marts.fct_deals
        left join marts.dim_stages using (source, pipeline, stage)
        group by fct_deals.stage
        order by
            max(coalesce(dim_stages.is_won or dim_stages.is_lost, false)), min(dim_stages.stage_order), count(*) desc,
            fct_deals.stage
        """
    ).fetchall()
    said = ", ".join(f"{stage} {count:,}" for stage, count in rows[:_SHOWN_STAGES])
    more = f" and {len(rows) - _SHOWN_STAGES} more stages" if len(rows) > _SHOWN_STAGES else ""
    return f"{sum(count for _, count in rows):,}: {said}{more}"


def _won(connection: duckdb.DuckDBPyConnection) -> str:
    rows = connection.execute(
        "select currency, count(*), sum(amount) from marts.fct_deals where status = 'won' "
        "group by currency order by count(*) desc, currency"
    ).fetchall()
    deals = sum(count for _, count, _ in rows)
    amounts = ", ".join(f"{total:,.2f} {currency or ''}".strip() for currency, _, total in rows if total is not None)
    return counted(deals, "deal") + (f", {amounts}" if amounts else "")


def _days(connection: duckdb.DuckDBPyConnection) -> str:
    created = connection.execute(
        "select strftime(min(created_at), '%Y-%m-%d'), strftime(max(created_at), '%Y-%m-%d') from marts.fct_deals "
        "where not created_at_is_estimated"
    ).fetchone()
    closed = connection.execute(
        "select strftime(min(closed_on), '%Y-%m-%d'), strftime(max(closed_on), '%Y-%m-%d') from marts.fct_deals"
    ).fetchone()
    said = [
        f"{what} from {days[0]} to {days[1]}"
        for what, days in (("created", created), ("won or lost", closed))
        if days and days[0]
    ]
    return "; ".join(said) or "none"


def _owners(connection: duckdb.DuckDBPyConnection) -> str:
    (owners,) = connection.execute("select count(distinct owner_key) from marts.fct_deals").fetchone() or (0,)
    return f"{owners:,}"


def _left_out(connection: duckdb.DuckDBPyConnection, records: list[FileRecord]) -> str:
    counts: Counter[str] = Counter()
    for record in records:
        for what, pattern in _PASSED.items():
            counts[what] += sum(int(found) for found in pattern.findall(record.message))
    (unusable,) = connection.execute("select count(*) from quality.quarantined_rows").fetchone() or (0,)
    (same,) = connection.execute(
        "select count(*) from quality.hygiene_violations where rule = 'duplicate_key' and resolved_on is null"
    ).fetchone() or (0,)
    counts["that cannot be used"] += int(unusable)
    counts["with the id of another row"] += int(same)
    said = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    return f"{counted(sum(counts.values()), 'row')}: {said}" if said else "no rows"
