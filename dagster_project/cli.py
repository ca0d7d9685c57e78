"""The command `dealtrail`: thin, because the work is the Dagster job; imports late, because start-up counts."""

from __future__ import annotations

import json
import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from dagster_project.digest.typed import digest
from dagster_project.draft.typed import source_draft
from dagster_project.errors import DealtrailError, Interrupted
from dagster_project.first_look.typed import try_files
from dagster_project.new_project.typed import init
from dagster_project.night import close_killed_runs, dagster_in, run_night, use_dagster_home
from dagster_project.publish.typed import ducklake, postgres, upload
from dagster_project.run.permissions import guard
from dagster_project.trace.typed import explain, trace
from dagster_project.transform.typed import dbt_package

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Settings come from pipeline.yml (or PIPELINE_CONFIG), LANDING_DIR, WAREHOUSE_DIR, AS_OF and POSTGRES_URL.",
)
config_app = typer.Typer(no_args_is_help=True, help="Look at the configuration.")
app.add_typer(config_app, name="config")
source_app = typer.Typer(no_args_is_help=True, help="Bring in a new source.")
app.add_typer(source_app, name="source")
source_app.command("draft")(source_draft)

_DAY = {"formats": ["%Y-%m-%d"], "metavar": "YYYY-MM-DD", "show_default": False}
_DEBUG = Annotated[bool, typer.Option("--debug", help="Show tracebacks and every log line.")]
_LOG_FORMAT = Annotated[
    str | None,
    typer.Option(
        help="A line per event on stderr: text, json or none. Without it text where stderr is no terminal.",
        envvar="DEALTRAIL_LOG_FORMAT",
        show_default=False,
    ),
]


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"dealtrail {version('dealtrail')}")
        raise typer.Exit


