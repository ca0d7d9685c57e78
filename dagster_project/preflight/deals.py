"""A night needs deals: why there are none, in the words of whoever looks for them."""

from __future__ import annotations

from collections.abc import Iterable

from dagster_project.draft.command import HISTORY

_SHOWN = 5


def no_deals(reasons: Iterable[str]) -> str:
    """The sentence for a configuration, or a night, without a single usable deal."""
    said = list(dict.fromkeys(reasons))
    more = [f"and {len(said) - _SHOWN} more reasons"] if len(said) > _SHOWN else []
    why = "\n  ".join([*said[:_SHOWN], *more])
    return (
        "not a single usable deal, so there is nothing to report on"
        + (f":\n  {why}" if why else f": no feed of {', '.join(HISTORY)} has a row with its id")
        + "\n  `dealtrail config check` says what to change"
    )
