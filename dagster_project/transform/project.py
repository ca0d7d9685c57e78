"""The dbt project as Dagster sees it: parsed once, and again only when it or the configuration changed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from platformdirs import user_cache_path

from dagster_project.config.entities import entities_as_json
from dagster_project.config.load import Settings
from dagster_project.config.values import Engine
from dagster_project.errors import DealtrailError
from dagster_project.files import write_atomically
from dagster_project.package_files import PROJECT_DIR
from dagster_project.transform.lake_views import date_format_sets, search_path

DBT_DIR = PROJECT_DIR / "dbt"
#: What is kept of a parsed project in a warehouse, under names that dbt does not write → what dbt calls it.
_JSON, _PACKED = "parsed.json", "parsed.msgpack"
_KEPT = {_JSON: "manifest.json", _PACKED: "partial_parse.msgpack", "semantic_manifest.json": "semantic_manifest.json"}
#: Of so many parsed projects: versions of Dealtrail, and configurations with date formats of their own.
_SHARED = 8
DBT_EXECUTABLE = Path(sys.executable).with_name("dealtrail-dbt")


def target_dir(settings: Settings, engine: Engine = "duckdb") -> Path:
    """Where dbt keeps its parsed project and logs: with everything else a run writes."""
    return settings.warehouse_dir / "dbt" / ("" if engine == "duckdb" else engine)


def dbt_vars(settings: Settings) -> str:
    """The project's vars as JSON. Only what changes with the configuration, or dbt would parse anew every night."""
    return json.dumps({"date_format_sets": date_format_sets(settings.config)})


def _entities(settings: Settings) -> str:
    """The entities with the configuration's fields: a changed field means a full parse, as a changed var does."""
    return entities_as_json(settings.config.fields, settings.config.grain_fields)


def dbt_environment(settings: Settings, engine: Engine = "duckdb") -> dict[str, str]:
    """Environment of every dbt call. The paths are the same every night: a changed one means a full parse."""
    building = settings.warehouse_dir / "building"
    target = target_dir(settings, engine)
    return {
        "DEALTRAIL_BUILD": str(building / "pipeline.duckdb"),
        "DEALTRAIL_WORK": str(building / "work.duckdb"),
        "DEALTRAIL_LAKE": search_path(settings.warehouse_dir / "lake"),
        "DEALTRAIL_DBT_TARGET": str(target),
        "DEALTRAIL_ENTITIES": _entities(settings),
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(target / "logs"),
        "DBT_PROFILES_DIR": str(DBT_DIR),
        # every statement stands in the target folder as well
        "DBT_LOG_LEVEL_FILE": "info",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }


def manifest(settings: Settings, engine: Engine = "duckdb") -> Path:
    """The parsed project, as JSON; it is parsed anew only if it, what it is told or dbt changed.

    What was parsed for one warehouse is kept for all of this user's, for it takes longer than a night's models.
    """
    target = target_dir(settings, engine)
    stamp = target / "parsed.sha256"
    fingerprint = _fingerprint(settings, engine)
    if not stamp.exists() or stamp.read_text() != fingerprint or not all((target / name).exists() for name in _KEPT):
        target.mkdir(parents=True, exist_ok=True)
        shared = user_cache_path("dealtrail") / "dbt" / fingerprint
        if not _taken_over(shared, target):
            _parse(settings, engine)
            _share(target, shared)
        write_atomically(stamp, fingerprint)
    return target / _JSON


def parsed_project(settings: Settings, engine: Engine = "duckdb") -> bytes:
    """The parsed project as dbt packs it: what stands in a model's configuration differs by the engine."""
    manifest(settings, engine)
    return (target_dir(settings, engine) / _PACKED).read_bytes()


def _parse(settings: Settings, engine: Engine) -> None:
    target = target_dir(settings, engine)
    done = subprocess.run(
        [
            str(DBT_EXECUTABLE),
            "--quiet",
            "parse",
            "--project-dir",
            str(DBT_DIR),
            "--vars",
            dbt_vars(settings),
            *(() if engine == "duckdb" else ("--target", engine)),
        ],
        env={**os.environ, **dbt_environment(settings, engine)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise DealtrailError(f"dbt cannot parse {DBT_DIR}:\n{done.stdout}{done.stderr}")
    for name, dbts in _KEPT.items():
        if name != dbts:
            write_atomically(target / name, (target / dbts).read_bytes())


def _taken_over(shared: Path, target: Path) -> bool:
    """Copies what was parsed before; whether it was there, whole. Another night may be throwing it away just now."""
    try:
        packed = {name: (shared / dbts).read_bytes() for name, dbts in _KEPT.items()}
    except OSError:
        return False
    for name, content in packed.items():
        write_atomically(target / name, content)
    return True


def _share(target: Path, shared: Path) -> None:
    """Keeps what was parsed for the next warehouse, and the newest of others, where the home can be written to."""
    if not shared.is_absolute():  # a user without a home
        return
    try:
        shared.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(dir=shared.parent, prefix="new-"))
        try:
            for name, dbts in _KEPT.items():
                shutil.copyfile(target / name, new / dbts)
            shutil.rmtree(shared, ignore_errors=True)  # of which a file is missing
            new.rename(shared)
        finally:
            shutil.rmtree(new, ignore_errors=True)
        for path in sorted(shared.parent.iterdir(), key=lambda path: path.stat().st_mtime_ns)[:-_SHARED]:
            shutil.rmtree(path, ignore_errors=True)
    except OSError:  # full, not ours, or another night was first: the warehouse has its own
        return


def _fingerprint(settings: Settings, engine: Engine) -> str:
    """What was parsed knows where the project and dbt's own macros lie: moved, or in another clone, it is another."""
    told = (
        str(DBT_DIR),
        sys.prefix,
        version("dbt-core"),
        version(f"dbt-{engine}"),
        dbt_vars(settings),
        _entities(settings),
    )
    digest = hashlib.sha256(" ".join(told).encode())
    folders = [DBT_DIR / "models", DBT_DIR / "macros", DBT_DIR / "tests", PROJECT_DIR / "seeds" / "reference"]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    for path in [DBT_DIR / "dbt_project.yml", DBT_DIR / "profiles.yml", *sorted(files)]:
        digest.update(str(path.relative_to(PROJECT_DIR)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
