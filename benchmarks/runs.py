"""The runs that are measured: the hand-written SQL, a night, and a load through dlt, each a process of its own."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from benchmarks.generate import BENCHMARKS, SOURCE, Delivery
from benchmarks.measure import MEGABYTE, Cost, measure

REPOSITORY = BENCHMARKS.parent
CONFIGURATION = BENCHMARKS / "pipeline.yml"


@dataclass(frozen=True)
class Node:
    """A model or test of dbt: the seconds it took, and how many of them its queries did."""

    seconds: float
    query_seconds: float


@dataclass(frozen=True)
class Run:
    """One measured run: what it cost, how long its steps and dbt's nodes took (seconds), its database's size (MB)."""

    cost: Cost
    steps: list[dict[str, Any]]
    database_mb: float
    nodes: dict[str, Node] = field(default_factory=dict)


@dataclass(frozen=True)
class Bench:
    """Where the files lie, where everything is written, what is measured, the company's timezone, the engine."""

    landing_dir: Path
    folder: Path
    command: Path
    zone: str
    engine: str = "duckdb"

    @property
    def baseline(self) -> Path:
        """The database of the hand-written SQL."""
        return self.folder / "baseline.duckdb"

    @property
    def warehouse(self) -> Path:
        """What the nights fill."""
        return self.folder / "warehouse"

    @property
    def published(self) -> Path:
        """The database of the last night."""
        return self.warehouse / "pipeline.duckdb"


class RunFailedError(Exception):
    """A measured command ended with an exit status other than 0."""


def run_baseline(bench: Bench, as_of: datetime) -> Run:
    """baseline.sql over all that has landed, into a fresh database file."""
    bench.folder.mkdir(parents=True, exist_ok=True)
    bench.baseline.unlink(missing_ok=True)
    log = bench.folder / "baseline.log"
    arguments = [bench.landing_dir, bench.baseline, f"{as_of:%Y-%m-%d %H:%M:%S}", bench.zone]
    cost = _run_script("baseline.py", arguments, log)
    return Run(cost, json.loads(log.read_text(encoding="utf-8")), bench.baseline.stat().st_size / MEGABYTE)


def run_dlt(bench: Bench, delivery: Delivery) -> Run:
    """The files of one day into a fresh database file, by dlt."""
    database = bench.folder / "dlt.duckdb"
    database.unlink(missing_ok=True)
    cost = _run_script("peer.py", [delivery.folder, database], bench.folder / "dlt.log")
    return Run(cost, [], database.stat().st_size / MEGABYTE)


def run_nightly(bench: Bench, as_of: datetime, name: str) -> Run:
    """`dealtrail nightly` over all that has landed."""
    environment = {key: value for key, value in os.environ.items() if key != "POSTGRES_URL"}
    environment |= {
        "PIPELINE_CONFIG": str(_configuration(bench)),
        "LANDING_DIR": str(bench.landing_dir),
        "WAREHOUSE_DIR": str(bench.warehouse),
        "AS_OF": f"{as_of:%Y-%m-%dT%H:%M:%SZ}",
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "DO_NOT_TRACK": "1",
        "DEALTRAIL_ENGINE": bench.engine,
    }
    cost = _run([str(bench.command), "nightly"], environment, bench.folder / f"{name}.log")
    size = bench.published.stat().st_size / MEGABYTE
    return Run(cost, steps_of(bench.warehouse / "run.json"), size, nodes_of(bench.warehouse / "dbt/logs/nodes.json"))


def warm(bench: Bench) -> None:
    """Reads every file once, so that whoever comes first does not pay for the disk alone."""
    for path in sorted((bench.landing_dir / SOURCE).rglob("*.csv")):
        with path.open("rb") as file:
            while file.read(1 << 24):
                pass


def steps_of(summary: Path) -> list[dict[str, Any]]:
    """The `steps` of run.json, each with `name` and `seconds`; none if the file does not tell."""
    if not summary.exists():
        return []
    steps = json.loads(summary.read_text(encoding="utf-8")).get("steps") or []
    return [step for step in steps if isinstance(step, dict) and {"name", "seconds"} <= step.keys()]


def nodes_of(times: Path) -> dict[str, Node]:
    """dbt's models and tests, as the night keeps their times; dbt runs two at a time, so that these add up to more."""
    if not times.exists():
        return {}
    return {name: Node(**taken) for name, taken in json.loads(times.read_text(encoding="utf-8")).items()}


def _configuration(bench: Bench) -> Path:
    """That of this folder, or one like it in another timezone."""
    said = yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8"))
    if said["timezone"] == bench.zone:
        return CONFIGURATION
    bench.folder.mkdir(parents=True, exist_ok=True)
    path = bench.folder / "pipeline.yml"
    path.write_text(yaml.safe_dump({**said, "timezone": bench.zone}, sort_keys=False), encoding="utf-8")
    return path


def _run_script(script: str, arguments: list[Any], log: Path) -> Cost:
    """A script of this folder, that reads the others as this does."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "RUNTIME__DLTHUB_TELEMETRY": "false"}
    return _run([sys.executable, str(BENCHMARKS / script), *map(str, arguments)], environment, log)


def _run(command: list[str], environment: dict[str, str], log: Path) -> Cost:
    os.sync()  # what others left to be written is not this run's to wait for
    cost = measure(command, environment, REPOSITORY, log)
    if cost.exit_status != 0:
        ending = "\n  ".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
        raise RunFailedError(f"{' '.join(command)} ended with status {cost.exit_status}. The end of {log}:\n  {ending}")
    return cost
