"""Damage that a reader must see before it takes half a file for the whole: file by file, without a night."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
import yaml

from dagster_project.config.feeds import Source
from dagster_project.errors import RefusedFileError
from dagster_project.read.reader import Loaded, Provenance, load_file
from tests.faults import damage


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str, bytes], Loaded]:
    """Reads one file as the ingest does, without a night around it."""
    source = yaml.safe_load("sources:" + damage.SOURCE.format(name="crm", more=""))["sources"][0]
    mapping = Source.model_validate(source)

    def read_file(name: str, content: bytes) -> Loaded:
        (tmp_path / name).write_bytes(content)
        provenance = Provenance("crm", "deals", "id", "2025-12-31 00:00:00")
        with duckdb.connect() as connection:
            return load_file(
                connection, tmp_path / name, mapping, mapping.feeds["deals"], provenance, tmp_path / "out.parquet"
            )

    return read_file


def test_half_of_a_large_archive_is_refused_and_not_taken_for_the_whole(read: Callable[[str, bytes], Loaded]) -> None:
    whole = gzip.compress(damage.many_deals(60_000), mtime=0)
    assert read("deals.csv.gz", whole).rows_loaded == 60_000
    with pytest.raises(RefusedFileError, match=r"cannot be read"):
        read("half.csv.gz", whole[: len(whole) * 3 // 4])


def test_a_damaged_archive_is_refused(read: Callable[[str, bytes], Loaded]) -> None:
    whole = bytearray(gzip.compress(damage.many_deals(60_000), mtime=0))
    whole[-6] ^= 0xFF  # its checksum
    with pytest.raises(RefusedFileError, match=r"cannot be read"):
        read("damaged.csv.gz", bytes(whole))


def test_an_early_quote_never_closed_in_a_large_file_is_refused(read: Callable[[str, bytes], Loaded]) -> None:
    with pytest.raises(RefusedFileError, match=r"quote .* row 41 "):
        read("deals.csv", damage.many_deals(150_000).replace(b"Deal 40,", b'"Deal 40,', 1))


def test_line_ends_of_two_kinds_are_read_or_refused_in_words_that_help(read: Callable[[str, bytes], Loaded]) -> None:
    content = damage.text(damage.deals()).replace(b"\n", b"\r\n", 20)
    try:
        assert read("deals.csv", content).rows_loaded == damage.ROWS
    except RefusedFileError as error:
        assert "line" in str(error) and "state machine" not in str(error)


@pytest.mark.parametrize("name", ["DEALS.CSV.GZ", "Deals.csv.Gz"])
def test_capitals_in_a_file_name_change_nothing(read: Callable[[str, bytes], Loaded], name: str) -> None:
    assert read(name, gzip.compress(damage.text(damage.deals()))).rows_loaded == damage.ROWS


@pytest.mark.parametrize("name", ["deals_*.csv", "deals_?.csv", "deals_[a].csv", "deals_{a,b}.csv", "deals'a.csv"])
def test_a_file_name_is_a_name_and_no_pattern(read: Callable[[str, bytes], Loaded], name: str) -> None:
    read("deals_a.csv", damage.text(damage.deals()))
    assert read(name, damage.text(damage.deals(5))).rows_loaded == 5
