"""The publication in a DuckLake catalog too: a snapshot a night, so that readers have what was published on any day.

    <ducklake>/catalog.ducklake     a DuckDB file: tables, snapshots, who made them
    <ducklake>/data/                Parquet files

A table whose rows are those of the night before is left as it is; of the others all rows are replaced.
https://ducklake.select/docs/stable/duckdb/usage/time_travel
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import duckdb

from dagster_project import sql
from dagster_project.config.load import Settings
from dagster_project.errors import ConfigurationError, DealtrailError, told
from dagster_project.published import search_path
from dagster_project.run.versions import as_of_version, current_version

_SCHEMAS = ("marts", "quality")
_CATALOG, _DATA = "catalog.ducklake", "data"


class DuckLakeError(DealtrailError):
    """The catalog could not be written; it has what it had, and the local publication stands."""


@dataclass(frozen=True)
class Snapshot:
    """What was published: a snapshot's number, None where not a row has changed."""

    folder: str
    snapshot: int | None
    changed_tables: int

    @property
    def facts(self) -> dict[str, str | int | None]:
        """For run.json and Dagster."""
        return {"folder": self.folder, "snapshot": self.snapshot, "changed_tables": self.changed_tables}


def publish_snapshot(settings: Settings) -> Snapshot:
    """Makes the last local publication the newest snapshot, in one transaction.

    Raises ConfigurationError where there is none, no folder configured, or no extension; DuckLakeError where the
    catalog cannot be written, such as while a reader holds it open.
    """
    if settings.ducklake is None:
        raise ConfigurationError("ducklake is not set: name a folder for the catalog")
    version = current_version(settings.warehouse_dir)
    if version is None:
        raise ConfigurationError("nothing has been published yet: run `dealtrail nightly`")
    folder = settings.ducklake
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _attached(folder, version) as connection:
            connection.execute("begin transaction")
            changed = [table for schema in _SCHEMAS for table in _replaced(connection, schema)]
            if changed:
                facts = json.dumps({"run": version.name, "as_of": as_of_version(version).isoformat()})
                connection.execute(
                    "call lake.set_commit_message('dealtrail', ?, extra_info => ?)", [f"night {version.name}", facts]
                )
            connection.execute("commit")
            row = connection.execute("select max(snapshot_id) from ducklake_snapshots('lake')").fetchone()
    except duckdb.Error as error:
        raise DuckLakeError(
            f"DuckLake in {folder}: {told(error)}. It has what it had; run `dealtrail ducklake`"
        ) from None
    return Snapshot(str(folder), row[0] if row and changed else None, len(changed))


def forget_snapshots(settings: Settings) -> int | None:
    """For `dealtrail forget`: a catalog with the current publication and no earlier one, for those name the person.

    So do the catalog's own statistics, which outlive a snapshot: it is made anew. Returns how many are gone; None where
    there is no catalog.
    """
    if settings.ducklake is None or not (settings.ducklake / _CATALOG).exists():
        return None
    version = current_version(settings.warehouse_dir)
    if version is not None:
        with _attached(settings.ducklake, version) as connection:
            row = connection.execute("select count(*) from ducklake_snapshots('lake')").fetchone()
    for path in settings.ducklake.glob(f"{_CATALOG}*"):
        path.unlink()
    shutil.rmtree(settings.ducklake / _DATA, ignore_errors=True)
    if version is None:
        return 0
    publish_snapshot(settings)
    return row[0] if row else 0


def extension() -> Path:
    """DuckDB's extension as its wheel brings it. Raises ConfigurationError where that is not installed."""
    try:
        folder = Path(str(resources.files("duckdb_extension_ducklake"))) / "extensions" / f"v{duckdb.__version__}"
    except ModuleNotFoundError:
        raise ConfigurationError(
            "ducklake: DuckDB's extension is not installed. Install the extra: pip install 'dealtrail[ducklake]'"
        ) from None
    return folder / "ducklake.duckdb_extension"


@contextmanager
def _attached(folder: Path, version: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB with the catalog as `lake` and the publication as `published`, and nothing from the network."""
    with duckdb.connect(
        config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "temp_directory": ""}
    ) as connection:
        connection.execute(f"load {sql.text(extension())}")
        # rows in the catalog itself would be found in neither of the two places that the page names
        connection.execute(
            f"attach {sql.text(f'ducklake:{folder / _CATALOG}')} as lake "
            f"(data_path {sql.text(str(folder / _DATA))}, override_data_path true, data_inlining_row_limit 0)"
        )
        connection.execute(f"attach {sql.text(version / 'pipeline.duckdb')} as published (read_only)")
        connection.execute(f"set file_search_path = {sql.text(search_path(version / 'pipeline.duckdb'))}")
        yield connection


def _replaced(connection: duckdb.DuckDBPyConnection, schema: str) -> list[str]:
    """Has a schema hold the tables of the publication, and only those; returns what has changed."""
    connection.execute(f"create schema if not exists lake.{schema}")
    new, old = _tables(connection, "published", schema), _tables(connection, "lake", schema)
    changed = []
    for table in sorted(old.keys() - new.keys()):
        connection.execute(f'drop table lake.{schema}."{table}"')
        changed.append(table)
    for table, columns in new.items():
        there, here = f'lake.{schema}."{table}"', f'published.{schema}."{table}"'
        if old.get(table) != columns:
            connection.execute(f"drop table if exists {there}")
            connection.execute(f"create table {there} as from {here}")
        elif _fingerprint(connection, there) != _fingerprint(connection, here):
            connection.execute(f"delete from {there}")
            connection.execute(f"insert into {there} from {here}")
        else:
            continue
        changed.append(table)
    return changed


def _tables(connection: duckdb.DuckDBPyConnection, database: str, schema: str) -> dict[str, list[tuple[str, str]]]:
    """Name → names and types of the columns; of views too, but those for people who will not join."""
    rows = connection.execute(
        "select table_name, column_name, data_type from duckdb_columns() where database_name = ? and schema_name = ? "
        "and not ends_with(table_name, '_wide') order by table_name, column_index",
        [database, schema],
    ).fetchall()
    found: dict[str, list[tuple[str, str]]] = {}
    for table, column, kind in rows:
        found.setdefault(table, []).append((column, kind))
    return found


def _fingerprint(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[int, int] | None:
    """Equal where the rows are, in whatever order."""
    return connection.execute(f"select count(*), sum(hash(t)::hugeint) from {table} as t").fetchone()
