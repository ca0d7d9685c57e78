"""What the person at the terminal sees: a line of progress while a run is long, and a summary read in ten seconds."""

from __future__ import annotations

import os
import re
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table
from rich.text import Text

from dagster_project.logs import own_stderr
from dagster_project.run.journal import is_note
from dagster_project.wording import counted

_DOING = {
    "start": "starting",
    "fetch": "fetching landing files",
    "ingest": "reading landing files into the lake",
    "open lake": "choosing deliveries",
    "transform": "building models with dbt",
    "expectations": "checking expectations",
    "record": "recording what was found",
    "report": "making the report",
    "publish": "publishing",
    "postgres": "publishing to Postgres",
    "upload": "uploading the publication",
    "ducklake": "adding a snapshot to DuckLake",
}
#: The steps of a night in their order.
NIGHT_STEPS = ("ingest", "open lake", "transform", "expectations", "report", "publish", "postgres")
_SHOWN_WARNINGS = 6
#: The first column and what parts it from the second.
_LABEL_WIDTH = len("clean deals") + 4
#: The steps that can fail while the rest is published.
_PUBLISHED_WITHOUT = {
    "report": "published, but without a report",
    "postgres": "published here, but not to Postgres",
    "upload": "published here, but not uploaded",
    "ducklake": "published here, but not in DuckLake",
}


class _Now:
    """What the spinner says at this moment: the step, and for how long it has been at work."""

    def __init__(self, says: str) -> None:
        self._says = says
        self._since = time.monotonic()
        self.done = ""

    def __rich__(self) -> Text:
        seconds = int(time.monotonic() - self._since)
        passed = f" {seconds // 60}:{seconds % 60:02}" if seconds else ""
        return Text(f"{self._says} …{self.done}{passed}", no_wrap=True, overflow="ellipsis")


class Progress:
    """A spinner with the step in progress, on a terminal only."""

    def __init__(self) -> None:
        self._file = own_stderr()
        self._console = Console(file=self._file)
        self._status: Status | None = None
        self._step = ""
        self._now = _Now("starting")
        self._subject = ""

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            self._status = self._console.status(self._now)
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()
        self._file.close()

    def about(self, subject: str) -> None:
        """Names what the steps from here on belong to, such as one night of many."""
        self._subject = f"{subject}: " if subject else ""

    def say(self, line: str) -> None:
        """Prints a line that stays, above the spinner."""
        if self._status is not None:
            self._status.stop()
        print(line, flush=True)
        if self._status is not None:
            self._status.start()

    def show(self, step: str) -> None:
        """Names the step in progress, and which of how many it is; a step that goes on keeps its time."""
        says = f"{self._subject}{_number(step)}{_DOING.get(step, step)}"
        if says == self._step:
            return
        self._step = says
        self._now = _Now(says)
        if self._status is not None:
            self._status.update(self._now)

    def show_line(self, line: str) -> None:
        """Shows how far a tool has come that counts what it does, as dbt: `12 of 54 OK created …`."""
        counted_off = re.search(r"\b(\d+) of (\d+)\b", line)
        if counted_off:
            self._now.done = f" {counted_off[1]} of {counted_off[2]}"


def _number(step: str) -> str:
    """Which step of a night it is; nothing for what is none."""
    steps = [name for name in NIGHT_STEPS if name != "postgres" or os.environ.get("POSTGRES_URL")]
    return f"step {steps.index(step) + 1} of {len(steps)}, " if step in steps else ""


def print_summary(attempt: dict[str, Any], warehouse_dir: Path, is_sample: bool = False) -> None:
    """Prints run.json as a screenful: rows, deals, violations, where things are, how long it took.

    `is_sample`: what was read are the sample's made-up CRMs, whose faults are planted.
    """
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    standing = "the last publication stands" if (warehouse_dir / "pipeline.duckdb").exists() else "nothing is published"
    colour, words = {
        "published": ("green", "published"),
        "blocked": ("red", f"blocked: {standing}"),
    }.get(attempt["state"], ("red", f"failed: {standing}"))
    if attempt["state"] == "published" and attempt["failed_step"]:
        colour, words = "red", _PUBLISHED_WITHOUT[attempt["failed_step"]]
    console.print(f"[bold {colour}]{words}[/]  as of {attempt['as_of']}")
    if is_sample:
        console.print("the sample: made-up CRMs, in which the faults found below were planted (seeds/README.md)")
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    rows = attempt["rows"]
    table.add_row(
        "rows",
        f"{rows['in_files']:,} in files, {rows['loaded']:,} loaded, {_left_out(attempt)}"
        + (f", {rows['forgotten']:,} forgotten" if rows["forgotten"] else ""),
    )
    for label, said in _found(attempt):
        table.add_row(label, said)
    for label, said in _restated(attempt):
        table.add_row(label, escape(said))
    places = _places(attempt, warehouse_dir)
    for name, place in places.items():
        table.add_row(name, escape(place))
    # a path is on one line, to be copied
    console.width = max(console.width, *(_LABEL_WIDTH + len(place) for place in places.values()), 0)
    for label, said in _elsewhere(attempt):
        table.add_row(label, escape(said))
    total = sum(step["seconds"] for step in attempt["steps"])
    steps = ", ".join(f"{step['name']} {step['seconds']:.1f}" for step in attempt["steps"])
    table.add_row("seconds", f"{total:.1f} ({steps})")
    console.print(table)
    for stop in attempt["stopped_by"]:
        console.print(
            f"[red]stopped by {stop['rule']}[/] on {stop['table']}: {counted(stop['unexpected'], 'row')}, such as ",
            end="",
        )
        console.print(str(stop["example"]), markup=False)
    if attempt["message"] and not attempt["stopped_by"]:
        console.print(attempt["message"], markup=False)
    _print_warnings(console, attempt["warnings"], warehouse_dir)


