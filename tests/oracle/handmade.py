"""Small landing folders made by hand, for the oracle's own tests."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

from . import Result, compute

CONFIG = """
timezone: Europe/Berlin
currency: EUR
{margin}thresholds: {thresholds}
sources:
  - name: crm
    timezone: UTC
    id_separator: ";"
    after_close: {after_close}
    feeds:
      deals:
        entity: deals
        files: ["deals_*.csv"]
        columns: {{deal_id: id, pipeline: pipeline, stage: stage, status: status, amount: amount,
                  currency: currency, owner_id: owner, account_id: account, lead_id: lead,
                  created_at: created, won_at: won, lost_at: lost, close_on: close,
                  is_deleted: deleted, merged_ids: merged, merged_into_id: into, deal_name: name,
                  lead_source: found, lost_reason: why, contact_id: contact}}
        stage_dates: ["Date entered '{{stage}} ({{pipeline}})'", "Entered {{stage}}"]
      deal_changes:
        entity: deal_changes
        deliveries: incremental
        files: ["log_*.csv"]
        columns: {{deal_id: id, field: field, old_value: old, new_value: new, changed_at: at}}
      leads:
        entity: leads
        files: ["leads_*.csv"]
        columns: {{lead_id: id, created_at: created, status: status, lead_source: found, email: email, owner_id: owner,
                  converted_deal_id: became, merged_ids: merged, contact_id: contact, is_deleted: deleted,
                  company: company, lead_name: name, converted_at: converted, account_id: account}}
        when_gone: {when_gone}
        converted_lead_statuses: [won over]
      calls:
        entity: activities
        files: ["calls_*.csv"]
        columns: {{activity_id: id, activity_type: type, lead_id: lead, deal_id: deal, direction: direction,
                  due_at: due, is_done: done, completed_at: completed, account_id: account, owner_id: owner,
                  created_at: entered, contact_id: contact}}
      owners:
        entity: owners
        files: ["owners_*.csv"]
        columns: {{owner_id: id, owner_name: name, is_active: active}}
      rates:
        entity: exchange_rates
        files: ["rates_*.csv"]
        rate_means: {rate_means}
        columns: {{rate_on: day, currency: currency, rate: rate, valid_until: until}}
      accounts:
        entity: accounts
        files: ["accounts_*.csv"]
        columns: {{account_id: id, segment: segment}}
      spend:
        entity: spend
        deliveries: incremental
        files: ["spend_*.csv"]
        columns: {{spent_on: month, amount: amount, currency: currency, pipeline: pipeline, owner_id: owner,
                  segment: segment, lead_source: found, is_deleted: deleted}}
      revenue:
        entity: revenue
        files: ["revenue_*.csv"]
        columns: {{account_id: account, revenue_on: day, service_from: from, service_to: to, amount: amount,
                  currency: currency}}
    pipelines:
      - name: default
        thresholds: {of_pipeline}
        stages:
          - {{name: New, canonical: prospecting}}
          - {{name: Demo, canonical: demo, qualified: true, mandatory: true}}
          - {{name: Offer, canonical: proposal, aliases: ["17"]}}
          - {{name: Onboarding, canonical: post_sale}}
"""
AS_OF = "2026-01-31T00:00:00Z"


class World:
    """A landing folder of one source."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def deliver(self, file: str, text: str) -> None:
        """Writes a file; the rows are indented for readability."""
        path = self.folder / "crm" / file
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(line.strip() for line in text.strip().splitlines()) + "\n", encoding="utf-8")

    def compute(
        self,
        after_close: str = "reopen",
        as_of: str = AS_OF,
        gross_margin: str | None = None,
        thresholds: str = "{}",
        of_pipeline: str = "{}",
        more_pipelines: str = "",
        rate_means: str = "reporting_per_unit",
        when_gone: str = "deleted",
    ) -> Result:
        """The oracle's word on it; thresholds and further pipelines as YAML."""
        config = self.folder / "pipeline.yml"
        margin = f"gross_margin: {gross_margin}\n" if gross_margin else ""
        text = CONFIG.format(
            after_close=after_close,
            margin=margin,
            thresholds=thresholds,
            of_pipeline=of_pipeline,
            rate_means=rate_means,
            when_gone=when_gone,
        ) + indent(dedent(more_pipelines), " " * 6)
        config.write_text(text, encoding="utf-8")
        return compute(config, self.folder, as_of)
