"""Records whose rows and configuration both changed since the last publication, computed again with the configuration
of then: what differs up to there the rows did, what differs from there on the configuration.

Where stages lie and which words mean a win is told by all rows of a source, so the models are built over the whole
lake, up to what the metrics count of each record, and no further. It takes a night after a configuration has changed.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import duckdb
from pydantic import ValidationError

from dagster_project import sql
from dagster_project.config.models import Configuration
from dagster_project.errors import DealtrailError
from dagster_project.lake.deliveries import select_deliveries
from dagster_project.lake.manifest import FileRecord
from dagster_project.lake.mapping import mapping_version
from dagster_project.lake.store import ingest
from dagster_project.read.landing import look
from dagster_project.run.context import NightlyRun
from dagster_project.run.databases import Databases
from dagster_project.transform.dbt_build import Part, build
from dagster_project.transform.publications import REBUILT, configured_from_json
from dagster_project.transform.warehouse import prepare
from dagster_project.wording import counted

#: Built over the lake with the configuration of then; nothing of it is published, so nothing is tested.
_UP_TO_RECORDS = Part(("--select", "+int_metric_records", "--exclude-resource-type", "test", "unit_test"))
#: Built once more of tonight, with what came of that.
AGAIN = Part(("--select", "stg_rebuilt__records+", "--exclude-resource-type", "unit_test"), goes_on=True)
#: What changed by its rows, or can follow from those of another: a first win goes to another deal of the customer.
_TOUCHED = "(has_new_rows or (was_deleted and has_unseen_rows) or is_first_win_alone)"


class _CannotTellError(Exception):
    """Why it cannot be computed again."""


def compute_again(run: NightlyRun) -> bool:
    """Fills work.lake.rebuilt_records, after the models are built; whether there is any.

    Where it cannot be done the rows of a record count for all that changed of it, and the run's journal says why.
    """
    folder = run.building_dir / "counterfactual"
    keys = folder / "keys.parquet"
    with run.databases.connect() as connection:
        touched = _touched(connection)
        if touched is None:
            return False
        folder.mkdir()
        connection.execute(f"copy ({touched}) to {sql.text(keys)} (format parquet)")
        (said,) = connection.execute("select configured from work.lake.published_night").fetchone() or (None,)
    try:
        rebuilt = _rebuilt(run, _configuration_then(run, said), folder, keys)
        with run.databases.connect() as connection:
            connection.execute(f"insert into work.lake.rebuilt_records by name from read_parquet({sql.text(rebuilt)})")
    except (_CannotTellError, DealtrailError, duckdb.Error) as error:
        run.journal.warn(
            "the configuration changed, and records with new rows could not be computed again with the one before, "
            f"so that their rows count for all that changed of them: {error}"
        )
        return False
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return True


def _touched(connection: duckdb.DuckDBPyConnection) -> str | None:
    """SQL of the records that are counted otherwise by rows and perhaps by configuration; None: there are none."""
    records = "work.intermediate.int_restated_records"
    (of_rows,) = connection.execute(
        f"select count(*) from {records} where is_configured_anew and {_TOUCHED} and not is_first_win_alone"
    ).fetchone() or (0,)
    if not of_rows:
        return None
    return f"select distinct entity, record_key, source from {records} where {_TOUCHED}"


def _configuration_then(run: NightlyRun, said: str | None) -> Configuration:
    now = run.settings.config
    if said is None:
        raise _CannotTellError("the version that published last did not keep it")
    try:
        then = configured_from_json(said)
    except ValidationError as error:
        raise _CannotTellError(f"this version does not read it ({counted(error.error_count(), 'mistake')})") from None
    feeds = {(source.name, name): feed for source in now.sources for name, feed in source.feeds.items()}
    for source in then.sources:
        for name, feed in source.feeds.items():
            other = feeds.get((source.name, name), feed)
            if other.personal_data != feed.personal_data:
                raise _CannotTellError(f"{source.name}.{name} has other personal data, which is not read as before")
    return then.model_copy(update={"memory": now.memory})


def _rebuilt(run: NightlyRun, then: Configuration, folder: Path, keys: Path) -> Path:
    """What the metrics count of these records with that configuration, as Parquet with the columns REBUILT."""
    warehouse = folder / "warehouse"
    building = warehouse / "building"
    building.mkdir(parents=True)
    lake_dir = warehouse / "lake"
    shutil.copytree(run.lake_dir, lake_dir, copy_function=_linked)
    selected = select_deliveries(
        _read_as_then(run, then, lake_dir), then.sources, run.as_of, then.thresholds.min_volume_share
    )
    databases = Databases(building / run.build_path.name, then.memory)
    try:
        databases.open(sum(record.rows_loaded for record in selected))
        with databases.connect() as connection:
            prepare(connection, then, selected, lake_dir, run.as_of)
        built = build(
            replace(run.settings, config=then, warehouse_dir=warehouse, engine="duckdb"), _unheard, _UP_TO_RECORDS
        )
        if not built.succeeded:
            raise _CannotTellError("; ".join(f"{one.node_id.split('.')[-1]}: {one.message}" for one in built.unmade))
        target = folder / "records.parquet"
        columns = [name for name in REBUILT if name not in ("entity", "record_key", "source", "is_known", "is_merged")]
        with databases.connect() as connection:
            connection.execute(
                f"copy (select keys.entity, keys.record_key, keys.source, "
                f"{', '.join(f'records.{name}' for name in columns)}, records.record_key is not null as is_known, "
                "deals.merged_into_deal_key is not null as is_merged "
                f"from read_parquet({sql.text(keys)}) as keys "
                "left join work.intermediate.int_metric_records as records "
                "on keys.entity = records.entity and keys.record_key = records.record_key "
                "left join marts.fct_deals as deals "
                "on keys.entity = 'deals' and keys.record_key = deals.deal_key) "
                f"to {sql.text(target)} (format parquet)"
            )
        return target
    finally:
        databases.close()


def _read_as_then(run: NightlyRun, then: Configuration, lake_dir: Path) -> list[FileRecord]:
    """The lake's records, and those of tonight's files that were never read by the mappings of then: read so now."""
    records = [*run.known, *run.journal.taken_in]
    for source in then.sources:
        landed = None
        for name, feed in source.feeds.items():
            known = [record for record in records if (record.source, record.feed) == (source.name, name)]
            seen = {r.sha256 for r in run.journal.selected if (r.source, r.feed) == (source.name, name)}
            mapping = mapping_version(source, feed)
            if seen <= {record.sha256 for record in known if record.mapping == mapping}:
                continue
            landed = landed or look(source, run.settings.landing_dir, run.settle_seconds)
            added = ingest(source, name, [file for file in landed.files if file.feed == name], lake_dir, known)
            records += added
            if not seen <= {record.sha256 for record in [*known, *added] if record.mapping == mapping}:
                raise _CannotTellError(f"files of {source.name}.{name} are in landing no more, to be read as before")
    return records


def _linked(source: str, target: str) -> str:
    """Rows are never written again: a second name is enough, where the disk has such."""
    if source.endswith(".parquet"):
        try:
            os.link(source, target)
        except OSError:
            pass
        else:
            return target
    return shutil.copy2(source, target)


def _unheard(_: str) -> None:
    """What dbt says of it is no news of tonight."""
