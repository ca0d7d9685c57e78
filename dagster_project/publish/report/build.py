"""report/index.html: one page, self-contained, from the published tables of a build.

What a CRM wrote reaches the page as JSON in a script element that no browser runs, and from there as text only
(page/*.js). Every script and style is named by its hash in the page's Content-Security-Policy; everything else,
the network included, is forbidden to it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
from jinja2 import Environment, StrictUndefined

from dagster_project.config.load import Settings
from dagster_project.config.metrics import metrics
from dagster_project.config.models import Configuration
from dagster_project.config.rules import Rule, checks
from dagster_project.files import write_atomically
from dagster_project.preflight.notices import newest_moment, notices
from dagster_project.publish.report.queries import (
    CHANGE_DAYS,
    CHANGES_SQL,
    DEFINED,
    FIELD_VALUES_SQL,
    LISTED,
    MONTHS,
    OPEN_DEALS_SQL,
    OWNERS,
    OWNERS_SQL,
    RESTATED_LINES,
    TABLES,
    TILES,
    with_fields,
)
from dagster_project.publish.shown_odds import why_left_out
from dagster_project.published import opened
from dagster_project.quality.restated import TOLD_FIRST, restated

PAGE_DIR = Path(__file__).parent / "page"

#: In the order in which they build on one another; they share one scope.
SECTIONS = (
    "common",
    "deals",
    "morning",
    "pipeline",
    "quarter",
    "forecast",
    "headline",
    "trend",
    "funnel",
    "time_in_stage",
    "movements",
    "flow",
    "restated",
    "hygiene",
    "freshness",
)
SCRIPTS = ("data.js", "format.js", "table.js", "charts.js", *(f"sections/{name}.js" for name in SECTIONS), "main.js")

#: Vega-Lite as the specs of charts.js are written for it.
VEGA_LITE = "6.4"


def write_report(
    database: Path,
    target: Path,
    settings: Settings,
    as_of: datetime,
    since: dict[str, Any] | None = None,
    deal_pages: Mapping[str, str] | None = None,
) -> None:
    """Writes `<target>/index.html` from the schemas marts and quality of a database.

    `since`: what run.json says of the past that changed (quality/restated.py); None where nothing was published before.
    `deal_pages`: deal_key → address of its page beside this one.
    """
    with opened(database) as connection:
        data = _data(connection, settings.config, as_of)
        lines = [str(one) for one in restated(connection) if one.metric in TOLD_FIRST][:RESTATED_LINES]
    if since is not None:
        data["about"]["restated"] = {key: since[key] for key in ("since_day", "months", "figures")} | {"lines": lines}
    # what stands beside it, or in the same version, by the time it is written
    data["about"]["has_docs"] = (settings.warehouse_dir / "docs" / "index.html").exists()
    data["about"]["deal_pages"] = dict(deal_pages or {})
    data["about"]["has_owner_pages"] = (target / "owners" / "index.html").exists()
    vega = _vega_bundle(settings.warehouse_dir / "cache" / "report")
    target.mkdir(parents=True, exist_ok=True)
    (target / "index.html").write_text(_page(data, vega), encoding="utf-8")


def write_excuse(target: Path, run_id: str, error: Exception) -> None:
    """Writes a page in place of a report that could not be made, so that nobody takes the last one for today's."""
    target.mkdir(parents=True, exist_ok=True)
    page = _environment().from_string(_file("excuse.html.j2")).render(run_id=run_id, error=error)
    (target / "index.html").write_text(page, encoding="utf-8")


def _page(data: dict[str, Any], vega: str) -> str:
    """The page as HTML."""
    style = _file("report.css")
    own = "(() => {\n'use strict';\n" + "\n".join(_file(name) for name in SCRIPTS) + "\n})();"
    vega = vega.replace("</script", "<\\/script")
    return (
        _environment()
        .from_string(_file("index.html.j2"))
        .render(
            scripts=[own, vega],
            script_hashes=" ".join(map(_hash, [own, vega])),
            style=style,
            style_hash=_hash(style),
            data=json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
        )
    )


def _environment() -> Environment:
    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _vega_bundle(cache_dir: Path) -> str:
    """Vega, Vega-Lite and vega-embed as one script. Bundling takes seconds, so it is kept from night to night."""
    path = cache_dir / f"vega-lite-{VEGA_LITE}-{version('vl-convert-python')}.js"
    if not path.exists():
        import vl_convert

        cache_dir.mkdir(parents=True, exist_ok=True)
        write_atomically(path, vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VEGA_LITE))
    return path.read_text(encoding="utf-8")


