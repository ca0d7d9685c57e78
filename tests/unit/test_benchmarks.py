"""The parts of benchmarks/run.py, without a night or a clock: files, hand-written SQL, tables, what it refuses."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import asdict
from io import StringIO
from pathlib import Path

import duckdb
import pytest
from rich.console import Console
from rich.table import Table

from benchmarks import baseline, run, tables
from benchmarks.compare import core_results, differences
from benchmarks.generate import INCREMENTAL, OBJECTS, Delivery, Volume, generate, land
from benchmarks.measure import Cost
from benchmarks.runs import Node, Run, nodes_of, steps_of

VOLUME = Volume(deals=1000, leads=5000, activities=15_000, accounts=400, users=8)


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> list[Delivery]:
    return generate(VOLUME, tmp_path_factory.mktemp("data"), has_second_day=True)


def computed(days: list[Delivery], folder: Path, zone: str = "UTC") -> Path:
    """The hand-written SQL's database."""
    land(days, days[0].folder.parent / "landing")
    baseline.run(days[0].folder.parent / "landing", folder / "baseline.duckdb", "2026-01-02 00:00:00", zone)
    return folder / "baseline.duckdb"


def lines(day: Delivery, name: str) -> set[str]:
    return set((day.folder / f"{name}.csv").read_text(encoding="utf-8").splitlines()[1:])


def test_a_size_is_always_the_same_data(days: list[Delivery], tmp_path: Path) -> None:
    for first, again in zip(days, generate(VOLUME, tmp_path, has_second_day=True), strict=True):
        assert (first.rows, first.bytes) == (again.rows, again.bytes)
        for name in OBJECTS:
            assert (first.folder / f"{name}.csv").read_bytes() == (again.folder / f"{name}.csv").read_bytes(), name


def test_what_is_written_is_not_written_again(days: list[Delivery]) -> None:
    before = [(day.folder / "Task.csv").stat().st_mtime_ns for day in days]
    assert generate(VOLUME, days[0].folder.parent, has_second_day=True) == days
    assert [(day.folder / "Task.csv").stat().st_mtime_ns for day in days] == before


def test_one_in_a_hundred_is_new_or_changed_on_the_second_day(days: list[Delivery]) -> None:
    first, second = days
    for name, records in {"Opportunity": VOLUME.deals, "Lead": VOLUME.leads}.items():
        changed = len(lines(second, name) - lines(first, name))
        assert 0.005 < changed / records < 0.015, name
        # nobody is gone from a whole list
        assert second.rows[name] >= first.rows[name], name
    assert second.rows["Task"] == VOLUME.activities // 100
    for name in INCREMENTAL:
        ids = [{line.partition(",")[0] for line in lines(day, name)} for day in days]
        assert second.rows[name] and not ids[0] & ids[1], name
    assert lines(first, "Account") == lines(second, "Account")


def test_only_what_is_delivered_has_landed(days: list[Delivery]) -> None:
    landing = days[0].folder.parent / "landing"
    land(days, landing)
    assert sorted(path.name for path in (landing / "bench").iterdir()) == ["2025-12-31", "2026-01-01"]
    land(days[:1], landing)
    (landed,) = (landing / "bench").iterdir()
    assert sorted(path.name for path in landed.iterdir()) == sorted(f"{name}.csv" for name in OBJECTS)


def test_the_hand_written_sql_reads_both_days(days: list[Delivery], tmp_path: Path) -> None:
    first, second = days
    found = core_results(computed(days, tmp_path))
    assert sum(filter(None, found["deals by status"].values())) == second.rows["Opportunity"]
    assert found["leads"]["all"] == second.rows["Lead"]
    assert found["activities"]["all"] == first.rows["Task"] + second.rows["Task"]


@pytest.mark.parametrize(("zone", "ends"), [("UTC", {"23:59:59"}), ("Europe/Berlin", {"21:59:59", "22:59:59"})])
def test_done_on_a_day_without_a_time_is_done_in_its_last_second(
    days: list[Delivery], tmp_path: Path, zone: str, ends: set[str]
) -> None:
    with (days[0].folder / "Task.csv").open(encoding="utf-8", newline="") as file:
        without_time = {
            row["Id"]: row["ActivityDate"][:10]
            for row in csv.DictReader(file)
            if row["IsClosed"] == "1" and not row["CompletedDateTime"]
        }
    with duckdb.connect(str(computed(days[:1], tmp_path, zone)), read_only=True) as connection:
        rows = connection.execute("select activity_id, completed_at from marts.fct_activities where is_done").fetchall()
    ended = {name: f"{moment}" for name, moment in rows if name in without_time}
    assert ended.keys() == without_time.keys()
    assert all(moment.startswith(without_time[name]) for name, moment in ended.items())
    assert {moment[11:] for moment in ended.values()} == ends


