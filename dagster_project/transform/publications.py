"""What a night published, in the lake: every cell of the monthly metrics, and what they count of each record.

`lake/published/<moment>-<run>.parquet`, one file a night, its rows told apart by `kind`; the last run for a moment
counts. Where else it may lie, once the lake is compacted, is known to lake/publications.py. The next night compares
itself with the one before it (dbt/models/derived/restatements); nothing else is asked, so a rebuild finds the same
restatements.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import duckdb

from dagster_project import sql
from dagster_project.config.metrics import MARTS
from dagster_project.config.models import Configuration
from dagster_project.config.yaml_files import read_packaged
from dagster_project.lake import inventory
from dagster_project.lake.publications import PUBLISHED, Publication, last_before
from dagster_project.package_files import PROJECT_DIR
from dagster_project.run.night import Night
from dagster_project.transform.config_tables import BuildRow
from dagster_project.transform.tables import columns_of, create_table, utc

#: Folder of a build in which the night's own waits for its publication.
PUBLICATION = "publication"
#: Of a configuration, what changes no figure.
_WITHOUT_EFFECT = {
    *("as_of", "landing_dir", "publish_to", "ducklake", "warehouse_dir", "memory", "engine", "spark", "schedule"),
    *("rules", "notifications", "digest", "connections", "teams", "goals", "fiscal_year_starts"),
}
_NIGHT = {
    "as_of": "timestamp",
    "run_id": "varchar",
    "seen_on": "date",
    "currency": "varchar",
    "configuration": "varchar",
    "software": "varchar",
    "configured": "varchar",
}
_FILE = {"source": "varchar", "feed": "varchar", "sha256": "varchar", "extracted_at": "timestamp"}
#: dbt: derived/restatements/int_metric_records
_RECORD = {
    **dict.fromkeys(
        (
            *("entity", "record_key", "source", "pipeline_value", "owner_key", "segment", "lead_source"),
            *("grain_fields", "status"),
        ),
        "varchar",
    ),
    "created_on": "date",
    "closed_on": "date",
    "amount": "decimal(18, 2)",
    "currency": "varchar",
    "amount_reporting": "decimal(18, 2)",
    "account_key": "varchar",
    "is_qualified": "boolean",
    "is_first_win": "boolean",
    "sales_cycle_days": "double",
    "is_converted": "boolean",
    "response_hours": "double",
    "is_answered_within_sla": "boolean",
    "is_unanswered": "boolean",
    "rows_without_rate": "bigint",
}
_RESTATED = {
    "month": "date",
    "metric": "varchar",
    "grain": "varchar",
    "grain_value": "varchar",
    "is_complete_month": "boolean",
    "value_before": "double",
    "value_now": "double",
    "cause": "varchar",
    "difference": "double",
}
#: The records behind figures of everything, of months that were over: once a month and field.
_CHANGED = {
    "month": "date",
    **dict.fromkeys(("cause", "entity", "record_key", "field", "before", "now", "file"), "varchar"),
    "row_number": "bigint",
}


#: Records of tonight as the configuration of that publication has them (transform/counterfactual.py).
REBUILT = {**_RECORD, "is_known": "boolean", "is_merged": "boolean"}


def kinds() -> dict[str, dict[str, str]]:
    """Kind of row → its columns and their types."""
    return {
        "night": _NIGHT,
        "file": _FILE,
        "cell": _cells(),
        "record": _RECORD,
        "restated": _RESTATED,
        "changed": _CHANGED,
    }


def _cells() -> dict[str, str]:
    (mart,) = read_packaged(MARTS / "metrics" / "mart_monthly_metrics.yml")["models"]
    return {column["name"]: column["data_type"] for column in mart["columns"]}


def write_build(connection: duckdb.DuckDBPyConnection, config: Configuration) -> None:
    """Creates config.build: one row, what of configuration and code the night is a function of, as digests."""
    configured = configured_as_json(config)
    digest = hashlib.sha256(configured.encode()).hexdigest()[:16]
    row = BuildRow(configuration=digest, software=_software(), configured=configured)
    create_table(connection, "config.build", columns_of(BuildRow), [asdict(row)])


def configured_as_json(config: Configuration) -> str:
    """What of a configuration can change a figure, as `configured_from_json` reads it. A default is left out: where
    Dealtrail changes it, or has one more, that is no other configuration."""
    said = config.model_dump(mode="json", exclude=_WITHOUT_EFFECT, exclude_defaults=True, by_alias=True)
    return json.dumps(said, sort_keys=True, ensure_ascii=False)


def configured_from_json(said: str) -> Configuration:
    """The configuration of an earlier night, but for what changes no figure. Raises ValidationError (pydantic) where
    Dealtrail does not know its words any more."""
    return Configuration.model_validate_json(said)


def _software() -> str:
    """Version of Dealtrail, and what its models say: a clone is changed without a new version."""
    digest = hashlib.sha256(version("dealtrail").encode())
    for folder in (PROJECT_DIR / "dbt" / "models", PROJECT_DIR / "dbt" / "macros"):
        for path in sorted(folder.rglob("*.sql")):
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return f"{version('dealtrail')}-{digest.hexdigest()[:12]}"


def before(lake_dir: Path, as_of: datetime) -> Publication | None:
    """The last publication of an earlier moment."""
    return last_before(lake_dir, _stamp(as_of))


def create_published_views(
    connection: duckdb.DuckDBPyConnection, lake_dir: Path, publication: Publication | None, named: str = ""
) -> None:
    """Creates lake.published_night (a table), _files, _cells and _records over a publication, empty without one, and
    lake.rebuilt_records without a row.

    `named`: its file as the views name it.
    """
    present = set()
    if publication is not None:
        inventory.verify(lake_dir, [publication.path])
        present = {row[0] for row in connection.execute(f"describe from read_parquet({named})").fetchall()}
    for kind, table in {"night": "night", "file": "files", "cell": "cells", "record": "records"}.items():
        columns = ", ".join(
            f"cast({column if column in present else 'null'} as {its}) as {column}"
            for column, its in kinds()[kind].items()
        )
        rows = f"from {publication.rows(named)} where kind = '{kind}'" if publication else "where false"
        # the one row of the night is asked for after the checks as well, when the lake is out of reach
        what = "table" if kind == "night" else "view"
        connection.execute(f"create {what} lake.published_{table} as select {columns} {rows}")
    create_table(connection, "lake.rebuilt_records", REBUILT, [])


def write_publication(
    connection: duckdb.DuckDBPyConnection, building_dir: Path, night: Night, config: Configuration
) -> None:
    """Writes down what this night is about to publish; `keep_publication` takes it into the lake.

    The connection has the build and its `work`.
    """
    night_row = (
        f"select timestamp '{night.sql_moment}' as as_of, {sql.text(night.run_id)} as run_id, "
        f"cast('{night.seen_on}' as date) as seen_on, {sql.text(config.currency)} as currency, "
        "configuration, software, configured from work.config.build"
    )
    parts = {
        "night": night_row,
        "file": "select source, feed, sha256, extracted_at from quality.deliveries where state = 'loaded'",
        "cell": "from marts.mart_monthly_metrics",
        "record": "from work.intermediate.int_metric_records order by entity, record_key",
        "restated": "from quality.restatements",
        "changed": f"select distinct {', '.join(_CHANGED)} from quality.restatement_records "
        "where grain = 'all' and cause != 'several' "
        "and month in (select month from quality.restatements where is_complete_month) order by all",
    }
    rows = " union all by name ".join(f"select '{kind}' as kind, * from ({part})" for kind, part in parts.items())
    folder = building_dir / PUBLICATION
    folder.mkdir()
    target = sql.text(folder / f"{_stamp(night.as_of)}-{night.run_id}.{PUBLISHED}.parquet")
    connection.execute(f"copy ({rows}) to {target} (format parquet, compression zstd)")


def keep_publication(version_dir: Path, lake_dir: Path) -> None:
    """Copies a published version's file into the lake, if it is not there; one of the same moment goes."""
    for written in version_dir.glob(f"*.{PUBLISHED}.parquet"):
        kept = lake_dir / PUBLISHED / written.name.replace(f".{PUBLISHED}.", ".")
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            unfinished = kept.with_suffix(".unfinished")
            shutil.copyfile(written, unfinished)
            inventory.place(unfinished, kept, lake_dir)
        moment = kept.name.split("-")[0]
        replaced = [path for path in kept.parent.glob(f"{moment}-*.parquet") if path != kept]
        if replaced:
            inventory.take_away(replaced, lake_dir)


def _stamp(as_of: datetime) -> str:
    return f"{utc(as_of):%Y%m%dT%H%M%S}"
