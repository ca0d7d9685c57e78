"""Questions to the semantic layer: MetricFlow's command `mf` on what was published last."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from dagster_project.config.load import Settings
from dagster_project.errors import DealtrailError
from dagster_project.transform.project import DBT_DIR, dbt_environment, manifest, target_dir


def ask(settings: Settings, arguments: Sequence[str]) -> None:
    """Runs `mf` with these arguments in this process, and ends it with the status of `mf`.

    Raises DealtrailError where nothing is published yet.
    """
    if not (settings.warehouse_dir / "pipeline.duckdb").exists():
        raise DealtrailError(f"nothing is published in {settings.warehouse_dir} yet: run `dealtrail nightly` first")
    manifest(settings)
    project = target_dir(settings) / "metricflow"
    _offer(settings, project)
    os.environ.update(dbt_environment(settings))
    # no run is being made: the profile then reads the publication
    del os.environ["DEALTRAIL_BUILD"]
    os.environ.update(
        {"WAREHOUSE_DIR": str(settings.warehouse_dir), "DBT_PROJECT_DIR": str(project), "DEALTRAIL_ENGINE": "published"}
    )

    from dbt_metricflow.cli.main import cli
    from update_checker import UpdateChecker

    # else every call asks the package registry for a newer version
    UpdateChecker.check = lambda *_: None
    cli(args=list(arguments), prog_name="dealtrail metrics")


def _offer(settings: Settings, project: Path) -> None:
    """What `mf` reads of a dbt project, laid in the warehouse: it looks for the parsed semantic layer in the project's
    own target folder and nowhere else, and nothing is written where the program is installed."""
    (project / "target").mkdir(parents=True, exist_ok=True)
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copyfile(DBT_DIR / name, project / name)
    shutil.copyfile(target_dir(settings) / "semantic_manifest.json", project / "target" / "semantic_manifest.json")
