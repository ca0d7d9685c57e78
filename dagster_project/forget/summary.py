"""What the person at the terminal is told of a forgotten record: what was done, and what is left for them to do."""

from __future__ import annotations

from collections.abc import Iterator

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
    if begun.spooled:
        typer.echo(f"removed {begun.spooled:,} fetched files from spool/; what changes is fetched again")
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


def print_finished(finished: Finished, settings: Settings, snapshots: int | None) -> None:
    """What is left."""
    if finished.versions:
        typer.echo(f"removed {len(finished.versions)} older versions")
    if snapshots is not None:
        typer.echo(f"made the DuckLake catalog anew: its {snapshots:,} earlier snapshots are gone")
    for place in finished.remains[:_SHOWN]:
        typer.echo(f"! still there, look at it: {place}", err=True)
    if len(finished.remains) > _SHOWN:
        typer.echo(f"! and {len(finished.remains) - _SHOWN} more", err=True)
    if finished.looked_for and not finished.remains:
        typer.echo(f"searched every file for {finished.looked_for} ids, names and addresses: none is left")
    typer.echo(f"not touched: {', '.join(_of_others(settings))}, your CRM, backups, copies of what was published")


def _of_others(settings: Settings) -> Iterator[str]:
    """The places that only others can clean: where rows come from, and where publications went."""
    yield f"the files in {settings.landing_url or settings.landing_dir}"
    for name in sorted({str(one.connection) for one in settings.config.sources if one.reads_tables}):
        yield f"the tables of connection '{name}'"
    if settings.publish_to:
        yield f"those uploaded to {settings.publish_to} (`dealtrail upload` replaces them)"
