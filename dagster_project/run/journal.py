"""What the steps of a run report, each in its turn: what they found and took, warnings, how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from dagster_project.errors import DealtrailError, printable, told
from dagster_project.lake.manifest import FileRecord
from dagster_project.run.results import Result

#: State of a run that has not ended; in run.json, until it has, or if it was killed.
RUNNING = "running"


@dataclass
class Journal:
    """The one place that a run's steps write to, by its methods; who watches the run is told as they do."""

    run_id: str
    on_step: Callable[[str], None] | None = None
    on_event: Callable[..., None] | None = None
    state: str = RUNNING
    #: What ingest found: deliveries that this run took into the lake, or refused.
    taken_in: list[FileRecord] = field(default_factory=list)
    #: The deliveries of which this run is a function.
    selected: list[FileRecord] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    #: Further facts for run.json.
    facts: dict[str, Any] = field(default_factory=dict)
    failure: BaseException | None = None
    #: The step it failed in.
    failed_step: str | None = None
    #: Whether somebody was notified of its failure.
    is_told_of: bool = False

    def tell(self, event: str, level: str = "info", **facts: Any) -> None:
        """Tells the log, if there is one."""
        if self.on_event is not None:
            self.on_event(event, level, run_id=self.run_id, **facts)

    def warn(self, message: str, **where: Any) -> None:
        """Something a person should know; `where` are source, file and the like, for the log."""
        message = printable(message)
        self.warnings.append(message)
        self.tell("warning", "info" if is_note(message) else "warning", message=message, **where)

    def take_in(self, records: Iterable[FileRecord]) -> None:
        """Deliveries that came into the lake or were refused."""
        self.taken_in.extend(records)

    def select(self, records: Iterable[FileRecord]) -> None:
        """The deliveries that this run sees."""
        self.selected = list(records)

    def judge(self, results: Iterable[Result]) -> None:
        """What the checks found. One that is critical blocks the run."""
        self.results = list(results)
        if any(result.stops_the_publish for result in self.results):
            self.end("blocked")

    def note(self, **facts: Any) -> None:
        """Facts for run.json."""
        self.facts |= facts

    def end(self, state: str) -> None:
        """How the run ends, unless a later step says otherwise: published, recorded, blocked, failed."""
        self.state = state

    def fail(self, error: BaseException, step: str | None = None) -> None:
        """What the run failed with; what follows from it does not count."""
        if self.failure is None:
            self.failure, self.failed_step = error, step

    def repeat(self, step: str) -> None:
        """A step is tried again: what it failed with before does not count."""
        if self.failed_step == step:
            self.failure = self.failed_step = None

    @contextmanager
    def step(self, name: str, **of: Any) -> Iterator[None]:
        """Times a step, tells who watches, and remembers what it failed with. Steps of one name add up."""
        if self.on_step is not None:
            self.on_step(name)
        self.tell("step started", step=name, **of)
        started = time.perf_counter()
        try:
            yield
        except BaseException as error:
            self.tell("step failed", "error", step=name, seconds=_since(started), message=told(error), **of)
            self.fail(error, name)
            raise
        else:
            self.tell("step ended", step=name, seconds=_since(started), **of)
        finally:
            seconds = time.perf_counter() - started
            known = next((step for step in self.steps if step["name"] == name), None)
            if known is None:
                self.steps.append({"name": name, "seconds": round(seconds, 3)})
            else:
                known["seconds"] = round(known["seconds"] + seconds, 3)

    @property
    def exit_status(self) -> int:
        """0 published, 1 blocked by a critical check, 2 configuration or usage, 3 anything else.

        A past night is not published, but recorded. Published and 3: without a report, or not to Postgres.
        """
        if self.state in ("published", "recorded") and self.failure is None:
            return 0
        if self.state == "blocked":
            return 1
        return self.failure.exit_status if isinstance(self.failure, DealtrailError) else 3


def is_note(message: str) -> bool:
    """Whether a warning is one of the many that every night has, such as headings that are not mapped."""
    return "map to nothing" in message or "not used, better" in message


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 3)
