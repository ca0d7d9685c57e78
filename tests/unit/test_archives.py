"""Each member of an archive is a file of its own: its feed, its extract time, its fingerprint, its fate."""

from __future__ import annotations

import io
import os
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dagster_project.config.feeds import Source
from dagster_project.lake.deliveries import select_deliveries
from dagster_project.lake.manifest import read_records
from dagster_project.read.landing import look
from tests.unit.delivering import xlsx, zipped
from tests.unit.reading import MAPPING, Landing

DEALS = b"Id,Stage\n" + b"".join(b"%d,New\n" % number for number in range(2000))
LEADS = b"Id,Status\n" + b"".join(b"%d,Open\n" % number for number in range(3000))
OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)


@pytest.fixture
def source() -> Source:
    leads = {"entity": "leads", "files": ["lead*.csv"], "columns": {"lead_id": "Id", "status": "Status"}}
    deals = {**MAPPING, "files": ["deals*.csv"]}
    return Source.model_validate({"name": "crm", "feeds": {"deals": deals, "leads": leads}})


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path)


def states(landing: Landing, source: Source) -> dict[str, tuple[str, int]]:
    records = select_deliveries(read_records(landing.folder / "lake"), [source], OCTOBER, 0.5)
    return {record.file: (record.state, record.rows_loaded) for record in records}


def test_every_member_finds_its_feed_and_the_others_are_listed(landing: Landing, source: Source) -> None:
    members = {
        "Lead.csv": LEADS,
        "x/deals.csv": DEALS,
        "Asset.csv": b"Id\n",
        "__MACOSX/._Lead.csv": b"",
        ".x": b"",
        "deals2.csv.part": DEALS,
    }
    landing.put("2025-12-31/WE_00D_1.ZIP", zipped(members))
    found = look(source, landing.folder / "landing")
    archive = "2025-12-31/WE_00D_1.ZIP"
    assert {(file.name, file.feed, file.extracted_at) for file in found.files} == {
        (f"{archive}/Lead.csv", "leads", datetime(2025, 12, 31, tzinfo=UTC)),
        (f"{archive}/x/deals.csv", "deals", datetime(2025, 12, 31, tzinfo=UTC)),
    }
    assert found.not_taken == [f"{archive}/Asset.csv"]
    assert {record.rows_loaded for record in landing.ingest(source)} == {2000, 3000}


@pytest.mark.parametrize(
    ("archive", "member", "day"),
    [
        ("a_2025-01-01.zip", "deals_2025-01-02.csv", 2),
        ("2025-01-03/a_2025-01-01.zip", "deals.csv", 1),
        ("2025-01-03/a.zip", "2025-01-04/deals.csv", 4),
        ("2025-01-03/a.zip", "deals.csv", 3),
    ],
)
def test_extract_time_of_a_member(landing: Landing, source: Source, archive: str, member: str, day: int) -> None:
    landing.put(archive, zipped({member: DEALS, "other.txt": b""}))
    (file,) = look(source, landing.folder / "landing").files
    assert file.extracted_at == datetime(2025, 1, day, tzinfo=UTC)


@pytest.mark.parametrize("archive", ["deals_1.csv.zip", "DEALS_1.zip", "deals_1.csv"])
def test_a_lone_member_is_found_by_the_name_of_its_archive(landing: Landing, source: Source, archive: str) -> None:
    landing.put(archive, zipped({"export.csv": DEALS}))
    (file,) = look(source, landing.folder / "landing").files
    assert (file.name, file.feed) == (f"{archive}/export.csv", "deals")


def test_an_archive_of_nothing_a_feed_takes_is_listed_once(landing: Landing, source: Source) -> None:
    landing.put("photos.zip", zipped({"a.jpg": b"1", "b.jpg": b"2"}))
    landing.put("empty.zip", zipped({}))
    assert look(source, landing.folder / "landing").not_taken == ["empty.zip", "photos.zip"]


def test_a_workbook_is_no_archive(landing: Landing, source: Source) -> None:
    landing.put("deals.csv", xlsx({"S": [["Id", "Stage"], ["1", "New"]]}))
    assert [record.rows_loaded for record in landing.ingest(source)] == [1]


def test_the_same_members_packed_again_are_nothing_new(landing: Landing, source: Source) -> None:
    landing.put("a_2025-01-01.zip", zipped({"deals.csv": DEALS, "lead.csv": LEADS}))
    assert len(landing.ingest(source)) == 2
    assert landing.ingest(source) == []
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(zipfile.ZipInfo("lead.csv", (2030, 1, 1, 0, 0, 0)), LEADS, zipfile.ZIP_DEFLATED)
        packed.writestr("deals.csv", DEALS + b"9999,New\n")
    landing.put("a_2025-01-01.zip", out.getvalue())
    os.utime(landing.folder / "landing" / "crm" / "a_2025-01-01.zip")
    assert [(record.feed, record.rows_loaded) for record in landing.ingest(source)] == [("deals", 2001)]


def damaged(how: str) -> bytes:
    whole = zipped({"deals.csv": DEALS, "lead.csv": LEADS})
    if how == "cut off":
        return whole[: len(whole) * 2 // 3]
    if how == "a byte changed":
        at = whole.index(b"deals.csv") + 200
        return whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]
    return bytes(_with_flag(bytearray(whole)))


def _with_flag(content: bytearray) -> bytearray:
    """Marks the first member as encrypted, in its header and in the list of files."""
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return content


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("cut off", "damaged .zip archive, whose list of files is missing"),
        ("a byte changed", "lies damaged in its .zip archive"),
        ("encrypted", "lies encrypted in its .zip archive; deliver it without a password"),
    ],
)
def test_a_damaged_member_is_refused_until_it_is_delivered_again(
    landing: Landing, source: Source, how: str, said: str
) -> None:
    landing.put("a_2025-01-01.zip", damaged(how))
    first = [record for record in landing.ingest(source) if record.feed == "deals"]
    assert [record.state for record in first] == ["refused"]
    assert said in first[0].message
    landing.put("a_2025-01-01.zip", zipped({"deals.csv": DEALS, "lead.csv": LEADS}))
    landing.ingest(source)
    assert states(landing, source) == {
        "a_2025-01-01.zip/deals.csv": ("loaded", 2000),
        "a_2025-01-01.zip/lead.csv": ("loaded", 3000),
    }


@pytest.mark.parametrize(("name", "content"), [("deals.zip", b"Id,Stage\n"), ("deals.csv.zip", b"PK\x03\x04 cut")])
def test_what_only_says_it_is_an_archive_is_refused(
    landing: Landing, source: Source, name: str, content: bytes
) -> None:
    landing.put(name, content)
    records: list[Any] = landing.ingest(source)
    if name == "deals.zip":  # no feed takes this name, and what it holds is unknown
        assert records == [] and look(source, landing.folder / "landing").not_taken == [name]
    else:
        assert [record.state for record in records] == ["refused"]


def test_nothing_is_left_of_what_was_unpacked(landing: Landing, source: Source) -> None:
    landing.put("a_2025-01-01.zip", zipped({"deals.csv": DEALS, "lead.csv": LEADS}))
    landing.ingest(source)
    assert list((landing.folder / "building").iterdir()) == []
    assert {path.suffix for path in (landing.folder / "lake").rglob("*") if path.is_file()} == {"", ".json", ".parquet"}
