"""The report as a file: what it carries, and what it forbids itself (tests/browser looks at it in a browser)."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from typing import Any

import pytest

from tests.conftest import Warehouse


@pytest.fixture(scope="module")
def html(sample: Warehouse) -> str:
    return (sample.path / "report" / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def carried(html: str) -> dict[str, Any]:
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert "<" not in text
    found: dict[str, Any] = json.loads(text)
    return found


def test_it_is_published_with_the_rest(sample: Warehouse) -> None:
    assert (sample.path / "report").readlink().parts == ("current", "report")
    assert sample.run_json["report"] == "report/index.html"
    assert "report/index.html" in sample.output


def test_only_its_own_scripts_and_style_may_run(html: str) -> None:
    (policy,) = re.findall(r'Content-Security-Policy" content="(.*?)"', html)
    assert policy.startswith("default-src &#39;none&#39;") or policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    inlined = re.findall(r"<(?:script|style)>(.*?)</(?:script|style)>", html, re.DOTALL)
    assert len(inlined) == 3
    for text in inlined:
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy.replace("&#43;", "+")


def test_nothing_is_loaded_from_elsewhere(html: str) -> None:
    markup = re.sub(r"<(script|style)\b.*?</\1>", "", html, flags=re.DOTALL)
    assert re.findall(r'(?:src|href)="(?!data:|#)', markup) == []


def test_it_carries_aggregates(carried: dict[str, Any], sample: Warehouse) -> None:
    metrics = carried["tables"]["metrics"]
    assert metrics["rows"] == sample.value(
        "select count(*) from marts.mart_monthly_metrics "
        "where grain in ('all', 'source', 'pipeline', 'owner', 'region')"
    )
    sizes = {name: table["rows"] for name, table in carried["tables"].items()}
    assert max(sizes.values()) < 5_000, sizes


def test_every_shown_rule_has_its_reason(carried: dict[str, Any]) -> None:
    for rule in carried["tables"]["violations"]["columns"]["rule"]["texts"]:
        assert carried["rules"][rule]["says"] and carried["rules"][rule]["why"]


def rows_of(carried: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """A table of the page as rows."""
    table = carried["tables"][name]
    columns = {
        column: values
        if isinstance(values, list)
        else [None if code is None else values["texts"][code] for code in values["codes"]]
        for column, values in table["columns"].items()
    }
    return [{column: values[place] for column, values in columns.items()} for place in range(table["rows"])]


def test_owners_funnels_add_up_to_the_mart_s(carried: dict[str, Any], sample: Warehouse) -> None:
    rows = rows_of(carried, "owner_funnel")
    steps = dict(sample.rows("select distinct step, step_order from marts.mart_funnel where entity = 'deals'"))
    reached: Counter[tuple[Any, ...]] = Counter()
    dropped: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        for step, order in steps.items():
            key = (row["month"], row["source"], row["pipeline"], step)
            reached[key] += row["deals"] if row["furthest"] is not None and row["furthest"] >= order else 0
            dropped[key] += row["lost"] if row["furthest"] == order else 0
    wanted = sample.rows(
        "select cast(month as varchar), source, pipeline, step, reached, coalesce(dropped, 0) from marts.mart_funnel "
        "where entity = 'deals'"
    )
    assert len(wanted) > 500
    for *cell, count, lost in wanted:
        assert (reached[tuple(cell)], dropped[tuple(cell)]) == (count, lost), cell


def test_owners_changes_of_stage_add_up_to_the_mart_s(carried: dict[str, Any], sample: Warehouse) -> None:
    found: Counter[tuple[Any, ...]] = Counter()
    for row in rows_of(carried, "owner_flow"):
        found[row["source"], row["pipeline"], row["from_stage"], row["to_stage"]] += row["transitions"]
    assert found == {
        tuple(key): count
        for *key, count in sample.rows(
            "select source, pipeline, from_stage, to_stage, cast(sum(transitions) as integer) "
            "from marts.mart_stage_flow where month >= '2025-01-01' group by all"
        )
    }


def test_owners_time_in_stage_is_kaplan_meier_s(carried: dict[str, Any], sample: Warehouse) -> None:
    """Against the estimator written out, visit by visit."""
    visits: dict[tuple[Any, ...], list[tuple[float, bool]]] = {}
    for *key, days, has_ended in sample.rows(
        "select owner_key, visits.source, visits.pipeline, visits.stage, days_in_stage, outcome != 'open' "
        "from marts.fct_stage_visits as visits inner join marts.fct_deals using (deal_key)"
    ):
        visits.setdefault(tuple(key), []).append((days, has_ended))
    rows = rows_of(carried, "owner_time_in_stage")
    assert len(rows) > 100
    for row in rows:
        own = visits[row["owner_key"], row["source"], row["pipeline"], row["stage"]]
        assert (row["visits"], row["open"]) == (len(own), sum(not ended for _, ended in own))
        left, median, p90 = 1.0, None, None
        for day in sorted({days for days, _ in own}):
            at_risk = sum(days >= day for days, _ in own)
            left *= 1 - sum(days == day and ended for days, ended in own) / at_risk
            median = day if median is None and left <= 0.5 + 1e-9 else median
            p90 = day if p90 is None and left <= 0.1 + 1e-9 else p90
        assert (row["days_in_stage_km_median"], row["days_in_stage_km_p90"]) == (median, p90), row
