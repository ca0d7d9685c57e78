"""What the rows in landing say against the configuration: headings, readings, stages, moments."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from dagster_project.config.feeds import Source
from dagster_project.config.load import is_written, place_in
from dagster_project.config.stages import normalized, pipelines_of, vendor_stages
from dagster_project.draft.figures import known_stages
from dagster_project.draft.moments import newest_of_trials
from dagster_project.draft.trial import Trial
from dagster_project.preflight.age import old_data
from dagster_project.preflight.finding import Finding
from dagster_project.preflight.trial import Tried, scan
from dagster_project.preflight.unnamed import Unnamed, UnnamedStage, lines_to_add
from dagster_project.wording import counted, near_name

#: So much later than its export a record may be by a timezone that is wrong.
_MOST_OFF = timedelta(hours=27)
_STAGED = ("deals", "deal_versions")
_SHOWN_HEADINGS = 12


def of_contents(config_path: Path, position: int, tried: Tried, now: datetime) -> list[Finding]:
    """Everything that is to be said of a source's newest deliveries."""
    found: list[Finding] = []
    for name, trial in tried.trials.items():
        found += _of_feed(config_path, position, tried.source, name, trial)
    found += _of_stages(config_path, position, tried)
    found += _of_moments(config_path, position, tried, now)
    return found


# ------------------------------------------------------------------ headings and readings


def _of_feed(config_path: Path, position: int, source: Source, name: str, trial: Trial) -> Iterator[Finding]:
    at = ("sources", position, "feeds", name)
    where = place_in(config_path, *at)
    for refusal in trial.refusals:
        missing = [column for column in trial.missing if f".{column} " in refusal]
        at_fault = place_in(config_path, *at, "columns", *missing[:1])
        yield Finding(f"{at_fault if missing else where}: {source.name}/{refusal}", keeps_out=True)
    for doubt in trial.doubts:
        yield Finding(f"{where}: {source.name}/: {doubt}", trial.choices, keeps_out=True)
    for said in trial.unreadable.values():
        yield Finding(f"{where}: {source.name}/: {said}", keeps_out=True)
    if trial.rejected:
        yield Finding(
            f"{where}: {counted(trial.rejected, 'row')} of {trial.loaded + trial.rejected:,} would be rejected; a "
            "night lists them with their reasons in quality.quarantined_rows"
        )
    if not trial.headings:
        return
    feed = source.feeds[name]
    for column, headings in feed.mapped.items():
        if not is_written(config_path, *at, "columns", column) or column in trial.columns:
            continue
        wanted = [heading if isinstance(heading, str) else " + ".join(heading) for heading in headings]
        near = next((near for heading in wanted if (near := near_name(heading, trial.headings))), None)
        meant = f"did you mean '{near}'?" if near else f"it has {_listed(trial.headings)}"
        yield Finding(
            f"{place_in(config_path, *at, 'columns', column)}: no heading {' or '.join(map(repr, wanted))} in the "
            f"newest file of {source.name}/{name}; {meant}",
            keeps_out=True,
        )


def _listed(headings: list[str]) -> str:
    more = f" and {len(headings) - _SHOWN_HEADINGS} more" if len(headings) > _SHOWN_HEADINGS else ""
    return ", ".join(map(repr, headings[:_SHOWN_HEADINGS])) + more


# ------------------------------------------------------------------ stages


def _of_stages(config_path: Path, position: int, tried: Tried) -> Iterator[Finding]:
    unnamed = unnamed_in_landing(tried)
    if unnamed is None or not unnamed.is_loud:
        return
    at = ("sources", position, "pipelines", 0, "stages")
    yield Finding(
        f"{unnamed.says()}. Add to {place_in(config_path, *at)}:",
        lines_to_add(tried.source, unnamed),
    )


