"""Who writes to a warehouse: one run at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_project.errors import RunInProgressError

if TYPE_CHECKING:
    pass


class _Lock:
    """An exclusive hold on a warehouse, by the operating system, so that a killed run leaves none behind.

    Taking it again in the process that has it counts up: the command takes it before it starts Dagster, to
    say at once that a run is in progress, and the run takes it again.
    """

    def __init__(self) -> None:
        self._held: dict[Path, tuple[Any, int]] = {}

    @contextmanager
    def hold(self, warehouse_dir: Path) -> Iterator[None]:
        """Holds the warehouse, or raises RunInProgressError naming the process that does."""
        path = warehouse_dir / ".lock"
        file, times = self._held.get(path) or (self._take(path), 0)
        self._held[path] = (file, times + 1)
        try:
            yield
        finally:
            file, times = self._held.pop(path)
            if times > 1:
                self._held[path] = (file, times - 1)
            else:
                file.close()

    @staticmethod
    def _take(path: Path) -> Any:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise RunInProgressError(
                f"another run (process {holder}) is writing to {path.parent}; wait for it to end"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        return file


lock = _Lock()
