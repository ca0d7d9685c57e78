"""The lake rows that tell of a record: each with its file, its number there, what became of it, and its texts.

Of many records with the same queries as of one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from dagster_project import sql
from dagster_project.config.entities import ENTITIES, HISTORY_ENTITIES
from dagster_project.config.feeds import Source
from dagster_project.config.models import Configuration
from dagster_project.lake.deliveries import select_deliveries
from dagster_project.lake.manifest import FileRecord, read_records
from dagster_project.publish.origins.proofs import Proof, mapped_words, proofs
from dagster_project.read.tables import record_number
from dagster_project.transform.lake_views import entity_rows, readings_of, search_path

#: Between the errors of one row in `_unreadable` (read/selection.py).
UNREADABLE_JOINT = "\x1f"
#: What makes two rows of a history the same event (dbt: staging/rows).
_SAME_EVENT = {
    "deal_changes": ("deal_id", "field", "changed_at", "new_value"),
    "deal_versions": ("deal_id", "version_id", "version_at", "stage", "amount", "expected_close_on"),
}

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Row:
    """A row that tells of a record: where it stands, and what it says as it was written.

    `state`: current, superseded (a newer row or full extract replaced it) or quarantined. `again`: how many newer rows
    in a row, up to the next listed one, say the same.
    """

    entity: str
    file: str
    row_number: int
    extracted_at: datetime
    state: str
    says: dict[str, str]
    #: Column → how its text is read, and by what that is known: of dates and numbers, and what the mapping changed.
    read_as: dict[str, str]
    again: int = 0
    #: Columns of text whose cell is an error of a workbook, which says nothing → the error.
    unreadable: dict[str, str] = field(default_factory=dict)


def telling(entity: str) -> tuple[str, ...]:
    """The entities whose rows tell of a record of this one: of a deal its histories too."""
    return (entity, *HISTORY_ENTITIES) if entity == "deals" else (entity,)


def rows_of(
    connection: duckdb.DuckDBPyConnection,
    config: Configuration,
    lake_dir: Path,
    entity: str,
    keys: Mapping[tuple[str, str], str],
    as_of: datetime,
) -> defaultdict[str, list[Row]]:
    """Record → every row of the lake that tells of it, oldest first, as of a moment.

    `keys`: (source, id) → the record's key. The connection has the published tables, whose quarantine is asked.
    """
    sources = {source for source, _ in keys}
    selected = [
        record
        for record in select_deliveries(
            read_records(lake_dir), config.sources, as_of, config.thresholds.min_volume_share
        )
        if record.state == "loaded" and record.source in sources and record.entity in telling(entity)
    ]
    quarantined = {
        tuple(row.values())
        for row in dicts(
            connection,
            "select entity, file, extracted_at, row_number from quality.quarantined_rows "
            "where record_id in (select unnest($ids))",
            {"ids": [record_id for _, record_id in keys]},
        )
    }
    newest_full = _newest_full(config.sources, selected)
    named = {source.name: source for source in config.sources}
    found: defaultdict[str, list[Row]] = defaultdict(list)
    with duckdb.connect() as lake:
        lake.execute("set file_search_path = ?", [search_path(lake_dir)])
        number_of = _numbering(lake, lake_dir)
        for told_by in telling(entity):
            of_entity = [record for record in selected if record.entity == told_by]
            if not of_entity:
                continue
            by_id = {
                (record.feed, record.file_id): (record, proofs(record, named[record.source])) for record in of_entity
            }
            for row in _lake_rows(lake, told_by, config, of_entity, lake_dir, keys):
                record, proved = by_id[row["_feed"], row["_file_id"]]
                number = number_of(record, row["_file_row_number"])
                says = {name: value for name, value in row.items() if not name.startswith("_") and value is not None}
                errors = (row["_unreadable"] or "").split(UNREADABLE_JOINT)
                is_old = row["_extracted_at"] < newest_full.get((record.source, record.feed), row["_extracted_at"])
                is_quarantined = (told_by, record.file, row["_extracted_at"], number) in quarantined
                found[keys[row["_source"], row[ENTITIES[told_by].key]]].append(
                    Row(
                        told_by,
                        record.file,
                        number,
                        row["_extracted_at"],
                        "superseded" if is_old else "quarantined" if is_quarantined else "current",
                        says,
                        _both(_read_as(told_by, says, proved), mapped_words(record, named[record.source], says)),
                        row["_again"],
                        {name: error for name, has, error in (one.partition("=") for one in errors) if has},
                    )
                )
    return defaultdict(list, {key: _settled(entity, rows) for key, rows in found.items()})


def _lake_rows(
    lake: duckdb.DuckDBPyConnection,
    entity: str,
    config: Configuration,
    records: list[FileRecord],
    lake_dir: Path,
    keys: Iterable[tuple[str, str]],
) -> Rows:
    """The rows of these records, oldest first, without those that only say again what the row before them said.

    The newest row of each stays; `_again` is how many were left out behind a row.
    """
    relation = entity_rows(
        lake,
        entity,
        config.fields.get(entity, {}),
        [(record, readings_of(record, config)) for record in records],
        lake_dir,
    )
    columns = [row[0] for row in lake.execute(f"describe {relation}").fetchall()]
    said = ", ".join(column for column in columns if not column.startswith("_"))
    key = ENTITIES[entity].key
    ids = ", ".join(sql.text(record_id) for _, record_id in keys)
    pairs = ", ".join(f"({sql.text(source)}, {sql.text(record_id)})" for source, record_id in keys)
    order = "_extracted_at, _file_id, _file_row_number"
    # of a history each row is another event
    is_event = ENTITIES[entity].rows == "events"
    is_news = "true" if is_event else "hash(_said) is distinct from lag(hash(_said)) over of_record"
    return dicts(
        lake,
        f"""
        with told as (
            select *, row({said}) as _said from ({relation})
            where {key} in ({ids}) and (_source, {key}) in ({pairs})
        ),

        numbered as (
            select
                * exclude (_said),
                row_number() over of_record as _place,
                count(*) over (partition by _source, {key}) as _rows,
                {is_news} as _is_news
            from told
            window of_record as (partition by _source, {key} order by {order})
        )

        select
            * exclude (_place, _rows, _is_news),
            coalesce(lead(_place) over listed, _rows + 1) - _place - 1 as _again
        from numbered
        where _is_news or _place = _rows
        window listed as (partition by _source, {key} order by _place)
        order by _source, {key}, _place
        """,
        {},
    )


def _newest_full(sources: list[Source], records: list[FileRecord]) -> dict[tuple[str, str], datetime]:
    """Source and feed of events that are delivered in full → its newest delivery: what is older is replaced by it."""
    feeds = {
        (source.name, name): feed.deliveries or source.deliveries
        for source in sources
        for name, feed in source.feeds.items()
    }
    found: dict[tuple[str, str], datetime] = {}
    for record in records:
        place = (record.source, record.feed)
        if ENTITIES[record.entity].rows == "events" and feeds[place] == "full":
            moment = datetime.fromisoformat(record.extracted_at).replace(tzinfo=None)
            found[place] = max(moment, found.get(place, moment))
    return found


def _settled(entity: str, rows: list[Row]) -> list[Row]:
    """The rows of one record: of usable ones that are a record the newest is current, of equal events the earliest."""
    usable = [row for row in rows if row.entity == entity and row.state == "current"]
    seen: dict[tuple[Any, ...], datetime] = {}
    settled = []
    for row in rows:
        state = row.state
        if state == "current" and ENTITIES[row.entity].rows == "records":
            state = "current" if row is usable[-1] else "superseded"
        elif state == "current":
            same = _SAME_EVENT.get(row.entity)
            event = (row.entity, *(map(row.says.get, same) if same else sorted(row.says.items())))
            # lines of one delivery that are equal, such as two of the same sum, are two
            is_again = event in seen and (same is not None or seen[event] < row.extracted_at)
            state = "superseded" if is_again else "current"
            seen.setdefault(event, row.extracted_at)
        settled.append(replace(row, state=state))
    return settled


def _read_as(entity: str, says: dict[str, str], proved: dict[str, Proof]) -> dict[str, str]:
    """Of the columns that have a text. A logged value is read as what its field is."""
    found = {column: proof.of(says[column]) for column, proof in proved.items() if column in says}
    if entity == "deal_changes":
        of_field = {"amount": "changed_amounts", "created_at": "changed_dates", "expected_close_on": "changed_dates"}
        if (kind := of_field.get(says.get("field", ""))) in proved:
            found |= {name: proved[kind].of(says[name]) for name in ("old_value", "new_value") if name in says}
    return found


def _both(proved: dict[str, str], mapped: dict[str, str]) -> dict[str, str]:
    """What is said of a column's text by its proof and by its mapping."""
    return {name: "; ".join(said[name] for said in (mapped, proved) if name in said) for name in (mapped | proved)}


def _numbering(lake: duckdb.DuckDBPyConnection, lake_dir: Path) -> Callable[[FileRecord, int], int]:
    """The record's number in its file, heading 1: rows that the parser rejected before it count as well."""

    @cache
    def rejected(path: Path, file_id: str | None) -> list[int]:
        of_file = f"where _file_id = {sql.text(file_id)}" if file_id else ""
        query = f"select row_number from read_parquet({sql.text(path)}) {of_file} order by row_number"
        return [number for (number,) in lake.execute(query).fetchall()]

    def number_of(record: FileRecord, position: int) -> int:
        if not record.rows_rejected:
            return record_number(position + 1, ())
        path = record.path(lake_dir, "rejects.parquet")
        return record_number(position + 1, rejected(path, record.file_id if record.compacted else None))

    return number_of


def dicts(connection: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, Any] | None = None) -> Rows:
    """The rows of a query, each by column."""
    result = connection.execute(query, parameters or {})
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
