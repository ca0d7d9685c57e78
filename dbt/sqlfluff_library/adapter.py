"""Stands in for dbt's adapter when sqlfluff renders a model: a dispatched macro becomes a call of its name."""

from collections.abc import Callable

#: What sqlfluff sees of macros that are no expression, and of regular expressions: not what engines say there.
SHOWN_AS = {"not_materialized": "", "except_columns": "", "pattern_literal": "''"}


def dispatch(name: str) -> Callable[..., str]:
    """The macro of this name as a plain SQL function call; its arguments are SQL already."""
    if name in SHOWN_AS:
        return lambda *_: SHOWN_AS[name]
    return lambda *arguments: f"{name}({', '.join(str(argument) for argument in arguments)})"
