"""`dealtrail source draft` as it is typed; what it does is imported when it is called, because start-up counts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dagster_project.errors import printable


def source_draft(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Files in any format, or folders of them; or one database: a .duckdb file, "
            "postgresql://user@host/name, or a variable that holds its address.",
            show_default=False,
        ),
    ],
    name: Annotated[str | None, typer.Option(help="The source's name: its folder in the landing zone.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write it to this new file instead of the screen.")] = None,
) -> None:
    """Draft a configuration from what the files' headings and values say.

    Every guess stands beside an example; nothing of the files is written but what the draft quotes of them. Exit
    status 2 for files that are not there or cannot be read.
    """
    from dagster_project.draft.command import draft_source
    from dagster_project.draft.database import draft_database, named_database
    from dagster_project.errors import ConfigurationError

    if out is not None and out.exists():
        raise ConfigurationError(f"{out}: there is such a file already; name another one, and append its source to it")
    database = named_database(files[0]) if len(files) == 1 else None
    drafted = draft_database(database, name) if database else draft_source(files, name)
    if out is None:
        typer.echo(drafted.text, nl=False)
    else:
        out.write_text(drafted.text, encoding="utf-8")
        typer.echo(f"written to {out}; look at its TODOs and checks, then run `dealtrail config check`", err=True)
    for line in drafted.said:
        typer.echo(printable(f"tried {line}"), err=True)
    for line in drafted.figures:
        typer.echo(printable(f"as drafted: {line}"), err=True)
    for line in drafted.left_out:
        typer.echo(printable(f"not read: {line}"), err=True)
    for line in drafted.left:
        typer.echo(printable(f"left to do: {line}"), err=True)
