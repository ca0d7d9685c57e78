"""The nightly run against the best hand-written SQL for the same files: time, memory, and whether they agree.

`python benchmarks/run.py --size M`. Exit status: 0 same results; 1 different results; 2 wrong usage;
3 one of the two did not run through.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.compare import core_results, differences
from benchmarks.generate import BENCHMARKS, SIZES, SOURCE, Extracts, generate
from benchmarks.measure import MEGABYTE, Cost, measure

OUT = BENCHMARKS / "out"
REPOSITORY = BENCHMARKS.parent
SHOWN_DIFFERENCES = 20
SHOWN_MODELS = 20


@dataclass(frozen=True)
class Run:
    """One measured run: what it cost, how long its steps and dbt's nodes took (seconds), its database's size (MB)."""

    cost: Cost
    steps: list[dict[str, Any]]
    database_mb: float
    nodes: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Contest:
    """What is measured in one go: the baseline, a first night, and a night with nothing new."""

    baseline: Run
    nightly: Run
    again: Run


class RunFailedError(Exception):
    """A measured command ended with an exit status other than 0."""


def main() -> int:
    """Generates, measures, compares, reports; returns the exit status."""
    options = _options()
    console = Console(width=None if sys.stdout.isatty() else 110)
    command = Path(options.command)
    if not options.baseline_only and not command.exists():
        console.print(f"{command}: there is no such command; run `make setup`, or name it with --command")
        return 2
    console.print(f"Extracts of size {options.size} …")
    extracts = generate(options.size)
    try:
        if options.baseline_only:
            _warm(extracts)
            alone = {"hand-written SQL": run_baseline(extracts, OUT / options.size)}
            console.print(_cost_table(options.size, extracts, alone))
            return 0
        return _compete(console, options.size, options.repeat, extracts, command, _nodes_of(options.against))
    except RunFailedError as error:
        console.print(str(error), markup=False, soft_wrap=True)
    except duckdb.Error as error:
        console.print(f"A database does not answer compare.py: {error}", markup=False, soft_wrap=True)
    return 3


def _compete(
    console: Console, size: str, rounds: int, extracts: Extracts, command: Path, before: dict[str, float]
) -> int:
    """All rounds, the comparison of the last one's results, the report and out/<size>.json."""
    folder = OUT / size
    contests = []
    for number in range(rounds):
        console.print(f"Round {number + 1} of {rounds} …")
        contests.append(contest(extracts, folder, command))
    middle = sorted(contests, key=lambda each: each.nightly.cost.seconds)[(rounds - 1) // 2]
    answers = core_results(_baseline_database(folder))
    different = differences(answers, core_results(_published(folder)))
    report(console, size, extracts, middle, different, before)
    summary = {
        "size": size,
        "rows": extracts.rows,
        "bytes": extracts.bytes,
        "machine": _machine(),
        "ratio": middle.nightly.cost.seconds / middle.baseline.cost.seconds,
        "rounds": [asdict(each) for each in contests],
        "core_results": answers,
        "differences": different,
    }
    (OUT / f"{size}.json").write_text(json.dumps(summary, indent=2), encoding="utf-8")
    return 1 if different else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--size", choices=list(SIZES), default="S")
    parser.add_argument("--repeat", type=int, default=1, help="rounds; the median night is shown")
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
    return options


def contest(extracts: Extracts, folder: Path, command: Path) -> Contest:
    """Both from nothing, then the night once more; all find the files in the page cache."""
    _warm(extracts)
    baseline = run_baseline(extracts, folder)
    shutil.rmtree(folder / "warehouse", ignore_errors=True)
    nightly = run_nightly(extracts, folder, command, "nightly")
    return Contest(baseline, nightly, run_nightly(extracts, folder, command, "again"))


def run_baseline(extracts: Extracts, folder: Path) -> Run:
    """baseline.sql into a fresh database file."""
    database = _baseline_database(folder)
    database.parent.mkdir(parents=True, exist_ok=True)
    database.unlink(missing_ok=True)
    log = folder / "baseline.log"
    script = str(BENCHMARKS / "baseline.py")
    source = str(extracts.landing_dir / SOURCE)
    cost = _run([sys.executable, script, source, str(database)], dict(os.environ), log)
    return Run(cost, json.loads(log.read_text(encoding="utf-8")), database.stat().st_size / MEGABYTE)


def run_nightly(extracts: Extracts, folder: Path, command: Path, name: str) -> Run:
    """`dealtrail nightly` into folder/warehouse; fresh if that does not exist."""
    own = ("AS_OF", "POSTGRES_URL")
    environment = {key: value for key, value in os.environ.items() if key not in own}
    environment |= {
        "PIPELINE_CONFIG": str(BENCHMARKS / "pipeline.yml"),
        "LANDING_DIR": str(extracts.landing_dir),
        "WAREHOUSE_DIR": str(folder / "warehouse"),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "DO_NOT_TRACK": "1",
    }
    cost = _run([str(command), "nightly"], environment, folder / f"{name}.log")
    warehouse = folder / "warehouse"
    size = _published(folder).stat().st_size / MEGABYTE
    return Run(cost, _steps(warehouse / "run.json"), size, _nodes(warehouse / "dbt" / "run_results.json"))


def _run(command: list[str], environment: dict[str, str], log: Path) -> Cost:
    os.sync()  # what others left to be written is not this run's to wait for
    cost = measure(command, environment, REPOSITORY, log)
    if cost.exit_status != 0:
        ending = "\n  ".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
        raise RunFailedError(f"{' '.join(command)} ended with status {cost.exit_status}. The end of {log}:\n  {ending}")
    return cost


def _warm(extracts: Extracts) -> None:
    """Reads every file once, so that whoever comes first does not pay for the disk alone."""
    for path in sorted((extracts.landing_dir / SOURCE).glob("*.csv")):
        with path.open("rb") as file:
            while file.read(1 << 24):
                pass


def _steps(summary: Path) -> list[dict[str, Any]]:
    """The `steps` of run.json, each with `name` and `seconds`; none if the file does not tell."""
    if not summary.exists():
        return []
    steps = json.loads(summary.read_text(encoding="utf-8")).get("steps") or []
    return [step for step in steps if isinstance(step, dict) and {"name", "seconds"} <= step.keys()]


def _nodes(results: Path) -> dict[str, float]:
    """dbt's models and tests with the seconds each took; dbt runs two at a time, so that these add up to more."""
    if not results.exists():
        return {}
    found = json.loads(results.read_text(encoding="utf-8"))["results"]
    return {str(one["unique_id"]): float(one["execution_time"]) for one in found}


def _baseline_database(folder: Path) -> Path:
    return folder / "baseline.duckdb"


def _published(folder: Path) -> Path:
    return folder / "warehouse" / "pipeline.duckdb"


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
    console: Console,
    size: str,
    extracts: Extracts,
    shown: Contest,
    different: list[str],
    before: dict[str, float],
) -> None:
    """Prints the costs, where the night's time goes, and every disagreement (the first twenty)."""
    runs = {
        "hand-written SQL": shown.baseline,
        "dealtrail nightly": shown.nightly,
        "nightly, nothing new": shown.again,
    }
    console.print(_cost_table(size, extracts, runs))
    if shown.nightly.steps:
        console.print(_step_table(shown))
    if shown.nightly.nodes:
        console.print(_model_table(shown.nightly.nodes, before))
    if not different:
        console.print("Core results: the same in both.")
        return
    console.print(f"Core results: {len(different)} figures differ.")
    for line in different[:SHOWN_DIFFERENCES]:
        console.print(f"  {line}", markup=False)
    if len(different) > SHOWN_DIFFERENCES:
        console.print(f"  … the rest is in {OUT / size}.json")


