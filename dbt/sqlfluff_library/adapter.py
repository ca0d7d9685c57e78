"""Stands in for dbt's adapter when sqlfluff renders a model: a dispatched macro becomes a call of its name."""

from collections.abc import Callable


def dispatch(name: str) -> Callable[..., str]:
    """The macro of this name as a plain SQL function call; its arguments are SQL already."""
    return lambda *arguments: f"{name}({', '.join(str(argument) for argument in arguments)})"
