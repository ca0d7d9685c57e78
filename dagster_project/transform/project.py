"""The dbt project as Dagster sees it: parsed once, and again only when it or the configuration changed."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from dagster_project.config.entities import entities_as_json
from dagster_project.config.load import Settings
from dagster_project.errors import DealtrailError
from dagster_project.files import write_atomically
from dagster_project.package_files import PROJECT_DIR
from dagster_project.transform.lake_views import date_format_sets, search_path

DBT_DIR = PROJECT_DIR / "dbt"
DBT_EXECUTABLE = Path(sys.executable).with_name("dealtrail-dbt")


def target_dir(settings: Settings) -> Path:
    """Where dbt keeps its parsed project and logs: with everything else a run writes."""
    return settings.warehouse_dir / "dbt"


def dbt_vars(settings: Settings) -> str:
    """The project's vars as JSON. Only what changes with the configuration, or dbt would parse anew every night."""
    return json.dumps({"date_format_sets": date_format_sets(settings.config)})


def dbt_environment(settings: Settings) -> dict[str, str]:
    """Environment of every dbt call. The paths are the same every night: a changed one means a full parse."""
    building = settings.warehouse_dir / "building"
    return {
        "DEALTRAIL_BUILD": str(building / "pipeline.duckdb"),
        "DEALTRAIL_WORK": str(building / "work.duckdb"),
        "DEALTRAIL_LAKE": search_path(settings.warehouse_dir / "lake"),
        "DEALTRAIL_DBT_TARGET": str(target_dir(settings)),
        "DEALTRAIL_ENTITIES": entities_as_json(),
        "DBT_TARGET_PATH": str(target_dir(settings)),
        "DBT_LOG_PATH": str(target_dir(settings) / "logs"),
        "DBT_PROFILES_DIR": str(DBT_DIR),
        # every statement stands in the target folder as well
        "DBT_LOG_LEVEL_FILE": "info",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }


def manifest(settings: Settings) -> Path:
    """The parsed project. Parses it if it, what it is told, or dbt changed since it was last parsed."""
    target = target_dir(settings)
    # a copy of our own: dbt writes its manifest anew every night, and may be killed in the middle of it
    path, stamp = target / "parsed.json", target / "parsed.sha256"
    fingerprint = _fingerprint(settings)
    if path.exists() and stamp.exists() and stamp.read_text() == fingerprint:
        return path
    target.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [
            str(DBT_EXECUTABLE),
            "--quiet",
            "parse",
            "--project-dir",
            str(DBT_DIR),
            "--vars",
            dbt_vars(settings),
        ],
        env={**os.environ, **dbt_environment(settings)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise DealtrailError(f"dbt cannot parse {DBT_DIR}:\n{done.stdout}{done.stderr}")
    write_atomically(path, (target / "manifest.json").read_text(encoding="utf-8"))
    write_atomically(stamp, fingerprint)
    return path


def _fingerprint(settings: Settings) -> str:
    told = (version("dbt-core"), version("dbt-duckdb"), dbt_vars(settings), entities_as_json())
    digest = hashlib.sha256(" ".join(told).encode())
    folders = [DBT_DIR / "models", DBT_DIR / "macros", DBT_DIR / "tests", PROJECT_DIR / "seeds" / "reference"]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    for path in [DBT_DIR / "dbt_project.yml", DBT_DIR / "profiles.yml", *sorted(files)]:
        digest.update(str(path.relative_to(PROJECT_DIR)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
