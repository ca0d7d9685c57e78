"""The command `dealtrail`: thin, because the work is the Dagster job; imports late, because start-up counts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dagster_project.errors import DealtrailError, Interrupted, printable
from dagster_project.permissions import guard

if TYPE_CHECKING:
    from dagster_project.backfill import RunJob
    from dagster_project.summary import Progress

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

#: Dagster's settings in a warehouse of our own: quiet, one run at a time, and once more if a run's process is killed.
_DAGSTER_SETTINGS = """\
# Written anew by dealtrail; for settings of your own, set DAGSTER_HOME to a folder of yours.
storage:
  custom:
    module: dagster_project.storage
    class: WarehouseStorage
    config:
      base_dir: {env: DAGSTER_HOME}
telemetry:
  enabled: false
nux:
  enabled: false
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config:
    max_concurrent_runs: 1
run_retries:
  enabled: true
  retry_on_asset_or_op_failure: false
"""

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
    from dagster_project.config.load import check_folders, load_settings
    from dagster_project.runs import lock, tell_of_no_run

    logs.start(log_format)
    warehouse_dir = Path(os.environ.get("WAREHOUSE_DIR") or "warehouse")
    try:
        settings = load_settings()
        warehouse_dir = settings.warehouse_dir
        check_folders(settings)
    except DealtrailError as error:
        tell_of_no_run(warehouse_dir, error)
        raise
    with lock.hold(settings.warehouse_dir):
        status = _run_night(settings.warehouse_dir, debug)
    raise typer.Exit(status)


def _run_night(warehouse_dir: Path, debug: bool, tags: dict[str, str] | None = None) -> int:
    """Runs the Dagster job `nightly` in this process and prints its summary; returns the exit status."""
    from dagster_project.summary import Progress, print_summary

    with Progress() as progress, _dagster(warehouse_dir, debug, progress) as run_job:
        attempt, status = run_job("nightly", tags or {})
    print_summary(attempt, warehouse_dir)
    return status


@contextmanager
def _dagster(warehouse_dir: Path, debug: bool, progress: Progress) -> Iterator[RunJob]:
    """A function that runs a job of Dagster's in this process; it may be called again and again."""
    progress.show("start")
    _use_dagster_home(warehouse_dir)
    import dagster as dg

    from dagster_project import logs, resources
    from dagster_project.definitions import defs
    from dagster_project.ingest.lake import write_atomically
    from dagster_project.runs import FROM_LAKE_TAG

    resources.on_step = progress.show
    resources.on_line = None if debug else progress.show_line
    resources.on_event = logs.event
    with dg.DagsterInstance.get() as instance:
        _close_killed_runs(instance, warehouse_dir, once_more=False)

        def run_job(name: str, tags: dict[str, str]) -> tuple[dict[str, Any], int]:
            before = _stamp(warehouse_dir / "run.json")
            job = defs.resolve_job_def(name)
            keys = job.asset_layer.executable_asset_keys
            result = job.execute_in_process(
                instance=instance,
                asset_selection=[key for key in keys if key.path[0] != "landing"] if FROM_LAKE_TAG in tags else None,
                raise_on_error=False,
                # whoever calls the command sees how it ends, and calls again
                tags={"dagster/max_retries": "0", **tags},
                # its own storage keeps every event; the screen is for progress and summary
                run_config={"loggers": {"console": {"config": {"log_level": "DEBUG" if debug else "CRITICAL"}}}},
            )
            if _stamp(warehouse_dir / "run.json") == before:
                for event in result.all_events:
                    if event.is_failure:
                        raise DealtrailError(event.message or "the run failed before it began")
                raise DealtrailError("the run failed before it began")
            attempt: dict[str, Any] = json.loads((warehouse_dir / "run.json").read_text(encoding="utf-8"))
            status = 0 if result.success else int(attempt["exit_status"]) or 3
            if status == 3 and attempt["message"] is None:  # not in a step of ours: Dagster's books on a full disk
                attempt["message"] = _said_by_dagster(result, warehouse_dir)
                run_json = json.dumps(attempt, indent=2, ensure_ascii=False)
                write_atomically(warehouse_dir / "run.json", run_json)
            facts = {
                key: attempt.get(key)
                for key in ("run_id", "state", "as_of", "message", "failed_step", "stopped_by", "rows", "violations")
            }
            logs.event("run ended", "error" if status else "info", exit_status=status, **facts)
            return attempt, status

        yield run_job


