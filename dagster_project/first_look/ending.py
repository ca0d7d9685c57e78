"""What `dealtrail try` ends with: the report, figures that a person recognises, and what was assumed."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dagster_project.errors import printable
from dagster_project.first_look.figures import recognised, unread_cells
from dagster_project.lake.manifest import read_records
from dagster_project.run.summary import print_summary


@dataclass(frozen=True)
class Assumption:
    """What was guessed: a line of the configuration, and why."""

    line: int
    text: str
    why: str


@dataclass(frozen=True)
class Ending:
    """A first look that is over."""

    #: run.json of its night.
    attempt: dict[str, Any]
    warehouse: Path
    #: The configuration to correct.
    config: Path
    assumed: list[Assumption]
    as_of_says: str
    #: Files and sheets that are in no figure, and why.
    left_out: list[str]
    files: list[Path]


def print_ending(ending: Ending, saved: bool) -> None:
    """Prints it, in lines as wide as the terminal; a path stands in a line of its own."""
    if ending.attempt["state"] != "published":
        print_summary(ending.attempt, ending.warehouse)
        return
    console = Console(file=sys.stdout, highlight=False)
    as_of = datetime.fromisoformat(ending.attempt["as_of"])
    console.print(f"[bold green]published[/] as of {as_of:%Y-%m-%d %H:%M} UTC: {escape(ending.as_of_says)}\n")
    report = ending.warehouse / "report" / "index.html"
    console.print(f"report    [link={report.as_uri()}]{escape(_shown(report))}[/link]", soft_wrap=True)
    database = ending.warehouse / "pipeline.duckdb"
    _print(console, recognised(database, read_records(ending.warehouse / "lake")))
    refused = [text for text in ending.attempt["warnings"] if ": refused: " in text or ": held_back: " in text]
    for text in [*refused, *ending.left_out, *filter(None, [unread_cells(database)])]:
        console.print(f"[yellow]![/] {escape(printable(text))}")
    if ending.assumed:
        console.print("\nI assumed what follows; each is a line to change in")
        console.print(f"{escape(_shown(ending.config))}:", soft_wrap=True)
        _print(console, [(f"line {one.line}", _said(one)) for one in ending.assumed])
    console.print()
    if saved:
        console.print(f"saved     {escape(_shown(ending.config))}, and the files in landing/", soft_wrap=True)
        console.print(
            f"nightly   PIPELINE_CONFIG={shlex.quote(_shown(ending.config))} dealtrail nightly", soft_wrap=True
        )
    else:
        files = " ".join(shlex.quote(str(path)) for path in ending.files)
        console.print(f"keep it   dealtrail try {escape(files)} --save my_crm.yml", soft_wrap=True)


def _said(one: Assumption) -> str:
    return f"{one.text}  ({one.why})" if one.text else one.why


def _print(console: Console, rows: list[tuple[str, str]]) -> None:
    """Prints names and what is said of each, without blanks at the ends of lines."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, min_width=8)
    table.add_column(overflow="fold")
    for name, said in rows:
        table.add_row(name, escape(printable(said)))
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        print(line.rstrip())


def _shown(path: Path) -> str:
    """A path as a person would type it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
