"""`examples/dagster`: a Dagster project of somebody's own, with Dealtrail in it by a YAML file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from tests.conftest import PROJECT, environment
from tests.unit import test_compaction as delivered

EXAMPLE = PROJECT / "examples" / "dagster"
DAGSTER = ("-m", "dagster")
LOCATION = ("-m", "sales_platform.definitions")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, with a small CRM instead of the sample."""
    folder = tmp_path_factory.mktemp("platform") / "project"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("warehouse", "__pycache__"))
    (folder / "crm" / "landing" / "crm").mkdir(parents=True)
    (folder / "crm" / "pipeline.yml").write_text(delivered.CONFIG, encoding="utf-8")
    (folder / "crm" / "landing" / "crm" / "deals-2026-01-01.csv").write_text(delivered.deals(0), encoding="utf-8")
    described = folder / "sales_platform" / "defs" / "crm" / "defs.yaml"
    said = yaml.safe_load(described.read_text(encoding="utf-8"))
    up = "../../../"
    said["attributes"] = {
        "config": f"{up}crm/pipeline.yml",
        "landing_dir": f"{up}crm/landing",
        "warehouse_dir": f"{up}warehouse",
    }
    described.write_text(yaml.safe_dump(said), encoding="utf-8")
    return folder


def dagster(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of Dagster's in the project, which has nothing of ours in its environment."""
    home = project / "home"
    home.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=project,
        env={**environment(), "DAGSTER_HOME": str(home), "PYTHONPATH": os.pathsep.join([str(project), str(PROJECT)])},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_the_nightly_job_publishes_and_the_teams_own_asset_goes_on(project: Path) -> None:
    """By the command that asks for the job's resources once more at its end."""
    night = dagster(project, *DAGSTER, "job", "execute", *LOCATION, "-j", "nightly")
    assert night.returncode == 0, night.stdout + night.stderr
    run = json.loads((project / "warehouse" / "run.json").read_text(encoding="utf-8"))
    assert (run["state"], run["rows"]["loaded"]) == ("published", 5)
    with duckdb.connect(str(project / "warehouse" / "pipeline.duckdb"), read_only=True) as connection:
        assert connection.execute("select count(*) from marts.fct_deals").fetchall() == [(5,)]
    after = dagster(
        project,
        "-m",
        "dagster",
        "asset",
        "materialize",
        "-m",
        "sales_platform.definitions",
        "--select",
        "pipeline_by_team",
    )
    assert after.returncode == 0, after.stdout + after.stderr
    assert "RUN_SUCCESS" in after.stdout + after.stderr


def test_our_jobs_leave_the_teams_assets_alone(project: Path) -> None:
    listed = """
import json
from sales_platform.definitions import defs
jobs = {name: defs.resolve_job_def(name) for name in ("nightly", "past_night")}
found = {name: job.asset_layer.executable_asset_keys for name, job in jobs.items()}
found["all"] = [node.key for node in defs.resolve_asset_graph().asset_nodes]
print("\\n" + json.dumps({name: [key.to_user_string() for key in keys] for name, keys in found.items()}))
"""
    done = dagster(project, "-c", listed)
    assert done.returncode == 0, done.stderr
    keys: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert "pipeline_by_team" in keys["all"]
    assert "publish/pipeline_duckdb" in keys["nightly"]
    assert not {"pipeline_by_team"} & {*keys["nightly"], *keys["past_night"]}


def test_a_mistake_in_the_configuration_is_told_with_file_and_key(project: Path) -> None:
    wrong = project.parent / "wrong"
    shutil.copytree(project, wrong)
    text = (wrong / "crm" / "pipeline.yml").read_text(encoding="utf-8")
    (wrong / "crm" / "pipeline.yml").write_text(text.replace("currency: EUR", "currency: euro"), encoding="utf-8")
    done = dagster(wrong, *DAGSTER, "definitions", "validate", *LOCATION)
    assert done.returncode != 0
    said = " ".join((done.stdout + done.stderr).split())
    assert "pipeline.yml" in said and "currency" in said
