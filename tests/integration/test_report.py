"""The report as a file: what it carries, and what it forbids itself (tests/browser looks at it in a browser)."""

from __future__ import annotations

import base64
import hashlib
import json
import re
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
        "select count(*) from marts.mart_monthly_metrics where grain in ('all', 'source', 'pipeline', 'owner')"
    )
    assert max(table["rows"] for table in carried["tables"].values()) < 3_000


def test_every_shown_rule_has_its_reason(carried: dict[str, Any]) -> None:
    for rule in carried["tables"]["violations"]["columns"]["rule"]["texts"]:
        assert carried["rules"][rule]["says"] and carried["rules"][rule]["why"]
