"""The nights in which mutants are looked for: small, and made to tell one idea from its neighbour."""

from __future__ import annotations

from pathlib import Path

from dagster_project.config.load import Settings, load_settings
from tests.field import world as field
from tests.field.nights import NIGHTS
from tests.hygiene.sources import write
from tests.hygiene.worlds import planted_sources
from tests.integration import hand_worked_histories as histories
from tests.mutation.world import World, build_world


def build_worlds(folder: Path) -> list[World]:
    """Inputs from the field, the worlds in which dirt is planted, and histories worked by hand: from large to small."""
    settings = {"field": _field, "planted": _planted}
    large = [build_world(name, make(folder / name), folder / name / "kept") for name, make in settings.items()]
    return [*large, build_small_world(folder / "histories")]


def build_small_world(folder: Path) -> World:
    """The histories worked by hand alone: a night of seconds."""
    return build_world("histories", _histories(folder), folder / "kept")


def _settings(config: Path, folder: Path, as_of: str | None = None) -> Settings:
    environment = {"PIPELINE_CONFIG": str(config), "WAREHOUSE_DIR": str(folder / "warehouse")}
    return load_settings(environment | ({"AS_OF": as_of} if as_of else {}))


def _field(folder: Path) -> Settings:
    folder.mkdir(parents=True)
    return _settings(field.lay(NIGHTS[True], folder), folder, field.AS_OF)


def _histories(folder: Path) -> Settings:
    folder.mkdir(parents=True)
    config, _ = histories.deliver(folder)
    return _settings(config, folder, histories.AS_OF)


def _planted(folder: Path) -> Settings:
    folder.mkdir(parents=True)
    return _settings(write(planted_sources(range(3), range(2)), folder), folder)
