"""Warehouses are built once per session and shared: a nightly run costs seconds, a look at its tables nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from dagster_project.published import opened

PROJECT = Path(__file__).resolve().parents[1]
REAL_EXTRACTS = PROJECT.parent / "shared" / "data"
DEALTRAIL = Path(sys.executable).with_name("dealtrail")

#: Example → as-of moment of its real extract (README).
EXAMPLES = {
    "pipedrive": "2025-03-31T00:00:00Z",
    "salesforce": "2026-03-31T00:00:00Z",
    "maven": "2018-01-31T00:00:00Z",
}

#: Which groups of tests take longest: they come first, so that no worker is left alone with one at the end.
_LONGEST = ("tests/properties/test_one_truth_five_tellings.py", "hygiene", "week")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Longest groups first."""
    places = {group: place for place, group in enumerate(_LONGEST)}
    items.sort(key=lambda item: places.get(_group(item.nodeid), len(places)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """One worker for each module, and for modules that share what is dear to build.

    The marks of `--dist loadgroup` would say that too, but pytest 9.2 does not show them to pytest-xdist 3.8.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _group(nodeid)

    return ByGroup(config, log)


@cache
def _group(nodeid: str) -> str:
    module = nodeid.split("::")[0]
    if module.startswith("tests/hygiene/"):
        return "hygiene"
    return "week" if "tests.faults.week" in (PROJECT / module).read_text(encoding="utf-8") else module


@dataclass
class Warehouse:
    """A WAREHOUSE_DIR after a run, with what the run printed."""

    path: Path
    status: int
    output: str

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """The result of a query on the published database."""
        with opened(self.path / "pipeline.duckdb") as connection:
            return connection.execute(sql, list(parameters)).fetchall()

    def value(self, sql: str, *parameters: Any) -> Any:
        """The one value of a query."""
        return self.rows(sql, *parameters)[0][0]

    def tables(self, schema: str = "marts") -> dict[str, list[tuple[Any, ...]]]:
        """Every table of a schema as sorted rows: what two builds are compared by.

        A DOUBLE is cut to nine digits: sums come in another order every time, and are equal to 1e-9 only.
        """
        names = self.rows("select table_name from information_schema.tables where table_schema = ? order by 1", schema)
        return {name: sorted(map(comparable, self.rows(f"from {schema}.{name}")), key=repr) for (name,) in names}

    @property
    def run_json(self) -> dict[str, Any]:
        return json.loads((self.path / "run.json").read_text(encoding="utf-8"))


def comparable(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row in which equal means equal to nine digits."""
    return tuple(f"{value:.9g}" if isinstance(value, float) else value for value in row)


def environment(**settings: str | Path | None) -> dict[str, str]:
    """The test's environment with only these of Dealtrail's variables set."""
    own = ("PIPELINE_CONFIG", "LANDING_DIR", "WAREHOUSE_DIR", "AS_OF", "POSTGRES_URL")
    env = {k: v for k, v in os.environ.items() if k not in own}
    env.pop("DAGSTER_HOME", None)
    env.update({name: str(value) for name, value in settings.items() if value is not None})
    return env


def run_nightly(
    warehouse: Path,
    config: Path | str = "pipeline.yml",
    landing: Path | None = None,
    as_of: str | None = None,
) -> Warehouse:
    """`dealtrail nightly` as cron would call it."""
    scratch = warehouse.parent / "tmp"
    scratch.mkdir(exist_ok=True)
    done = subprocess.run(
        [str(DEALTRAIL), "nightly"],
        cwd=PROJECT,
        env=environment(
            PIPELINE_CONFIG=config, LANDING_DIR=landing, WAREHOUSE_DIR=warehouse, AS_OF=as_of, TMPDIR=scratch
        ),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    return Warehouse(warehouse, done.returncode, done.stdout + done.stderr)


@pytest.fixture(scope="session")
def nightly() -> Callable[..., Warehouse]:
    """The function that runs a night."""
    return run_nightly


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The sample extracts, published once."""
    warehouse = run_nightly(tmp_path_factory.mktemp("sample") / "warehouse")
    assert warehouse.status == 0, warehouse.output
    return warehouse


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Warehouse]]:
    """The examples on the real extracts, each published once; skipped where those are absent."""
    built: dict[str, Warehouse] = {}

    def build(name: str) -> Warehouse:
        if not REAL_EXTRACTS.is_dir():
            pytest.skip("the real extracts (../shared/data) are not on this machine")
        if name not in built:
            folder = tmp_path_factory.mktemp(name) / "warehouse"
            built[name] = run_nightly(folder, f"examples/{name}.yml", REAL_EXTRACTS, EXAMPLES[name])
            assert built[name].status == 0, built[name].output
        return built[name]

    yield build
