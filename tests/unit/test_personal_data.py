"""What a mapping says to drop or hash is nowhere in the lake, and hashed ids still match."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Any

import pytest

from dagster_project.config.feeds import Source
from dagster_project.config.load import load_settings
from dagster_project.errors import ConfigurationError
from dagster_project.read.pii import salt_version
from tests.unit.delivering import xlsx
from tests.unit.reading import Landing

SALT = "a long random text, longer than the block of the hash function, which is sixty-four bytes"
LEADS: dict[str, Any] = {
    "entity": "leads",
    "files": ["leads*"],
    "columns": {"lead_id": "Id", "lead_name": "Name", "email": "Email", "owner_id": "Owner", "status": "Status"},
    "personal_data": {"lead_id": "hash", "lead_name": "drop", "email": "hash", "owner_id": "keep"},
}
DEALS: dict[str, Any] = {
    "entity": "deals",
    "files": ["deals*"],
    "columns": {"deal_id": "Id", "stage": "Stage", "lead_id": "Contacts"},
    "personal_data": {"lead_id": "hash"},
}


@pytest.fixture
def landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Landing:
    monkeypatch.setenv("DEALTRAIL_SALT", SALT)
    return Landing(tmp_path)


@pytest.fixture
def source() -> Source:
    return Source.model_validate({"name": "crm", "feeds": {"leads": LEADS, "deals": DEALS}})


def hashed(text: str) -> str:
    return hmac.new(SALT.encode(), text.encode(), hashlib.sha256).hexdigest()


def test_personal_values_are_hashed_or_dropped_and_nothing_of_them_is_written(landing: Landing, source: Source) -> None:
    rows: list[list[str | None]] = [
        ["Id", "Name", "Email", "Owner", "Status"],
        ["7", "Ann Öz", " Ann.Öz@Example.COM ", "o1", "Open"],
        ["8", "Bob Ray", None, "o1", "Open"],
        ["9", "Cy Nul\0", "cy@example.com", "o1", "Open"],
    ]
    text = "\n".join(",".join(cell or "" for cell in row) for row in rows)
    landing.put("leads_1.csv", f"{text}\n10,Ragged Person,x@example.com\n".encode())
    landing.put("leads_2.xlsx", xlsx({"S": rows[:3]}))
    landing.put("deals_1.csv", b"Id,Stage,Contacts\nd1,New,7\nd2,New,8; 7 ;\nd3,New,\n")
    by_file = {record.file: record for record in landing.ingest(source)}
    expected = [
        (hashed("7"), hashed("ann.öz@example.com"), "o1", "Open"),
        (hashed("8"), None, "o1", "Open"),
    ]
    for file in ("leads_1.csv", "leads_2.xlsx"):
        assert landing.rows(by_file[file], "lead_id, email, owner_id, status") == expected
        assert "lead_name" not in by_file[file].filled
    assert landing.rejects(by_file["leads_1.csv"]) == [
        (4, "contains a NUL byte", None),
        (5, "missing columns: Expected Number of Columns: 5 Found: 3", None),
    ]
    assert landing.rows(by_file["deals_1.csv"], "lead_id") == [
        (hashed("7"),),
        (f"{hashed('8')};{hashed('7')}",),
        (None,),
    ]
    written = b"".join(path.read_bytes() for path in (landing.folder / "lake").rglob("*") if path.is_file())
    for said in ("Ann", "Bob", "Ragged", "example", SALT[:10]):
        assert said.encode() not in written


def test_a_file_without_a_header_shows_nobody(landing: Landing, source: Source) -> None:
    landing.put("leads_1.csv", b"7,Ann,ann@example.com,o1,Open\n8,Bob,bob@example.com,o1,Open\n")
    (record,) = landing.ingest(source)
    assert record.state == "refused" and "it has 5 headings" in record.message
    assert "Ann" not in str(record)


CONFIG = """
timezone: UTC
currency: EUR
sources:
  - name: crm
    feeds:
      people: {entity: leads, files: x, columns: {lead_id: Id, email: Email}, personal_data: {email: hash}}
"""


def test_without_a_salt_nothing_runs(tmp_path: Path) -> None:
    (tmp_path / "pipeline.yml").write_text(CONFIG)
    env = {"PIPELINE_CONFIG": str(tmp_path / "pipeline.yml")}
    with pytest.raises(ConfigurationError, match=r"DEALTRAIL_SALT is not set.*feed 'people'.*'crm'.*'email'") as error:
        load_settings(env)
    assert error.value.exit_status == 2
    load_settings({**env, "DEALTRAIL_SALT": "s"})


def test_dropping_needs_no_salt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEALTRAIL_SALT", raising=False)
    landing = Landing(tmp_path)
    record = landing.read("deals.csv", b"Id,Stage,Name\n1,New,Ann\n", personal_data={"deal_name": "drop"})
    assert landing.rows(record) == [("1", "New")]


def test_another_salt_is_another_version_of_the_mapping(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = set()
    for salt in ("one", "two", "one"):
        monkeypatch.setenv("DEALTRAIL_SALT", salt)
        versions.add(salt_version(source.feeds["leads"]))
    assert len(versions) == 2 and None not in versions
