"""`dealtrail try`: from files nobody has described to a report, without an edit."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from dagster_project.config.load import load_settings
from dagster_project.draft.command import HISTORY, Attempt, drafting
from dagster_project.draft.moments import newest_moment
from dagster_project.draft.settle import settle
from dagster_project.draft.write import Settled, lines_of
from dagster_project.draft.yaml_text import Line
from dagster_project.errors import ConfigurationError
from dagster_project.files import write_atomically
from dagster_project.first_look.ending import Assumption, Ending, print_ending
from dagster_project.first_look.landing import dated_by_name, folder_of, lay_out
from dagster_project.night import dagster_in
from dagster_project.run.lock import lock
from dagster_project.run.summary import Progress

#: Where first looks lie, each in a folder of its own.
FOLDER = Path("dealtrail-try")
_SOURCE = "my_crm"
_MADE_BY = "# Made by `dealtrail try`"
#: What a night of its own takes from nobody's environment.
_OWN = ("LANDING_DIR", "WAREHOUSE_DIR", "AS_OF", "POSTGRES_URL", "DAGSTER_HOME", "DEALTRAIL_WEBHOOK_URL")
_ASSUMED = "assumed: "


@dataclass(frozen=True)
class _Prepared:
    """What lies ready for the night, and for whoever wants to keep it."""

    lines: list[Line]
    to_save: list[Line]
    #: Where below the source's folder the files are to be saved, so that they are one delivery.
    save_below: str
    as_of_says: str
    #: Files and sheets that are in no figure, and why.
    left_out: list[str]


def look(paths: Sequence[Path], save: Path | None = None, folder: Path | None = None, debug: bool = False) -> int:
    """Drafts, runs a night and says what came out; returns the exit status.

    Everything lies in `folder`, which is made anew. `save`: the configuration is written there as well, and the files
    into a landing folder beside it. Raises ConfigurationError for files of which no report can be made.
    """
    files = list(dict.fromkeys(path.absolute() for path in paths))
    _check_files(paths)
    name = _name_of(save)
    if save is not None:
        _check_save(save, name, files)
    place = folder or FOLDER / _slug(files[0])
    with Progress() as progress:
        progress.show("looking at the files")
        try:
            with drafting(list(paths), name) as attempt:
                settle(attempt)
                _refuse_what_gives_no_deals(attempt)
                prepared = _prepare(attempt, files, place, datetime.now(UTC).replace(microsecond=0), save)
        except ConfigurationError as error:
            # what is said of each further file helps only whoever completes a draft
            raise ConfigurationError(str(error).splitlines()[0]) from None
        for variable in _OWN:
            os.environ.pop(variable, None)
        os.environ["PIPELINE_CONFIG"] = str(place / "pipeline.yml")
        settings = load_settings()
        with lock.hold(settings.warehouse_dir), dagster_in(settings.warehouse_dir, debug, progress) as run_job:
            attempted, status = run_job("nightly", {})
    kept = place / "pipeline.yml"
    if save is not None and status == 0:
        lay_out(files, save.parent / "landing" / name / prepared.save_below)
        write_atomically(save, _text(prepared.to_save))
        kept = save
    lines = prepared.to_save if kept == save else prepared.lines
    print_ending(
        Ending(
            attempt=attempted,
            warehouse=settings.warehouse_dir,
            config=kept,
            assumed=_assumptions(lines),
            as_of_says=prepared.as_of_says,
            left_out=prepared.left_out,
            files=list(paths),
        ),
        saved=kept == save,
    )
    return status


# ------------------------------------------------------------------ what cannot be looked at


def _check_files(paths: Sequence[Path]) -> None:
    for path in paths:
        if not path.exists():
            raise ConfigurationError(f"{path}: there is no such file")
        if path.is_dir():
            raise ConfigurationError(f"{path}: is a folder; name the files in it")
        if path.stat().st_size == 0:
            raise ConfigurationError(f"{path}: is empty")


def _check_save(save: Path, name: str, files: list[Path]) -> None:
    """Nothing that is there is written over."""
    if save.exists():
        raise ConfigurationError(f"{save}: there is such a file already; name another one")
    landing = save.parent / "landing" / name
    others = [path for path in landing.rglob("*") if path.is_file() and path.absolute() not in files]
    if others:
        raise ConfigurationError(
            f"{landing}: has files already, such as {others[0].name}; save under another name, which is the folder's"
        )


def _refuse_what_gives_no_deals(attempt: Attempt) -> None:
    """A report is of deals: says in one line why there are none."""
    entities = {name: feed.entity for name, feed in attempt.source().feeds.items()}
    of_deals = {feed: trial for feed, trial in attempt.draft.trials.items() if entities[feed] in HISTORY}
    if any(trial.loaded and not trial.refusals for trial in of_deals.values()):
        return
    refusals = [refusal for trial in of_deals.values() for refusal in trial.refusals]
    why = refusals or attempt.left() or ["there are no rows below the headings"]
    raise ConfigurationError(
        f"no report can be made of this: {why[0]}. `dealtrail source draft` writes what was understood, to be completed"
    )


# ------------------------------------------------------------------ what lies ready


def _prepare(attempt: Attempt, files: list[Path], place: Path, now: datetime, save: Path | None) -> _Prepared:
    """Writes the configuration and lays the files into a folder that is made anew."""
    draft = attempt.draft
    settled = draft.settled
    if settled is None:
        raise AssertionError("a draft is settled before it is run")
    to_save = _saved_lines(attempt, settled, save)
    source = attempt.source()
    dated = dated_by_name(source, files)
    as_of, says = _as_of(attempt, dated, now)
    settled.top.append(Line(f"as_of: {as_of.isoformat()}", f"check: {says}"))
    settled.top.append(Line("warehouse_dir: warehouse"))
    if any(moment > as_of for moment in dated.values()):
        settled.source.append(Line(f"    extracted_at: {as_of.isoformat()}", "check: the dates in the names are later"))
    _empty(place, files)
    lay_out(files, place / "landing" / draft.name / folder_of(as_of))
    lines = lines_of(draft)
    write_atomically(place / "pipeline.yml", _text(lines))
    several = _has_several_undated(attempt, dated)
    left_out = [*draft.left, *(left for left in attempt.left() if left not in draft.left)]
    return _Prepared(lines, to_save, folder_of(as_of) if several else "", says, left_out)


def _saved_lines(attempt: Attempt, settled: Settled, save: Path | None) -> list[Line]:
    """The configuration to keep, whose nights are as of now; in a warehouse of its own where there is one already."""
    others = save is not None and Path("warehouse").is_dir() and any(Path("warehouse").iterdir())
    if save is None or not others:
        return lines_of(attempt.draft)
    own = Line(f"warehouse_dir: warehouse-{attempt.draft.name}", "there is a warehouse already")
    settled.top.append(own)
    lines = lines_of(attempt.draft)
    settled.top.remove(own)
    return lines


def _as_of(attempt: Attempt, dated: dict[Path, datetime], now: datetime) -> tuple[datetime, str]:
    """The newest moment in the data, unless a file's name says that it was exported later; and what it is."""
    zone = ZoneInfo(attempt.source().timezone)
    newest = newest_moment(attempt, zone, now)
    if newest is None:
        return now, "now, for no date in the files says when something happened"
    exported = [(moment, path.name) for path, moment in dated.items() if newest < moment <= now]
    if exported:
        moment, name = max(exported)
        return moment.astimezone(zone), f"when {name} was exported, by its name"
    return newest, "the newest moment in the data" if newest < now else "now"


