"""One truth, five tellings: random worlds packed as sources into one warehouse, and a few nights played on it.

Three warehouses see the same deliveries:

punctual   every night the extracts of the days before it: incremental builds
at once    everything on the last night, from nothing; then AS_OF of every earlier night
disorderly after the first of the punctual nights one on which some files have not come, others hold what was not meant
           to be sent, and some were sent again under another name; then a night with everything as it should be

Nothing shrinks here, for a build costs half a minute: a failing world is named by its source, and
test_tellings_in_plain_python.py finds the smallest example of what goes wrong in plain Python.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

from tests.faults.nights import Nights, tables
from tests.oracle import Result, compare, compute
from tests.properties.lives import EXTRACTS, invented
from tests.properties.own_fields import followed_by, followed_otherwise
from tests.properties.tellings import OWN_CELLS, Telling, configuration, tellings_of
from tests.properties.test_tellings_in_plain_python import told_by, told_otherwise

Tables = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Size:
    """How many worlds, each in how many of its tellings, and after which extracts a night is played."""

    worlds: int
    tellings: int
    nights: tuple[int, ...]
    number: int


SIZES = [
    pytest.param(Size(worlds=50, tellings=1, nights=(2, 5), number=1), id="default"),
    pytest.param(Size(worlds=60, tellings=2, nights=(1, 2, 4, 5), number=2), id="long", marks=pytest.mark.long),
]


@dataclass
class Played:
    """The marts after each night: `punctual` and `as_of` by the night's last extract."""

    tellings: list[Telling]
    config: Path
    landing: Path
    database: Path
    punctual: dict[int, Tables]
    at_once: Tables
    as_of: dict[int, Tables]
    disorderly: Tables


def _as_of(extract: int) -> str:
    return f"{EXTRACTS[extract] + timedelta(hours=12):%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture(scope="module", params=SIZES)
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Played:
    size: Size = request.param
    tellings = _packed(size)
    folder = tmp_path_factory.mktemp("worlds")
    punctual, at_once, disorderly = (Nights(folder / name) for name in ("punctual", "at_once", "disorderly"))
    for nights in (punctual, at_once, disorderly):
        configuration(tellings, nights.folder)
    first, *others = _extracts(size.nights).items()
    by_night = _night_by_night(tellings, punctual, dict([first]))
    shutil.copytree(punctual.folder, disorderly.folder, symlinks=True, dirs_exist_ok=True)
    last = size.nights[-1]
    with ThreadPoolExecutor(2) as both:
        rest = both.submit(_night_by_night, tellings, punctual, dict(others))
        whole = both.submit(_all_at_once, tellings, at_once, size.nights)
        disorder = both.submit(_disorderly, tellings, disorderly, last, Random(size.number))
        database, everything, in_the_past = whole.result()
        return Played(
            tellings=tellings,
            config=at_once.config,
            landing=at_once.landing,
            database=database,
            punctual={**by_night, **rest.result()},
            at_once=everything,
            as_of=in_the_past,
            disorderly=disorder.result(),
        )


def _night_by_night(tellings: list[Telling], nights: Nights, played: dict[int, range]) -> dict[int, Tables]:
    """The marts of each night, whose extracts come the evening before."""
    by_night = {}
    for night, extracts in played.items():
        for extract in extracts:
            _deliver(tellings, nights, extract)
        by_night[night] = _marts(nights, night)
    return by_night


def _all_at_once(
    tellings: list[Telling], nights: Nights, played: tuple[int, ...]
) -> tuple[Path, Tables, dict[int, Tables]]:
    """A copy of the last night's database and its marts, built from nothing; then those of AS_OF earlier nights."""
    *earlier, last = played
    for extract in range(last + 1):
        _deliver(tellings, nights, extract)
    everything = _marts(nights, last)
    database = nights.folder / "last.duckdb"
    shutil.copy(nights.warehouse / "pipeline.duckdb", database)
    return database, everything, {night: _marts(nights, night) for night in earlier}


def _disorderly(tellings: list[Telling], nights: Nights, last: int, random: Random) -> Tables:
    """What the first night knew as A is B on a bad night, and A again on the next."""
    _disorder(tellings, nights, last, random)
    _marts(nights, last)
    for extract in range(last + 1):
        _deliver(tellings, nights, extract)
    return _marts(nights, last)


def _packed(size: Size) -> list[Telling]:
    """Each world as so many sources; all tellings take turns."""
    packed: list[Telling] = []
    for number, world in enumerate(invented(size.worlds, size.number)):
        tellings = tellings_of(world, f"w{number:02d}")
        packed += [tellings[(number + turn) % len(tellings)] for turn in range(size.tellings)]
    return packed


