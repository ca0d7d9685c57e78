"""`dealtrail config check`: the configuration, and what lies in landing read by it; no night is run."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from dagster_project.config.feeds import Source
from dagster_project.config.load import Settings, place_in
from dagster_project.config.stages import configured_stages
from dagster_project.draft.command import HISTORY
from dagster_project.errors import ConfigurationError, printable
from dagster_project.preflight.contents import of_contents
from dagster_project.preflight.deals import no_deals
from dagster_project.preflight.finding import Finding
from dagster_project.preflight.landing import of_landing, of_names
from dagster_project.preflight.trial import Tried, tried
from dagster_project.read.landing import Landing, look
from dagster_project.read.table_snapshots import Snapshots, take_snapshots
from dagster_project.run.fetching import fetch
from dagster_project.run.folders import check_folders
from dagster_project.transform.spark.requirements import check_engine
from dagster_project.wording import counted


def check(settings: Settings, say: Callable[[str], None]) -> None:
    """Says what each source is and what is to be changed.

    Raises ConfigurationError where a night would leave out what the configuration says is there.
    """
    check_folders(settings)
    check_engine(settings)
    found = _fetched(settings, say)
    rules = _check_rules(settings)
    found += of_landing(settings.config.sources, settings.landing_dir)
    with tempfile.TemporaryDirectory() as spool:
        snapshots = _tables(settings, Path(spool))
        found += [Finding(said) for of_source in snapshots.said.values() for said in of_source]
        with_deals = False
        for position, source in enumerate(settings.config.sources):
            landing = snapshots.of(source.name, look(source, settings.landing_dir))
            has_deals = _check_source(settings, position, source, landing, found, say)
            with_deals = with_deals or has_deals
    for one in found:
        say(printable(f"! {one.says}"))
        for line in one.lines:
            say(f"    {line}")
    wrong = [one for one in found if one.keeps_out]
    if not with_deals:
        raise ConfigurationError(no_deals(one.says for one in wrong))
    if wrong:
        raise ConfigurationError(
            f"{settings.config_path.name}: {counted(len(wrong), 'line')} above would keep data out; nothing was run"
        )
    notes = f", {counted(len(found), 'note')} above" if found else ""
    sources = counted(len(settings.config.sources), "source")
    say(f"{settings.config_path.name} is fine: {sources}, {counted(rules, 'check')}{notes}")


def _fetched(settings: Settings, say: Callable[[str], None]) -> list[Finding]:
    """Has the spool hold what lies in a landing zone elsewhere, as far as it can be fetched."""
    done = fetch(settings)
    if done is None:
        return []
    say(f"{settings.landing_url}: {counted(done.files, 'file')} fetched, {done.bytes / 1e6:,.1f} MB")
    return [Finding(line) for line in done.said]


def _tables(settings: Settings, spool: Path) -> Snapshots:
    """The tables that feeds read, as they are now; nothing of them stays."""
    now = datetime.now(UTC).replace(microsecond=0)
    return take_snapshots(settings.config, settings.config_path.parent, spool, [], now)


def _check_source(
    settings: Settings,
    position: int,
    source: Source,
    landing: Landing,
    found: list[Finding],
    say: Callable[[str], None],
) -> bool:
    """Says what a source is and adds what is to be changed to `found`; whether it has deals."""
    with tempfile.TemporaryDirectory() as scratch, tried(source, landing, Path(scratch)) as trials:
        say(_source(settings, source))
        for line in _feeds(source, landing, trials):
            say(line)
        found += of_names(settings.config_path, position, source, landing)
        found += of_contents(settings.config_path, position, trials, settings.moment())
        has_deals = any(trials.keyed(name) for name in trials.trials if source.feeds[name].entity in HISTORY)
    if not has_deals:
        found.append(_without_deals(settings.config_path, position, source, landing))
    return has_deals


def _check_rules(settings: Settings) -> int:
    from dagster_project.config.rules import checks
    from dagster_project.quality.own_rules import check_own_rules
    from dagster_project.transform.project import manifest

    if any(rule.is_own for rule in settings.config.rules.values()):
        check_own_rules(settings.config, manifest(settings))
    return len(checks(settings.config))


def _source(settings: Settings, source: Source) -> str:
    stages = configured_stages(settings.config)
    pipelines = sorted({stage.pipeline for stage in stages if stage.source == source.name})
    named = f"pipeline{'s' if len(pipelines) != 1 else ''} {', '.join(pipelines)}"
    return f"{source.name}: {counted(len(source.feeds), 'feed')}, {named}"


def _feeds(source: Source, landing: Landing, trials: Tried) -> list[str]:
    lines = []
    for name, trial in trials.trials.items():
        files = len([file for file in landing.files if file.feed == name])
        newest = len(trials.files[name])
        of = f", the newest of {files:,}" if files > newest else ""
        lines.append(f"  {name}: {counted(trial.loaded, 'row')} in {counted(newest, 'file')}{of}")
    return lines


def _without_deals(config_path: Path, position: int, source: Source, landing: Landing) -> Finding:
    of_deals = [name for name, feed in source.feeds.items() if feed.entity in HISTORY]
    where = place_in(config_path, "sources", position, "feeds", *of_deals[:1])
    if not of_deals:
        return Finding(f"{where}: no feed of deals; every other feed hangs on one", keeps_out=True)
    tables = [feed.table.name for feed in source.feeds.values() if feed.table is not None and feed.entity in HISTORY]
    lying = [file.name for file in landing.files if file.feed in of_deals]
    why = f"none could be used of {', '.join(lying[:5])}" if lying else _nothing_of_deals(tables)
    return Finding(f"{where}: {source.name} has no deals: {why}", keeps_out=True)


def _nothing_of_deals(tables: list[str]) -> str:
    return f"no table {', '.join(tables)} could be read" if tables else "no file of a feed of deals lies there"
