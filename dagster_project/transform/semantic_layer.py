"""Questions to the semantic layer: MetricFlow's command `mf` on what was published last."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dagster_project.config.fields import FieldKind, field_sql
from dagster_project.config.load import Settings
from dagster_project.config.rules import KEYED_TABLES
from dagster_project.errors import DealtrailError
from dagster_project.transform.project import DBT_DIR, dbt_environment, manifest, target_dir

#: Kinds of fields that are moments → how finely.
_GRANULARITIES: dict[FieldKind, str] = {"date": "day", "timestamp": "second"}


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
    parsed = (target_dir(settings) / "semantic_manifest.json").read_text(encoding="utf-8")
    (project / "target" / "semantic_manifest.json").write_text(
        with_fields(parsed, settings.config.fields), encoding="utf-8"
    )


def with_fields(parsed: str, fields: dict[str, dict[str, FieldKind]]) -> str:
    """A parsed semantic layer with the configuration's fields as dimensions: of deals `deal__region`.

    dbt takes models from its files alone, and these are the same for everybody. Amounts and numbers are no dimensions.
    """
    manifest = json.loads(parsed)
    models = {model["node_relation"]["alias"]: model for model in manifest["semantic_models"]}
    for table, (entity, _) in KEYED_TABLES.items():
        model = models.get(table.removeprefix("marts."))
        if model is None:
            continue
        model["dimensions"] += [
            _dimension(name, kind) for name, kind in fields.get(entity, {}).items() if kind not in ("amount", "number")
        ]
    return json.dumps(manifest)


def _dimension(name: str, kind: FieldKind) -> dict[str, Any]:
    granularity = _GRANULARITIES.get(kind)
    return {
        "name": name,
        "type": "time" if granularity else "categorical",
        "type_params": {"time_granularity": granularity} if granularity else None,
        "is_partition": False,
        "expr": field_sql(name, kind),
        "config": {"meta": {}},
    }
