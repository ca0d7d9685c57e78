"""One thing that `dealtrail config check` has found."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Finding:
    """What is wrong and where to change it; `lines` are YAML to copy.

    `keeps_out`: with it a night leaves out what the configuration says is there. Else it is a word of warning.
    """

    says: str
    lines: list[str] = field(default_factory=list)
    keeps_out: bool = False