def _has_several_undated(attempt: Attempt, dated: dict[Path, datetime]) -> bool:
    """Whether a feed has several files that nothing says were exported together."""
    names = {path.name for path in dated}
    feeds = [feed for feed, sample in attempt.samples() if sample.path.name not in names]
    return len(feeds) > len(set(feeds))


def _empty(place: Path, files: list[Path]) -> None:
    """Makes the folder of a first look anew. Raises ConfigurationError where it is something else."""
    if not place.exists():
        return
    config = place / "pipeline.yml"
    is_ours = config.is_file() and config.read_text(encoding="utf-8", errors="replace").startswith(_MADE_BY)
    if not place.is_dir() or (any(place.iterdir()) and not is_ours):
        raise ConfigurationError(f"{place}: is there already, and not made by `dealtrail try`; name another --folder")
    inside = next((path for path in files if path.is_relative_to(place.absolute())), None)
    if inside is not None:
        raise ConfigurationError(f"{inside}: lies in {place}, which is made anew; copy it, or name another as --folder")
    shutil.rmtree(place)


def _text(lines: list[Line]) -> str:
    return "\n".join(line.written() for line in lines) + "\n"


def _assumptions(lines: list[Line]) -> list[Assumption]:
    """The lines that were guessed, by their numbers in the file."""
    found = []
    number = 1
    for line in lines:
        if _ASSUMED in line.comment:
            why = line.comment.split(_ASSUMED, 1)[1]
            found.append(Assumption(number, line.text.strip().removeprefix("- ").strip("{}"), why))
        number += line.written().count("\n") + 1
    return found


# ------------------------------------------------------------------ names


def _name_of(save: Path | None) -> str:
    """The source's name: that of the configuration it is saved as."""
    name = re.sub(r"[^a-z0-9]+", "_", save.stem.lower()).strip("_").lstrip("0123456789_") if save else ""
    return _SOURCE if name in ("", "pipeline") else name


def _slug(path: Path) -> str:
    return re.sub(r"[^\w]+", "-", path.name.split(".")[0]).strip("-").lower()[:60] or "files"
