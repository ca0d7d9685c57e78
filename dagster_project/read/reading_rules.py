"""The constants by which staging reads values: they stand in the dbt project."""

from __future__ import annotations

from functools import cache
from typing import Any

import yaml

from dagster_project.package_files import PROJECT_DIR


@cache
def reading_rules() -> dict[str, Any]:
    """The constants by which staging reads values."""
    project = (PROJECT_DIR / "dbt" / "dbt_project.yml").read_text(encoding="utf-8")
    rules: dict[str, Any] = yaml.load(project, getattr(yaml, "CSafeLoader", yaml.SafeLoader))["vars"]
    return rules
