"""From a thing in Dagster to the page that explains it, on the site that `dealtrail docs` writes.

Pages are files under WAREHOUSE_DIR. A browser follows no link from Dagster's page to a file, so such a link is shown as
a path to copy; where a web server serves the pages, DEALTRAIL_PAGES_URL makes links of them.
"""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg

from dagster_project.config.rules import OWN_SUITE, Check

PAGES_URL = "DEALTRAIL_PAGES_URL"

#: Group of an asset → the page that tells of all its assets. Marts and rules have a section of their own.
_PAGES = {
    "landing": "docs/adding-a-source.html",
    "configuration": "docs/configuration.html",
    "lake": "docs/design.html",
    "staging": "docs/design.html",
    "intermediate": "docs/history.html",
    "marts": "docs/metrics.html",
    "quality": "docs/hygiene.html",
    "publish": "docs/operating.html",
}
_SECTIONS = {
    "publish/report": "docs/report.html",
    "publish/postgres": "docs/operating.html#postgres",
    "publish/ducklake": "docs/object-storage.html#ducklake",
    "publish/uploaded": "docs/object-storage.html",
    "publish/data_docs": "docs/hygiene.html",
}
#: What is published as a page itself.
_PUBLISHED_PAGES = {"publish/report": "report/index.html", "publish/data_docs": "data_docs/index.html"}


def link(warehouse_dir: Path, page: str) -> dg.MetadataValue:
    """A page under the warehouse as Dagster shows it."""
    address = os.environ.get(PAGES_URL)
    if address:
        return dg.MetadataValue.url(f"{address.rstrip('/')}/{page}")
    return dg.MetadataValue.path(str(warehouse_dir / page))


def rule_page(warehouse_dir: Path, check: Check) -> dg.MetadataValue:
    """Where a rule or gate is explained: why it matters, how it is fixed; of a team's own where such rules are."""
    section = "switching-a-rule-off-and-adding-your-own" if check.suite.suite == OWN_SUITE else check.rule
    return link(warehouse_dir, f"docs/hygiene.html#{section}")


def explained(spec: dg.AssetSpec, warehouse_dir: Path) -> dg.AssetSpec:
    """An asset with links to its pages; of a dbt model also to its place in the dbt docs."""
    key = spec.key.to_user_string()
    page = _SECTIONS.get(key) or _PAGES[str(spec.group_name)]
    if spec.key.path[-1].startswith("mart_"):
        # also one that is made with what the checks find
        page = f"{_PAGES['marts']}#{spec.key.path[-1]}"
    links = {"docs": link(warehouse_dir, page)}
    if key in _PUBLISHED_PAGES:
        links["page"] = link(warehouse_dir, _PUBLISHED_PAGES[key])
    node = spec.metadata.get("dagster_dbt/unique_id")
    if node is not None:
        links["dbt_docs"] = link(warehouse_dir, f"docs/dbt.html#!/{str(node).split('.')[0]}/{node}")
    return spec.merge_attributes(metadata=links)
