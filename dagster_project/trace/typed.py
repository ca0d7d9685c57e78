"""`dealtrail trace` and `dealtrail explain` as they are typed; what they do is imported when they are called."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

_JSON = Annotated[bool, typer.Option("--json", help="As JSON.")]
_GRAINS = "all, source, pipeline, owner, segment or lead_source"
_GRAIN = Annotated[str, typer.Option(help=f"{_GRAINS}.")]
_VALUE = Annotated[
    str | None,
    typer.Option(
        help="The value of the grain: an owner_key, a stage as <source>:<pipeline>:<stage>; without it that of records "
        "without one."
    ),
]


_MONTH = Annotated[str | None, typer.Option(metavar="YYYY-MM", help="The month.", show_default=False)]
_DAY: dict[str, Any] = {"formats": ["%Y-%m-%d"], "metavar": "YYYY-MM-DD", "show_default": False}


def trace(  # noqa: PLR0913 - each is an option of the command
    what: Annotated[
        str, typer.Argument(metavar="METRIC|deal", help="A monthly metric, or `deal`.", show_default=False)
    ],
    key: Annotated[str | None, typer.Argument(help="Of a deal: its key, or its id.", show_default=False)] = None,
    month: _MONTH = None,
    grain: Annotated[str, typer.Option(help=f"{_GRAINS}; or stage.")] = "all",
    value: _VALUE = None,
    as_json: _JSON = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Of a deal: as a page, to this file.", show_default=False),
    ] = None,
) -> None:
    """Say what a published figure is made of, or tell a deal's whole life.

    `dealtrail trace win_rate --month 2025-11 --grain owner --value crm:17` lists the records above and below the line,
    with what each adds. `dealtrail trace deal crm:1` tells every published value with the file, row and text it was
    read from, earlier rows, its history and by which evidence, the rules it broke, and what changed since the last
    night; `--html deal.html` writes it as a page of its own.
    """
    from dagster_project.config.load import load_settings
    from dagster_project.errors import ConfigurationError
    from dagster_project.trace import deal, metric
    from dagster_project.trace.figures import text as figure_text

    settings = load_settings()
    with _published(settings) as (connection, as_of):
        if what == "deal":
            if key is None:
                raise ConfigurationError("trace deal: say which, as `dealtrail trace deal <key>`")
            told = deal.life(connection, settings, key, as_of)
            if html is not None:
                html.write_text(deal.page(told, settings, as_of), encoding="utf-8")
                if not as_json:
                    typer.echo(f"{told.deal_key}: {html}")
                    return
            _say(told.plain, deal.text(told), as_json)
            return
        if html is not None:
            raise ConfigurationError(
                f"trace {what} --html: only of a deal there is a page, as `trace deal <key> --html`"
            )
        if key is not None:
            raise ConfigurationError(f"trace {what} {key}: only a deal is named by a key; a month is --month {key}")
        if month is None:
            raise ConfigurationError(f"trace {what}: say the month, as --month 2025-11")
        traced = metric.trace(connection, what, _month(month), grain, value)
        _say(traced.plain, figure_text(traced), as_json)


def explain(  # noqa: PLR0913 - each is an option of the command
    since: Annotated[datetime | None, typer.Option(help="A published night.", **_DAY)] = None,
    until: Annotated[datetime | None, typer.Option(help="A later one; else the last.", **_DAY)] = None,
    as_of: Annotated[
        list[str] | None,
        typer.Option(
            "--as-of", metavar="MOMENT", help="Given twice: two moments, published or not.", show_default=False
        ),
    ] = None,
    metric: Annotated[str | None, typer.Option(help="This metric only.", show_default=False)] = None,
    month: _MONTH = None,
    grain: _GRAIN = "all",
    value: _VALUE = None,
    as_json: _JSON = False,
) -> None:
    """Say why figures of past months are not what a published night said: by cause, with the records.

    Compares what was published as of a day, or the last time before it, with the last publication. With `--as-of
    2025-12-15 --as-of 2025-12-30T10:00:00Z` both are built from the lake, as it was known then, with today's
    configuration, which takes two nights' time and leaves nothing behind.
    """
    from dagster_project.config.load import load_settings
    from dagster_project.errors import ConfigurationError
    from dagster_project.trace.explain import explain as explained
    from dagster_project.trace.explain import explain_built, text

    settings = load_settings()
    narrowed = (metric, _month(month) if month else None, grain, value)
    if as_of:
        from dagster_project.config.load import read_moment
        from dagster_project.trace.moments import built

        if since or until or len(as_of) != 2:
            raise ConfigurationError(
                "--as-of is given twice, and without --since and --until: the two moments to compare"
            )
        moments = [read_moment(one, "--as-of", settings.config) for one in as_of]
        if moments[0] == moments[1]:
            raise ConfigurationError(f"--as-of {as_of[0]}: is the same moment twice")
        with built(settings, moments) as lake_dir:
            told = explain_built(lake_dir, *narrowed)
    elif since is None:
        raise ConfigurationError("say since when, as --since 2026-01-02, or two moments, each as --as-of 2025-12-15")
    else:
        told = explained(settings.warehouse_dir / "lake", since.date(), until.date() if until else None, *narrowed)
    _say(told.plain, text(told), as_json)


def _say(plain: dict[str, Any], lines: Any, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(plain, indent=2, ensure_ascii=False, default=str))
        return
    from dagster_project.errors import printable

    for line in lines:
        typer.echo(printable(line))


def _month(said: str) -> date:
    from dagster_project.errors import ConfigurationError

    try:
        return datetime.strptime(said, "%Y-%m").date()
    except ValueError:
        raise ConfigurationError(f"--month: '{said}' is no month; write it as 2025-11") from None


def _published(settings: Any) -> Any:
    """The last publication, opened, and its moment."""
    from contextlib import contextmanager

    from dagster_project.errors import ConfigurationError
    from dagster_project.published import opened
    from dagster_project.run.versions import as_of_version, current_version

    version = current_version(settings.warehouse_dir)
    if version is None:
        raise ConfigurationError("nothing is published yet: run `dealtrail nightly` first")

    @contextmanager
    def of_version() -> Any:
        with opened(version / "pipeline.duckdb") as connection:
            yield connection, as_of_version(version)

    return of_version()
