"""What a benchmark prints: costs and ratios, the night's steps, and dbt's nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median

from rich.table import Table

from benchmarks.generate import Delivery
from benchmarks.measure import MEGABYTE
from benchmarks.runs import Node, Run

SHOWN_BESIDE = 20

#: Name of a run → what it is set against, and what of.
Rounds = Sequence[Mapping[str, Run]]

BASELINE = "hand-written SQL"
DELTA_BASELINE = "hand-written SQL, both days"
FIRST_NIGHT = "dealtrail nightly"
NOTHING_NEW = "nightly, nothing new"
DELTA = "nightly, 1 % new"
DLT = "load through dlt"


def baseline_of(name: str) -> str:
    """The hand-written SQL over the same files."""
    return DELTA_BASELINE if name in (DELTA, DELTA_BASELINE) else BASELINE


def cost_table(title: str, deliveries: Sequence[Delivery], rounds: Rounds) -> Table:
    """A row per run, each figure the median of the rounds; a ratio is the median of the ratios within a round."""
    rows = [sum(delivery.rows.values()) for delivery in deliveries]
    files = [sum(delivery.bytes.values()) / MEGABYTE for delivery in deliveries]
    read = "; the second day ".join(
        f"{count:,} rows, {megabytes:,.0f} MB of CSV" for count, megabytes in zip(rows, files, strict=True)
    )
    table = Table(title=f"{title}: {read}", title_justify="left")
    table.add_column("")
    for heading in (
        "seconds",
        "× SQL",
        "% of first",
        "CPU s",
        "CPU × SQL",
        "CPU % of first",
        "peak MB",
        "rows/s",
        "DB MB",
    ):
        table.add_column(heading, justify="right")
    for name in rounds[0]:
        if name == DELTA_BASELINE:
            table.add_section()
        of_both = sum(rows) if baseline_of(name) == DELTA_BASELINE else rows[0]
        table.add_row(
            name,
            *(cell for figure in (_seconds, _cpu_seconds) for cell in _beside(rounds, name, figure)),
            f"{middle(rounds, name, lambda run: run.cost.peak_mb):,.0f}",
            f"{of_both / middle(rounds, name, _seconds):,.0f}",
            f"{middle(rounds, name, lambda run: run.database_mb):,.0f}",
        )
    return table


def _seconds(run: Run) -> float:
    return run.cost.seconds


def _cpu_seconds(run: Run) -> float:
    return run.cost.cpu_seconds


def _beside(rounds: Rounds, name: str, figure: Callable[[Run], float]) -> list[str]:
    """A figure, its ratio to the hand-written SQL's, and what part of the first night's it is."""
    is_later = name in (NOTHING_NEW, DELTA)
    return [
        f"{middle(rounds, name, figure):.1f}",
        f"{ratio(rounds, name, baseline_of(name), figure):.2f}",
        f"{100 * ratio(rounds, name, FIRST_NIGHT, figure):.0f}" if is_later else "",
    ]


def middle(rounds: Rounds, name: str, figure: Callable[[Run], float]) -> float:
    """The median of a run's figure."""
    return median(figure(runs[name]) for runs in rounds)


def ratio(rounds: Rounds, name: str, other: str, figure: Callable[[Run], float]) -> float:
    """The median of a run's figure by another's of the same round."""
    return median(figure(runs[name]) / figure(runs[other]) for runs in rounds)


def ratios(rounds: Rounds) -> dict[str, dict[str, float]]:
    """Of each night, and of each peer, to the hand-written SQL."""
    return {
        name: {
            "seconds": ratio(rounds, name, baseline_of(name), _seconds),
            "cpu_seconds": ratio(rounds, name, baseline_of(name), _cpu_seconds),
        }
        for name in rounds[0]
        if name != baseline_of(name)
    }


def nights(runs: Mapping[str, Run]) -> dict[str, Run]:
    """The nights among the runs, under what they are called in a heading."""
    called = {FIRST_NIGHT: "first", NOTHING_NEW: "nothing new", DELTA: "1 % new"}
    return {called[name]: run for name, run in runs.items() if name in called}


def step_table(runs: Mapping[str, Run]) -> Table:
    """The nights' steps in their order; what lies outside them (start, imports, exit) is the last row."""
    table = Table(title="Where a night's time goes, in seconds", title_justify="left")
    table.add_column("step")
    for heading in runs:
        table.add_column(heading, justify="right")
    seconds = [{str(step["name"]): float(step["seconds"]) for step in run.steps} for run in runs.values()]
    for name in dict.fromkeys(name for steps in seconds for name in steps):
        table.add_row(name, *(f"{steps[name]:.2f}" if name in steps else "" for steps in seconds))
    table.add_section()
    outside = (run.cost.seconds - sum(steps.values()) for run, steps in zip(runs.values(), seconds, strict=True))
    table.add_row("outside the steps", *(f"{rest:.2f}" for rest in outside))
    return table


def profile_table(runs: Mapping[str, Run], shown: int) -> Table:
    """dbt's nodes that take longest over all nights: what their queries take, and what dbt adds beside them."""
    table = Table(title="dbt's nodes, in seconds (two run at a time)", title_justify="left")
    table.add_column("node")
    for heading in runs:
        table.add_column(f"{heading}: query", justify="right")
        table.add_column("dbt adds", justify="right")
    names = dict.fromkeys(name for run in runs.values() for name in run.nodes)
    by_seconds = sorted(
        names, key=lambda name: -sum(run.nodes[name].seconds for run in runs.values() if name in run.nodes)
    )
    for name in by_seconds[:shown]:
        table.add_row(_short(name), *(cell for run in runs.values() for cell in _cells([run.nodes.get(name)])))
    table.add_section()
    sums = (cell for run in runs.values() for cell in _cells(list(run.nodes.values())))
    table.add_row(f"all {len(names)}", *sums)
    return table


def _cells(nodes: Sequence[Node | None]) -> list[str]:
    built = [node for node in nodes if node is not None]
    if not built:
        return ["", ""]
    query = sum(node.query_seconds for node in built)
    return [f"{query:.2f}", f"{sum(node.seconds for node in built) - query:.2f}"]


def against_table(nodes: Mapping[str, Node], before: Mapping[str, Node]) -> Table:
    """The nodes that take longest beside an earlier run's; what is new comes first and is summed apart."""
    table = Table(title="dbt's nodes that take longest, in seconds", title_justify="left")
    table.add_column("node")
    table.add_column("before", justify="right")
    table.add_column("now", justify="right")
    by_seconds = sorted(nodes, key=lambda name: -nodes[name].seconds)
    new = [name for name in by_seconds if name not in before]
    old = [name for name in by_seconds if name in before]
    for name in new[:SHOWN_BESIDE]:
        table.add_row(_short(name), "new", f"{nodes[name].seconds:.2f}")
    table.add_section()
    for name in old[:SHOWN_BESIDE]:
        table.add_row(_short(name), f"{before[name].seconds:.2f}", f"{nodes[name].seconds:.2f}")
    table.add_section()
    table.add_row("all that is new", "", f"{sum(nodes[name].seconds for name in new):.2f}")
    table.add_row(
        "all that was there",
        f"{sum(before[name].seconds for name in old):.2f}",
        f"{sum(nodes[name].seconds for name in old):.2f}",
    )
    return table


def _short(node: str) -> str:
    """`model.dealtrail.fct_deals` as `fct_deals`; a test says that it is one."""
    kind, _, name = node.split(".")[:3]
    return name if kind == "model" else f"{kind} {name}"
