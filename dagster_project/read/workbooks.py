"""A workbook that a process of its own reads (`workbook_child`): what kills that process refuses one file only."""

from __future__ import annotations

import json
import pickle
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from dagster_project.errors import RefusedFileError
from dagster_project.read import workbook_child

#: What one workbook may need.
MAX_MEMORY_BYTES = 4 << 30
MAX_CPU_SECONDS = 900
MAX_UNPACKED_BYTES = 4 << 30

#: As `workbook_child` describes them; (code,) is an error.
Cell = Any


@dataclass(frozen=True)
class Sheet:
    """One sheet of cells of a workbook."""

    name: str
    is_visible: bool


class Workbook:
    """An open workbook. Raises RefusedFileError wherever it cannot be read."""

    def __init__(self, path: Path) -> None:
        limits = map(str, (MAX_MEMORY_BYTES, MAX_CPU_SECONDS, MAX_UNPACKED_BYTES))
        # -I: nothing from the current folder or the environment
        self._child = subprocess.Popen(
            [sys.executable, "-I", str(Path(workbook_child.__file__)), str(path), *limits],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.sheets: list[Sheet] = []
        #: Of a sheet that was read: where each of its rows stands.
        self.places: dict[str, list[int]] = {}

    def __enter__(self) -> Workbook:
        self.sheets = [Sheet(name, is_visible) for name, has_cells, is_visible in self._answer() if has_cells]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.kill()
        self._child.communicate()

    def rows(self, sheet: Sheet) -> list[list[Cell]]:
        """The rows of a sheet that have a cell with something in it."""
        if self._child.stdin is not None and self._child.poll() is None:
            self._child.stdin.write(json.dumps(sheet.name).encode() + b"\n")
            self._child.stdin.flush()
        rows: list[list[Cell]]
        rows, self.places[sheet.name] = self._answer(f"its sheet '{sheet.name}'")
        return rows

    def _answer(self, what: str = "it") -> Any:
        if self._child.stdout is None:
            raise RefusedFileError("cannot be read as .xlsx: its reader did not start")
        try:
            said = pickle.load(self._child.stdout)
        except (EOFError, pickle.UnpicklingError):
            raise RefusedFileError(self._why_it_died(what)) from None
        if isinstance(said, Exception):
            raise RefusedFileError(f"cannot be read as .xlsx: {said}; save it again, or export it as CSV")
        return said

    def _why_it_died(self, what: str) -> str:
        if self._child.wait() == -signal.SIGXCPU:
            return f"cannot be read as .xlsx: {what} takes longer than {MAX_CPU_SECONDS} seconds; export it as CSV"
        return (
            f"cannot be read as .xlsx: {what} needs more than {MAX_MEMORY_BYTES >> 30} GB of memory, as a stray cell "
            "far right of the table or below it does. Delete what lies outside the table, or export it as CSV"
        )
