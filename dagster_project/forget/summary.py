"""What the person at the terminal is told of a forgotten record: what was done, and what is left for them to do."""

from __future__ import annotations

import typer

from dagster_project.config.load import Settings
from dagster_project.forget.command import Begun, Finished

_SHOWN = 20


def print_begun(begun: Begun) -> None:
    """What the lake no longer says."""
    for one in begun.forgotten:
        changed = one.blanked.changed
        typer.echo(
            f"{one.entity} of {one.source}, from now on {one.pseudonym}: {changed.blanked:,} rows blanked in the lake; "
            f"{changed.references:,} rows that name it by id and {changed.texts:,} that name it in a text changed; "
            f"{one.blanked.rejects:,} rejected rows and {one.blanked.violations:,} violations; {one.blanked.files:,} "
            "files written anew"
        )
        for other in one.shared:
            typer.echo(f"! {other}: if that is the same person, forget it too", err=True)
        if one.unsearched:
            typer.echo(
                f"! {one.unsearched} of its ids and names are short, or somebody else's too: they are gone from "
                "columns, keys and rows that name it, and were not looked for in other texts",
                err=True,
            )
    for attempt in begun.attempts:
        typer.echo(f"removed attempts/{attempt}, which named it")
    for name in begun.cleaned:
        typer.echo(f"cleaned {name}")
    for name in begun.not_cleaned:
        typer.echo(f"! not cleaned, for it is not in the warehouse folder: {name}", err=True)


def print_unpublished() -> None:
    """What still has the record, where it could not be published without it."""
    typer.echo(
        "! forgotten in the lake, but versions/ and what is published still have it: fix what stopped the run, "
        "then run the same command again",
        err=True,
    )


def print_finished(finished: Finished, settings: Settings) -> None:
    """What is left."""
    if finished.versions:
        typer.echo(f"removed {len(finished.versions)} older versions")
    for place in finished.remains[:_SHOWN]:
        typer.echo(f"! still there, look at it: {place}", err=True)
    if len(finished.remains) > _SHOWN:
        typer.echo(f"! and {len(finished.remains) - _SHOWN} more", err=True)
    if finished.looked_for and not finished.remains:
        typer.echo(f"searched every file for {finished.looked_for} ids, names and addresses: none is left")
    sources = [source for source in settings.config.sources if source.reads_tables]
    tables = "".join(
        f"the tables of connection '{name}', " for name in sorted({str(one.connection) for one in sources})
    )
    typer.echo(
        f"not touched: the files in {settings.landing_dir}, {tables}your CRM, backups, copies of what was published"
    )