def _cost_table(size: str, extracts: Extracts, runs: dict[str, Run]) -> Table:
    rows = sum(extracts.rows.values())
    megabytes = sum(extracts.bytes.values()) / MEGABYTE
    table = Table(title=f"Size {size}: {rows:,} rows, {megabytes:,.0f} MB of CSV", title_justify="left")
    table.add_column("")
    for heading in ("seconds", "× SQL", "CPU seconds", "peak MB", "rows/s", "database MB"):
        table.add_column(heading, justify="right")
    reference = next(iter(runs.values())).cost.seconds
    for name, run in runs.items():
        table.add_row(
            name,
            f"{run.cost.seconds:.1f}",
            f"{run.cost.seconds / reference:.2f}",
            f"{run.cost.cpu_seconds:.1f}",
            f"{run.cost.peak_mb:,.0f}",
            f"{rows / run.cost.seconds:,.0f}",
            f"{run.database_mb:,.0f}",
        )
    return table


def _step_table(shown: Contest) -> Table:
    """The night's steps in their order; what lies outside them (start, imports, exit) is the last row."""
    table = Table(title="Where the night's time goes, in seconds", title_justify="left")
    table.add_column("step")
    table.add_column("first", justify="right")
    table.add_column("nothing new", justify="right")
    again = {str(step["name"]): float(step["seconds"]) for step in shown.again.steps}
    for step in shown.nightly.steps:
        name, seconds = str(step["name"]), float(step["seconds"])
        table.add_row(name, f"{seconds:.2f}", f"{again[name]:.2f}" if name in again else "")
    table.add_section()
    table.add_row("outside the steps", _outside(shown.nightly), _outside(shown.again))
    return table


def _model_table(nodes: dict[str, float], before: dict[str, float]) -> Table:
    """The models that take longest; beside `before`, what is new comes first and is summed apart."""
    table = Table(title="dbt's models that take longest, in seconds", title_justify="left")
    table.add_column("model")
    for heading in ("before", "now") if before else ("now",):
        table.add_column(heading, justify="right")
    models = sorted(nodes.items(), key=lambda node: -node[1])
    new = [(name, seconds) for name, seconds in models if before and name not in before]
    for name, seconds in new[:SHOWN_MODELS]:
        table.add_row(_short(name), "new", f"{seconds:.2f}")
    if new:
        table.add_section()
    old = [(name, seconds) for name, seconds in models if not before or name in before]
    for name, seconds in old[:SHOWN_MODELS]:
        table.add_row(_short(name), *([f"{before[name]:.2f}"] if before else []), f"{seconds:.2f}")
    if before:
        table.add_section()
        table.add_row("all that is new", "", f"{sum(seconds for _, seconds in new):.2f}")
        table.add_row(
            "all that was there",
            f"{sum(before[name] for name, _ in old):.2f}",
            f"{sum(seconds for _, seconds in old):.2f}",
        )
    return table


def _short(node: str) -> str:
    """`model.dealtrail.fct_deals` as `fct_deals`; a test says that it is one."""
    kind, _, name = node.split(".")[:3]
    return name if kind == "model" else f"{kind} {name}"


def _nodes_of(against: Path | None) -> dict[str, float]:
    """The nodes of an earlier run's first round."""
    if against is None:
        return {}
    nodes: dict[str, float] = json.loads(against.read_text(encoding="utf-8"))["rounds"][0]["nightly"].get("nodes", {})
    return nodes


def _outside(run: Run) -> str:
    return f"{run.cost.seconds - sum(float(step['seconds']) for step in run.steps):.2f}"


if __name__ == "__main__":
    sys.exit(main())
