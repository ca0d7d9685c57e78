"""`dealtrail postgres`, `upload` and `ducklake` as they are typed: a step of the last publication once more."""

from __future__ import annotations

import typer

from dagster_project.wording import counted


def postgres() -> None:
    """Publish the last publication to POSTGRES_URL once more, as after a night that found the server down."""
    from dagster_project.config.load import load_settings
    from dagster_project.publish.postgres import publish_current
    from dagster_project.run.lock import lock

    settings = load_settings()
    with lock.hold(settings.warehouse_dir):
        done = publish_current(settings)
    typer.echo(f"published to {done.address}: {counted(done.tables, 'table')}, {counted(done.rows, 'row')}")
    for warning in done.warnings:
        typer.echo(f"! {warning}", err=True)


def upload() -> None:
    """Upload the last publication to `publish_to` once more, as after a night that could not reach it."""
    from dagster_project.config.load import load_settings
    from dagster_project.publish.upload import upload_current
    from dagster_project.run.lock import lock

    settings = load_settings()
    with lock.hold(settings.warehouse_dir):
        done = upload_current(settings)
    typer.echo(f"uploaded to {done.to}: {counted(done.files, 'file')}, {done.bytes / 1e6:,.1f} MB")
    for line in done.said:
        typer.echo(f"! {line}", err=True)


def ducklake() -> None:
    """Add the last publication to the DuckLake catalog once more, as after a night that found it in use."""
    from dagster_project.config.load import load_settings
    from dagster_project.publish.ducklake import publish_snapshot
    from dagster_project.run.lock import lock

    settings = load_settings()
    with lock.hold(settings.warehouse_dir):
        done = publish_snapshot(settings)
    said = (
        "nothing new" if done.snapshot is None else f"snapshot {done.snapshot}, {counted(done.changed_tables, 'table')}"
    )
    typer.echo(f"{done.folder}: {said}")
