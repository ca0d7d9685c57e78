"""SIGKILL before each step of a publish that touches the file system: readers see one whole publication."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults import crm
from tests.faults.nights import Nights
from tests.faults.publishing import ENDED, publish_night, seen, state


@dataclass
class Kill:
    """A publish that was cut off before its n-th step, and the run after it."""

    step: int
    seen_after: set[int | None]
    next_status: int
    seen_next: set[int | None]
    next_state: str
    readers_version_stays: bool
    versions_after_two_more: int


def new_nights(folder: Path) -> Nights:
    nights = Nights(folder)
    nights.config.write_text(crm.CONFIG, encoding="utf-8")
    return nights


def killed_at_every_step(nights: Nights, night: int, kept: str | None) -> Iterator[int]:
    """Plays this night over and over from one state, each time killed one step later; yields after each kill."""
    for step in range(1, 200):
        if kept is None:
            shutil.rmtree(nights.warehouse, ignore_errors=True)
        else:
            nights.bring_back(kept)
        status = publish_night(nights, night, killed_at=step)
        if status == ENDED:
            assert step > 10, "there are more steps than that"
            return
        assert status == -signal.SIGKILL
        yield step


@pytest.fixture(scope="module")
def kills(tmp_path_factory: pytest.TempPathFactory) -> list[Kill]:
    """Night 1 is published; night 2 is killed at each of its steps in turn; night 3 runs through."""
    nights = new_nights(tmp_path_factory.mktemp("publishing"))
    assert publish_night(nights, 1) == 0
    nights.keep("night 1")
    return [_kill(nights, step) for step in killed_at_every_step(nights, 2, "night 1")]


def _kill(nights: Nights, step: int) -> Kill:
    seen_after = seen(nights.warehouse)
    readers_version = (nights.warehouse / "current").resolve()
    status = publish_night(nights, 3)
    seen_next, next_state, stays = seen(nights.warehouse), state(nights.warehouse), readers_version.exists()
    versions = nights.warehouse / "versions"
    if len(list(versions.iterdir())) > 2:
        publish_night(nights, 4)
    return Kill(step, seen_after, status, seen_next, next_state, stays, len(list(versions.iterdir())))


def test_readers_see_the_old_publication_or_the_new_one(kills: list[Kill]) -> None:
    found = [kill.seen_after for kill in kills]
    assert [kill for kill in kills if kill.seen_after not in ({1}, {2})] == []
    assert found[0] == {1} and found[-1] == {2}, "the switch lies between"
    nights = [night for seen_after in found for night in seen_after if night]
    assert nights == sorted(nights), "and once switched it stays so"


def test_the_next_run_publishes_without_cleaning_up(kills: list[Kill]) -> None:
    assert [
        kill for kill in kills if (kill.next_status, kill.seen_next, kill.next_state) != (0, {3}, "published")
    ] == []


def test_what_readers_had_stays_for_one_run_more_although_a_killed_one_lies_between(kills: list[Kill]) -> None:
    """A reader may have resolved `current` just before the switch."""
    assert [kill.step for kill in kills if not kill.readers_version_stays] == []


def test_versions_do_not_pile_up(kills: list[Kill]) -> None:
    assert {kill.versions_after_two_more for kill in kills} == {2}


def test_the_very_first_publication_appears_as_a_whole_too(tmp_path: Path) -> None:
    nights = new_nights(tmp_path)
    halves = {step: seen(nights.warehouse) for step in killed_at_every_step(nights, 1, None)}
    assert {step: part for step, part in halves.items() if part not in ({None}, {1})} == {}