def _data(connection: duckdb.DuckDBPyConnection, config: Configuration, as_of: datetime) -> dict[str, Any]:
    zone = config.zone
    today = as_of.astimezone(zone).date()
    months = today.year * 12 + today.month - 1 - MONTHS
    parameters = {
        "start": date(months // 12, months % 12 + 1, 1),
        "as_of": as_of.astimezone(UTC).replace(tzinfo=None),
        "today": today,
        "zone": str(zone),
    }
    names = config.grain_fields
    for sql in (OWNERS_SQL, FIELD_VALUES_SQL, OPEN_DEALS_SQL, CHANGES_SQL):
        connection.execute(with_fields(sql, names), _used(parameters, sql))
    return {
        "about": {
            "as_of": as_of.astimezone(zone).strftime("%Y-%m-%d %H:%M"),
            "newest": _newest(connection, zone, as_of),
            "notices": notices(connection, as_of),
            "timezone": str(zone),
            "currency": config.currency,
            "months": MONTHS,
            "owners": OWNERS,
            "change_days": CHANGE_DAYS,
            "fields": names,
            "left_out_odds": why_left_out(connection),
            "restated": None,
            "deal_urls": {source.name: source.deal_url for source in config.sources if source.deal_url},
        },
        "tables": {name: _columns(connection, with_fields(sql, names), parameters) for name, sql in TABLES.items()},
        "figures": _figures(),
        "headline": {"tiles": TILES, "listed": LISTED},
        "definitions": _definitions(connection),
        "rules": _rules(config),
    }


def _newest(connection: duckdb.DuckDBPyConnection, zone: ZoneInfo, as_of: datetime) -> str | None:
    """The day of the newest moment that any record tells of: long before as-of, the page shows old data."""
    newest = newest_moment(connection, as_of)
    return newest.astimezone(zone).strftime("%Y-%m-%d") if newest else None


def _columns(connection: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """A query's result by column: numbers as they are, texts as places in a list of the different ones."""
    result = connection.execute(sql, _used(parameters, sql))
    names = [column[0] for column in result.description or []]
    rows = result.fetchall()
    return {
        "rows": len(rows),
        "columns": {name: _column([_plain(row[place]) for row in rows]) for place, name in enumerate(names)},
    }


def _used(parameters: dict[str, Any], sql: str) -> dict[str, Any]:
    """Of the parameters those that a query names: DuckDB takes no others."""
    return {name: value for name, value in parameters.items() if f"${name}" in sql}


def _column(values: list[Any]) -> Any:
    if not any(isinstance(value, str) for value in values):
        return values
    places: dict[Any, int] = {}
    codes = [None if value is None else places.setdefault(value, len(places)) for value in values]
    return {"texts": list(places), "codes": codes}


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float):
        return int(value) if value.is_integer() else float(f"{value:.12g}")
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="minutes")
    return value.isoformat() if isinstance(value, date) else value


def _figures() -> dict[str, dict[str, Any]]:
    """Table → column → what its mart's `meta` says of it as a figure."""
    found: dict[str, dict[str, Any]] = {}
    for one in metrics():
        if one.mart in DEFINED or one.goal:
            said = one.model_dump(include={"label", "unit", "better", "goal"})
            found.setdefault(one.mart, {})[one.name] = {**said, "heading": one.heading, "parts": one.parts}
    return found


def _definitions(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """Table → column → its comment; the table's own (its grain) under the empty name."""
    found: dict[str, dict[str, str]] = {}
    comments = connection.execute(
        "select table_name, '', comment from duckdb_tables() where list_contains($tables, table_name) "
        "union all "
        "select table_name, column_name, comment from duckdb_columns() where list_contains($tables, table_name)",
        {"tables": list(DEFINED)},
    ).fetchall()
    for table, column, comment in comments:
        if comment:
            found.setdefault(table, {})[column] = " ".join(comment.split())
    return found


def _rules(config: Configuration) -> dict[str, dict[str, str]]:
    """Rule → what it asks and why it matters, as the page of hygiene rules has it."""
    found: dict[str, dict[str, str]] = {}
    for check in checks(config):
        why = check.definition.why if isinstance(check.definition, Rule) else check.suite.why
        found.setdefault(check.rule, {"says": check.says, "why": " ".join(why.split())})
    return found


def _file(name: str) -> str:
    return (PAGE_DIR / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """A script or style as a Content-Security-Policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
