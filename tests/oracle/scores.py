"""`hygiene_scores` of the run's day: which open deals are clean (domain.md, end of Hygiene rules)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from .deals import Deal
from .hygiene import Violation

INFO = frozenset(
    ("regressed", "skipped_stage", "amount_outlier", "unmapped_stage", "deleted_deal", "history_rewritten")
)


def severity(violation: Violation) -> str:
    """By default; what is configured goes before it."""
    return "info" if violation.rule in INFO and not violation.is_often else "warning"


def scores(deals: Iterable[Deal], violations: Iterable[Violation], day: date) -> list[dict[str, Any]]:
    """One row per source, pipeline and owner with open deals; clean ones have no warning."""
    dirty = {one.record_key for one in violations if severity(one) == "warning"}
    groups: dict[tuple[str, str, str | None], list[Deal]] = defaultdict(list)
    for deal in deals:
        if deal.status == "open":
            groups[deal.source, deal.pipeline, deal.owner_key].append(deal)
    rows = []
    for (source, pipeline, owner_key), group in groups.items():
        clean = [deal for deal in group if deal.key not in dirty]
        open_amount, clean_amount = (_amount(some) for some in (group, clean))
        rows.append(
            {
                "date_day": day,
                "source": source,
                "pipeline": pipeline,
                "owner_key": owner_key,
                "open_deals": len(group),
                "clean_deals": len(clean),
                "score": len(clean) / len(group),
                "open_amount": open_amount,
                "clean_amount": clean_amount,
                "score_by_amount": float(clean_amount) / float(open_amount) if open_amount else None,
            }
        )
    return rows


def _amount(deals: list[Deal]) -> Decimal:
    return sum((deal.amount_reporting for deal in deals if deal.amount_reporting is not None), Decimal(0))
