"""The nightly run against the best hand-written SQL for the same files: time, memory, and whether they agree.

`python benchmarks/run.py --size M --delta`. Exit status: 0 same results; 1 different results; 2 wrong usage, or a peer
that is not installed; 3 one of the runs did not run through.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args
from zoneinfo import available_timezones

import duckdb
import psutil
from rich.console import Console

from benchmarks.compare import Answers, core_results, differences
from benchmarks.generate import BENCHMARKS, DATA, SIZES, Delivery, generate, land
from benchmarks.measure import MEGABYTE
from benchmarks.peer import is_installed
from benchmarks.runs import Bench, Node, Run, RunFailedError, run_baseline, run_dlt, run_nightly, warm
from benchmarks.tables import (
    BASELINE,
    DELTA,
    DELTA_BASELINE,
    DLT,
    FIRST_NIGHT,
    NOTHING_NEW,
    Rounds,
    against_table,
    cost_table,
    nights,
    profile_table,
    ratios,
    step_table,
)
from dagster_project.config.values import Engine

OUT = BENCHMARKS / "out"
SHOWN_DIFFERENCES = 20
SHOWN_NODES, PROFILED = 10, 25

#: A night's moment: a day after its extracts were made. Where nothing is new it is still a later one.
FIRST_AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
LATER_AS_OF = FIRST_AS_OF + timedelta(hours=6)
DELTA_AS_OF = FIRST_AS_OF + timedelta(days=1)


def main() -> int:
    """Generates, measures, compares, reports; returns the exit status."""
    options = _options()
    console = Console(width=None if sys.stdout.isatty() else 130)
    title = options.size if options.zone == "UTC" else f"{options.size}-{options.zone.replace('/', '-')}"
    title += "" if options.engine == "duckdb" else f"-{options.engine}"
    bench = Bench(DATA / options.size / "landing", OUT / title, Path(options.command), options.zone, options.engine)
    if not options.baseline_only and not bench.command.exists():
        console.print(f"{bench.command}: there is no such command; run `make setup`, or name it with --command")
        return 2
    if options.peers and not is_installed():
        install = f"{sys.executable} -m pip install --no-build-isolation -e '.[bench]'"
        console.print(f"dlt is not installed, which no lock has: {install}", markup=False, soft_wrap=True)
        return 2
    console.print(f"Extracts of size {options.size} …")
    deliveries = generate(SIZES[options.size], DATA / options.size, options.delta)
    try:
        if options.baseline_only:
            land(deliveries[:1], bench.landing_dir)
            warm(bench)
            alone = [{BASELINE: run_baseline(bench, FIRST_AS_OF)}]
            console.print(cost_table(f"Size {title}", deliveries[:1], alone))
            return 0
        return _compete(console, title, options, deliveries, bench)
    except RunFailedError as error:
        console.print(str(error), markup=False, soft_wrap=True)
    except duckdb.Error as error:
        console.print(f"A database does not answer compare.py: {error}", markup=False, soft_wrap=True)
    return 3


def _compete(
    console: Console, title: str, options: argparse.Namespace, deliveries: list[Delivery], bench: Bench
) -> int:
    """All rounds, the comparison of the last one's results, the report and out/<size>.json."""
    rounds: list[dict[str, Run]] = []
    for number in range(options.repeat):
        console.print(f"Round {number + 1} of {options.repeat} …")
        runs, answers, different = contest(bench, deliveries, options.peers)
        rounds.append(runs)
    report(console, title, deliveries, rounds, options)
    _say(console, title, different)
    summary = {
        "size": options.size,
        "zone": options.zone,
        "deliveries": [{"rows": one.rows, "bytes": one.bytes} for one in deliveries],
        "machine": _machine(),
        "ratios": ratios(rounds),
        "rounds": [{name: asdict(run) for name, run in runs.items()} for runs in rounds],
        "core_results": answers,
        "differences": different,
    }
    (OUT / f"{title}.json").write_text(json.dumps(summary, indent=2), encoding="utf-8")
    return 1 if any(different.values()) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--size", choices=list(SIZES), default="S")
    parser.add_argument("--repeat", type=int, default=1, help="rounds; medians are shown")
    parser.add_argument("--delta", action="store_true", help="one more night, with 1 %% new and changed")
    parser.add_argument("--peers", action="store_true", help="the same files loaded through dlt, for comparison")
    parser.add_argument("--zone", default="UTC", help="the company's reporting timezone, such as Europe/Berlin")
    parser.add_argument("--engine", choices=get_args(Engine), default="duckdb", help="what builds the night's tables")
    parser.add_argument("--profile", action="store_true", help="25 of dbt's nodes instead of 10")
    parser.add_argument("--baseline-only", action="store_true", help="run no night")
    parser.add_argument(
        "--against", type=Path, help="an out/<size>.json of before a change: models it lacks are shown apart"
    )
    parser.add_argument(
        "--command",
        default=str(Path(sys.executable).with_name("dealtrail")),
        help="the dealtrail to measure (default: beside this python)",
    )
    options = parser.parse_args()
    if options.against and not options.against.exists():
        parser.error(f"--against {options.against}: there is no such file")
    if options.repeat < 1:
        parser.error("--repeat must be at least 1")
    if options.zone not in available_timezones():
        parser.error(f"--zone {options.zone}: there is no such timezone")
    return options


