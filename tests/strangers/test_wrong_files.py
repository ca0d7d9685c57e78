"""What no report can be made of is answered in one line that says what it is, and nothing is left behind."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dagster_project.errors import ConfigurationError
from dagster_project.first_look.command import look
from tests.conftest import PROJECT
from tests.unit.delivering import xlsx

SHEET = b"Deal ID,Stage,Amount\n1,New,5\n2,Won,7\n"


def refused(folder: Path, *paths: Path, save: Path | None = None) -> str:
    """The one line that `dealtrail try` ends with; nothing is written."""
    before = sorted(folder.rglob("*"))
    with pytest.raises(ConfigurationError) as raised:
        look(paths, save, folder / "out")
    assert sorted(folder.rglob("*")) == before
    said = str(raised.value)
    assert "\n" not in said
    return said


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.csv", b"", "is empty"),
        ("picture.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "picture.png: "),
        ("letter.txt", b"Dear all,\nthe pipeline looks good this quarter.\nBest\n", "no heading of these files says"),
        ("page.html", b"<!doctype html><html><body>Sign in</body></html>", "page.html: "),
        ("book.xlsx", xlsx({"Sheet1": []}), "book.xlsx: is empty"),
        ("headings.csv", b"Deal ID,Stage,Amount\n", "no report can be made of this: "),
        ("contacts.csv", b"Contact ID,Email,Lead Status\n1,a@b.example,New\n", "no file of deals"),
        ("nostage.csv", b"Deal ID,Amount\n1,5\n2,6\n", "no heading for stage"),
    ],
)
def test_a_file_of_which_there_is_no_report(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert said in refused(tmp_path, path)


def test_a_path_that_is_not_there_and_a_folder(tmp_path: Path) -> None:
    assert refused(tmp_path, tmp_path / "no such deals.csv").endswith("no such deals.csv: there is no such file")
    (tmp_path / "exports").mkdir()
    assert "exports: is a folder; name the files in it" in refused(tmp_path, tmp_path / "exports")


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    deals, config = tmp_path / "deals.csv", tmp_path / "my_crm.yml"
    deals.write_bytes(SHEET)
    config.write_text("mine")
    assert "there is such a file already" in refused(tmp_path, deals, save=config)
    other = tmp_path / "landing" / "other" / "old.csv"
    other.parent.mkdir(parents=True)
    other.write_bytes(SHEET)
    assert "has files already, such as old.csv" in refused(tmp_path, deals, save=tmp_path / "other.yml")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    assert "not made by `dealtrail try`" in refused(tmp_path, deals)


@pytest.mark.parametrize("names", ["{0}/my deals.csv", "'{0}/my deals.csv' {0}/calls.csv", "{0}/my\\ deals.csv"])
def test_make_takes_names_with_blanks(tmp_path: Path, names: str) -> None:
    (tmp_path / "my deals.csv").touch()
    (tmp_path / "calls.csv").touch()
    done = subprocess.run(
        ["make", "try", f"FILES={names.format(tmp_path)}"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert f"{tmp_path}/my deals.csv: is empty" in done.stderr
