"""Local times around the changes of the clocks as staging turns them into UTC, and back into days, against zoneinfo."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import duckdb
import jinja2
import pytest
import yaml

from dagster_project.transform.project import DBT_DIR

VARS: dict[str, Any] = yaml.safe_load((DBT_DIR / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
YEARS = (2000, 2026)
#: Europe and America; half an hour, two hours, a whole day at once; midnights that come twice; the southern half.
ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Pacific/Apia",
    "Atlantic/Azores",
    "America/Havana",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Asia/Amman",
    "Asia/Tehran",
]


def macro(name: str, *arguments: str, configured: list[str] | None = None) -> str:
    """The SQL of a macro of dialect.sql on DuckDB, on a night whose configuration names these zones."""
    environment = jinja2.Environment(extensions=["jinja2.ext.do"])
    template = environment.from_string((DBT_DIR / "macros" / "dialect.sql").read_text(encoding="utf-8"))
    macros: Any = None
    adapter = SimpleNamespace(dispatch=lambda called: getattr(macros, f"duckdb__{called}"))
    zones = json.dumps(configured or [])
    said = {"adapter": adapter, "var": VARS.__getitem__, "fromjson": json.loads, "env_var": lambda *_: zones}
    macros = template.make_module(said)
    return str(getattr(macros, name)(*arguments))


def changes(zone: ZoneInfo) -> Iterator[datetime]:
    """Local days around which the offset changes."""
    week = datetime(YEARS[0], 1, 1)
    while week.year < YEARS[1]:
        days = [week + timedelta(days=after) for after in range(8)]
        if days[0].replace(tzinfo=zone).utcoffset() != days[7].replace(tzinfo=zone).utcoffset():
            for one, next_one in pairwise(days):
                if one.replace(tzinfo=zone).utcoffset() != next_one.replace(tzinfo=zone).utcoffset():
                    yield one
        week = days[7]


@pytest.mark.parametrize("is_configured", [True, False])
@pytest.mark.parametrize("name", ZONES)
def test_an_hour_that_exists_twice_is_the_first_and_one_that_is_missing_is_shifted(
    name: str, is_configured: bool
) -> None:
    zone = ZoneInfo(name)
    days = list(changes(zone))
    assert len(days) > 1, f"the clocks of {name} never change"
    moments = [day + timedelta(minutes=15 * quarter) for day in days for quarter in range(-8, 4 * 30)]
    configured = ["Europe/Paris", name] if is_configured else []
    in_utc = macro("to_utc", "local", "zone", configured=configured)
    day = macro("day_in", "in_utc", "zone", configured=configured)
    with duckdb.connect() as connection:
        found = connection.execute(
            f"select local, in_utc, {day} from (select *, {in_utc} as in_utc "
            "from (select unnest(?::timestamp[]) as local, ? as zone))",
            [moments, name],
        ).fetchall()
    meant = [moment.replace(tzinfo=zone).astimezone(UTC) for moment in moments]
    wanted = [
        (moment, utc.replace(tzinfo=None), utc.astimezone(zone).date())
        for moment, utc in zip(moments, meant, strict=True)
    ]
    assert [pair for pair in zip(found, wanted, strict=True) if pair[0] != pair[1]] == []


def test_every_zone_in_which_a_day_began_twice_is_known() -> None:
    twice = set()
    for name in available_timezones():
        zone = ZoneInfo(name)
        for day in changes(zone):
            for midnight in (day, day + timedelta(days=1)):
                first, second = (midnight.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
                if first and second and first > second:
                    twice.add(name)
    assert twice <= set(VARS["zones_that_repeat_midnight"])
