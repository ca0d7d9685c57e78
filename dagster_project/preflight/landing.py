"""Files and patterns that do not find each other: before anything is opened, by the names alone."""

from __future__ import annotations

from pathlib import Path

from dagster_project.config.feeds import Source
from dagster_project.config.load import is_written, place_in
from dagster_project.preflight.finding import Finding
from dagster_project.read.folders import loose_files
from dagster_project.read.landing import Landing, folders_without_source, takable
from dagster_project.wording import near_name

_SHOWN = 10


def of_landing(sources: list[Source], landing_dir: Path) -> list[Finding]:
    """Files that lie beside the sources' folders, and folders that no source is named after."""
    names = ", ".join(source.name for source in sources)
    found = [
        Finding(
            f"{landing_dir.name}/{file}: lies loose in {landing_dir.name}/, where no source looks; move it to "
            f"{landing_dir.name}/<source>/ (sources: {names})"
        )
        for file in loose_files(landing_dir)
    ]
    for folder in folders_without_source(sources, landing_dir):
        meant = near_name(folder, [source.name for source in sources])
        found.append(
            Finding(
                f"{landing_dir.name}/{folder}/: no source is named so, so its files are not read"
                + (f"; did you mean {meant}?" if meant else f" (sources: {names})")
            )
        )
    return found


def of_names(config_path: Path, position: int, source: Source, landing: Landing) -> list[Finding]:
    """Feeds whose patterns match no file, and files that no pattern takes."""
    not_taken = [name for name in landing.not_taken if not _is_note(name)]
    shown = _listed(not_taken)
    found = []
    for name, feed in source.feeds.items():
        written = is_written(config_path, "sources", position, "feeds", name)
        if not written or feed.table is not None or any(file.feed == name for file in landing.files):
            continue
        where = place_in(config_path, "sources", position, "feeds", name, "files")
        others = (
            f"; in {source.name}/ no feed takes {shown}" if not_taken else f"; there is no such file in {source.name}/"
        )
        found.append(Finding(f"{where}: {_quoted(feed.files)} matches no file{others}", keeps_out=bool(not_taken)))
    if not_taken:
        tried = "; ".join(f"{name} {_quoted(feed.files)}" for name, feed in source.feeds.items() if feed.files)
        where = place_in(config_path, "sources", position, "feeds")
        found.append(
            Finding(
                f"{source.name}/: no feed takes {shown}; patterns tried: {tried}. Rename the file, or add a pattern "
                f"to {where}"
            )
        )
        found += [Finding(f"{source.name}/: {hint}") for hint in takable(source, not_taken)]
    return found


def _is_note(name: str) -> bool:
    return name.rpartition("/")[2].upper().startswith("README")


def _quoted(patterns: list[str]) -> str:
    return ", ".join(f'"{pattern}"' for pattern in patterns)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
