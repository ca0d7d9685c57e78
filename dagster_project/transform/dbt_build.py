"""A build by dbt in this process: no second Python, no second reading of dbt, and the project as it was parsed before.

dagster-dbt would start the command. What it makes of dbt's events is taken from it all the same (assets/transform.py).
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_project.config.load import Settings
from dagster_project.config.models import Configuration
from dagster_project.config.values import Engine
from dagster_project.errors import DealtrailError
from dagster_project.transform.project import DBT_DIR, dbt_environment, dbt_vars, parsed_project, target_dir

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

#: dbt's events that tell how a model, a seed or a test ended.
_RESULTS = ("LogModelResult", "LogSeedResult", "LogTestResult")
#: The event of each query's end, with its seconds.
_ASKED = "SQLQueryStatus"
_SHOWN = ("info", "warn", "error")
#: The models of what the expectations find in all the others, as dbt selects them.
AFTER_CHECKS = "tag:after_checks"


@dataclass(frozen=True)
class Part:
    """A part of the project, as dbt selects it; `goes_on` with a night whose other parts are built already."""

    selected: tuple[str, ...]
    goes_on: bool = False


BEFORE_CHECKS_PART = Part(("--exclude", AFTER_CHECKS, "--exclude-resource-type", "unit_test"))
AFTER_CHECKS_PART = Part(("--select", AFTER_CHECKS, "--exclude-resource-type", "unit_test"), goes_on=True)


@dataclass(frozen=True)
class Unmade:
    """A model or test that did not end well: its id, what became of it, failing rows of a test, what dbt says."""

    node_id: str
    status: str
    failures: int | None
    message: str | None


@dataclass(frozen=True)
class Built:
    """What became of a build: whether all of it went well, and dbt's events of each node's end, as its log has them."""

    succeeded: bool
    results: list[dict[str, Any]]
    unmade: list[Unmade]

    def followed_by(self, again: Built) -> Built:
        """With what became of the nodes that were built once more, in place of what became of them before."""
        anew = {_node(told) for told in again.results}
        return Built(
            again.succeeded,
            [told for told in self.results if _node(told) not in anew] + again.results,
            [one for one in self.unmade if one.node_id not in anew] + again.unmade,
        )


def _node(told: Mapping[str, Any]) -> str:
    return str(told["data"]["node_info"]["unique_id"])


def build(settings: Settings, on_line: Callable[[str], None], part: Part = BEFORE_CHECKS_PART) -> Built:
    """Builds and tests a part of the models; `on_line` is called with each line dbt says.

    Raises what stopped dbt itself, such as an interruption; a model or test that fails is in the results.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    try:
        return build_with(settings, _unpacked(parsed_project(settings)), "duckdb", on_line, part)
    finally:
        # it would keep the database to itself until this process ends
        DuckDBConnectionManager.close_all_connections()


def build_with(
    settings: Settings,
    project: Manifest,
    engine: Engine,
    on_line: Callable[[str], None],
    part: Part = BEFORE_CHECKS_PART,
) -> Built:
    """The same of a project as it was parsed for an engine, which is open already."""
    from dbt.cli.main import dbtRunner
    from dbt_common.events.base_types import EventMsg
    from dbt_common.events.functions import msg_to_dict

    results: list[dict[str, Any]] = []
    asked: defaultdict[str, float] = defaultdict(float)  # a node is built by one thread, start to end
    # of this night alone: whatever is made of the project otherwise does not differ by them
    environment = dbt_environment(settings, engine)
    os.environ.update({**environment, "DEALTRAIL_TIMEZONES": json.dumps(_zones(settings.config))})
    arguments = [
        *("build", *part.selected, "--vars", dbt_vars(settings), "--target", engine),
        # its own log is made of each of four thousand events, wanted or not; and the project is written already
        *("--project-dir", str(DBT_DIR), "--log-level", "none", "--log-level-file", "none", "--no-write-json"),
    ]
    log = log_path(settings)
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("a" if part.goes_on else "w", encoding="utf-8", buffering=1) as lines,
        _called_as(["dbt", *arguments]),
    ):

        def hear(event: EventMsg) -> None:
            if event.info.name in _RESULTS:
                results.append(msg_to_dict(event))
            elif event.info.name == _ASKED:
                asked[event.data.node_info.unique_id] += event.data.elapsed
            message = str(getattr(event.info, "msg", "")).strip()  # of a protobuf, whose types know nothing of it
            if event.info.level in _SHOWN and message:
                lines.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {message}\n")
                on_line(message)

        done = dbtRunner(project, callbacks=[hear]).invoke(arguments)
    if done.exception is not None and not isinstance(done.exception, Exception):
        raise done.exception
    if done.exception is not None:
        raise DealtrailError(f"dbt stopped: {done.exception}")
    _keep_seconds(done.result, asked, times_path(settings), part.goes_on)
    return Built(done.success, results, _unmade(done.result))


@lru_cache(maxsize=1)
def _unpacked(packed: bytes) -> Manifest:
    """The parsed project as dbt has it: the build after the checks goes on with that of the build before them."""
    from dbt.contracts.graph.manifest import Manifest

    return Manifest.from_msgpack(packed)


def _zones(config: Configuration) -> list[str]:
    """The timezones it names, without UTC: those that the models' conversions are written out for."""
    feeds = [feed for source in config.sources for feed in source.feeds.values()]
    named = {config.timezone, *(source.timezone for source in config.sources), *(feed.timezone for feed in feeds)}
    return sorted(zone for zone in named - {None, "UTC"} if zone)


def log_path(settings: Settings) -> Path:
    """What dbt said in the last night."""
    return target_dir(settings) / "logs" / "dbt.log"


def times_path(settings: Settings) -> Path:
    """How long each node of the last night took, and how much of that its queries did: seconds by the node's id."""
    return log_path(settings).with_name("nodes.json")


def _keep_seconds(result: Any, asked: Mapping[str, float], path: Path, goes_on: bool) -> None:
    """Of the whole night: each part is added to what was built before it."""
    times = json.loads(path.read_text(encoding="utf-8")) if goes_on and path.exists() else {}
    for one in getattr(result, "results", []):
        seconds = {"seconds": one.execution_time, "query_seconds": asked.get(one.node.unique_id, 0.0)}
        times[one.node.unique_id] = {name: round(taken, 4) for name, taken in seconds.items()}
    path.write_text(json.dumps(times, indent=1), encoding="utf-8")


def _unmade(result: Any) -> list[Unmade]:
    ended = getattr(result, "results", [])
    return [
        Unmade(one.node.unique_id, str(one.status), one.failures, one.message)
        for one in ended
        if one.status in ("fail", "error", "runtime error")
    ]


@contextmanager
def _called_as(command: list[str]) -> Iterator[None]:
    """What dbt takes for its own command line, `sys.argv`, and writes into run_results.json.

    Of `dealtrail forget` that would be the id of whom nothing is to be kept.
    """
    ours, sys.argv = sys.argv, command
    try:
        yield
    finally:
        sys.argv = ours
