"""`dealtrail init`: a folder that is ready to be completed, and nothing that was there is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from dagster_project.config.load import read_configuration
from dagster_project.config.presets import vendor_names
from dagster_project.errors import ConfigurationError
from dagster_project.new_project.command import new_project


def test_it_writes_a_project(tmp_path: Path) -> None:
    new_project(tmp_path / "deals")
    written = {path.name for path in (tmp_path / "deals").iterdir()}
    assert written == {"pipeline.yml", ".env.example", ".gitignore", "Makefile", "README.md", "landing"}
    assert len((tmp_path / "deals" / "Makefile").read_text().splitlines()) == 5


def test_its_configuration_lacks_nothing_but_a_source(tmp_path: Path) -> None:
    new_project(tmp_path)
    path = tmp_path / "pipeline.yml"
    with pytest.raises(ConfigurationError, match=r"sources: there is no source yet.*dealtrail source draft"):
        read_configuration(path)
    text = path.read_text(encoding="utf-8")
    for vendor in vendor_names():
        source = f"  - name: my_crm\n    vendor: {vendor}\n    timezone: Europe/Berlin\n"
        path.write_text(text.replace("sources: []", "sources:\n" + source), encoding="utf-8")
        assert read_configuration(path).sources[0].name == "my_crm"
        assert vendor in text


def test_with_the_sample_it_is_the_clones_configuration_elsewhere(tmp_path: Path) -> None:
    new_project(tmp_path, sample=True)
    config = read_configuration(tmp_path / "pipeline.yml")
    assert config.landing_dir == "landing"
    assert {source.name for source in config.sources} == {path.name for path in (tmp_path / "landing").iterdir()}
    assert "$schema" not in (tmp_path / "pipeline.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["pipeline.yml", "Makefile", ".env.example", "landing/deals.csv"])
def test_nothing_is_written_over(name: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=name.split("/")[0]):
        new_project(tmp_path)
    assert [path.read_text() for path in tmp_path.rglob("*") if path.is_file()] == ["mine"]


def test_the_settings_are_names_and_values(tmp_path: Path) -> None:
    new_project(tmp_path)
    lines = (tmp_path / ".env.example").read_text(encoding="utf-8").splitlines()[1:]
    assert lines and all(line.startswith("#") and "=" in line for line in lines)
    assert yaml.safe_load((tmp_path / "pipeline.yml").read_text(encoding="utf-8"))["landing_dir"] == "landing"
