"""The thresholds of a configuration: those of domain.md, and others, so that none can stand in the SQL as a number."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Limits:
    """As in `thresholds` of `pipeline.yml`; the defaults are what holds where it says nothing."""

    stale_after_days: int | str = 30
    max_days_in_stage: int | str = "auto"
    max_close_date_pushes: int = 3
    max_amount_deviations: int = 10
    rewritten_within_days: int = 90
    max_rewritten_deals: int = 3
    lead_response_sla_hours: int = 24
    dead_lead_after_days: int = 90
    max_rate_age_days: int = 62
    max_delivery_age_hours: int = 26
    max_null_share: float = 0.05
    max_null_share_ratio: int = 3
    max_stage_mix_psi: float = 0.25
    max_quarantine_share: float = 0.05
    min_volume_share: float = 0.5

    def as_yaml(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value != getattr(DEFAULT, name)}


DEFAULT = Limits()
OTHER = Limits(
    stale_after_days=20,
    max_days_in_stage=40,
    max_close_date_pushes=2,
    max_amount_deviations=6,
    rewritten_within_days=70,
    max_rewritten_deals=1,
    lead_response_sla_hours=5,
    dead_lead_after_days=45,
    max_rate_age_days=31,
    max_delivery_age_hours=12,
    max_null_share=0.1,
    max_null_share_ratio=2,
    max_stage_mix_psi=0.1,
    max_quarantine_share=0.1,
    min_volume_share=0.3,
)
#: What `auto` comes to without enough visits.
WITHOUT_HISTORY = {"stale_after_days": 30, "max_days_in_stage": 60}
