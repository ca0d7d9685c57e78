"""dbt's layers run one way: sources → staging → intermediate → facts → derived and marts → hygiene and quality."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dagster_project.config.load import load_settings
from dagster_project.transform.project import manifest

Node = dict[str, Any]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Node]:
    settings = load_settings({"WAREHOUSE_DIR": str(tmp_path_factory.mktemp("layers"))})
    parsed = json.loads(manifest(settings).read_text(encoding="utf-8"))
    return {**parsed["nodes"], **parsed["sources"]}


def layer(node: Node) -> str:
    """Folder of a model; of marts, facts and dimensions are one of their own."""
    if node["resource_type"] != "model":
        return str(node["resource_type"])
    folder = node["fqn"][1]
    return "facts" if folder == "marts" and node["fqn"][2] == "facts" else str(folder)


#: Layer → what its models may read.
MAY_READ = {
    "staging": {"source", "seed", "staging"},
    "intermediate": {"seed", "staging", "intermediate"},
    "facts": {"seed", "staging", "intermediate", "facts"},
    "derived": {"seed", "staging", "intermediate", "facts", "derived", "marts"},
    "marts": {"seed", "staging", "intermediate", "facts", "derived", "marts"},
    "quality": {"seed", "staging", "intermediate", "facts", "derived", "marts", "quality", "hygiene"},
    "hygiene": {"seed", "staging", "intermediate", "facts", "derived", "marts", "quality", "hygiene"},
}


def models(project: dict[str, Node]) -> list[Node]:
    return [node for node in project.values() if node["resource_type"] == "model"]


def test_no_model_reads_what_stands_above_it(project: dict[str, Node]) -> None:
    back = [
        f"{node['name']} ({layer(node)}) reads {project[read]['name']} ({layer(project[read])})"
        for node in models(project)
        for read in node["depends_on"]["nodes"]
        if layer(project[read]) not in MAY_READ[layer(node)]
    ]
    assert back == []


def test_names_say_the_layer(project: dict[str, Node]) -> None:
    begins = {
        "facts": ("fct_", "dim_", "bridge_"),
        # a snapshot is counted from facts; wide: facts with the names of what their keys mean
        "marts": ("mart_", "fct_pipeline_snapshots", "deals_wide", "leads_wide"),
        "intermediate": ("int_",),
        "derived": ("int_",),
        "hygiene": ("hygiene_",),
    }
    wrong = [node["name"] for node in models(project) if not node["name"].startswith(begins.get(layer(node), ("",)))]
    assert wrong == []


def test_every_model_is_described_beside_itself(project: dict[str, Node]) -> None:
    for node in models(project):
        assert node["description"], node["name"]
        patch = str(node["patch_path"]).removeprefix("dealtrail://")
        own = node["original_file_path"].removesuffix(".sql") + ".yml"
        assert patch == own, (node["name"], patch)
