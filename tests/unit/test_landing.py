"""Which feed takes a file, and when it was exported."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dagster_project.config.feeds import Source
from dagster_project.config.load import read_configuration
from dagster_project.read.landing import extract_time, feed_of, folders_without_source, look


@pytest.fixture
def source(tmp_path: Path) -> Source:
    path = tmp_path / "pipeline.yml"
    path.write_text(
        "timezone: UTC\ncurrency: EUR\nsources: [{name: crm, vendor: salesforce, timezone: Europe/Berlin}]\n"
    )
    return read_configuration(path).sources[0]


@pytest.mark.parametrize(
    ("name", "feed"),
    [
        ("Opportunity.csv", "opportunities"),
        ("opportunity.CSV.gz", "opportunities"),
        ("OpportunityHistory.csv", "opportunity_history"),
        ("Opportunity_2025-12-31.csv", "opportunities"),
        ("Leads.csv", "leads"),
        ("Lead.xlsx", "leads"),
        ("lead.jsonl.zst", "leads"),
        ("Contact.csv", None),
        ("FieldHistory.csv", None),
    ],
)
def test_feed_of(source: Source, name: str, feed: str | None) -> None:
    assert feed_of(source, name) == feed


@pytest.mark.parametrize(
    ("name", "moment", "known_from"),
    [
        ("Lead_2025-07-01.csv", datetime(2025, 6, 30, 22, tzinfo=UTC), "file name"),
        ("Lead_20251231T020000Z.csv", datetime(2025, 12, 31, 2, tzinfo=UTC), "file name"),
        ("Lead-2025-12-31_02-15.csv", datetime(2025, 12, 31, 1, 15, tzinfo=UTC), "file name"),
        ("Lead-2025-12-31_021500.csv", datetime(2025, 12, 31, 1, 15, tzinfo=UTC), "file name"),
        ("Lead_2025-12-31T02-15-00-123Z.csv", datetime(2025, 12, 31, 2, 15, tzinfo=UTC), "file name"),
        ("Lead_2025-12-31T02:15:00.123Z.csv", datetime(2025, 12, 31, 2, 15, tzinfo=UTC), "file name"),
        ("Lead_2025-12-31T0215-0500.csv", datetime(2025, 12, 31, 7, 15, tzinfo=UTC), "file name"),
        ("Lead_2025-12-31T02-15-00+05:30.csv", datetime(2025, 12, 30, 20, 45, tzinfo=UTC), "file name"),
        # parts of one day's delivery
        ("Lead_2025-12-31_0001.csv", datetime(2025, 12, 30, 23, tzinfo=UTC), "file name"),
        ("Lead_2025-12-31_1.csv", datetime(2025, 12, 30, 23, tzinfo=UTC), "file name"),
        ("2025-12-31/Lead.csv", datetime(2025, 12, 30, 23, tzinfo=UTC), "folder"),
        ("2024/2025-12-31/old/Lead.csv", datetime(2025, 12, 30, 23, tzinfo=UTC), "folder"),
        ("Lead-29684860-6.csv", datetime.fromtimestamp(0, UTC), "modification time"),
        ("Lead-2025-02-30.csv", datetime.fromtimestamp(0, UTC), "modification time"),
    ],
)
def test_extract_time(source: Source, name: str, moment: datetime, known_from: str) -> None:
    assert extract_time(source, source.feeds["leads"], name, 0.0) == (moment, known_from)


def test_configured_extract_time_wins_and_a_date_is_midnight_of_the_source(source: Source) -> None:
    said = source.model_copy(update={"extracted_at": datetime(2025, 7, 1)})
    assert extract_time(said, said.feeds["leads"], "Lead_2020-01-01.csv", 0.0) == (
        datetime(2025, 6, 30, 22, tzinfo=UTC),
        "configuration",
    )


def test_unfinished_and_hidden_files_do_not_count(source: Source, tmp_path: Path) -> None:
    folder = tmp_path / "crm"
    (folder / ".git").mkdir(parents=True)
    for name in ("Lead.csv", "Lead.csv.part", "Lead.csv.tmp", ".Lead.csv", ".git/Lead.csv", "Contact.csv"):
        (folder / name).write_text("Id\n1\n")
    landing = look(source, tmp_path)
    assert [file.name for file in landing.files] == ["Lead.csv"]
    assert landing.not_taken == ["Contact.csv"]


def test_a_file_has_to_be_still_or_marked(source: Source, tmp_path: Path) -> None:
    folder = tmp_path / "crm"
    folder.mkdir()
    for name in ("Lead_2025-12-30.csv", "Lead_2025-12-31.csv"):
        (folder / name).write_text("Id\n1\n")
    assert look(source, tmp_path, settle_seconds=60).files == []
    long_ago = time.time() - 61
    os.utime(folder / "Lead_2025-12-30.csv", (long_ago, long_ago))
    assert [file.name for file in look(source, tmp_path, settle_seconds=60).files] == ["Lead_2025-12-30.csv"]
    (folder / "Lead_2025-12-31.csv.done").touch()
    assert len(look(source, tmp_path, settle_seconds=60).files) == 2


def test_a_name_that_is_no_text_is_spelled_and_the_file_still_opens(source: Source, tmp_path: Path) -> None:
    folder = tmp_path / "crm"
    folder.mkdir()
    for name in (b"Lead_2025-12-31_M\xfcller.csv", b"Contact_M\xfcller.csv"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(b"Id\n1\n")
    landing = look(source, tmp_path)
    assert landing.not_taken == ["Contact_M\\xfcller.csv"]
    (file,) = landing.files
    assert file.name == "Lead_2025-12-31_M\\xfcller.csv"
    assert isinstance(file.path, Path) and file.path.read_bytes() == b"Id\n1\n"


def test_folders_nobody_names(source: Source, tmp_path: Path) -> None:
    for name in ("crm", "other", ".hidden"):
        (tmp_path / name).mkdir()
    assert folders_without_source([source], tmp_path) == ["other"]
