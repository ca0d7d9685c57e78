"""The parsed dbt project: once for all warehouses of a user, and whole or not there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from dagster_project.config.load import Settings, load_settings
from dagster_project.errors import DealtrailError
from dagster_project.transform import project

DBTS_FILES = ("manifest.json", "partial_parse.msgpack", "semantic_manifest.json")


class Parses:
    """Stands in for dbt: writes what it would, and counts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
        self.count = 0
        self.files: tuple[str, ...] = DBTS_FILES
        monkeypatch.setattr(project.subprocess, "run", self)
        monkeypatch.setattr(project, "user_cache_path", lambda _: home)

    def __call__(self, command: list[str], env: dict[str, str], **_: object) -> object:
        self.count += 1
        for name in self.files:
            (Path(env["DBT_TARGET_PATH"]) / name).write_text(json.dumps([name, self.count]), encoding="utf-8")
        return type("Done", (), {"returncode": 0 if self.files == DBTS_FILES else 2, "stdout": "no", "stderr": ""})


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def parses(monkeypatch: pytest.MonkeyPatch, home: Path) -> Parses:
    return Parses(monkeypatch, home)


def warehouse(path: Path) -> Settings:
    return load_settings({"WAREHOUSE_DIR": str(path)})


def test_a_second_night_and_a_second_warehouse_parse_nothing(parses: Parses, tmp_path: Path) -> None:
    one, other = warehouse(tmp_path / "one"), warehouse(tmp_path / "other")
    found = [project.manifest(settings).read_text() for settings in (one, one, other)]
    assert parses.count == 1
    assert found == [json.dumps(["manifest.json", 1])] * 3
    assert project.parsed_project(one) == project.parsed_project(other)
    assert (project.target_dir(other) / "semantic_manifest.json").exists()


def test_date_formats_of_their_own_are_parsed_for(parses: Parses, tmp_path: Path) -> None:
    text = (project.PROJECT_DIR / "pipeline.yml").read_text(encoding="utf-8")
    config = tmp_path / "pipeline.yml"
    config.write_text(text.replace("vendor: pipedrive", "vendor: pipedrive\n    date_formats: ['%d.%m.%Y']", 1))
    project.manifest(warehouse(tmp_path / "one"))
    project.manifest(load_settings({"WAREHOUSE_DIR": str(tmp_path / "one"), "PIPELINE_CONFIG": str(config)}))
    assert parses.count == 2


def test_another_clone_is_parsed_for_though_it_is_the_same(
    parses: Parses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths of files stand in what was parsed; of a clone that is gone they lead nowhere."""
    project.manifest(warehouse(tmp_path / "one"))
    clone = tmp_path / "clone"
    for folder in (project.DBT_DIR.relative_to(project.PROJECT_DIR), Path("seeds") / "reference"):
        ignored = shutil.ignore_patterns("target", "logs", "dbt_packages")
        shutil.copytree(project.PROJECT_DIR / folder, clone / folder, ignore=ignored)
    monkeypatch.setattr(project, "DBT_DIR", clone / "dbt")
    monkeypatch.setattr(project, "PROJECT_DIR", clone)
    project.manifest(warehouse(tmp_path / "two"))
    project.manifest(warehouse(tmp_path / "one"))
    assert parses.count == 2


def test_a_file_that_is_missing_comes_back(parses: Parses, tmp_path: Path) -> None:
    settings = warehouse(tmp_path / "one")
    path = project.manifest(settings)
    path.unlink()
    assert project.manifest(settings).exists()
    assert parses.count == 1


def test_a_parse_that_fails_leaves_nothing_that_counts(parses: Parses, tmp_path: Path, home: Path) -> None:
    settings = warehouse(tmp_path / "one")
    parses.files = DBTS_FILES[:1]
    with pytest.raises(DealtrailError, match="dbt cannot parse"):
        project.manifest(settings)
    assert not home.exists()
    parses.files = DBTS_FILES
    project.manifest(settings)
    assert parses.count == 2


def test_a_home_that_cannot_be_written_to_costs_only_time(parses: Parses, tmp_path: Path, home: Path) -> None:
    home.write_text("a file where the folder would be")
    for name in ("one", "other"):
        assert project.manifest(warehouse(tmp_path / name)).exists()
    assert parses.count == 2


def test_a_shared_project_that_lacks_a_file_is_parsed_anew_for_all(parses: Parses, tmp_path: Path, home: Path) -> None:
    project.manifest(warehouse(tmp_path / "one"))
    (shared,) = (home / "dbt").iterdir()
    (shared / "partial_parse.msgpack").unlink()
    for name in ("other", "third"):
        assert project.manifest(warehouse(tmp_path / name)).exists()
    assert parses.count == 2


def test_a_user_without_a_home_shares_nothing(parses: Parses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = warehouse(tmp_path / "one")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(project, "user_cache_path", lambda _: Path("~/.cache/dealtrail"))
    assert project.manifest(settings).exists()
    assert not (tmp_path / "~").exists()


def test_only_the_newest_are_kept(parses: Parses, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(12):
        monkeypatch.setattr(project, "_fingerprint", lambda *_, number=number: f"f{number}")
        project.manifest(warehouse(tmp_path / "one"))
    kept = {path.name for path in (home / "dbt").iterdir()}
    assert len(kept) == 8 and "f11" in kept and not any(name.startswith("new-") for name in kept)
