"""Work in a process of its own.

DuckDB writes memory that it has not cleared into the unused bytes of its files: the process that builds a publication
must never have read what has to stay out of it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, TypeVar

_Result = TypeVar("_Result")


def apart(step: Callable[..., _Result], *arguments: Any) -> _Result:
    """Calls a function in a fresh process, and gives back what it returns or raises."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        return pool.submit(step, *arguments).result()
