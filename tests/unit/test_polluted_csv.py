"""Of a polluted file every row is read as it is, or named, or the file is refused: nothing is misread quietly."""

from __future__ import annotations

import pytest

from tests.unit.polluted import BAD, files, measure

#: Files read by default: every so many.
_EVERY = 12


def test_a_sample_of_polluted_files_is_never_misread_without_a_word() -> None:
    assert {
        name: became for name, became in measure(lambda number: number % _EVERY == 5).items() if became in BAD
    } == {}


@pytest.mark.long
def test_no_polluted_file_is_misread_without_a_word() -> None:
    outcomes = measure()
    assert {name: became for name, became in outcomes.items() if became in BAD} == {}
    assert sum(became == "exact" for became in outcomes.values()) >= 150


def test_the_polluted_files_are_always_the_same_and_differ() -> None:
    contents = [polluted.content for polluted in files()]
    assert contents == [polluted.content for polluted in files()]
    assert len(set(contents)) > 750