def _extracts(nights: tuple[int, ...]) -> dict[int, range]:
    """Night → the extracts since the night before."""
    starts = [0, *(night + 1 for night in nights)]
    return {night: range(start, night + 1) for start, night in zip(starts, nights, strict=False)}


def _deliver(tellings: list[Telling], nights: Nights, extract: int) -> None:
    for telling in tellings:
        telling.deliver(nights.landing, extract)


def _disorder(tellings: list[Telling], nights: Nights, last: int, random: Random) -> None:
    """What lies there on a bad night: not yet all of it, some of it other than it was and will be, some of it twice."""
    for telling in tellings:
        for extract in range(last + 1):
            for path in telling.deliver(nights.landing, extract):
                fate = random.choice(["fine", "fine", "late", "other", "again"])
                if fate == "late" and extract > 0:
                    path.unlink()
                elif fate == "other":
                    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
                    path.write_text("".join(lines[:2]), encoding="utf-8")
                elif fate == "again":
                    copy = (
                        nights.landing / telling.name / "sent again" / path.relative_to(nights.landing / telling.name)
                    )
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(path, copy)


def _marts(nights: Nights, night: int) -> Tables:
    """Plays a night and reads all of its marts."""
    warehouse = nights.play(_as_of(night))
    assert warehouse.status == 0, warehouse.output
    return {name: rows for name, rows in tables(nights.warehouse).items() if name.startswith("marts.")}


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    found = connection.execute(query)
    names = [column[0] for column in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def different(one: Tables, other: Tables) -> dict[str, list[str]]:
    """Rows that only one of two builds has, by table."""
    assert one.keys() == other.keys()
    return {
        name: sorted({*map(repr, one[name])} ^ {*map(repr, other[name])}) for name in one if one[name] != other[name]
    }


@pytest.fixture(scope="module")
def oracle(played: Played) -> Result:
    return compute(played.config, played.landing, _as_of(max(played.punctual)))


def test_there_are_worlds_enough_and_everything_happens_in_them(played: Played) -> None:
    header, *rows = played.at_once["marts.fct_stage_transitions"]
    seen = {column: {row[header.index(column)] for row in rows} for column in ("direction", "evidence")}
    assert seen["direction"] == {"created", "advanced", "skipped", "regressed", "reopened", "won", "lost"}
    assert seen["evidence"] == {"logged", "versioned", "dated", "observed", "inferred"}
    assert len({id(telling.world) for telling in played.tellings}) >= 50
    header, *rows = played.at_once["marts.fct_deals"]
    assert {row[header.index("status")] for row in rows} == {"open", "won", "lost", "deleted"}
    empty = {name for name, rows in played.at_once.items() if len(rows) == 1}
    of_what_is_not_told = (
        "dim_accounts",
        "dim_owners",
        "fct_spend",
        "fct_customer_months",
        "fct_customer_years",
        "mart_goals",
    )
    assert empty <= {f"marts.{name}" for name in of_what_is_not_told}


def test_each_telling_gives_the_transitions_its_shapes_can_carry(played: Played) -> None:
    with duckdb.connect(str(played.database), read_only=True) as connection:
        rows = _rows(
            connection,
            "select deal_key, transition_number, pipeline, to_stage, evidence, "
            "transitioned_at at time zone 'UTC' as transitioned_at from marts.fct_stage_transitions",
        )
    assert told_otherwise(played.tellings, told_by(rows)) == []


def test_a_field_of_ones_own_is_followed_as_each_shape_can_carry_it(played: Played) -> None:
    kinds = {telling.own_kind for telling in played.tellings}
    assert kinds == {"", *OWN_CELLS}
    with duckdb.connect(str(played.database), read_only=True) as connection:
        deals = _rows(connection, "select deal_key, fields from marts.fct_deals")
        changes = _rows(
            connection,
            "select deal_key, field, old_value, new_value, evidence, "
            "changed_at at time zone 'UTC' as changed_at from marts.fct_deal_changes order by change_number",
        )
    followed = followed_by(deals, changes)
    assert {change.evidence for one in followed.values() for change in one.changes} == {"logged", "observed"}
    assert followed_otherwise(played.tellings, followed) == []


def test_every_table_says_what_plain_python_says(played: Played, oracle: Result) -> None:
    assert compare.differences(oracle, played.database) == []


def test_night_by_night_gives_what_all_at_once_gives(played: Played) -> None:
    assert different(played.punctual[max(played.punctual)], played.at_once) == {}


def test_a_moment_in_the_past_gives_what_was_published_then(played: Played) -> None:
    assert {night: different(played.punctual[night], seen) for night, seen in played.as_of.items()} == {
        night: {} for night in played.as_of
    }


def test_late_repeated_and_mended_files_leave_no_trace(played: Played) -> None:
    assert different(played.disorderly, played.at_once) == {}
