"""`dealtrail try` as it is typed; what it does is imported when it is called, because start-up counts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def try_files(
    files: Annotated[list[Path], typer.Argument(help="Exports or sheets, in any format.", show_default=False)],
    save: Annotated[
        Path | None,
        typer.Option(
            help="Keep it: write the configuration to this new file, and the files into landing/ beside it.",
            show_default=False,
        ),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Where it is run, instead of dealtrail-try/<name of the file>.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and every log line.")] = False,
) -> None:
    """Look at files that are not described yet: drafts a configuration, runs a night and ends with its report.

    Takes every safe guess and lists what it assumed, with the line that changes it. Nothing is written but the folder
    it runs in (made anew each time) and what --save names. The night is as of the newest moment in the data. Exit
    status as of `dealtrail nightly`; 2 for files that are not there or of which no report can be made.
    """
    from dagster_project.first_look.command import look

    raise typer.Exit(look(files, save, folder, debug))
