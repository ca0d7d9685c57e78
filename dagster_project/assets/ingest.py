"""landing → lake: one asset per source and entity, and the lake as tables for dbt."""

# No `from __future__ import annotations` here: Dagster reads the annotations as types.
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from dagster_project.config.entities import ENTITIES
from dagster_project.config.feeds import Source
from dagster_project.config.fields import kinds_of
from dagster_project.config.models import Configuration
from dagster_project.draft.command import HISTORY
from dagster_project.errors import DealtrailError
from dagster_project.lake import inventory
from dagster_project.lake.erasure.tombstones import read_tombstones
from dagster_project.lake.manifest import FileRecord, of_deliveries
from dagster_project.lake.store import ingest, plain_text_left
from dagster_project.preflight.deals import no_deals
from dagster_project.quality.violation_history import keep_record
from dagster_project.read.folders import loose_files
from dagster_project.read.landing import LandedFile, folders_without_source, takable
from dagster_project.read.table_snapshots import forget_spooled
from dagster_project.run.context import NightlyRun
from dagster_project.run.versions import current_version
from dagster_project.transform.config_tables import CONFIG_TABLES
from dagster_project.transform.lake_views import LAKE_TABLES
from dagster_project.transform.publications import keep_publication
from dagster_project.transform.warehouse import prepare
from dagster_project.wording import counted

Run = dg.ResourceParam[NightlyRun]
_SHOWN = 20
#: What the log says of each delivered file.
_LOGGED = ("source", "feed", "entity", "file", "state", "rows_in_file", "rows_loaded", "rows_rejected")


def ingest_assets(config: Configuration) -> list[dg.AssetsDefinition]:
    """An asset for each source and entity of the configuration."""
    return [
        _ingest_asset(source, entity)
        for source in config.sources
        for entity in sorted({feed.entity for feed in source.feeds.values()})
    ]


def _ingest_asset(source: Source, entity: str) -> dg.AssetsDefinition:
    feeds = [name for name, feed in source.feeds.items() if feed.entity == entity]

    @dg.asset(
        name=entity,
        key_prefix=["landing", source.name],
        group_name="landing",
        kinds={"csv", "parquet"},
        owners=["team:data"],
        description=f"Deliveries of {entity} in landing/{source.name}/ ({', '.join(feeds)}), taken into the lake once.",
        metadata={"dagster/column_schema": _canonical_columns(source, entity)},
    )
    def load(context: dg.AssetExecutionContext, run: Run) -> dg.MaterializeResult:
        with run.journal.step("ingest", source=source.name, entity=entity):
            landing = run.landing(source.name)
            has_forgotten = bool(source.reads_tables and read_tombstones(run.lake_dir).entities(source.name))
            added: list[FileRecord] = []
            for feed in feeds:
                files = [file for file in landing.files if file.feed == feed]
                known = [r for r in run.known if (r.source, r.feed) == (source.name, feed)]
                added += ingest(source, feed, files, run.lake_dir, known)
                forget_spooled(source.feeds[feed], files, has_forgotten)
                for warning in _plain_text_warnings(plain_text_left(source, feed, known, run.lake_dir)):
                    run.journal.warn(warning, source=source.name, feed=feed)
            run.journal.take_in(added)
            for record in added:
                run.journal.tell(
                    "delivery",
                    "info" if record.state == "loaded" else "warning",
                    **{fact: getattr(record, fact) for fact in _LOGGED},
                    message=record.message or None,
                )
                for warning in _warnings(record):
                    run.journal.warn(warning, source=record.source, feed=record.feed, file=record.file)
                context.log.info(f"{record.file}: {record.state}, {record.rows_loaded} rows. {record.message}")
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": sum(record.rows_loaded for record in added),
                "new_files": len(added),
                "rows_rejected": sum(record.rows_rejected for record in added),
                "refused": [f"{r.file}: {r.message}" for r in added if r.state == "refused"][:_SHOWN],
                "unmapped_headings": sorted({heading for r in added for heading in r.unmapped}),
            }
        )

    return load


def _canonical_columns(source: Source, entity: str) -> dg.TableSchema:
    """The columns that the mappings give the lake; still text there, and read as what stands here."""
    feeds = [feed for feed in source.feeds.values() if feed.entity == entity]
    named = {column: headings for feed in feeds for column, headings in feed.mapped.items()}
    named |= {
        ENTITIES[entity].key: [*named.get(ENTITIES[entity].key, []), *(feed.derive for feed in feeds if feed.derive)]
    }
    return dg.TableSchema(
        [
            dg.TableColumn(column, kind, "from " + " or ".join(_heading(heading) for heading in named[column]))
            for column, kind in kinds_of(entity, source.fields_of(entity)).items()
            if column in named
        ]
    )


