"""The presets know the files and headings that the vendors' exports have, and leave alone what they cannot tell.

What an export looks like stands in `vendors/<name>.yml` beside this file, one for each preset.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dagster_project.config.feeds import Source
from dagster_project.config.load import read_configuration
from dagster_project.config.models import Configuration
from dagster_project.config.presets import TABLES_DIR, VENDORS_DIR, vendor_names
from dagster_project.config.stages import configured_stages, pipeline_names, stage_aliases
from dagster_project.draft import vendor as recognition
from dagster_project.errors import RefusedFileError
from dagster_project.package_files import PROJECT_DIR
from dagster_project.read.headings import match
from dagster_project.read.landing import feed_of, takable
from tests.unit.reading import Landing

DESCRIBED = Path(__file__).with_name("vendors")
ORDER = ("prospecting", "contact", "qualifying", "demo", "proposal", "closing", "post_sale", "won", "lost")


def described(part: str) -> list[Any]:
    """(vendor, what is said of its exports under this key), an item each."""
    found = []
    for path in sorted(DESCRIBED.glob("*.yml")):
        said = yaml.safe_load(path.read_text(encoding="utf-8")).get(part) or []
        items = list(said.items()) if isinstance(said, dict) else said
        for number, item in enumerate(items):
            found.append(pytest.param(path.stem, item, id=f"{path.stem}-{number}"))
    return found


def configuration(folder: Path, vendor: str) -> Configuration:
    path = folder / "pipeline.yml"
    path.write_text(f"timezone: UTC\ncurrency: EUR\nsources: [{{name: crm, vendor: {vendor}}}]\n", encoding="utf-8")
    return read_configuration(path)


def preset(folder: Path, vendor: str) -> Source:
    return configuration(folder, vendor).sources[0]


def test_every_preset_is_described() -> None:
    assert sorted(path.stem for path in DESCRIBED.glob("*.yml")) == vendor_names()


@pytest.mark.parametrize(("vendor", "file"), described("files"))
def test_files_and_what_they_hold(tmp_path: Path, vendor: str, file: tuple[str, str | None]) -> None:
    name, feed = file
    assert feed_of(preset(tmp_path, vendor), name) == feed


@pytest.mark.parametrize(("vendor", "said"), described("headings"))
def test_headings(tmp_path: Path, vendor: str, said: dict[str, Any]) -> None:
    feed = preset(tmp_path, vendor).feeds[said["feed"]]
    found = match(said["given"], feed)
    wanted = set(said.get("columns", feed.columns)) - set(said.get("without", []))
    assert set(found.positions) == wanted, said["says"]
    assert found.unmapped == said.get("unmapped", [])


@pytest.mark.parametrize(("vendor", "said"), described("stage_dates"))
def test_dates_of_entry(tmp_path: Path, vendor: str, said: dict[str, Any]) -> None:
    source = preset(tmp_path, vendor)
    pipelines = [pipeline.name for pipeline in source.pipelines]
    found = match(said["given"], source.feeds[said["feed"]], pipelines=pipelines).stage_dates.values()
    assert [[date.stage, date.pipeline] for date in found] == said["found"], said["says"]


@pytest.mark.parametrize(("vendor", "said"), described("rows"))
def test_rows(tmp_path: Path, vendor: str, said: dict[str, Any]) -> None:
    landing = Landing(tmp_path / "night")
    landing.put(said["file"], said["content"].encode())
    (record,) = landing.ingest(preset(tmp_path, vendor))
    assert landing.rows(record, said["columns"]) == [tuple(row) for row in said["read"]], said["says"]
    assert record.rows_in_file == len(said["read"])
    assert said.get("message", record.message) == record.message


@pytest.mark.parametrize(("vendor", "types"), described("response_types"))
def test_what_answers_a_lead(tmp_path: Path, vendor: str, types: tuple[str, list[str]]) -> None:
    feed, answers = types
    assert preset(tmp_path, vendor).feeds[feed].response_types == answers


@pytest.mark.parametrize("vendor", vendor_names())
def test_activities_have_an_id_and_a_type(tmp_path: Path, vendor: str) -> None:
    for name, feed in preset(tmp_path, vendor).feeds.items():
        if feed.entity == "activities":
            assert {"activity_type"} & {*feed.columns, *feed.constants}, name
            with pytest.raises(RefusedFileError, match=r"no column for activities\.activity_id"):
                match(["Nothing of the kind"], feed)


@pytest.mark.parametrize("vendor", vendor_names())
def test_stages_of_a_new_account(tmp_path: Path, vendor: str) -> None:
    config = configuration(tmp_path, vendor)
    stages = configured_stages(config)
    canonical = [ORDER.index(stage.canonical_stage) for stage in stages if stage.stage not in ("Won", "Lost")]
    assert canonical == sorted(canonical)
    assert {stage.canonical_stage for stage in stages} >= {"won", "lost"}
    # a name or an id of a stage stands for it alone, in the pipeline a source has without saying so
    assert {*stage_aliases(config).values()} <= {stage.stage_key for stage in stages}


@pytest.mark.parametrize(
    ("vendor", "pipeline"),
    [
        pytest.param(path.stem, said["default_pipeline"], id=path.stem)
        for path in sorted(DESCRIBED.glob("*.yml"))
        if "default_pipeline" in (said := yaml.safe_load(path.read_text(encoding="utf-8")))
    ],
)
def test_the_first_pipeline_of_an_account_is_the_default_one(tmp_path: Path, vendor: str, pipeline: str) -> None:
    assert pipeline_names(configuration(tmp_path, vendor))["crm", "default"] == pipeline


@pytest.mark.parametrize("vendor", vendor_names())
def test_a_file_is_taken_by_the_feed_of_its_first_pattern(tmp_path: Path, vendor: str) -> None:
    """No feed's files go to another whose pattern is wider and stands before it."""
    source = preset(tmp_path, vendor)
    for name, feed in source.feeds.items():
        file = feed.files[0].replace("[-_ ][0-9]*", "_2026-01-31").replace("*", "") + ".csv"
        assert feed_of(source, file.replace("..", ".")) == name


