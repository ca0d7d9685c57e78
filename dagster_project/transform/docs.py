"""The dbt docs as one page: every model, column, test and the lineage, from the project alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from dagster_project.config.load import Settings
from dagster_project.errors import DealtrailError
from dagster_project.transform.project import DBT_DIR, DBT_EXECUTABLE, dbt_environment, dbt_vars


def write_dbt_docs(settings: Settings, page: Path) -> None:
    """Writes them to this file, self-contained. Needs no run to have been made."""
    # dbt wants a database even for this, and must not take the one a run may be building
    with tempfile.TemporaryDirectory(dir=page.parent) as scratch:
        folder = Path(scratch)
        done = subprocess.run(
            [
                *(str(DBT_EXECUTABLE), "--quiet", "docs", "generate", "--static", "--empty-catalog"),
                *("--project-dir", str(DBT_DIR), "--vars", dbt_vars(settings)),
            ],
            env={
                **os.environ,
                **dbt_environment(settings),
                "DEALTRAIL_BUILD": str(folder / "docs.duckdb"),
                "DEALTRAIL_WORK": str(folder / "work.duckdb"),
                "DBT_TARGET_PATH": scratch,
                "DBT_LOG_PATH": scratch,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        made = folder / "static_index.html"
        if done.returncode != 0 or not made.exists():
            raise DealtrailError(f"dbt could not write the docs:\n{(done.stdout + done.stderr)[-2000:]}")
        shutil.move(made, page)
