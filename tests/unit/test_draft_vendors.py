"""Any vendor's export is known among files of anything else; what its preset does not read is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_project.config.presets import read_preset, vendor_names
from tests.unit.delivering import delimited
from tests.unit.test_draft import draft, source

#: As many objects as a whole export has beside those that the preset reads.
OTHERS = {
    f"Thing{n}__csv": delimited([[f"Thing{n} ID", "Colour", "Weight", "Owner"], ["1", "red", "2", "Ann"]])
    for n in range(25)
}


def first_headings(feed: dict) -> list[str]:
    """The best heading of each column of a feed; what several hold together is left out."""
    plain = [headings[0] if isinstance(headings, list) else headings for headings in feed["columns"].values()]
    return list(dict.fromkeys(heading for heading in plain if isinstance(heading, str) and "*" not in heading))


def feeds_of(vendor: str, entity: str) -> list[tuple[str, dict]]:
    return [(name, feed) for name, feed in read_preset(vendor)["feeds"].items() if feed["entity"] == entity]


@pytest.mark.parametrize("vendor", vendor_names())
def test_files_that_no_feed_reads_say_nothing_against_a_vendor(tmp_path: Path, vendor: str) -> None:
    _, deals = feeds_of(vendor, "deals")[0]
    headings = first_headings(deals)
    begin = deals.get("id_begins_with", "")
    rows = [headings, *[[f"{begin}{n}", *["" for _ in headings[1:]]] for n in range(3)]]
    drafted = draft(tmp_path, **{"My list 2025__csv": delimited(rows)}, **OTHERS)
    assert source(drafted, tmp_path).vendor == vendor
    assert len([line for line in drafted.left_out if line.startswith("Thing")]) == len(OTHERS)


WITH_IDS = [
    (vendor, name)
    for vendor in vendor_names()
    for name, feed in read_preset(vendor)["feeds"].items()
    if "id_begins_with" in feed
]


@pytest.mark.parametrize(("vendor", "name"), WITH_IDS)
def test_ids_tell_what_a_file_of_another_name_holds(tmp_path: Path, vendor: str, name: str) -> None:
    """A list of contacts has the headings of a list of leads, and is none."""
    _, deals = feeds_of(vendor, "deals")[0]
    feed = read_preset(vendor)["feeds"][name]
    files = {}
    for label, each, begin in (
        ("My deals__csv", deals, deals["id_begins_with"]),
        ("Something__csv", feed, "zzz000000000000"),
    ):
        headings = first_headings(each)
        rows = [headings, *[[f"{begin}{n}", *["" for _ in headings[1:]]] for n in range(3)]]
        files[label] = delimited(rows)
    drafted = draft(tmp_path, **files)
    assert source(drafted, tmp_path).vendor == vendor
    assert any(line.startswith("Something.csv") for line in drafted.left_out), drafted.text