@app.callback()
def dealtrail(
    _: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """From CRM exports to deal histories, pipeline metrics and a list of everything dirty."""


@app.command()
def nightly(debug: _DEBUG = False, log_format: _LOG_FORMAT = None) -> None:
    """Run the nightly job once: ingest, transform, check, publish.

    Exit status: 0 published (warnings allowed), 1 a critical check stopped it,
    2 wrong configuration or usage, 3 anything else, a run in progress included.
    """
    from dagster_project import logs
    from dagster_project.config.load import load_settings
    from dagster_project.run.folders import check_folders
    from dagster_project.run.lock import lock
    from dagster_project.run.report import tell_of_no_run
    from dagster_project.transform.spark.requirements import check_engine

    logs.start(log_format)
    warehouse_dir = Path(os.environ.get("WAREHOUSE_DIR") or "warehouse")
    try:
        settings = load_settings()
        warehouse_dir = settings.warehouse_dir
        check_folders(settings)
        check_engine(settings)
    except DealtrailError as error:
        tell_of_no_run(warehouse_dir, error)
        raise
    with lock.hold(settings.warehouse_dir):
        status = run_night(settings.warehouse_dir, debug)
    raise typer.Exit(status)


app.command("try")(try_files)
app.command()(trace)
app.command()(explain)
app.command()(init)
app.command()(digest)
app.command()(postgres)
app.command()(upload)
app.command()(ducklake)
app.command("dbt-package")(dbt_package)


@app.command()
def backfill(
    first: Annotated[datetime, typer.Option("--from", help="The first night.", **_DAY)],
    last: Annotated[datetime, typer.Option("--to", help="The last night.", **_DAY)],
    debug: _DEBUG = False,
    log_format: _LOG_FORMAT = None,
) -> None:
    """Run every night between two days as it would have been, so that violations and scores have their dates.

    Each night sees what had been delivered by its `schedule.at`, judged by today's configuration, and leaves its
    violations and scores in the lake; a night that has a record already replaces it. Readers keep the tables they have
    until the end, when the newest state is published. Nights before the first delivery are skipped. A night that is
    blocked or fails is told, and the rest goes on: the exit status is the worst one (see `dealtrail nightly`).
    """
    from dagster_project import logs
    from dagster_project.backfill import nights, run_nights
    from dagster_project.config.load import load_settings
    from dagster_project.run.fetching import fetch
    from dagster_project.run.folders import check_folders
    from dagster_project.run.lock import lock
    from dagster_project.run.summary import Progress, print_summary
    from dagster_project.transform.spark.requirements import check_engine

    logs.start(log_format)
    settings = load_settings()
    check_folders(settings)
    check_engine(settings)
    moments = nights(settings, first.date(), last.date())
    with lock.hold(settings.warehouse_dir):
        fetch(settings)
        with Progress() as progress, dagster_in(settings.warehouse_dir, debug, progress) as run_job:
            status, attempt = run_nights(settings, moments, run_job, progress.say, progress.about)
        if attempt is not None:
            print_summary(attempt, settings.warehouse_dir)
    raise typer.Exit(status)


@app.command()
def forget(
    entity: Annotated[str, typer.Argument(help="leads, deals, activities, owners or accounts.", show_default=False)],
    record_id: Annotated[str, typer.Argument(metavar="ID", help="Its id in the CRM.", show_default=False)],
    source: Annotated[str | None, typer.Option(help="Where several sources have the id.", show_default=False)] = None,
    ahead: Annotated[bool, typer.Option("--ahead", help="Keep it out, though no row has it; needs --source.")] = False,
    debug: _DEBUG = False,
) -> None:
    """Forget a record for good: in the lake, everything published, attempts and Dagster's storage.

    A tombstone keeps it out of later deliveries. Run again, it finishes what was cut off. Exit status: 0 forgotten;
    1 or 3 forgotten in the lake, but the publication without it was stopped by a critical check (1) or failed (3).
    """
    from contextlib import nullcontext

    from dagster_project.config.load import load_settings
    from dagster_project.digest.sent import FOLDER
    from dagster_project.forget.command import as_of_published, begin_forgetting, finish_forgetting
    from dagster_project.forget.summary import print_begun, print_finished, print_unpublished
    from dagster_project.publish.ducklake import forget_snapshots
    from dagster_project.run.folders import check_folders
    from dagster_project.run.lock import lock
    from dagster_project.run.tags import AS_OF_TAG, FROM_LAKE_TAG
    from dagster_project.transform.spark.requirements import check_engine

    settings = load_settings()
    check_folders(settings)
    check_engine(settings)
    # who was sent digests is one of the things to clean
    digests = settings.warehouse_dir / FOLDER
    with lock.hold(settings.warehouse_dir), lock.hold(digests) if digests.exists() else nullcontext():
        begun = begin_forgetting(settings, entity, record_id, source, ahead)
        print_begun(begun)
        as_of = as_of_published(settings)
        if as_of is not None:
            status = run_night(settings.warehouse_dir, debug, {FROM_LAKE_TAG: "yes", AS_OF_TAG: as_of})
            if json.loads((settings.warehouse_dir / "run.json").read_text(encoding="utf-8"))["state"] != "published":
                print_unpublished()
                raise typer.Exit(status)
        snapshots = forget_snapshots(settings)
        print_finished(finish_forgetting(settings, begun), settings, snapshots)
    raise typer.Exit(status if as_of is not None else 0)


@app.command()
def compact() -> None:
    """Bring the lake's older deliveries together into a few files: every row stays, and every moment reads the same.

    Each feed's newest deliveries stay as they are, so once a month is often enough.
    """
    from dagster_project.config.load import load_settings
    from dagster_project.lake.compaction import compact_lake
    from dagster_project.run.lock import lock
    from dagster_project.run.summary import Progress

    settings = load_settings()
    with lock.hold(settings.warehouse_dir), Progress() as progress:
        before, after = compact_lake(settings, progress.show)
    said = (f"{size.files:,} files, {size.bytes / 1e6:,.1f} MB" for size in (before, after))
    typer.echo(f"lake: {' → '.join(said)}")


_HOST = Annotated[str, typer.Option(help="Address to listen on; Dagster asks for no password.")]
_PORT = Annotated[int, typer.Option(help="Port of the UI.")]


@app.command()
def dev(host: _HOST = "127.0.0.1", port: _PORT = 3000) -> None:
    """Open the Dagster UI with the graph loaded; schedule and sensor run while it is open."""
    _check_port(host, port)
    _become_dagster("dagster", ["dev", "-h", host, "-p", str(port)], closes_killed_runs=True)


@app.command()
def webserver(host: _HOST = "127.0.0.1", port: _PORT = 3000) -> None:
    """Serve the Dagster UI alone, as a service; `dealtrail daemon` beside it runs what it starts."""
    _check_port(host, port)
    _become_dagster("dagster-webserver", ["-h", host, "-p", str(port)])


@app.command()
def daemon() -> None:
    """Run the schedule, the sensor and the runs started in the UI, as a service without a page of its own."""
    _become_dagster("dagster-daemon", ["run"], closes_killed_runs=True)


def _check_port(host: str, port: int) -> None:
    """Dagster itself would say it in a traceback, or serve another one's page."""
    import socket

    from dagster_project.errors import ConfigurationError

    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind((host, port))
        except OSError as error:
            raise ConfigurationError(f"{host}, port {port}: {error.strerror}; choose another with --port") from None


def _become_dagster(name: str, arguments: list[str], closes_killed_runs: bool = False) -> None:
    """Turns this process into one of Dagster's own commands, on our graph and in our home."""
    from dagster_project.config.load import load_settings
    from dagster_project.errors import RunInProgressError
    from dagster_project.run.lock import lock

    warehouse_dir = load_settings().warehouse_dir
    use_dagster_home(warehouse_dir)
    if closes_killed_runs:
        import dagster as dg

        try:
            with lock.hold(warehouse_dir), dg.DagsterInstance.get() as instance:
                close_killed_runs(instance, warehouse_dir, once_more=True)
        except RunInProgressError:
            pass  # that one lives
    command = str(Path(sys.executable).with_name(name))
    os.execv(command, [command, *arguments, "-m", "dagster_project.definitions"])


@app.command()
def docs() -> None:
    """Write the documentation as a site with search, dbt's lineage included, to WAREHOUSE_DIR/docs."""
    from dagster_project.config.load import load_settings
    from dagster_project.docs.site import write_site

    typer.echo(f"docs: {write_site(load_settings(), app)}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def metrics(context: typer.Context) -> None:
    """Ask the last publication for metrics: `query --metrics win_rate --group-by metric_time__month`, `list metrics`.

    What follows is handed to MetricFlow's `mf` as it is (docs/semantic-layer.md).
    """
    if context.args in ([], ["--help"], ["-h"]):
        typer.echo(context.get_help())
        typer.echo("\nMetricFlow's own options: `dealtrail metrics query --help`, once a night has been published.")
        return
    from dagster_project.config.load import load_settings
    from dagster_project.transform.semantic_layer import ask

    ask(load_settings(), context.args)


@app.command("check-lake")
def check_lake(
    aside: Annotated[
        bool, typer.Option("--set-aside", help="Move damaged deliveries out; the next night reads landing's again.")
    ] = False,
) -> None:
    """Check that every file of the lake is as it was written. Exit status 3 where one is not."""
    from dagster_project.config.load import load_settings
    from dagster_project.lake import inventory
    from dagster_project.run.lock import lock

    settings = load_settings()
    lake_dir = settings.warehouse_dir / "lake"
    with lock.hold(settings.warehouse_dir):
        if aside:
            folder = settings.warehouse_dir / "set-aside" / datetime.now().strftime("%Y%m%dT%H%M%S")
            for name in inventory.set_aside(lake_dir, folder):
                typer.echo(f"out of the lake: {name}")
        inventory.verify_all(lake_dir)
    typer.echo(f"{lake_dir}: {inventory.holdings(lake_dir)} files, all as they were written")


@config_app.command("check")
def config_check() -> None:
    """Check the configuration by what lies in the landing folder; say what each source is and what to change.

    Exit status: 0 fine (notes allowed); 2 where data would be left out, or the configuration is wrong.
    """
    from dagster_project.config.load import load_settings
    from dagster_project.preflight.command import check

    check(load_settings(), typer.echo)


@config_app.command("schema")
def config_schema(
    out: Annotated[Path | None, typer.Option(help="Write it to this file instead of the screen.")] = None,
) -> None:
    """The JSON schema of the configuration, for editors that complete YAML."""
    from dagster_project.config.models import Configuration

    schema = json.dumps(Configuration.model_json_schema(), indent=2)
    if out is None:
        typer.echo(schema)
    else:
        out.write_text(schema + "\n", encoding="utf-8")


def main() -> None:
    """Entry point: a person's errors as one message and an exit status, tracebacks only with --debug."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        guard()
        app()
    except (Interrupted, Exception) as error:
        if "--debug" in sys.argv and not isinstance(error, Interrupted):
            raise
        sys.exit(_tell(error))


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Ends the command as an error would, so that it says so; a second signal while it ends ends it at once."""
    signal.signal(number, signal.SIG_DFL)
    raise Interrupted


def _tell(error: BaseException) -> int:
    """Says what went wrong, in the log if there is one; returns the exit status."""
    from dagster_project import logs

    status = error.exit_status if isinstance(error, DealtrailError) else 3
    if isinstance(error, DealtrailError):
        message = str(error)
    elif isinstance(error, Interrupted):
        message = "interrupted; what was published before, if anything, stands"
    else:
        message = f"{type(error).__name__}: {error} (run with --debug for the traceback)"
    logs.failed(message, status)
    return status


if __name__ == "__main__":
    main()
