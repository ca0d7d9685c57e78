"""The dbt project says nothing that only one engine knows, outside the macros that say it for each (dialect.sql)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dagster_project.transform.project import DBT_DIR

#: Where each engine is spoken to in its own words.
OWN_WORDS = {"dialect.sql", "materializations.sql"}
#: What one engine alone knows, or takes otherwise → what to say instead.
ONE_ENGINE_ONLY = {
    r"\bconcat\(": "concat_ws('', …): Spark's concat is NULL where a part is",
    r"\bvarchar\b": "string: Spark's varchar has a length",
    r"\bexclude\s*\(": "except_columns",
    r"\*\s*replace\s*\(": "the column under its name, beside except_columns",
    r"\bignore nulls\b": "last_filled, first_filled",
    r"\bby name\b": "the columns, in one order",
    r"::": "cast",
    r"\bqualify\b": "a subquery",
    r"\bdistinct on\b": "row_number",
    r"\bisodow\b": "day_of_week",
    r"\b(try_)?strptime\(": "by_formats",
    r"\bstrftime\(": "moment_as_text",
    r"\bstrpos\(": "instr",
    r"\bstring_agg\(": "listed",
    r"\bunnest\(": "numbers_to, parts_of, objects_of",
    r"\b(list|array|struct|map)_\w+\((?<!array_contains\()": "a table",
    r"\b(date_diff|date_sub|date_add|datediff)\(": "days_between",
    r"\bepoch(_\w+)?\(": "seconds_between, moment_of_epoch",
    r"\bmake_timestamp\(": "moment_of_serial",
    r"\bregexp_\w+\(": "matches, without, extracted",
    r"\bstrip_accents\(": "normalized",
    r"\b(hash|xxhash64)\(": "fingerprint",
    r"\bmedian\((?!')": "the macro median",
    r"\bover \(\w+ (order|rows|range) ": "a window of its own name: Spark builds none on another",
}


def sql_of(path: Path) -> str:
    """A file without its comments, in one line for each statement's own lines."""
    text = re.sub(r"\{#.*?#\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"--.*", "", text)


def files() -> list[Path]:
    return sorted(path for path in DBT_DIR.glob("m*/**/*.sql") if path.name not in OWN_WORDS) + sorted(
        (DBT_DIR / "tests").glob("*.sql")
    )


@pytest.mark.parametrize("pattern", ONE_ENGINE_ONLY)
def test_nothing_that_one_engine_alone_knows(pattern: str) -> None:
    said = [
        f"{path.relative_to(DBT_DIR)}: {found[0]}"
        for path in files()
        for found in re.finditer(pattern, sql_of(path), re.IGNORECASE)
    ]
    assert not said, f"instead: {ONE_ENGINE_ONLY[pattern]}"


def test_a_window_with_a_frame_has_no_lead_or_lag() -> None:
    """Spark gives them none. Windows are looked up by their names."""
    said = []
    for path in files():
        text = sql_of(path)
        framed = re.findall(r"(\w+) as \(\s*partition by [^()]*?rows between", text)
        said += [
            f"{path.name}: {found[0]}"
            for name in framed
            for found in re.finditer(rf"\b(lead|lag)\([^)]*\) over {name}\b", text)
        ]
    assert not said


def test_every_dispatched_macro_is_said_for_both_engines() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (DBT_DIR / "macros").glob("*.sql")]
    dispatched = {name for text in texts for name in re.findall(r"adapter\.dispatch\('(\w+)'\)", text)}
    said = {name for text in texts for name in re.findall(r"\{%-? macro (\w+)\(", text)}
    assert dispatched
    assert {f"{engine}__{name}" for name in dispatched for engine in ("duckdb", "spark")} <= said
    assert not [name for name in said if name.startswith("default__")]


def test_what_is_planted_is_found() -> None:
    """The list itself: each pattern meets an example of what it forbids."""
    examples = """
        concat(a, b) varchar exclude (a) * replace (a as b) ignore nulls union all by name a::int qualify distinct on
        isodow try_strptime(a) strftime(a) strpos(a, b) string_agg(a) unnest(a) list_sum(a) date_diff('day', a, b)
        epoch_us(a) make_timestamp(a) regexp_replace(a) strip_accents(a) hash(a) median(a) over (w order by a)
    """
    assert [pattern for pattern in ONE_ENGINE_ONLY if not re.search(pattern, examples)] == []
