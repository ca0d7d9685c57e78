"""Stands in for dbt's adapter when sqlfluff renders a model: a dispatched macro becomes a call of its name."""

from collections.abc import Callable

#: Macros that are no expression: sqlfluff need not see what engines say there.
LEFT_OUT = {"not_materialized", "except_columns"}


def dispatch(name: str) -> Callable[..., str]:
    """The macro of this name as a plain SQL function call; its arguments are SQL already."""
    if name in LEFT_OUT:
        return lambda *_: ""
    return lambda *arguments: f"{name}({', '.join(str(argument) for argument in arguments)})"
