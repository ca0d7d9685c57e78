"""SIGKILL: the last publication stays whole, and the next night needs no cleaning up and publishes the same.

`make test` kills one night while dbt builds (week.py) and a publish at each of its steps
(test_kills_while_publishing.py); `make test-long` kills at every boundary, after every model and at random moments,
as many as `KILLS` says (environment; `KILLS=200 python -m pytest tests/faults/test_kills.py -k random_moment`).
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from dagster_project.night import use_dagster_home
from tests.faults import crm, cut
from tests.faults.nights import Nights, dagster_runs, fingerprints, tables, until
from tests.faults.week import Night, dbt_is_building

pytest_plugins = ["tests.faults.week"]

BOUNDARIES = 16
#: Kills at random moments; each takes two nights.
KILLS = int(os.environ.get("KILLS", "20"))


def test_a_publication_is_untouched_by_a_kill_while_dbt_builds(first: Night, killed: Night) -> None:
    assert killed.warehouse.status == -signal.SIGKILL
    assert killed.readable == first.readable
    assert killed.tables == first.tables


def test_the_kill_came_in_the_middle(nights: Nights, killed: Night) -> None:
    assert (nights.kept("killed") / "building" / "pipeline.duckdb.wal").exists()
    assert killed.run_json["state"] == "running", "run.json is not that of the night before"


def test_the_next_night_publishes_without_cleaning_up(killed: Night, last: Night) -> None:
    assert (last.warehouse.status, last.run_json["state"]) == (0, "published")
    assert last.readable["link current"] != killed.readable["link current"]
    assert not (last.warehouse.path / "building").exists()


def test_a_killed_run_is_not_in_progress_for_ever(nights: Nights, last: Night) -> None:
    """Dagster runs one at a time: a run that it takes to be in progress would keep every scheduled one waiting."""
    runs = dagster_runs(nights.kept("last"))
    assert runs[:2] == ["SUCCESS", "FAILURE"] and runs[-1] == "SUCCESS"
    assert set(runs) <= {"SUCCESS", "FAILURE", "CANCELED"}, runs


@dataclass
class Undisturbed:
    """A warehouse before a night, and what that night publishes where nothing disturbs it."""

    nights: Nights
    before: dict[str, str]
    tables: dict[str, list[tuple[Any, ...]]]
    seconds: float
    boundaries: list[str]
    models: list[str]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    nights = Nights(tmp_path_factory.mktemp("kills"))
    nights.config.write_text(crm.CONFIG, encoding="utf-8")
    feeds = (crm.deals, crm.log, crm.calls, crm.leads)
    crm.deliver(nights, *((feed, day) for feed in feeds for day in crm.DAYS[:2]))
    assert nights.play(crm.FIRST).status == 0
    nights.keep("before")
    before = fingerprints(nights.warehouse)
    crm.deliver(nights, *((feed, day) for feed in feeds for day in crm.DAYS[2:]))
    noted = nights.folder / "boundaries", nights.folder / "models"
    started = time.monotonic()
    night = nights.play(crm.LAST, before=partial(cut.count_both, *map(str, noted)))
    seconds = time.monotonic() - started
    assert night.status == 0, night.output
    boundaries, models = (path.read_text(encoding="utf-8").splitlines() for path in noted)
    return Undisturbed(nights, before, tables(nights.warehouse), seconds, boundaries, models)


def assert_whole(world: Undisturbed) -> None:
    """A reader sees the old publication byte for byte, or all of the new one."""
    if fingerprints(world.nights.warehouse) != world.before:
        assert tables(world.nights.warehouse) == world.tables


def assert_the_next_night_gives_the_same(world: Undisturbed) -> None:
    night = world.nights.play(crm.LAST)
    assert night.status == 0, night.output
    assert tables(world.nights.warehouse) == world.tables


@pytest.mark.long
def test_every_boundary_is_known(undisturbed: Undisturbed) -> None:
    assert len(undisturbed.boundaries) == BOUNDARIES
    assert undisturbed.boundaries[0] == "ingest begins" and undisturbed.boundaries[-1] == "publish ends"
    assert len(undisturbed.models) > 40


@pytest.mark.long
@pytest.mark.parametrize("number", range(1, BOUNDARIES + 1))
def test_killed_at_a_boundary(undisturbed: Undisturbed, number: int) -> None:
    undisturbed.nights.bring_back("before")
    running = undisturbed.nights.start(crm.LAST, before=partial(cut.at_boundary, number))
    assert running.wait() == -signal.SIGKILL, running.said
    assert_whole(undisturbed)
    assert_the_next_night_gives_the_same(undisturbed)


@pytest.mark.long
def test_killed_after_each_model_in_turn_without_a_good_night_between(undisturbed: Undisturbed) -> None:
    undisturbed.nights.bring_back("before")
    for number in range(1, len(undisturbed.models) + 1):
        running = undisturbed.nights.start(crm.LAST, before=partial(cut.after_model, number))
        assert running.wait() == -signal.SIGKILL, running.said
        assert fingerprints(undisturbed.nights.warehouse) == undisturbed.before
    assert_the_next_night_gives_the_same(undisturbed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(KILLS))
def test_killed_at_a_random_moment(undisturbed: Undisturbed, seed: int) -> None:
    undisturbed.nights.bring_back("before")
    running = undisturbed.nights.start(crm.LAST)
    running.process.join(Random(seed).uniform(0.2, undisturbed.seconds))
    if running.process.exitcode is None:
        running.kill()
    assert running.wait() in (0, -signal.SIGKILL)
    assert_whole(undisturbed)
    assert_the_next_night_gives_the_same(undisturbed)


@pytest.mark.long
def test_killed_alone_with_dbt_still_writing(undisturbed: Undisturbed) -> None:
    """As the kernel kills for want of memory: one process. The next night starts while that dbt is still at work."""
    nights = undisturbed.nights
    nights.bring_back("before")
    running = nights.start(crm.LAST)
    until(lambda: dbt_is_building(nights))
    os.kill(running.process.pid, signal.SIGKILL)
    running.process.join(60)
    assert_whole(undisturbed)
    assert_the_next_night_gives_the_same(undisturbed)


@pytest.mark.long
def test_killed_on_the_very_first_night(undisturbed: Undisturbed, tmp_path_factory: pytest.TempPathFactory) -> None:
    nights = Nights(tmp_path_factory.mktemp("first night"))
    nights.config.write_text(crm.CONFIG, encoding="utf-8")
    nights.landing.symlink_to(undisturbed.nights.landing)
    for number in (1, 4, 9, 11, 13):
        running = nights.start(crm.LAST, before=partial(cut.at_boundary, number))
        assert running.wait() == -signal.SIGKILL, running.said
        assert not [path for path in nights.warehouse.iterdir() if path.is_symlink()], "nothing is published"
    assert nights.play(crm.LAST).status == 0
    found = tables(nights.warehouse)
    marts = [name for name in found if name.startswith("marts.")]
    assert {name: found[name] for name in marts} == {name: undisturbed.tables[name] for name in marts}


def test_dagsters_settings_are_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of them would switch telemetry on, or stop every night after."""

    def half(path: Path, text: str, *_: Any, **__: Any) -> None:
        path.write_bytes(text[: len(text) // 2].encode())
        raise KeyboardInterrupt

    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.setattr(Path, "write_text", half)
    with suppress(KeyboardInterrupt):
        use_dagster_home(tmp_path)
    settings = tmp_path / "dagster" / "dagster.yaml"
    assert not settings.exists() or "max_concurrent_runs: 1" in settings.read_text(encoding="utf-8")
