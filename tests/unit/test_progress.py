"""What a person at a terminal sees of a run in progress."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

from tests.conftest import PROJECT

#: Like an operation of Dagster's: what goes to stderr while it is at work is written into a file of the run's.
SCRIPT = """
import os, sys, time
from dagster_project.run.summary import Progress
with Progress() as progress:
    os.dup2(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT), 2)
    progress.about("2026-01-05")
    progress.show("transform")
    progress.show_line("3 of 146 OK created sql table model " + "x" * 200)
    time.sleep(0.3)
    progress.say("2026-01-05  recorded")
    progress.show("publish")
    time.sleep(0.3)
"""


def test_steps_show_on_a_terminal_while_operations_write_into_files(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    captured = tmp_path / "captured.err"
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(captured)],
        cwd=PROJECT,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
    except OSError:  # the other end is closed
        pass
    assert process.wait(60) == 0, shown
    frames = shown.decode().replace("\r", "\n").splitlines()
    assert any("2026-01-05: step 3 of 6, building models with dbt … 3 of 146" in frame for frame in frames)
    assert any(frame.endswith("2026-01-05  recorded") for frame in frames)
    assert captured.read_bytes() == b""


def test_nothing_is_shown_where_nobody_looks(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "captured.err")],
        cwd=PROJECT,
        env={name: value for name, value in os.environ.items() if name != "FORCE_COLOR"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("2026-01-05  recorded\n", "")
