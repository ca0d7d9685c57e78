"""The parts of the monthly metrics as the models say them (dbt/macros/restatements.sql), for who asks the tables."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, StrictUndefined

from dagster_project.package_files import PROJECT_DIR

MACROS = PROJECT_DIR / "dbt" / "macros" / "restatements.sql"


@cache
def said(macro: str) -> dict[str, Any]:
    """What a macro without parameters returns."""
    found: list[dict[str, Any]] = []
    environment = Environment(undefined=StrictUndefined, extensions=["jinja2.ext.do"], autoescape=False)
    environment.globals["return"] = found.append
    module = environment.from_string(MACROS.read_text(encoding="utf-8")).module
    getattr(module, macro)()
    return found[0]


def metric_parts() -> dict[str, list[str]]:
    """Part → the month it counts in (`created`, `closed`, `worked`), its entity, and what a record adds, as SQL."""
    return said("metric_parts")


def parts_of(metric: str) -> tuple[str, str] | None:
    """Numerator and denominator of a metric in parts; of a sum the part and nothing; None where it has no parts."""
    if metric in metric_parts():
        return metric, ""
    quotient = said("metric_quotients").get(metric)
    return (quotient[0], quotient[1]) if quotient else None
