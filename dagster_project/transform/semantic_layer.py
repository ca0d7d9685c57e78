"""Questions to the semantic layer: MetricFlow's command `mf` on what was published last."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

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
    # mf reads the parsed semantic layer from there, and nowhere else
    offered = DBT_DIR / "target" / "semantic_manifest.json"
    offered.parent.mkdir(exist_ok=True)
    shutil.copyfile(target_dir(settings) / "semantic_manifest.json", offered)
    os.environ.update(dbt_environment(settings))
    # no run is being made: the profile then reads the publication
    del os.environ["DEALTRAIL_BUILD"]
    os.environ.update(
        {"WAREHOUSE_DIR": str(settings.warehouse_dir), "DBT_PROJECT_DIR": str(DBT_DIR), "DEALTRAIL_ENGINE": "published"}
    )

    from dbt_metricflow.cli.main import cli
    from update_checker import UpdateChecker

    # else every call asks the package registry for a newer version
    UpdateChecker.check = lambda *_: None
    cli(args=list(arguments), prog_name="dealtrail metrics")