def _heading(heading: str | list[str]) -> str:
    return heading if isinstance(heading, str) else " + ".join(heading)


def _plain_text_warnings(paths: list[Path]) -> list[str]:
    if not paths:
        return []
    names = ", ".join(str(path) for path in paths[:_SHOWN])
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return [
        f"personal data that is to be hashed or dropped still stands as delivered in {names}{more}, read before "
        "it was configured. Where landing still has their deliveries, delete them with their .json files and run "
        "`dealtrail check-lake --set-aside`"
    ]


def _warnings(record: FileRecord) -> list[str]:
    said = []
    where = f"{record.source}/{record.file}"
    if record.extract_time_from == "modification time":
        said.append(
            f"{where}: no extract time in configuration, file name or folder; took its modification time "
            f"{record.extracted_at}. Put all files of one export into one dated folder, or each is a delivery"
        )
    if record.state == "loaded" and record.message:
        said.append(f"{where}: {record.message}")
    if record.rows_rejected:
        said.append(f"{where}: {counted(record.rows_rejected, 'row')} rejected, see quality.quarantined_rows")
    if record.unmapped:
        said.append(f"{where}: headings that map to nothing: {', '.join(record.unmapped)}")
    if record.outranked:
        said.append(f"{where}: headings not used, better ones are there: {', '.join(record.outranked)}")
    return said


def open_lake(config: Configuration) -> dg.AssetsDefinition:
    """The lake of this run as tables: deliveries up to its as-of moment, judged, in a fresh work database."""
    deps: dict[str, list[dg.AssetKey]] = {entity: [] for entity in ENTITIES}
    for source in config.sources:
        for feed in source.feeds.values():
            key = dg.AssetKey(["landing", source.name, feed.entity])
            if key not in deps[feed.entity]:
                deps[feed.entity].append(key)

    everything = [key for keys in deps.values() for key in keys]
    of_nights = [name for name in LAKE_TABLES if name.startswith(("recorded_", "published_", "rebuilt_"))]
    deps |= {name: [] for name in of_nights}
    specs = [
        *(
            _work_table("lake", name, deps.get(name, everything), description)
            for name, description in LAKE_TABLES.items()
        ),
        *(_work_table("config", name, [], description) for name, description in CONFIG_TABLES.items()),
    ]

    @dg.multi_asset(name="open_lake", specs=specs)
    def open_lake_tables(run: Run) -> Iterator[dg.MaterializeResult]:
        with run.journal.step("open lake"):
            for warning in _left_lying(run):
                run.journal.warn(warning)
            _keep_last_record(run)
            selected = run.select()
            inventory.verify(run.lake_dir, of_deliveries(selected, run.lake_dir))
            run.databases.open(sum(record.rows_loaded for record in selected))
            for record in selected:
                if record.state != "loaded":
                    text = f"{record.source}/{record.file}: {record.state}: {record.message}"
                    run.journal.warn(text, source=record.source, feed=record.feed, file=record.file)
            with run.databases.connect() as connection:
                prepare(connection, run.settings.config, selected, run.lake_dir, run.as_of)
                _demand_deals(run, connection)
                metadata = _table_metadata(connection)
        for spec in specs:
            schema, table = spec.key.path
            if schema == "lake" and table in ENTITIES:
                loaded = [r for r in selected if r.entity == table and r.state == "loaded"]
                counts = {"dagster/row_count": sum(r.rows_loaded for r in loaded), "files": len(loaded)}
                metadata[schema, table].update(counts)
            yield dg.MaterializeResult(asset_key=spec.key, metadata=metadata[schema, table])

    return open_lake_tables


def _keep_last_record(run: NightlyRun) -> None:
    """Takes into the lake what the last publication found: a run may have been killed between its switch and that."""
    published = current_version(run.settings.warehouse_dir)
    if published is not None:
        keep_record(published, run.lake_dir)
        keep_publication(published, run.lake_dir)


def _demand_deals(run: NightlyRun, work: duckdb.DuckDBPyConnection) -> None:
    """Stops a night without a single usable deal before anything is built of it."""
    if any(record.rows_forgotten for record in run.journal.selected if record.entity in HISTORY):
        return  # what `dealtrail forget` leaves is published, were it nothing
    for entity in HISTORY:
        (deals,) = work.execute(f"select count(deal_id) from lake.{entity}").fetchone() or (0,)
        if deals:
            return
    run.journal.end("blocked")
    raise DealtrailError(no_deals(_why_no_deals(run)))


