"""`dealtrail digest` as it is typed."""

from __future__ import annotations

from typing import Annotated

import typer


def digest(
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Send nothing, say who would be sent what; with --owner the whole text."),
    ] = False,
    to: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Send all to this address, as a trial.", show_default=False),
    ] = None,
    owner: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of this owner only: name, or owner_key.", show_default=False)
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Also where nothing changed since the last one.")] = False,
) -> None:
    """Send each owner what is theirs to mend, by e-mail or in the chat of their team, where it changed.

    From the last publication, as `digest` of the configuration says; user and password of the mail server are
    DEALTRAIL_SMTP_USER and DEALTRAIL_SMTP_PASSWORD. What was sent is remembered; what goes to another address (--to) is
    not. Exit status: 0 all that were due are sent (nobody's being due included); 2 wrong configuration or usage;
    3 anything else: one could not be sent, nothing is published yet, another digest is on its way.
    """
    from dagster_project.config.load import load_settings
    from dagster_project.digest.command import Asked, send_digests
    from dagster_project.digest.sent import FOLDER
    from dagster_project.run.lock import lock

    settings = load_settings()
    # its own lock: a slow mail server holds up no night
    with lock.hold(settings.warehouse_dir / FOLDER):
        status = send_digests(
            settings, Asked(dry_run, to, owner, everybody), typer.echo, lambda line: typer.echo(f"! {line}", err=True)
        )
    raise typer.Exit(status)
