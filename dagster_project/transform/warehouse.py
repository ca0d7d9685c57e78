"""The databases a run builds in: `work`, thrown away at the end, and the file that is published.

`work` starts with the schemas the dbt project reads as sources: `config`, today's configuration as tables
(so that a change of it is data, not a new parse of the project), `lake`, one view per entity over the
Parquet files that this run sees, and `checks`, where what the expectations find will stand.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb

from dagster_project import sql
from dagster_project.config.entities import ENTITIES
from dagster_project.config.models import Configuration
from dagster_project.lake.manifest import FileRecord
from dagster_project.published import FOLDERS
from dagster_project.transform.check_tables import RECORDS, create_check_tables
from dagster_project.transform.config_tables import write_run, write_sources
from dagster_project.transform.delivered_stages import with_delivered_stages
from dagster_project.transform.lake_views import (
    create_record_views,
    create_rejects_view,
    entity_rows,
    named,
    readings_of,
    search_path,
    write_files,
    write_recent,
)
from dagster_project.transform.lookups import with_lookups
from dagster_project.transform.observed_pipelines import with_met_pipelines
from dagster_project.transform.publications import PUBLICATION, before, create_published_views, write_build


def prepare(
    connection: duckdb.DuckDBPyConnection,
    config: Configuration,
    records: list[FileRecord],
    lake_dir: Path,
    as_of: datetime,
) -> None:
    """Fills `work` with the schemas `config`, `lake` and `checks` for a run at `as_of` over these records.

    It is the connection's current database afterwards, and what its views read is found.
    """
    connection.execute("use work")
    connection.execute(f"set file_search_path = {sql.text(search_path(lake_dir))}")
    connection.execute("create schema config; create schema lake; create schema checks")
    loaded = [record for record in records if record.state == "loaded"]
    rows = {
        entity: entity_rows(
            connection,
            entity,
            config.fields.get(entity, {}),
            [(record, readings_of(record, config)) for record in loaded if record.entity == entity],
            lake_dir,
        )
        for entity in ENTITIES
    }
    for entity, relation in with_lookups(connection, config, rows).items():
        connection.execute(f"create view lake.{entity} as {relation}")
    write_run(connection, config, as_of)
    write_build(connection, config)
    delivered = with_delivered_stages(connection, config)
    write_sources(connection, delivered, with_met_pipelines(connection, delivered), loaded, as_of)
    write_files(connection, config, records)
    write_recent(connection, loaded, lake_dir)
    create_rejects_view(connection, [r for r in loaded if r.rows_rejected], lake_dir)
    create_record_views(connection, lake_dir, as_of)
    published = before(lake_dir, as_of)
    create_published_views(connection, lake_dir, published, named(published.path, lake_dir) if published else "")
    create_check_tables(connection)
    _allow_records(connection, lake_dir)


def _allow_records(connection: duckdb.DuckDBPyConnection, lake_dir: Path) -> None:
    """Names what is still read once the checks have shut the database off from everything else: what earlier nights
    found, and facts that are too large for the build's file; and where what is published is written down.

    DuckDB asks twice whether a file may be read: by the name that stands in the view, and by the one it was found by.
    """
    building = lake_dir.parent / "building"
    folders = {what: lake_dir / what for what in RECORDS}
    folders |= {"marts": building / FOLDERS / "marts", PUBLICATION: building / PUBLICATION}
    allowed = [folder for name, path in folders.items() for folder in (f"{name}/", f"{path}/")]
    connection.execute(f"set allowed_directories = [{', '.join(map(sql.text, allowed))}]")
