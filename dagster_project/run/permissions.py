"""Who may read what a run writes: the user and the group, nobody else, unless the environment says otherwise."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from dagster_project.errors import ConfigurationError

UMASK = "DEALTRAIL_UMASK"
#: Files 0640, folders 0750.
_DEFAULT = 0o027


def guard() -> int:
    """Sets the umask of this process and of what it starts; returns the one before.

    `DEALTRAIL_UMASK` is it; without, nobody outside user and group gets anything, and a stricter one stays.
    """
    said = os.environ.get(UMASK)
    try:
        wanted = int(said, 8) if said else None
    except ValueError:
        wanted = -1
    if wanted is not None and not 0 <= wanted <= 0o777:
        raise ConfigurationError(f"{UMASK} is '{said}', which is no umask; write it in octal, such as 022 or 027")
    before = os.umask(_DEFAULT)
    os.umask(before | _DEFAULT if wanted is None else wanted)
    return before


@contextmanager
def guarded() -> Iterator[None]:
    """The same for a while."""
    before = guard()
    try:
        yield
    finally:
        os.umask(before)
