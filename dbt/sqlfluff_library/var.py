"""Stands in for dbt's `var` when sqlfluff renders a model: the vars of dbt_project.yml."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

_PROJECT = Path(__file__).resolve().parents[1] / "dbt_project.yml"
_VARS: dict[str, Any] = yaml.safe_load(_PROJECT.read_text(encoding="utf-8"))["vars"]


class _Var(ModuleType):
    """A module that is called as macros call `var`: sqlfluff knows its library by modules only."""

    def __call__(self, name: str) -> Any:
        return _VARS[name]


sys.modules[__name__].__class__ = _Var
