"""What is published of the deals of `hand_worked_movements`, added up by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Warehouse
from tests.integration import hand_worked_movements as told
from tests.integration.hand_worked_histories import AS_OF, deliver
from tests.oracle import compare, compute

MOVEMENTS = ["created", "reopened", "increased", "decreased", "won", "lost", "deleted"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hand_worked_movements")
    deliver(folder, told.SOURCES, told.GOALS)
    return folder


@pytest.fixture(scope="module")
def played(folder: Path, nightly: Callable[..., Warehouse]) -> Warehouse:
    warehouse = nightly(folder / "warehouse", folder / "pipeline.yml", folder / "landing", AS_OF)
    assert warehouse.status == 0, warehouse.output
    return warehouse


def rows(played: Warehouse, what: str, table: str, order: str) -> list[tuple[Any, ...]]:
    return [
        tuple(float(cell) if hasattr(cell, "as_tuple") else cell for cell in row)
        for row in played.rows(f"select {what} from marts.{table} order by {order}")
    ]


@pytest.mark.parametrize(
    ("pipeline", "month", "opening", "moved", "closing"),
    [
        # in: 50, 100, nothing, 20, 7, 7; back: 100; up: 100 and 30; down: 50; won: 50 and 150; lost: 100 and 7
        ("default", 1, (0, 0), [(6, 184), (1, 100), (2, 130), (1, 50), (2, 200), (2, 107), (0, 0)], (3, 57)),
        # down: from 30 to 10; won at midnight; gone
        ("default", 2, (3, 57), [(0, 0), (0, 0), (0, 0), (1, 20), (1, 20), (0, 0), (1, 7)], (1, 10)),
        # where the moved deal is today, it always was
        ("Solid", 1, (0, 0), [(2, 8), (0, 0), (0, 0), (0, 0), (0, 0), (1, 3), (0, 0)], (1, 5)),
        ("Solid", 2, (1, 5), [(0, 0)] * 7, (1, 5)),
    ],
)
def test_movements(
    played: Warehouse,
    pipeline: str,
    month: int,
    opening: tuple[int, int],
    moved: list[tuple[int, int]],
    closing: tuple[int, int],
) -> None:
    columns = [f"{name}_{unit}" for name in ("opening", *MOVEMENTS, "closing") for unit in ("deals", "amount")]
    where = f"mart_pipeline_movements where pipeline = '{pipeline}' and month(month) = {month}"
    (found,) = rows(played, ", ".join(columns), where, "month")
    assert list(zip(found[::2], found[1::2], strict=True)) == [opening, *moved, closing]


def test_flow(played: Warehouse) -> None:
    """Of deals that are not deleted, and no further than a first close that stands."""
    found = rows(
        played,
        "month(month), pipeline, from_stage, to_stage, deals, from_other_pipelines, amount, days_median, "
        "is_forward, is_on_path, share_of_from_stage",
        "mart_stage_flow",
        "month, pipeline, from_stage nulls first, to_stage",
    )
    assert found == [
        (1, "Solid", None, "New", 1, 0, 3, None, None, True, 1),
        (1, "Solid", "New", "Lost", 1, 0, 3, 6, False, True, 1),
        (1, "default", None, "New", 5, 0, 175, None, None, True, 1),
        (1, "default", "Demo", "New", 1, 0, 20, 8, False, False, 1),
        (1, "default", "Lost", "New", 1, 0, 100, 0, False, False, 1),
        (1, "default", "New", "Demo", 1, 0, 20, 2, True, True, 1 / 5),
        (1, "default", "New", "Lost", 1, 0, 100, 9, False, True, 1 / 5),
        (1, "default", "New", "Offer", 1, 0, 20, 1, True, False, 1 / 5),
        # on the day it was created, and twenty days after its return
        (1, "default", "New", "Won", 2, 0, 200, 10, True, True, 2 / 5),
        (1, "default", "Offer", "Demo", 1, 0, 20, 1, False, False, 1),
        (2, "Solid", "New", "New", 1, 1, 5, 32, True, True, 1),
        (2, "default", "Demo", "Won", 1, 0, 20, 18, True, True, 1),
    ]


def test_slippage(played: Warehouse) -> None:
    """What the close of January's last second wrote is neither a push nor one while closed."""
    found = rows(
        played,
        "month(month), pushes, pulls, pushed_deals, days_pushed, days_pushed_median, days_pulled, pushes_while_closed",
        "mart_close_date_slippage where pipeline = 'default'",
        "month",
    )
    assert found == [(1, 1, 1, 1, 31, 31, 5, 0), (2, 0, 0, 0, 0, None, 0, 0)]


def test_bottlenecks(played: Warehouse) -> None:
    """Days' ends of January: lost_and_back 29, unknown_then_known 30, moved 30, won_at_midnight 2 and 1 in New, 8 and
    18 in Demo, 1 in Offer."""
    found = rows(
        played,
        "stage, deal_days, deal_days_of_lost, lost_deals, lost_amount, rank_by_days, rank_by_lost_amount",
        "mart_bottlenecks where pipeline = 'default' and month(month) = 1",
        "stage",
    )
    assert found == [
        ("Demo", 26, 0, 0, 0, 2, None),
        ("New", 92, 0, 1, 100, 1, 1),
        ("Offer", 1, 0, 0, 0, 3, None),
    ]
    solid = "mart_bottlenecks where pipeline = 'Solid' and month(month) = 1"
    assert rows(played, "stage, deal_days, deal_days_of_lost, lost_deals, lost_amount", solid, "stage") == [
        ("New", 6, 6, 1, 3)
    ]


def test_goals(played: Warehouse) -> None:
    found = rows(
        played,
        "month(month), pipeline, stage, goal, target, actual, attainment, is_more_better, is_complete_month",
        "mart_goals",
        "month, goal",
    )
    assert found == [
        (1, "default", None, "closing_amount", 50, 57, 57 / 50, True, True),
        # the deal that was lost is back, the other one deleted
        (1, "default", None, "deals_lost", 2, 0, 0, False, True),
        # five at the start, one after its loss, one from Demo
        (1, "default", "New", "entered", 8, 7, 7 / 8, True, True),
        (1, "Solid", None, "win_rate", 0.5, 0, 0, True, True),
        (2, "default", None, "closing_amount", 0, 10, None, True, False),
    ]


def test_plain_python_agrees(folder: Path, played: Warehouse) -> None:
    expected = compute(folder / "pipeline.yml", folder / "landing", AS_OF)
    assert expected.notes == []
    assert compare.differences(expected, played.path / "pipeline.duckdb") == []