def test_a_figure_that_differs_is_named(days: list[Delivery], tmp_path: Path) -> None:
    expected = core_results(computed(days[:1], tmp_path))
    found = {**expected, "leads": {**expected["leads"], "answered": 1.0}}
    assert differences(expected, expected) == []
    assert [line.partition(": baseline")[0] for line in differences(expected, found)] == ["leads: answered"]


# ---------------------------------------------------------------- what is printed


def a_run(seconds: float, cpu: float, nodes: dict[str, Node] | None = None) -> Run:
    return Run(Cost(seconds, cpu, 100.0, 0), [{"name": "transform", "seconds": seconds - 1}], 10.0, nodes or {})


def printed(table: Table) -> str:
    console = Console(record=True, width=160, file=StringIO())
    console.print(table)
    return console.export_text()


ROUNDS = [
    {
        tables.BASELINE: a_run(2.0, 3.0),
        tables.FIRST_NIGHT: a_run(
            first, 30.0, {"model.dealtrail.fct_deals": Node(2.0, 1.5), "test.dealtrail.x": Node(1, 0)}
        ),
        tables.NOTHING_NEW: a_run(first / 2, 15.0),
        tables.DELTA_BASELINE: a_run(4.0, 4.0),
        tables.DELTA: a_run(first / 4, 8.0),
    }
    for first in (20.0, 40.0, 24.0)
]


def test_ratios_are_medians_of_what_one_round_says() -> None:
    assert tables.ratios(ROUNDS) == {
        tables.FIRST_NIGHT: {"seconds": 12.0, "cpu_seconds": 10.0},
        tables.NOTHING_NEW: {"seconds": 6.0, "cpu_seconds": 5.0},
        tables.DELTA: {"seconds": 1.5, "cpu_seconds": 2.0},
    }


def test_the_table_of_costs(days: list[Delivery]) -> None:
    table = printed(tables.cost_table("Size T", days, ROUNDS))
    cells = {line.split("│")[1].strip(): line.split("│")[2:-1] for line in table.splitlines() if "│" in line}
    assert [cell.strip() for cell in cells[tables.FIRST_NIGHT]][:6] == ["24.0", "12.00", "", "30.0", "10.00", ""]
    assert [cell.strip() for cell in cells[tables.DELTA]][:6] == ["6.0", "1.50", "25", "8.0", "2.00", "27"]


def test_the_profile_says_what_dbt_adds_to_queries() -> None:
    table = printed(tables.profile_table(tables.nights(ROUNDS[0]), shown=1))
    assert "test x" not in table
    cells = {line.split("│")[1].strip(): line.split("│")[2:4] for line in table.splitlines() if "│" in line}
    assert [cell.strip() for cell in cells["fct_deals"]] == ["1.50", "0.50"]
    assert [cell.strip() for cell in cells["all 2"]] == ["1.50", "1.50"]


def test_what_is_new_beside_an_earlier_run_stands_apart() -> None:
    nodes = ROUNDS[0][tables.FIRST_NIGHT].nodes
    table = printed(tables.against_table(nodes, {"test.dealtrail.x": Node(4.0, 0.0)}))
    cells = {line.split("│")[1].strip(): line.split("│")[2:4] for line in table.splitlines() if "│" in line}
    assert [cell.strip() for cell in cells["fct_deals"]] == ["new", "2.00"]
    assert [cell.strip() for cell in cells["all that was there"]] == ["4.00", "1.00"]


def test_steps_and_nodes_are_read_where_the_night_tells_them(tmp_path: Path) -> None:
    summary, times = tmp_path / "run.json", tmp_path / "nodes.json"
    assert (steps_of(summary), nodes_of(times)) == ([], {})
    summary.write_text(json.dumps({"steps": [{"name": "ingest", "seconds": 1.5}, {"name": "unfinished"}]}))
    times.write_text(json.dumps({"model.dealtrail.a": asdict(Node(2.0, 1.0))}))
    assert steps_of(summary) == [{"name": "ingest", "seconds": 1.5}]
    assert nodes_of(times) == {"model.dealtrail.a": Node(2.0, 1.0)}


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--zone", "Europe/Bielefeld"], "there is no such timezone"),
        (["--repeat", "0"], "--repeat must be at least 1"),
        (["--against", "no.json"], "there is no such file"),
    ],
)
def test_a_wrong_option_ends_with_2(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["run.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        run.main()
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_peer_that_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "is_installed", lambda: False)
    monkeypatch.setattr(sys, "argv", ["run.py", "--peers", "--command", sys.executable])
    assert run.main() == 2
    assert "pip install --no-build-isolation -e '.[bench]'" in capsys.readouterr().out
