"""A deal's life as a page: report/deals/<deal>.html of the worst ones, or any file that `dealtrail trace deal` is told.

What a CRM wrote is escaped wherever it stands, and a page runs no script and asks nobody for anything: its
Content-Security-Policy allows its own style alone.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dagster_project.config.models import Configuration
from dagster_project.publish.deals.lives import Life, lives
from dagster_project.publish.deals.worst import worst_deals
from dagster_project.publish.origins.rows import Row
from dagster_project.publish.owners import pages as owner_pages
from dagster_project.publish.owners.links import Link, no_link
from dagster_project.publish.owners.names import Named, file_names
from dagster_project.published import opened

FOLDER = "deals"
#: Of changes and rows of each kind, the newest that a page shows: some programs change a deal every minute.
SHOWN = 300
_PAGE_DIRS = (Path(__file__).parent / "page", Path(owner_pages.__file__).parent / "page")


def write_deal_pages(
    database: Path, lake_dir: Path, report_dir: Path, config: Configuration, as_of: datetime, link: Link = no_link
) -> dict[str, str]:
    """Writes the pages of the worst deals under `<report_dir>/deals`; deal_key → address of its page in the report.

    `as_of`: the moment the tables of the database show. `link`: the CRM's address of a record.
    """
    folder = report_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    page = Page(config, as_of, link, report="../index.html")
    with opened(database) as connection:
        told = lives(connection, config, lake_dir, worst_deals(connection), as_of)
    files = file_names(Named(one.deal_key, one.source, one.deal_key) for one in told)
    for one in told:
        (folder / f"{files[one.deal_key]}.html").write_text(page.of(one), encoding="utf-8")
    return {one.deal_key: f"{FOLDER}/{quote(files[one.deal_key])}.html" for one in told}


def remove_deal_pages(report_dir: Path) -> None:
    """Leaves no pages of which some may be missing."""
    shutil.rmtree(report_dir / FOLDER, ignore_errors=True)


class Page:
    """Deals' lives as HTML, as of a moment. `report`: where the report is from there; None where there is none."""

    def __init__(self, config: Configuration, as_of: datetime, link: Link = no_link, report: str | None = None) -> None:
        self._link = link
        self._about: dict[str, Any] = {
            "as_of": as_of.astimezone(config.zone).strftime("%Y-%m-%d %H:%M"),
            "timezone": config.timezone,
            "currency": config.currency,
            "report": report,
            "style": _style(),
            "style_hash": f"'sha256-{base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()}'",
        }

    def of(self, told: Life) -> str:
        """The page of one deal."""
        url = self._link(told.source, "deals", told.deal_id)
        return _template().render(
            **self._about,
            told=told,
            name=told.value("deal_name") or told.deal_id,
            # what a pattern makes of an id is no script
            url=url if url and url.startswith(("https://", "http://")) else None,
            rows=list(_compared(_newest_of_each(told.rows))),
            transitions=told.transitions[-SHOWN:],
            changes=told.changes[-SHOWN:],
            broken=[one for one in told.violations if one["resolved_on"] is None],
            mended=[one for one in told.violations if one["resolved_on"] is not None],
        )


def _newest_of_each(rows: list[Row]) -> list[Row]:
    """The newest of each entity, in their order."""
    return [row for _, of_entity in groupby(rows, key=lambda row: row.entity) for row in list(of_entity)[-SHOWN:]]


def _compared(rows: list[Row]) -> Iterator[tuple[Row, list[tuple[str, str, bool]]]]:
    """Each row with its cells, and whether a cell says something else than the deal's row before."""
    before: Row | None = None
    for row in rows:
        last = before if row.entity == "deals" else None
        yield (
            row,
            [
                (column, text, last is not None and last.says.get(column) != text)
                for column, text in row.says.items()
                if column != "deal_id"
            ]
            + [(column, "", True) for column in (last.says if last else {}) if column not in row.says],
        )
        before = row if row.entity == "deals" else before


@cache
def _template() -> Any:
    environment = Environment(
        loader=FileSystemLoader(_PAGE_DIRS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"said": _said, "amount": _amount}
    return environment.get_template("deal.html.j2")


def _amount(value: Decimal | None) -> str:
    return "not known" if value is None else f"{value:,.0f}"


def _said(value: Any) -> str:
    """A published value as people read it; moments are UTC."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return f"{value:,.12g}"
    return str(value)


@cache
def _style() -> str:
    return "".join(
        (folder / name).read_text(encoding="utf-8")
        for folder, name in zip(reversed(_PAGE_DIRS), ("owner.css", "deal.css"), strict=True)
    )
