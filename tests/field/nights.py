"""Which inputs are played in which night."""

from __future__ import annotations

import importlib
import os
import pkgutil

from tests.field import inputs
from tests.field.world import Input

#: While working on one kind: `FIELD_ONLY=a02` plays the inputs of its modules alone.
ONLY = os.environ.get("FIELD_ONLY", "")
INPUTS: tuple[Input, ...] = tuple(
    one
    for module in sorted(pkgutil.iter_modules(inputs.__path__), key=lambda module: module.name)
    if module.name.startswith(ONLY)
    for one in importlib.import_module(f"{inputs.__name__}.{module.name}").INPUTS
)
#: Those the oracle reads too are played in one night, compared whole; the others in another.
NIGHTS = {True: [one for one in INPUTS if one.oracle], False: [one for one in INPUTS if not one.oracle]}