def _why_no_deals(run: NightlyRun) -> list[str]:
    """What became of every delivery of deals, or that there is none."""
    said = []
    for source in run.settings.config.sources:
        feeds = {name: feed for name, feed in source.feeds.items() if feed.entity in HISTORY}
        records = [record for record in run.journal.selected if record.source == source.name and record.feed in feeds]
        for record in records:
            why = record.message if record.state != "loaded" else "no row of it has an id"
            said.append(f"{record.source}/{record.file}: {record.state}: {why}")
        if not records:
            of_files = {name: feed.files for name, feed in feeds.items() if feed.files}
            patterns = "; ".join(f"{name} {', '.join(files)}" for name, files in of_files.items())
            tables = ", ".join(feed.table.name for feed in feeds.values() if feed.table is not None)
            wanted = " and ".join(
                [f"no file matches {patterns}"] * bool(patterns) + [f"no table {tables} was read"] * bool(tables)
            )
            wanted = wanted if feeds else "no feed of deals is configured"
            others = ", ".join(run.landing(source.name).not_taken[:_SHOWN])
            said.append(f"{source.name}/: {wanted}" + (f"; no feed takes {others}" if others else ""))
    return said


def _table_metadata(work: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], dict[str, Any]]:
    """Columns of every table of the lake and the configuration; rows too, but of entities, whose files say them."""
    columns: dict[tuple[str, str], list[dg.TableColumn]] = {}
    for schema, table, column, kind in work.execute(
        "select schema_name, table_name, column_name, lower(data_type) from duckdb_columns() "
        "where schema_name in ('lake', 'config') order by all"
    ).fetchall():
        columns.setdefault((schema, table), []).append(dg.TableColumn(column, kind))
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for (schema, table), listed in columns.items():
        found[schema, table] = {"dagster/column_schema": dg.TableSchema(listed)}
        if table not in ENTITIES or schema == "config":
            (rows,) = work.execute(f"select count(*) from {schema}.{table}").fetchone() or (0,)
            found[schema, table]["dagster/row_count"] = rows
    return found


def _work_table(schema: str, name: str, deps: list[dg.AssetKey], description: str) -> dg.AssetSpec:
    """A table of the work database, under the key by which the dbt project reads it as a source."""
    return dg.AssetSpec(
        [schema, name],
        deps=deps,
        group_name="lake" if schema == "lake" else "configuration",
        kinds={"duckdb", "parquet"} if schema == "lake" else {"duckdb", "yaml"},
        owners=["team:data"],
        description=description,
    )


def _left_lying(run: NightlyRun) -> list[str]:
    """Folders and files of the landing zone that nothing takes, each named once."""
    config = run.settings.config
    said = [
        f"{folder}/: no source of this name; its files are not read"
        for folder in folders_without_source(config.sources, run.settings.landing_dir)
    ]
    said += [
        f"{file}: lies beside the folders of the sources, so it is not read; move it into one"
        for file in loose_files(run.settings.landing_dir)
    ]
    for source in config.sources:
        landing = run.landing(source.name)
        said += [f"{source.name}/{one}" if not one.startswith(f"{source.name}/") else one for one in landing.said]
        said += _dated_later(source.name, landing.files, run.as_of)
        not_taken = landing.not_taken
        if not_taken:
            more = f" and {len(not_taken) - _SHOWN} more" if len(not_taken) > _SHOWN else ""
            tried = "; ".join(dict.fromkeys(pattern for feed in source.feeds.values() for pattern in feed.files))
            said.append(
                f"{source.name}/: no feed takes {', '.join(not_taken[:_SHOWN])}{more}"
                + ("" if source.vendor else f"; patterns tried: {tried}")
            )
            said += [f"{source.name}/: {hint}" for hint in takable(source, not_taken)]
    return said


def _dated_later(source: str, files: list[LandedFile], as_of: datetime) -> list[str]:
    """A word on files that say they were exported after this run's moment: nothing of them is seen until then."""
    later = [f"{file.name} ({file.extracted_at:%Y-%m-%d %H:%M} UTC)" for file in files if file.extracted_at > as_of]
    if not later:
        return []
    more = f" and {len(later) - _SHOWN} more" if len(later) > _SHOWN else ""
    return [
        f"{source}/: dated later than this run's moment {as_of:%Y-%m-%d %H:%M} UTC, so not seen by it: "
        f"{', '.join(later[:_SHOWN])}{more}. If a date is wrong, rename the file"
    ]