def _elsewhere(attempt: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Where else it was published."""
    if attempt["state"] != "published":
        return
    if "postgres" in attempt:
        done = attempt["postgres"]
        yield "postgres", f"{done['address']}: {counted(done['tables'], 'table')}, {counted(done['rows'], 'row')}"
    if "uploaded" in attempt:
        done = attempt["uploaded"]
        yield "uploaded", f"{done['to']}: {counted(done['files'], 'file')}, {done['bytes'] / 1e6:,.1f} MB"
    if "ducklake" in attempt:
        done = attempt["ducklake"]
        which = "nothing new" if done["snapshot"] is None else f"snapshot {done['snapshot']}"
        yield "ducklake", f"{done['folder']}: {which}"


def _found(attempt: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What the run found, as far as it came: deals, violations, shares of clean deals."""
    if attempt.get("deals"):
        yield "deals", ", ".join(f"{count:,} {status}" for status, count in sorted(attempt["deals"].items()))
    if "violations" in attempt:
        counts = attempt["violations"]
        yield (
            "violations",
            ", ".join(f"{counts[s]:,} {s}" for s in ("critical", "warning", "info") if s in counts) or "none",
        )
        by_rule = ", ".join(f"{item['rule']} {item['count']:,}" for item in attempt["violations_by_rule"][:8])
        if by_rule:
            yield "", by_rule
    if attempt.get("hygiene"):
        yield (
            "clean deals",
            ", ".join(f"{one['source']} {one['score']:.0%}{_change(one)}" for one in attempt["hygiene"]),
        )


def _restated(attempt: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What changed in months that were over when they were last published."""
    found = attempt.get("restated")
    if found and found["figures"]:
        yield (
            "what changed",
            f"{counted(found['figures'], 'figure')} of {counted(found['months'], 'past month')}, published as of "
            f"{found['since_day']}",
        )
        yield from (("", line) for line in found["lines"])


def _left_out(attempt: dict[str, Any]) -> str:
    """The rows that are in no figure, each counted once: those the reader rejected stand in quarantine as well."""
    rejected = attempt["rows"]["rejected"]
    if "quarantined" not in attempt:
        return f"{rejected:,} rejected"
    inside = f" ({rejected:,} of them rejected on reading)" if rejected else ""
    return f"{attempt['quarantined']:,} in quarantine{inside}"


def _places(attempt: dict[str, Any], warehouse_dir: Path) -> dict[str, str]:
    """Where what the run left can be found."""
    if attempt["state"] == "published":
        return {
            "tables": _shown(warehouse_dir / "pipeline.duckdb"),
            "report": _shown(warehouse_dir / "report" / "index.html"),
            "data docs": _shown(warehouse_dir / "data_docs" / "index.html"),
        }
    evidence = warehouse_dir / "attempts" / attempt["run_id"]
    return {"evidence": _shown(evidence)} if evidence.exists() else {}


def _change(scores: dict[str, Any]) -> str:
    """How a score differs from that of the published day before, if it does as shown."""
    before = scores["score_before"]
    if before is None or f"{before:.0%}" == f"{scores['score']:.0%}":
        return ""
    return f" (was {before:.0%})"


def _print_warnings(console: Console, warnings: list[str], warehouse_dir: Path) -> None:
    loud = [text for text in warnings if not is_note(text)]
    for text in loud[:_SHOWN_WARNINGS]:
        # whole: a terminal's lines are broken between words, a log's are not
        lines = (
            textwrap.wrap(text, max(console.width - 2, 20), break_on_hyphens=False) if console.is_terminal else [text]
        )
        console.print("! ", end="", style="yellow")
        console.print("\n  ".join(lines), markup=False)
    hidden = len(warnings) - min(len(loud), _SHOWN_WARNINGS)
    if hidden:
        console.print(f"  {counted(hidden, 'further note')} in {_shown(warehouse_dir / 'run.json')}", markup=False)


def _shown(path: Path) -> str:
    """A path as a person would type it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
