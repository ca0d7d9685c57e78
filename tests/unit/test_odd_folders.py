"""Links, doubled names and odd archives in a landing folder: read, refused or at least said."""

import os
import unicodedata
import warnings
import zipfile
from pathlib import Path

import pytest

from dagster_project.read.landing import look
from tests.unit.delivering import zipped
from tests.unit.reading import Landing, source

DEALS = b"Id,Stage\n1,New\n"


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path)


def looked(landing: Landing, **feed: object) -> tuple[list[str], list[str]]:
    found = look(source(**feed), landing.folder / "landing")
    return [file.name for file in found.files], found.said


def test_a_link_out_of_landing_is_refused(landing: Landing) -> None:
    (landing.folder / "elsewhere.csv").write_bytes(DEALS)
    (landing.folder / "landing" / "crm" / "deals_1.csv").symlink_to(landing.folder / "elsewhere.csv")
    landing.put("real/deals_2.csv", DEALS + b"2,New\n")
    (landing.folder / "landing" / "crm" / "deals_3.csv").symlink_to("real/deals_2.csv")
    records = {record.file: record for record in landing.ingest(source())}
    assert records["deals_1.csv"].message == "is a link that leads out of the landing folder; deliver the file itself"
    # the link within landing has the bytes of what it leads to, which are taken once
    assert {name: record.state for name, record in records.items()} == {
        "deals_1.csv": "refused",
        "deals_3.csv": "loaded",
    }


def test_a_link_that_became_a_file_is_read(landing: Landing) -> None:
    (landing.folder / "elsewhere.csv").write_bytes(DEALS)
    link = landing.folder / "landing" / "crm" / "deals_2026-01-01.csv"
    link.symlink_to(landing.folder / "elsewhere.csv")
    assert [record.state for record in landing.ingest(source())] == ["refused"]
    assert landing.ingest(source()) == []
    link.unlink()
    link.write_bytes(DEALS)
    assert [record.state for record in landing.ingest(source())] == ["loaded"]


def test_folders_and_links_that_are_not_read_are_said(landing: Landing) -> None:
    other = landing.folder / "other"
    other.mkdir()
    (other / "deals.csv").write_bytes(DEALS)
    crm = landing.folder / "landing" / "crm"
    (crm / "linked").symlink_to(other)
    (crm / "deals_gone.csv").symlink_to(crm / "nothing")
    files, said = looked(landing)
    assert files == []
    assert said == [
        "crm/linked/: is a link to another folder; its files are not read. Put them there themselves",
        "crm/deals_gone.csv: is a link to nothing that can be read; deliver the file itself",
    ]


def test_a_folder_that_cannot_be_entered_is_said(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    landing.put("closed/deals.csv", DEALS)
    closed = str(landing.folder / "landing" / "crm" / "closed")
    scandir = os.scandir

    def guarded(place: str) -> object:
        if str(place) == closed:
            raise PermissionError(13, "Permission denied", closed)
        return scandir(place)

    monkeypatch.setattr(os, "scandir", guarded)
    files, said = looked(landing)
    assert files == []
    assert said == ["crm/closed/: cannot be read: Permission denied; let the user of this run read it"]


def test_a_source_folder_that_is_a_link_is_read_and_said(landing: Landing, tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "deals.csv").write_bytes(DEALS)
    (landing.folder / "landing" / "crm").rmdir()
    (landing.folder / "landing" / "crm").symlink_to(tmp_path / "exports")
    assert looked(landing) == (["deals.csv"], ["crm/: is a link to another folder, whose files are read"])
    assert [record.state for record in landing.ingest(source())] == ["loaded"]


def test_one_name_in_two_forms(landing: Landing) -> None:
    name = unicodedata.normalize("NFD", "Geschäfte.csv")
    landing.put(name, DEALS)
    assert looked(landing, files=["geschäfte*.csv"])[0] == [unicodedata.normalize("NFC", name)]
    landing.put(unicodedata.normalize("NFC", name), DEALS)
    assert len(set(looked(landing, files=["geschäfte*.csv"])[0])) == 2


def test_members_with_backslashes_and_folders(landing: Landing) -> None:
    landing.put("export.zip", zipped({"crm\\deals\\1.csv": DEALS, "crm\\": b"", "crm\\accounts\\1.csv": DEALS}))
    files, _ = looked(landing, files=["crm/deals/*.csv"])
    assert files == ["export.zip/crm/deals/1.csv"]
    landing.ingest(source(files=["crm/deals/*.csv"]))


def test_a_pattern_may_name_the_archive(landing: Landing) -> None:
    landing.put("2026/deals.zip", zipped({"1.csv": DEALS, "2.csv": DEALS}))
    assert looked(landing, files=["2026/deals.zip/*.csv"])[0] == ["2026/deals.zip/1.csv", "2026/deals.zip/2.csv"]
    assert looked(landing, files=["2026/*.csv"])[0] == ["2026/deals.zip/1.csv", "2026/deals.zip/2.csv"]


def test_of_two_members_with_one_name_the_last_is_read_and_said(landing: Landing) -> None:
    path = landing.folder / "landing" / "crm" / "deals.zip"
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as packed:
        warnings.simplefilter("ignore")
        packed.writestr("deals.csv", b"Id,Stage\n1,Old\n")
        packed.writestr("deals.csv", b"Id,Stage\n1,New\n")
    files, said = looked(landing)
    assert files == ["deals.zip/deals.csv"]
    assert said == [
        "deals.zip: has several members named deals.csv; the last of them is read, as unpacking would leave it"
    ]
    (record,) = landing.ingest(source())
    assert landing.rows(record, "stage") == [("New",)]
