"""The sample's lists by owner: every record of the worklists and every open deal, once, in the file of its owner."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.conftest import Warehouse


@pytest.fixture(scope="module")
def lists(sample: Warehouse) -> dict[str, list[dict[str, str]]]:
    """File → its rows."""
    found = {}
    for path in sorted((sample.path / "report" / "owners").glob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            found[path.stem] = list(csv.DictReader(file))
    return found


def test_every_record_stands_in_the_list_of_its_owner(
    sample: Warehouse, lists: dict[str, list[dict[str, str]]]
) -> None:
    expected = sample.rows(
        """
        select coalesce(owner_name, 'nobody'), entity, record_key, coalesce(cast(place as varchar), '')
        from quality.worklists
        union all
        select coalesce(owner_name, 'nobody'), 'deals', deal_key, ''
        from marts.mart_deal_outlook
        left join marts.dim_owners using (owner_key)
        where deal_key not in (select record_key from quality.worklists where entity = 'deals')
        """
    )
    found = [(name, row["entity"], row["record_key"], row["place"]) for name, rows in lists.items() for row in rows]
    assert len(found) > 400
    files = {name: name.replace(" ", "-").replace("'", "-") for name, *_ in expected}
    assert sorted(found) == sorted((files[name], *row) for name, *row in expected)


def test_an_open_deal_has_what_the_outlook_says_of_it(
    sample: Warehouse, lists: dict[str, list[dict[str, str]]]
) -> None:
    rows = {row["record_key"]: row for rows in lists.values() for row in rows if row["is_open_deal"] == "1"}
    outlook = sample.rows(
        "select deal_key, amount_reporting, expected_close_on, p_won_this_quarter, p_won, reasons "
        "from marts.mart_deal_outlook"
    )
    assert len(rows) == len(outlook)
    for key, *said in outlook:
        row = rows[key]
        told = [row[name] for name in ("amount", "expected_close_on", "p_won_this_quarter", "p_won", "reasons")]
        assert told == ["" if value is None else str(value) for value in said]


def test_each_list_has_its_page_and_stands_in_the_index(
    sample: Warehouse, lists: dict[str, list[dict[str, str]]]
) -> None:
    folder = (sample.path / "report" / "owners").resolve()
    assert {path.stem for path in folder.glob("*.html")} == {*lists, "index"}
    index = (folder / "index.html").read_text(encoding="utf-8")
    assert {unquote(name) for name in re.findall(r'href="([^"/]+)\.html"', index)} == set(lists)
    assert folder.is_relative_to((Path(sample.path) / "versions").resolve()), "it switches with the publication"
