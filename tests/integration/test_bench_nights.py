"""What benchmarks/run.py reads of a night, and, at full size of the tests, a contest as it holds one."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import tables
from benchmarks.generate import Volume, generate
from benchmarks.run import contest
from benchmarks.runs import Bench, nodes_of
from tests.conftest import Warehouse


def test_a_night_keeps_how_long_each_node_took(sample: Warehouse) -> None:
    nodes = nodes_of(sample.path / "dbt" / "logs" / "nodes.json")
    parsed = json.loads((sample.path / "dbt" / "parsed.json").read_text(encoding="utf-8"))["nodes"]
    models = {name for name, node in parsed.items() if node["resource_type"] == "model"}
    # those after the checks are of a build of their own
    assert models - nodes.keys() == set()
    assert all(0 <= node.query_seconds <= node.seconds for node in nodes.values())
    assert all(nodes[name].query_seconds > 0 for name in models)


@pytest.mark.long
def test_nights_agree_with_the_hand_written_sql(tmp_path: Path) -> None:
    """The first, one with nothing new, one with a second day; in a zone, so that every day is asked for."""
    days = generate(
        Volume(deals=1000, leads=5000, activities=15_000, accounts=400, users=8), tmp_path / "data", has_second_day=True
    )
    command = Path(sys.executable).with_name("dealtrail")
    bench = Bench(tmp_path / "data" / "landing", tmp_path / "out", command, "Europe/Berlin")
    runs, _, different = contest(bench, days, has_peers=False)
    assert different == {tables.FIRST_NIGHT: [], tables.NOTHING_NEW: [], tables.DELTA: []}
    assert all(run.cost.exit_status == 0 for run in runs.values())
