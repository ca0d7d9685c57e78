"""What `dealtrail init` writes: a folder in which every command works, wherever the program is installed."""

from __future__ import annotations

import shutil
from pathlib import Path

from dagster_project.config.presets import vendor_names
from dagster_project.errors import ConfigurationError
from dagster_project.package_files import PROJECT_DIR

_FILES = Path(__file__).parent / "files"
_SAMPLE = PROJECT_DIR / "seeds" / "extracts"

#: File of the new project → its template here.
_WRITTEN = {
    "pipeline.yml": "pipeline.yml",
    ".env.example": "env.example",
    ".gitignore": "gitignore",
    "Makefile": "Makefile",
    "README.md": "README.md",
}


def new_project(folder: Path, sample: bool = False) -> list[str]:
    """Writes a project into a folder; returns what it wrote. Raises ConfigurationError where some of it is there."""
    _refuse_what_is_there(folder)
    (folder / "landing").mkdir(parents=True, exist_ok=True)
    for name, template in _WRITTEN.items():
        text = (_FILES / template).read_text(encoding="utf-8")
        if name == "pipeline.yml":
            text = _of_the_sample() if sample else text.replace("{vendors}", ", ".join(vendor_names()))
        (folder / name).write_text(text, encoding="utf-8")
    if sample:
        shutil.copytree(_SAMPLE, folder / "landing", dirs_exist_ok=True)
    return [*_WRITTEN, "landing/"]


def _refuse_what_is_there(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(f"{folder}: is a file; name a folder")
    landing = folder / "landing"
    there = [name for name in _WRITTEN if (folder / name).exists()]
    if landing.exists() and (not landing.is_dir() or any(landing.iterdir())):
        there.append("landing")
    if there:
        raise ConfigurationError(
            f"{folder}: has {', '.join(there)} already, and nothing is written over. "
            "Name another folder, or move what is there away."
        )


def _of_the_sample() -> str:
    """The sample's configuration, which in the clone reads seeds/extracts."""
    lines = (PROJECT_DIR / "pipeline.yml").read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if not line.startswith("# yaml-language-server")]
    text = "\n".join(lines) + "\n"
    return text.replace("sample extracts in seeds/extracts/", "sample extracts in landing/").replace(
        "landing_dir: seeds/extracts ", "landing_dir: landing "
    )
