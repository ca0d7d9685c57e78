"""Every cell of the facts and metric marts equals a second implementation in plain Python over the raw files."""

from collections.abc import Callable

import pytest

from tests.conftest import EXAMPLES, PROJECT, REAL_EXTRACTS, Warehouse
from tests.oracle import compare, compute


def test_sample(sample: Warehouse) -> None:
    expected = compute(PROJECT / "pipeline.yml")
    assert compare.differences(expected, sample.path / "pipeline.duckdb") == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_real_extract(name: str, example: Callable[[str], Warehouse]) -> None:
    built = example(name)
    expected = compute(PROJECT / "examples" / f"{name}.yml", REAL_EXTRACTS, EXAMPLES[name])
    assert compare.differences(expected, built.path / "pipeline.duckdb") == []
