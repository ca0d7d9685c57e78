"""Writes report/owners: `<owner>.html`, `<owner>.csv` and an index, with the publication that they are of.

What a CRM wrote is escaped wherever it stands, and the pages run no script and ask nobody for anything: their
Content-Security-Policy allows their own style alone.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import re
import shutil
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dagster_project.config.models import Configuration
from dagster_project.publish.owners.links import Link, no_link
from dagster_project.publish.owners.lists import Owner, OwnerList, Record, owner_lists
from dagster_project.publish.shown_odds import why_left_out
from dagster_project.published import opened

FOLDER = "owners"
#: Records of each part on a page. The CSV has all.
SHOWN = 200
#: What a spreadsheet takes for the beginning of a formula, also behind blanks and in its wide spelling; behind a
#: semicolon, where that is what parts cells, as in half of Europe.
_FORMULA = re.compile(r"(^|[;\t\r\n])(\s*[=+\-@＝＋－＠])")

#: Columns of the CSV → how a record says them.
_CSV = {
    name: name
    for name in (
        *("place", "source", "pipeline", "entity", "record_key", "record_name", "stage", "amount"),
        *("is_open_deal", "expected_close_on", "days_in_stage", "p_won_this_month", "p_won_this_quarter", "p_won"),
        *("slip_probability", "severity", "violations", "reason_ids", "reasons", "first_seen_on", "url"),
    )
}


def write_owner_pages(
    database: Path, report_dir: Path, config: Configuration, as_of: datetime, link: Link = no_link
) -> int:
    """Writes pages and CSVs under `<report_dir>/owners` from the tables of a database; returns of how many owners.

    `as_of`: the moment the tables show. `link`: the CRM's address of a record.
    """
    folder = report_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    page = Page(config, as_of)
    written: list[OwnerList] = []

    def to_csv(owner: Owner, records: Iterator[Record]) -> Iterator[Record]:
        # with a mark, or Excel reads the letters of another century
        with (folder / f"{owner.file}.csv").open("w", encoding="utf-8-sig", newline="") as file:
            out = csv.writer(file)
            out.writerow(_CSV)
            for record in records:
                out.writerow([_cell(getattr(record, name)) for name in _CSV.values()])
                yield record

    with opened(database) as connection:
        page.left_out = why_left_out(connection)
        for lists in owner_lists(connection, SHOWN, link, to_csv):
            links = {
                "csv": f"{quote(lists.owner.file)}.csv",
                "report": "../index.html",
                "data_docs": "../../data_docs/index.html",
            }
            (folder / f"{lists.owner.file}.html").write_text(page.of(lists, links), encoding="utf-8")
            # the index says only figures
            lists.to_mend.clear()
            lists.open_deals.clear()
            written.append(lists)
    written.sort(key=lambda lists: (lists.owner.key is None, lists.owner.name.casefold(), lists.owner.key or ""))
    (folder / "index.html").write_text(page.index(written), encoding="utf-8")
    return len(written)


def remove_owner_pages(report_dir: Path) -> None:
    """Leaves no pages of which some may be missing."""
    shutil.rmtree(report_dir / FOLDER, ignore_errors=True)


class Page:
    """An owner's list as HTML, as of a moment."""

    def __init__(self, config: Configuration, as_of: datetime) -> None:
        #: Why odds are not shown, in sentences (shown_odds.py).
        self.left_out: Sequence[str] = ()
        local = as_of.astimezone(config.zone)
        self._about: dict[str, Any] = {
            "as_of": local.strftime("%Y-%m-%d %H:%M"),
            "list_on": local.date(),
            "timezone": config.timezone,
            "currency": config.currency,
            "style": _style(),
            "style_hash": f"'sha256-{base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()}'",
        }

    def of(self, lists: OwnerList, links: dict[str, str] | None, new_since: date | None = None) -> str:
        """The page of one owner. `links`: to csv, report and data_docs; None where it stands apart from them."""
        return (
            _environment()
            .get_template("owner.html.j2")
            .render(
                **self._about, lists=lists, owner=lists.owner, links=links, new_since=new_since, left_out=self.left_out
            )
        )

    def index(self, lists: list[OwnerList]) -> str:
        """The page that leads to all others."""
        return _environment().get_template("index.html.j2").render(**self._about, lists=lists)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # of every cell: macros would take as long as all the rest
    environment.globals |= {"amount": _amount, "odds": _odds, "day": _day}
    return environment


def _amount(value: Decimal | float | None) -> str:
    return "not known" if value is None else f"{value:,.0f}"


def _odds(value: float | None) -> str:
    return "not known" if value is None else f"{value * 100:.0f} %"


def _day(value: date) -> str:
    return f"{value.day} {value:%b %Y}"


@cache
def _style() -> str:
    return (Path(__file__).parent / "page" / "owner.css").read_text(encoding="utf-8")


def _cell(value: Any) -> Any:
    """A value as a CSV has it; a text that a spreadsheet would take for a formula behind an apostrophe."""
    if isinstance(value, str):
        # of nearly all a glance is enough, and there are millions
        is_plain = value[:1].isalnum() and not (";" in value or "\n" in value or "\t" in value or "\r" in value)
        return value if is_plain else _FORMULA.sub(r"\1'\2", value)
    return int(value) if isinstance(value, bool) else value
