"""A configuration as a published night keeps it: what can change a figure, read again as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_project.config.load import read_configuration
from dagster_project.lake.mapping import mapping_version
from dagster_project.transform.publications import configured_as_json, configured_from_json
from tests.conftest import PROJECT

CONFIGURATIONS = [PROJECT / "pipeline.yml", *sorted((PROJECT / "examples").glob("*.yml"))]


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.stem)
def test_it_is_read_as_it_was(path: Path) -> None:
    config = read_configuration(path)
    kept = configured_as_json(config)
    again = configured_from_json(kept)
    assert configured_as_json(again) == kept
    assert again.thresholds == config.thresholds and again.fields == config.fields
    for source, other in zip(config.sources, again.sources, strict=True):
        assert source.pipelines == other.pipelines
        for name, feed in source.feeds.items():
            assert mapping_version(other, other.feeds[name]) == mapping_version(source, feed), (source.name, name)


def test_what_changes_no_figure_is_not_kept(tmp_path: Path) -> None:
    said = (PROJECT / "pipeline.yml").read_text(encoding="utf-8")
    config = read_configuration(PROJECT / "pipeline.yml")
    other = tmp_path / "other.yml"
    other.write_text(said.replace("\nschedule:", "\nmemory: 3GB\nschedule:"), encoding="utf-8")
    assert configured_as_json(read_configuration(other)) == configured_as_json(config)
    other.write_text(f"gross_margin: 0.123\n{said.replace('gross_margin', '# gross_margin')}", encoding="utf-8")
    assert configured_as_json(read_configuration(other)) != configured_as_json(config)
