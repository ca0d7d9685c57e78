"""Five tellings of one life, read by the oracle: to the resolution of the shape the same transitions. No warehouse."""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.oracle import Result, compute
from tests.properties.lives import EXTRACTS, World, worlds
from tests.properties.own_fields import followed_by, followed_otherwise
from tests.properties.resolution import Told, expected
from tests.properties.tellings import Telling, configuration, tellings_of


def told_by(rows: Iterable[dict[str, Any]]) -> dict[str, list[Told]]:
    """Deal → its transitions, of rows like those of fct_stage_transitions."""
    told: dict[str, list[Told]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["transition_number"]):
        told[row["deal_key"]].append(Told(row["transitioned_at"], (row["pipeline"], row["to_stage"]), row["evidence"]))
    return told


def told_otherwise(tellings: list[Telling], told: dict[str, list[Told]]) -> list[str]:
    """The deals whose transitions are not those their telling can carry."""
    lines = []
    for telling in tellings:
        for life in telling.world.lives:
            wanted, found = expected(telling, life), told.get(f"{telling.name}:{life.id}", [])
            if wanted is not None and wanted != found:
                lines.append(f"{telling.name}:{life.id} tells {_shown(found)}, expected {_shown(wanted)}")
    return lines


def _shown(told: list[Told]) -> str:
    return " ".join(f"{one.place[0]}/{one.place[1]} {one.at:%m-%dT%H:%M:%S} {one.evidence};" for one in told)


def told(world: World) -> tuple[list[Telling], Result]:
    """Writes a world in every telling and reads it back."""
    folder = Path(tempfile.mkdtemp())
    try:
        tellings = tellings_of(world, "crm")
        config = configuration(tellings, folder)
        for telling in tellings:
            for extract in range(len(EXTRACTS)):
                telling.deliver(folder / "landing", extract)
        return tellings, compute(config, folder / "landing", EXTRACTS[-1])
    finally:
        shutil.rmtree(folder)


def check(world: World) -> None:
    """The transitions of a world in every telling."""
    tellings, result = told(world)
    assert told_otherwise(tellings, told_by(result.transitions)) == []


def check_field(world: World) -> None:
    """The random field of a world in every telling."""
    tellings, result = told(world)
    assert followed_otherwise(tellings, followed_by(result.deals, result.changes)) == []


RELAXED = settings(deadline=None, suppress_health_check=list(HealthCheck))


@settings(RELAXED, max_examples=40, derandomize=True)
@given(worlds())
def test_every_telling_of_a_life_has_the_transitions_its_shape_can_carry(world: World) -> None:
    check(world)


@pytest.mark.long
@settings(RELAXED, max_examples=1000)
@given(worlds())
def test_of_a_thousand_worlds(world: World) -> None:
    check(world)


@settings(RELAXED, max_examples=25, derandomize=True)
@given(worlds())
def test_a_field_of_ones_own_is_followed_as_each_shape_can_carry_it(world: World) -> None:
    check_field(world)


@pytest.mark.long
@settings(RELAXED, max_examples=1000)
@given(worlds())
def test_a_field_of_ones_own_in_a_thousand_worlds(world: World) -> None:
    check_field(world)
