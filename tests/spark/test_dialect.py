"""What the engines say differently they mean alike: every dispatched macro by one table (dialect.py), on both."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import pytest

from dagster_project.config.models import Spark
from dagster_project.transform.project import DBT_DIR
from dagster_project.transform.spark.accents import accented_and_plain
from dagster_project.transform.spark.session import spark_session
from tests.spark.dialect import QUERIES, SCALARS

pytestmark = pytest.mark.spark

MACROS = (DBT_DIR / "macros" / "dialect.sql").read_text(encoding="utf-8")
ROWS = "select 1 as n, 'x' as a, 2 as b union all select 2, null, 1 union all select 3, 'y', null"


def rendered(engine: str, text: str) -> str:
    """A call as dbt would write it for an engine, without dbt: half a minute less on Spark, each time."""
    environment = jinja2.Environment(extensions=["jinja2.ext.do"])
    environment.globals["fromjson"] = json.loads
    environment.globals["env_var"] = lambda name, default="": (
        json.dumps(accented_and_plain()) if name == "DEALTRAIL_ACCENTS" else default
    )
    zones = re.search(r"zones_that_repeat_midnight:\s*\[(.*?)\]", (DBT_DIR / "dbt_project.yml").read_text(), re.DOTALL)
    assert zones
    environment.globals["var"] = lambda name: [zone.strip() for zone in zones[1].split(",")]
    environment.globals["return"] = lambda value: value
    module: dict[str, Any] = {}

    class Adapter:
        @staticmethod
        def dispatch(name: str) -> Callable[..., str]:
            return lambda *given: module[f"{engine}__{name}"](*given)

    environment.globals["adapter"] = Adapter
    template = environment.from_string(MACROS)
    made = template.make_module()
    module.update({name: getattr(made, name) for name in dir(made) if not name.startswith("_")})
    return environment.from_string(text, globals=module).render()


def scalars(engine: str) -> str:
    """All of them in one query: one row each."""
    said = [
        f"select {place} as place, cast({rendered(engine, '{{ ' + call + ' }}')} as string) as said"
        for place, call in enumerate(SCALARS)
    ]
    return " union all ".join(said)


def as_text(value: Any) -> Any:
    """As a cast to text writes it."""
    return str(value).lower() if isinstance(value, bool) else None if value is None else str(value)


def is_same(said: str | None, expected: Any) -> bool:
    if isinstance(expected, float) and said is not None:
        return math.isclose(float(said), expected)
    text = as_text(expected)
    return said == (text.rstrip("0") if text and re.search(r"[.]\d+$", text) else text)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Callable[[str], list[tuple[Any, ...]]]]]:
    """Engine → the rows of a query."""
    duck = duckdb.connect()
    duck.execute(f"create table t as {ROWS}")
    with spark_session(Spark(master="local[2]"), tmp_path_factory.mktemp("spark"), rows=0) as spark:
        spark.sql(f"create temporary view t as {ROWS}")
        yield {
            "duckdb": lambda query: duck.execute(query).fetchall(),
            "spark": lambda query: [tuple(row) for row in spark.sql(query).collect()],
        }


@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_each_call_gives_what_the_table_says(engine: str, asked: dict[str, Any]) -> None:
    said = dict(asked[engine](scalars(engine)))
    wrong = {
        call: (said[place], expected)
        for place, (call, expected) in enumerate(SCALARS.items())
        if not is_same(said[place], expected)
    }
    assert wrong == {}


@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_each_query_gives_its_rows(engine: str, asked: dict[str, Any]) -> None:
    said = {query: asked[engine](rendered(engine, query)) for query in QUERIES}
    assert said == QUERIES


def test_every_dispatched_macro_stands_in_the_table() -> None:
    dispatched = set(re.findall(r"macro (\w+)\([^)]*\)[^\n]*\n?[^\n]*adapter\.dispatch", MACROS))
    told = " ".join([*SCALARS, *QUERIES])
    assert {name for name in dispatched if not re.search(rf"\b{name}\(", told)} <= {"pattern_literal"}


def test_what_only_one_engine_takes_for_a_date(asked: dict[str, Any]) -> None:
    """A bad cast stops a night on both: ANSI is on, whatever dbt-spark says."""
    for engine in asked:
        with pytest.raises(Exception, match=r"(?i)cast|convert"):
            asked[engine]("select cast('2026-02-30' as date)")


def test_files_of_a_session_stay_in_its_folder(tmp_path: Path, asked: dict[str, Any]) -> None:
    assert asked["spark"]("select 1") == [(1,)]
    assert not Path("spark-warehouse").exists()
    assert not Path("metastore_db").exists()
