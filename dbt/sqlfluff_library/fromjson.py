"""Stands in for dbt's `fromjson` when sqlfluff renders a model."""

import json
import sys
from types import ModuleType
from typing import Any


class _FromJson(ModuleType):
    """A module that is called as macros call `fromjson` (see var.py)."""

    def __call__(self, text: str) -> Any:
        return json.loads(text)


sys.modules[__name__].__class__ = _FromJson
