"""The metric dictionary: what every metric and mart column means, from the dbt project's own descriptions.

It is written whenever `dealtrail docs` builds the site, so that it cannot drift.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

TEMPLATE = Path(__file__).with_name("metric_dictionary.md.j2")


@dataclass(frozen=True)
class Metric:
    """One of the twelve: where it stands, and what the `meta` of its column says of it."""

    number: int
    column: str
    table: str
    description: str
    title: str
    formula: str
    facts: list[str]
    crm_columns: list[str]
    caveats: str


def metric_dictionary(manifest: Path) -> str:
    """The dictionary as Markdown, of a parsed project (dbt's manifest.json)."""
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values()
    marts = [node for node in nodes if node["resource_type"] == "model" and node["fqn"][1] == "marts"]
    marts.sort(key=lambda node: (node["fqn"][2], node["name"]))
    template = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False
    ).from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        metrics=sorted(_metrics(marts), key=lambda metric: metric.number),
        marts=[node for node in marts if node["name"].startswith("mart_")],
        cell=_cell,
    )


def _metrics(marts: list[dict[str, Any]]) -> list[Metric]:
    return [
        Metric(
            number=meta["metric"],
            column=column["name"],
            table=node["name"],
            description=column["description"],
            **{name: meta[name] for name in ("title", "formula", "facts", "crm_columns", "caveats")},
        )
        for node in marts
        for column in node["columns"].values()
        if "metric" in (meta := column["meta"])
    ]


def _cell(text: str) -> str:
    """A description in one cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")