@pytest.mark.parametrize(
    ("vendor", "said"),
    [
        pytest.param(path.stem, said["takable"], id=path.stem)
        for path in sorted(DESCRIBED.glob("*.yml"))
        if "takable" in (said := yaml.safe_load(path.read_text(encoding="utf-8")))
    ],
)
def test_files_that_could_be_taken_are_spoken_of(tmp_path: Path, vendor: str, said: dict[str, list[str]]) -> None:
    assert takable(preset(tmp_path, vendor), said["files"]) == said["said"]


def test_recognition_asks_for_what_presets_have(tmp_path: Path) -> None:
    """Of what makes an export a vendor's, its preset knows most."""
    for vendor in vendor_names():
        for feed in preset(tmp_path, vendor).feeds.values():
            essential = recognition.ESSENTIAL.get(feed.entity, ())
            known = [columns for columns in essential if not set(columns).isdisjoint({*feed.columns, *feed.constants})]
            assert len(known) >= len(essential) - 1, (vendor, feed.entity)


def test_no_vendor_is_named_outside_its_preset() -> None:
    """A CRM is a mapping: what the program, its models and rules do is the same for every one."""
    named = re.compile("|".join(vendor_names()), re.IGNORECASE)
    found = [
        f"{path.relative_to(PROJECT_DIR)}: {line.strip()}"
        for folder in ("dagster_project", "dbt", "expectations", "bi", "deploy")
        for path in sorted((PROJECT_DIR / folder).rglob("*"))
        if path.suffix in {".py", ".sql", ".yml", ".yaml", ".md", ".j2", ".js", ".css", ".html", ".csv", ".sh"}
        and path.parent not in (VENDORS_DIR, TABLES_DIR)
        for line in path.read_text(encoding="utf-8").splitlines()
        if named.search(line)
    ]
    assert found == []
