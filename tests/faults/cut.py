"""What a nightly process does to itself before it begins: it will be killed at a certain point.

Passed as `before` to `Nights.start`; the functions run in the command's own process.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def at_boundary(number: int) -> None:
    """SIGKILL, to the whole process group, where the n-th beginning or end of a step is reached."""
    _at_each_boundary(_bomb(number))


def count_boundaries(file: str) -> None:
    """Writes down each beginning and end of a step instead."""
    _at_each_boundary(_noting(Path(file)))


def after_model(number: int) -> None:
    """SIGKILL where dbt has said of the n-th model that it is there; dbt goes on building, and dies too."""
    _at_each_model(_bomb(number))


def count_models(file: str) -> None:
    """Writes down what dbt says of each model instead."""
    _at_each_model(_noting(Path(file)))


def count_both(boundaries: str, models: str) -> None:
    """Writes down all of it."""
    count_boundaries(boundaries)
    count_models(models)


def _bomb(number: int) -> Callable[[str], None]:
    reached = 0

    def reach(_: str) -> None:
        nonlocal reached
        reached += 1
        if reached == number:
            os.killpg(os.getpid(), signal.SIGKILL)

    return reach


def _noting(file: Path) -> Callable[[str], None]:
    def note(name: str) -> None:
        with file.open("a", encoding="utf-8") as lines:
            lines.write(name + "\n")

    return note


def _at_each_boundary(reached: Callable[[str], None]) -> None:
    from dagster_project.run.journal import Journal

    original = Journal.step

    @contextmanager
    def step(self: Journal, name: str, **of: Any) -> Iterator[None]:
        reached(f"{name} begins")
        with original(self, name, **of):
            yield
        reached(f"{name} ends")

    Journal.step = step  # type: ignore[method-assign]


def _at_each_model(reached: Callable[[str], None]) -> None:
    from dagster_project.run.summary import Progress

    original = Progress.show_line

    def show_line(self: Any, line: str) -> None:
        original(self, line)
        if " OK " in line:
            reached(line)

    Progress.show_line = show_line  # type: ignore[method-assign]
