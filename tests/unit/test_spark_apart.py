"""Spark costs nobody who does not use it, and knows letters as DuckDB does."""

from __future__ import annotations

import ast
from pathlib import Path

import duckdb

from dagster_project.package_files import PROJECT_DIR
from dagster_project.transform.spark.accents import accented_and_plain

SPARKS = {"pyspark", "py4j"}


def imported_at_once(path: Path) -> set[str]:
    """What a module imports as it is imported itself."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


def test_no_module_imports_spark_before_it_is_used() -> None:
    modules = sorted((PROJECT_DIR / "dagster_project").rglob("*.py"))
    assert modules
    assert [path.name for path in modules if imported_at_once(path) & SPARKS] == []


def test_letters_with_accents_are_those_that_duckdb_strips() -> None:
    accented, plain = accented_and_plain()
    assert len(accented) == len(plain) > 2000
    with duckdb.connect() as connection:
        stripped = connection.execute(
            "select list(strip_accents(letter)) from unnest(?) as t(letter)", [list(accented)]
        )
        assert stripped.fetchall() == [(list(plain),)]
        letters = [chr(number) for number in range(0x80, 0x110000) if not 0xD800 <= number < 0xE000]
        others = "select count(*) from unnest(?) as t(letter) where strip_accents(letter) not in ('', letter)"
        assert connection.execute(others, [sorted({*letters} - {*accented})]).fetchall() == [(0,)]
