"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass

from dagster_project.config.rules import Check


@dataclass(frozen=True)
class Result:
    """What one check found: `evaluated` and `unexpected` count records; `page` is its page in the Data Docs."""

    check: Check
    applies: bool
    not_applied_to: list[str]
    success: bool
    evaluated: int
    unexpected: int
    page: str
    example: str | None

    @property
    def stops_the_publish(self) -> bool:
        """A critical expectation that is not met."""
        return not self.success and self.check.severity == "critical"