def _said_by_dagster(result: Any, warehouse_dir: Path) -> str:
    """The innermost error of a run that failed, as Dagster tells it. On a full disk it cannot keep even that."""
    errors = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
    error = next((error for error in errors if error), None)
    while error is not None and error.cause is not None:
        error = error.cause
    if error is not None:
        return str(error.message).strip()
    free = shutil.disk_usage(warehouse_dir).free // 1_000_000
    return (
        f"Dagster could not go on; {free:,} MB are free on the disk of {warehouse_dir} (run with --debug for its log)"
    )


def _close_killed_runs(instance: Any, warehouse_dir: Path, once_more: bool) -> None:
    """Marks this warehouse's runs that still count as in progress as failed: we hold the lock, so they are gone.

    Left alone they would keep the UI's queue waiting for ever. With `once_more` the daemon starts the night again.
    """
    import dagster as dg

    from dagster_project.runs import WAREHOUSE_TAG

    unfinished = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING]
    for run in instance.get_runs(dg.RunsFilter(statuses=unfinished)):
        is_in_a_storage_of_ours = instance.root_directory and Path(instance.root_directory).name == "dagster"
        if is_in_a_storage_of_ours or run.tags.get(WAREHOUSE_TAG) == str(warehouse_dir):
            if not once_more:
                instance.add_run_tags(run.run_id, {"dagster/max_retries": "0"})
            instance.report_run_failed(run, "its process ended before the run did")


