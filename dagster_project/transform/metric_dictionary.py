"""The metric dictionary: what every metric and mart column means, from the dbt project's own descriptions.

It is written whenever `dealtrail docs` builds the site, so that it cannot drift.
"""

from __future__ import annotations

import json
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from dagster_project.config.metrics import metrics

TEMPLATE = Path(__file__).with_name("metric_dictionary.md.j2")


def metric_dictionary(manifest: Path) -> str:
    """The dictionary as Markdown, of a parsed project (dbt's manifest.json)."""
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values()
    marts = [node for node in nodes if node["resource_type"] == "model" and node["schema"] == "marts"]
    marts.sort(key=lambda node: (node["fqn"][2], node["name"]))
    template = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False
    ).from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        figures=metrics(),
        twelve=sorted((one for one in metrics() if one.twelve), key=lambda one: one.twelve.number if one.twelve else 0),
        marts=[node for node in marts if node["name"].startswith("mart_")],
        cell=_cell,
    )


def _cell(text: str) -> str:
    """A description in one cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")
