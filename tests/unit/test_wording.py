"""Numbers agree with their nouns."""

from __future__ import annotations

import pytest

from dagster_project.wording import counted


@pytest.mark.parametrize(
    ("number", "noun", "said"),
    [
        (1, "day", "1 day"),
        (0, "row", "0 rows"),
        (123, "day", "123 days"),
        (2, "delivery", "2 deliveries"),
        (1200, "key", "1,200 keys"),
    ],
)
def test_a_number_with_its_noun(number: int, noun: str, said: str) -> None:
    assert counted(number, noun) == said
