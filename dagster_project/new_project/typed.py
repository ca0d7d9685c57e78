"""`dealtrail init` as it is typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def init(
    folder: Annotated[Path, typer.Argument(help="The new project's folder.")] = Path(),
    sample: Annotated[bool, typer.Option("--sample", help="With the sample's configuration and extracts.")] = False,
) -> None:
    """Make a project folder: a configuration to complete, landing/ for the exports, settings, a Makefile, a README.

    Refuses to write over anything that is there. With --sample, `dealtrail nightly` in it publishes at once.
    """
    from dagster_project.new_project.command import new_project

    for name in new_project(folder, sample):
        typer.echo(f"wrote {folder / name}")
    there = "" if folder == Path() else f"cd {folder} && "
    if sample:
        typer.echo(f"next: {there}dealtrail nightly")
    else:
        typer.echo(
            f'next: {there}dealtrail try "your deals.csv" --save my_crm.yml, or complete pipeline.yml (README.md)'
        )
