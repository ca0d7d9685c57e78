"""`dealtrail backfill`: past nights, one after another, as they would have been; then the newest state is published.

A past night runs Dagster's job `past_night`: everything but the publication. Its violations and scores go into the
lake, which is all that a night leaves for the nights after it; readers keep the tables they have.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any
from zoneinfo import ZoneInfo

from dagster_project.config.load import Settings
from dagster_project.errors import ConfigurationError
from dagster_project.lake.manifest import read_records
from dagster_project.quality.violation_history import recorded_nights
from dagster_project.read.landing import look
from dagster_project.run.tags import AS_OF_TAG

#: Runs a Dagster job with these tags; returns its run.json and exit status.
RunJob = Callable[[str, dict[str, str]], tuple[dict[str, Any], int]]


def nights(settings: Settings, first: date, last: date) -> dict[date, datetime]:
    """Each night from the first to the last, and its moment: `schedule.at`, or when it was recorded before.

    Raises ConfigurationError for dates in the wrong order and for nights that are still to come.
    """
    if first > last:
        raise ConfigurationError(f"--from {first} is later than --to {last}; name the earlier day first")
    schedule, config = settings.config.schedule, settings.config
    at = time_of_day.fromisoformat(schedule.at)
    zone = ZoneInfo(schedule.timezone) if schedule.timezone else config.zone
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    moments = {day: datetime.combine(day, at, zone).astimezone(UTC) for day in days}
    if moments[last] > settings.moment():
        raise ConfigurationError(
            f"--to {last}: that night ({schedule.at} {zone.key}) is later than the present run's moment, "
            f"{settings.moment().isoformat()}"
        )
    recorded = recorded_nights(settings.warehouse_dir / "lake", settings.moment())
    return {day: recorded.get(moment.astimezone(config.zone).date(), moment) for day, moment in moments.items()}


def run_nights(
    settings: Settings,
    moments: dict[date, datetime],
    run_job: RunJob,
    say: Callable[[str], None],
    begin: Callable[[str], None] = lambda subject: None,
) -> tuple[int, dict[str, Any] | None]:
    """Runs these nights, then a usual one; returns the worst exit status, and run.json of the last.

    A night that is blocked or fails leaves no record, and the nights after it are run all the same. `begin` is told
    whose turn it is, `say` what became of it.
    """
    earliest = _first_delivery(settings)
    due = {day: moment for day, moment in moments.items() if earliest is not None and moment >= earliest}
    skipped = [day for day in moments if day not in due]
    if skipped:
        why = f"the first delivery is of {earliest:%Y-%m-%d %H:%M} UTC" if earliest else "nothing has been delivered"
        say(f"{_span(skipped)}  skipped: {why}")
    worst, is_recorded = 0, False
    for day, moment in due.items():
        begin(str(day))
        started = time.perf_counter()
        attempt, status = run_job("past_night", {AS_OF_TAG: moment.isoformat()})
        say(f"{day}  {_told(attempt)} ({time.perf_counter() - started:.0f} s)")
        worst, is_recorded = max(worst, status), is_recorded or status == 0
    if not is_recorded:
        return worst, None
    begin("newest")
    attempt, status = run_job("nightly", {})
    return max(worst, status), attempt


def _first_delivery(settings: Settings) -> datetime | None:
    """The earliest extract time that the lake or landing has of a configured source."""
    sources = settings.config.sources
    names = {source.name for source in sources}
    records = read_records(settings.warehouse_dir / "lake")
    known = [datetime.fromisoformat(record.extracted_at) for record in records if record.source in names]
    landed = [file.extracted_at for source in sources for file in look(source, settings.landing_dir).files]
    return min([*known, *landed], default=None)


def _span(days: list[date]) -> str:
    return str(days[0]) if len(days) == 1 else f"{days[0]} to {days[-1]}"


def _told(attempt: dict[str, Any]) -> str:
    """What became of a night, on one line."""
    if attempt["state"] == "recorded":
        violations = sum(attempt["violations"].values())
        clean = ", ".join(f"{one['source']} {one['score']:.0%}" for one in attempt["hygiene"])
        return f"recorded: {violations:,} violations; clean deals {clean or 'none'}"
    rules = ", ".join(stop["rule"] for stop in attempt["stopped_by"])
    if rules:
        return f"{attempt['state']}: stopped by {rules}"
    lines = (attempt["message"] or "see run.json").splitlines()
    return f"{attempt['state']}: {lines[0]}"
