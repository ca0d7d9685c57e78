"""Names and cells of files come to terminal and log without what a terminal would obey."""

from __future__ import annotations

import json

import pytest

from dagster_project import logs
from dagster_project.errors import RefusedFileError, printable, told

EVIL = "deals\x1b]0;owned\x07\x1b[2J\u202egpj.csv\x9b31m\r"


@pytest.mark.parametrize("text", ["Ünïcode – 漢字 😀", "two\nlines\tand a tab", "\u200fשלום"])
def test_what_people_write_stays(text: str) -> None:
    assert printable(text) == text


def test_control_characters_are_shown_by_their_numbers() -> None:
    assert printable(EVIL) == r"deals\u001b]0;owned\u0007\u001b[2J\u202egpj.csv\u009b31m\u000d"
    assert told(RefusedFileError(EVIL)) == printable(EVIL)


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_log_has_none(form: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_log", None)
    monkeypatch.setattr(logs, "_is_json", False)
    logs.start(form)
    logs.event("delivery", "warning", file=EVIL, rows=3)
    logs.failed(EVIL, 3)
    said = capfd.readouterr().err
    assert "owned" in said and "\x1b" not in said and "\x07" not in said and "\u202e" not in said
    if form == "json":
        assert json.loads(said.splitlines()[0])["rows"] == 3
