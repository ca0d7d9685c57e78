"""Whether landing and lake are fit for a run."""

from __future__ import annotations

from pathlib import Path

from dagster_project.config.load import Settings
from dagster_project.config.yaml_files import shown_path
from dagster_project.errors import ConfigurationError
from dagster_project.lake.erasure.tombstones import read_tombstones
from dagster_project.read.folders import loose_files

_SHOWN_FILES = 5
#: In WAREHOUSE_DIR: where `dealtrail explain --as-of` builds what nobody publishes; gone when it ends.
APART = "explaining"


def check_folders(settings: Settings) -> None:
    """Refuses folders that do not exist: landing and each source's in it; a warehouse DuckDB cannot name; and to go on
    without the salt that tombstones were made with. A landing zone elsewhere is looked at once it is fetched."""
    if "?" in str(settings.warehouse_dir):
        # DuckDB 1.5 takes what follows for parameters, and puts the .wal of a database file before it
        raise ConfigurationError(
            f"WAREHOUSE_DIR: {shown_path(settings.warehouse_dir)} has a question mark in it, which DuckDB takes for "
            "the end of a file's name. Name another folder."
        )
    if settings.landing_url is None:
        check_landing(settings)
    read_tombstones(settings.warehouse_dir / "lake")


def check_landing(settings: Settings) -> None:
    """Refuses a landing folder that does not exist, or lacks that of a source; who reads tables alone needs none."""
    if not any(source.reads_files for source in settings.config.sources):
        return
    landing = settings.landing_dir
    shown = settings.landing_url or shown_path(landing)
    if not landing.is_dir():
        raise ConfigurationError(
            f"{shown_path(settings.config_path)}: landing_dir: there is no folder {shown}.\n"
            "  Put each CRM's exports into <landing_dir>/<source name>/, or set LANDING_DIR to where they are."
        )
    folders = sorted(entry.name for entry in landing.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    for position, source in enumerate(settings.config.sources):
        if source.reads_files and source.name not in folders:
            raise ConfigurationError(
                f"{shown_path(settings.config_path)}: sources.{position}.name: there is no folder "
                f"{_shown_in(settings, source.name)} for source '{source.name}'.\n"
                f"  Folders there: {', '.join(folders) or 'none'}{_loose(landing)}. Make that folder and put its "
                "exports there, rename the source, or remove it."
            )


def _shown_in(settings: Settings, name: str) -> str:
    return f"{settings.landing_url}/{name}" if settings.landing_url else shown_path(settings.landing_dir / name)


def _loose(landing: Path) -> str:
    """A word on files that lie beside the folders of the sources instead of in one."""
    names = loose_files(landing)
    return f"; beside them lies {', '.join(names[:_SHOWN_FILES])}" if names else ""
