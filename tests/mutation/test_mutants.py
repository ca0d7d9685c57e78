"""The models' SQL with one thing changed: what is published, a violation or a unit test tells."""

from __future__ import annotations

import pytest

from tests.mutation.verdicts import WHOLE_PER_MODEL, chosen, verdicts
from tests.mutation.world import World
from tests.mutation.worlds import build_worlds

# Three nights are built for these: minutes. What is quick of it stands in test_operators.py.
pytestmark = pytest.mark.long
#: Of the mutants that are not equivalent, so many die.
LEAST_KILLED = 0.98


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> list[World]:
    return build_worlds(tmp_path_factory.mktemp("mutation"))


def test_the_worlds_are_the_same_when_they_are_built_again(worlds: list[World]) -> None:
    """Else a mutant would seem to change what chance does."""
    for world in worlds:
        before = dict(world.digests)
        world.build_again()
        assert world.digests == before


def test_the_models_pass_their_unit_tests_here_too(worlds: list[World]) -> None:
    world = worlds[0]
    assert sum(map(len, world.unit_tests.values())) > 100
    assert {model: name for model in world.unit_tests if (name := world.fails(model, world.models[model].sql))} == {}


def test_one_mutant_of_each_model(worlds: list[World]) -> None:
    judged = list(verdicts(worlds, chosen(worlds[0], 1)))
    assert [str(verdict) for verdict in judged if verdict.has_survived] == []
    assert sum(verdict.killed_by is not None for verdict in judged) > 50


def test_many_mutants_of_each_model(worlds: list[World]) -> None:
    judged = [one for one in verdicts(worlds, chosen(worlds[0], WHOLE_PER_MODEL)) if not one.why_equivalent]
    survived = [str(verdict) for verdict in judged if verdict.has_survived]
    assert len(survived) <= (1 - LEAST_KILLED) * len(judged), "\n".join(survived)
