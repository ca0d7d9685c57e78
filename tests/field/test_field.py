"""Every input of `tests/field/inputs` in one night: what is published of it is what a careful analyst would say."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import Warehouse
from tests.field.nights import INPUTS, NIGHTS
from tests.field.world import AS_OF, Expected, Input, lay
from tests.oracle import compare, compute

CASES = [(one, expected) for one in INPUTS for expected in one.expected]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("field")


@pytest.fixture(scope="module")
def played(folder: Path, nightly: Callable[..., Warehouse]) -> Callable[[bool], Warehouse]:
    """The night of the inputs that the oracle reads (True), or of the others."""

    @cache
    def play(oracle: bool) -> Warehouse:
        place = folder / ("oracle" if oracle else "others")
        config = lay(NIGHTS[oracle], place)
        warehouse = nightly(place / "warehouse", config, place / "landing", AS_OF)
        assert warehouse.status == 0, warehouse.output
        return warehouse

    return play


def test_inputs_have_their_own_sources() -> None:
    names = [one.source for one in INPUTS]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize(
    ("one", "expected"), CASES, ids=[f"{one.source}-{one.expected.index(expected)}" for one, expected in CASES]
)
def test_outcome(played: Callable[[bool], Warehouse], one: Input, expected: Expected) -> None:
    rows = played(one.oracle).rows(expected.sql.format(source=one.source))
    found = sorted((tuple(None if cell is None else str(cell) for cell in row) for row in rows), key=repr)
    assert found == expected.wanted(), one.says


@pytest.mark.parametrize("one", [one for one in INPUTS if one.output], ids=lambda one: one.source)
def test_output(played: Callable[[bool], Warehouse], one: Input) -> None:
    said = " ".join(played(one.oracle).output.split())
    assert [words for words in one.output if words not in said] == [], one.says


def test_plain_python_agrees(folder: Path, played: Callable[[bool], Warehouse]) -> None:
    published = played(True).path / "pipeline.duckdb"
    expected = compute(folder / "oracle" / "pipeline.yml", folder / "oracle" / "landing", AS_OF)
    assert compare.differences(expected, published) == []