def _stamp(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.exists() else None


def _use_dagster_home(warehouse_dir: Path) -> None:
    """Gives Dagster a home inside the warehouse, without telemetry, unless the user has one."""
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    if os.environ.get("DAGSTER_HOME"):
        return
    from dagster_project.ingest.lake import write_atomically

    home = warehouse_dir / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    settings = home / "dagster.yaml"
    if not settings.exists() or settings.read_text(encoding="utf-8") != _DAGSTER_SETTINGS:
        write_atomically(settings, _DAGSTER_SETTINGS)
    os.environ["DAGSTER_HOME"] = str(_as_dagster_takes_it(home))


def _as_dagster_takes_it(home: Path) -> Path:
    """The folder, under another name where Dagster, which looks for its settings by pattern, would find none."""
    if not set("[*") & set(str(home)):
        return home
    import atexit
    import tempfile

    link = Path(tempfile.mkdtemp(prefix="dealtrail-")) / home.name
    link.symlink_to(home, target_is_directory=True)
    atexit.register(shutil.rmtree, link.parent)
    return link


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
    from dagster_project.config.load import check_folders, load_settings
    from dagster_project.runs import lock
    from dagster_project.summary import Progress, print_summary

    logs.start(log_format)
    settings = load_settings()
    check_folders(settings)
    moments = nights(settings, first.date(), last.date())
    with lock.hold(settings.warehouse_dir):
        with Progress() as progress, _dagster(settings.warehouse_dir, debug, progress) as run_job:
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
    from dagster_project.config.load import check_folders, load_settings
    from dagster_project.forget.command import as_of_published, begin_forgetting, finish_forgetting
    from dagster_project.forget.summary import print_begun, print_finished, print_unpublished
    from dagster_project.runs import AS_OF_TAG, FROM_LAKE_TAG, lock

    settings = load_settings()
    check_folders(settings)
    with lock.hold(settings.warehouse_dir):
        begun = begin_forgetting(settings, entity, record_id, source, ahead)
        print_begun(begun)
        as_of = as_of_published(settings)
        if as_of is not None:
            status = _run_night(settings.warehouse_dir, debug, {FROM_LAKE_TAG: "yes", AS_OF_TAG: as_of})
            if json.loads((settings.warehouse_dir / "run.json").read_text(encoding="utf-8"))["state"] != "published":
                print_unpublished()
                raise typer.Exit(status)
        print_finished(finish_forgetting(settings, begun), settings.landing_dir)
    raise typer.Exit(status if as_of is not None else 0)


@app.command()
def postgres() -> None:
    """Publish the last publication to POSTGRES_URL once more, as after a night that found the server down."""
    from dagster_project.config.load import load_settings
    from dagster_project.publish.postgres import publish_current
    from dagster_project.runs import lock

    settings = load_settings()
    with lock.hold(settings.warehouse_dir):
        done = publish_current(settings)
    typer.echo(f"published to {done.address}: {done.tables} tables, {done.rows:,} rows")
    for warning in done.warnings:
        typer.echo(f"! {warning}", err=True)


@app.command()
def compact() -> None:
    """Bring the lake's older deliveries together into a few files: every row stays, and every moment reads the same.

    Each feed's newest deliveries stay as they are, so once a month is often enough.
    """
    from dagster_project.config.load import load_settings
    from dagster_project.ingest.compaction import compact_lake
    from dagster_project.runs import lock
    from dagster_project.summary import Progress

    settings = load_settings()
    with lock.hold(settings.warehouse_dir), Progress() as progress:
        before, after = compact_lake(settings, progress.show)
    said = (f"{size.files:,} files, {size.bytes / 1e6:,.1f} MB" for size in (before, after))
    typer.echo(f"lake: {' → '.join(said)}")


_HOST = Annotated[str, typer.Option(help="Address to listen on; Dagster asks nobody for a password.")]
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
    from dagster_project.runs import lock

    warehouse_dir = load_settings().warehouse_dir
    _use_dagster_home(warehouse_dir)
    if closes_killed_runs:
        import dagster as dg

        try:
            with lock.hold(warehouse_dir), dg.DagsterInstance.get() as instance:
                _close_killed_runs(instance, warehouse_dir, once_more=True)
        except RunInProgressError:
            pass  # that one lives
    command = str(Path(sys.executable).with_name(name))
    os.execv(command, [command, *arguments, "-m", "dagster_project.definitions"])


@app.command()
def docs(
    metrics: Annotated[
        Path | None, typer.Option(help="Write the metric dictionary to this file.", show_default=False)
    ] = None,
    hygiene: Annotated[
        Path | None, typer.Option(help="Write the page of the hygiene rules to this file.", show_default=False)
    ] = None,
) -> None:
    """Write all documentation as pages, dbt's lineage included, to WAREHOUSE_DIR/docs; or one Markdown page, only."""
    from dagster_project.config.load import load_settings

    if metrics is not None:
        from dagster_project.transform.metric_dictionary import metric_dictionary
        from dagster_project.transform.project import manifest

        metrics.write_text(metric_dictionary(manifest(load_settings())), encoding="utf-8")
        typer.echo(f"metric dictionary: {metrics}")
    if hygiene is not None:
        from dagster_project.quality.rule_guide import rule_guide

        hygiene.write_text(rule_guide(), encoding="utf-8")
        typer.echo(f"hygiene rules: {hygiene}")
    if metrics is None and hygiene is None:
        from dagster_project.docs.site import write_site

        typer.echo(f"docs: {write_site(load_settings())}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def metrics(context: typer.Context) -> None:
    """Ask the last publication for metrics: `query --metrics win_rate --group-by metric_time__month`, `list metrics`.

    What follows is handed to MetricFlow's `mf` as it is (docs/semantic-layer.md).
    """
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
    from dagster_project.ingest import inventory
    from dagster_project.runs import lock

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
    """Check the configuration and the landing folder; say what each source is."""
    from dagster_project.config.load import check_folders, load_settings
    from dagster_project.config.stages import configured_stages

    settings = load_settings()
    check_folders(settings)
    stages = configured_stages(settings.config)
    from dagster_project.quality.own_rules import check_own_rules
    from dagster_project.quality.policy import checks
    from dagster_project.transform.project import manifest

    rules = checks(settings.config)
    if any(rule.is_own for rule in settings.config.rules.values()):
        check_own_rules(settings.config, manifest(settings))
    for source in settings.config.sources:
        pipelines = sorted({stage.pipeline for stage in stages if stage.source == source.name})
        typer.echo(f"{source.name}: {len(source.feeds)} feeds, pipelines {', '.join(pipelines)}")
    typer.echo(f"{settings.config_path.name} is fine: {len(settings.config.sources)} sources, {len(rules)} checks")


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


@source_app.command("draft")
def source_draft(
    files: Annotated[list[Path], typer.Argument(help="Files in any format, or folders of them.", show_default=False)],
    name: Annotated[str | None, typer.Option(help="The source's name: its folder in the landing zone.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write it to this new file instead of the screen.")] = None,
) -> None:
    """Draft a configuration from what the files' headings and values say.

    Every guess stands beside an example; nothing of the files is written but what the draft quotes of them. Exit
    status 2 for files that are not there or cannot be read.
    """
    from dagster_project.draft.command import draft_source
    from dagster_project.errors import ConfigurationError

    if out is not None and out.exists():
        raise ConfigurationError(f"{out}: there is such a file already; name another one, and append its source to it")
    drafted = draft_source(files, name)
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
        message = "interrupted; what was published before stands"
    else:
        message = f"{type(error).__name__}: {error} (run with --debug for the traceback)"
    logs.failed(message, status)
    return status


if __name__ == "__main__":
    main()