def contest(
    bench: Bench, deliveries: list[Delivery], has_peers: bool
) -> tuple[dict[str, Run], dict[str, Answers], dict[str, list[str]]]:
    """One round: all from nothing, then the night once more, then with the second delivery.

    The runs, the hand-written SQL's core results, and where a night's are others. All find the files in the page cache.
    """
    land(deliveries[:1], bench.landing_dir)
    warm(bench)
    runs = {BASELINE: run_baseline(bench, FIRST_AS_OF)}
    if has_peers:
        runs[DLT] = run_dlt(bench, deliveries[0])
    shutil.rmtree(bench.warehouse, ignore_errors=True)
    runs[FIRST_NIGHT] = run_nightly(bench, FIRST_AS_OF, "nightly")
    answers = {BASELINE: core_results(bench.baseline)}
    different = {FIRST_NIGHT: differences(answers[BASELINE], core_results(bench.published))}
    runs[NOTHING_NEW] = run_nightly(bench, LATER_AS_OF, "again")
    different[NOTHING_NEW] = differences(answers[BASELINE], core_results(bench.published))
    if len(deliveries) > 1:
        land(deliveries, bench.landing_dir)
        warm(bench)
        runs[DELTA_BASELINE] = run_baseline(bench, DELTA_AS_OF)
        runs[DELTA] = run_nightly(bench, DELTA_AS_OF, "delta")
        answers[DELTA_BASELINE] = core_results(bench.baseline)
        different[DELTA] = differences(answers[DELTA_BASELINE], core_results(bench.published))
    return runs, answers, different


def _machine() -> dict[str, Any]:
    """Where the figures come from: processors, memory in MB, versions."""
    return {
        "processors": os.cpu_count(),
        "memory_mb": round(psutil.virtual_memory().total / MEGABYTE),
        "system": platform.platform(),
        "python": platform.python_version(),
        "duckdb": duckdb.__version__,
    }


def report(
    console: Console, title: str, deliveries: list[Delivery], rounds: Rounds, options: argparse.Namespace
) -> None:
    """Prints the costs, and where the time goes of the round whose first night is the median."""
    console.print(cost_table(f"Size {title}", deliveries, rounds))
    shown = sorted(rounds, key=lambda runs: runs[FIRST_NIGHT].cost.seconds)[(len(rounds) - 1) // 2]
    console.print(step_table(nights(shown)))
    console.print(profile_table(nights(shown), PROFILED if options.profile else SHOWN_NODES))
    if options.against:
        console.print(against_table(shown[FIRST_NIGHT].nodes, _nodes_of(options.against)))


def _say(console: Console, title: str, different: Mapping[str, list[str]]) -> None:
    """Every disagreement (the first twenty of a night)."""
    for night, lines in different.items():
        if not lines:
            console.print(f"Core results of {night}: the same as the hand-written SQL's.")
            continue
        console.print(f"Core results of {night}: {len(lines)} figures differ.")
        for line in lines[:SHOWN_DIFFERENCES]:
            console.print(f"  {line}", markup=False)
        if len(lines) > SHOWN_DIFFERENCES:
            console.print(f"  … the rest is in {OUT / title}.json")


def _nodes_of(against: Path) -> dict[str, Node]:
    """The nodes of an earlier run's first round."""
    first = json.loads(against.read_text(encoding="utf-8"))["rounds"][0]
    return {name: Node(**taken) for name, taken in first[FIRST_NIGHT]["nodes"].items()}


if __name__ == "__main__":
    sys.exit(main())
