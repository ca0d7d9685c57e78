"""From a record to its page in the CRM, where the configuration says how such an address is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import quote

from dagster_project.config.models import Configuration

#: Source, entity and id of a record → its address in the CRM, or None.
Link = Callable[[str, str, str], str | None]


def crm_links(config: Configuration) -> Link:
    """Links as the sources are configured; the one place that knows the key."""
    return deal_links({source.name: source.deal_url or "" for source in config.sources})


def deal_links(patterns: Mapping[str, str]) -> Link:
    """Links to deals. `patterns`: source → address with `{id}` where the deal's id belongs; empty for none."""

    def link(source: str, entity: str, record_id: str) -> str | None:
        pattern = patterns.get(source)
        return pattern.replace("{id}", quote(record_id, safe="")) if pattern and entity == "deals" else None

    return link


def no_link(source: str, entity: str, record_id: str) -> str | None:
    """Where nothing is configured."""
    return None