def unnamed_in_landing(tried: Tried) -> Unnamed | None:
    """The deals of the newest deliveries in stages that neither configuration, vendor nor a list of stages names."""
    known = set(known_stages(tried.source))
    if tried.source.vendor:
        known |= {normalized(name) for one in vendor_stages(tried.source.vendor) for name in (one.name, *one.aliases)}
    called = _called(tried)
    counts = _counts(tried)
    if not counts:
        return None
    names = [stage.stage for stage in known_stages(tried.source).values()]
    default = pipelines_of(tried.source)[0].name
    stages: dict[tuple[str, str], int] = {}
    for pipeline, stage, deals in counts:
        name = called.get(normalized(stage), stage)
        if normalized(name) not in known and normalized(stage) not in known:
            place = (_pipeline(tried.source, pipeline, default), name)
            stages[place] = stages.get(place, 0) + deals
    if not stages:
        return None
    listed = [UnnamedStage(*place, deals, near_name(place[1], names)) for place, deals in stages.items()]
    listed.sort(key=lambda one: (-one.deals, one.pipeline, one.stage))
    return Unnamed(tried.source.name, sum(deals for _, _, deals in counts), listed)


def _pipeline(source: Source, said: str | None, default: str) -> str:
    """A pipeline by the name that the configuration has for it."""
    if said is None:
        return default
    for pipeline in pipelines_of(source):
        if normalized(said) in {normalized(name) for name in (pipeline.name, *pipeline.aliases)}:
            return pipeline.name
    return default if len(pipelines_of(source)) == 1 and not source.pipelines else said


def _counts(tried: Tried) -> list[tuple[str | None, str, int]]:
    """Pipeline, stage and deals, of the feed of deals with most rows; each deal once, by its last row."""
    of_deals = {
        name: trial
        for name, trial in tried.trials.items()
        if tried.source.feeds[name].entity in _STAGED and "stage" in trial.columns and trial.files
    }
    if not of_deals:
        return []
    name = max(of_deals, key=lambda each: (tried.source.feeds[each].entity == "deals", of_deals[each].loaded))
    pipeline = "pipeline" if "pipeline" in of_deals[name].columns else "null"
    return tried.connection.execute(
        f"""
        with newest as (
            select deal_id, stage, {pipeline} as pipeline
            from {scan(of_deals[name], "filename = true, file_row_number = true")}
            where deal_id is not null
            qualify row_number() over (partition by deal_id order by filename desc, file_row_number desc) = 1
        )

        select pipeline, stage, count(*)
        from newest
        where stage is not null
        group by all
        order by count(*) desc, pipeline, stage
        """
    ).fetchall()


def _called(tried: Tried) -> dict[str, str]:
    """Id of a stage, as a key → its name, where a feed lists the stages."""
    called: dict[str, str] = {}
    for name, trial in tried.trials.items():
        if tried.source.feeds[name].entity == "stages" and trial.files and "stage_name" in trial.columns:
            rows = tried.connection.execute(
                f"select stage_id, stage_name from {scan(trial)} where stage_name is not null and stage_id is not null"
            ).fetchall()
            called |= {normalized(stage_id): stage_name for stage_id, stage_name in rows}
    return called


# ------------------------------------------------------------------ moments


def _of_moments(config_path: Path, position: int, tried: Tried, now: datetime) -> Iterator[Finding]:
    zone = ZoneInfo(tried.source.timezone)
    newest = newest_of_trials(tried.connection, tried.source, tried.trials, zone, now)
    if newest is None:
        return
    undated = any(file.extract_time_from == "modification time" for files in tried.files.values() for file in files)
    says = old_data(newest, now, place_in(config_path, "sources", position, "extracted_at") if undated else None)
    if says:
        yield Finding(f"{tried.source.name}: {says}")
    for name, files in tried.files.items():
        feed = tried.source.feeds[name]
        own_zone = ZoneInfo(feed.timezone or tried.source.timezone)
        exported = min(file.extracted_at for file in files)
        if exported.astimezone(own_zone).time() == time():
            continue  # a day: its records may well be of later in it
        latest = newest_of_trials(
            tried.connection, tried.source, {name: tried.trials[name]}, own_zone, exported + _MOST_OFF
        )
        if latest is not None and latest > exported and latest < exported + _MOST_OFF:
            where = place_in(config_path, "sources", position, "timezone")
            hours = (latest - exported).total_seconds() / 3600
            yield Finding(
                f"{where}: by timezone {own_zone} the newest record of {tried.source.name}/{name} is of "
                f"{latest.astimezone(UTC):%Y-%m-%d %H:%M} UTC, {hours:.1f} hours after its file was exported "
                f"({exported:%Y-%m-%d %H:%M} UTC); name the timezone that the CRM writes"
            )
