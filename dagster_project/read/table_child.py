"""Copies the tables of one connection to Parquet files, in a process of its own: DuckDB aborts its process where a
server goes away during a transaction.

Run by its path (it imports nothing of the project, to start quickly). It reads one request as JSON from standard input:

    {"kind": "postgres" | "duckdb" | "folder", "place": path, "extension": path, "tables": [table, …]}

A Postgres's address comes in the environment, as DEALTRAIL_CONNECTION. Of a table there are:

    schema (or null), table, if_columns
    each        a column of lists whose items are the rows, or null
    synced_at   columns that say of when it is
    headings    those that a mapping knows; `ids` are those of them that may be lists
    links       heading → schema, table, column, ours, theirs
    limit       rows, or null
    target      the file to write

With `"tables": null` it answers with every table there is instead, as objects of schema, table and columns. All tables
are read in one transaction: what the first one says and what the last one says is of one moment. It answers
with a JSON list, an object a table:

    {"state": "copied", "rows": n, "digest": hex, "synced_at": ISO 8601 | null}
    {"state": "missing" | "lacks" | "failed", "message": what, of "lacks" the columns}

or with {"failed": why} where the connection could not be opened. Of the digest neither the order of the rows nor what
connectors write for their own books is a part.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import duckdb

#: Columns of connectors that say when and how a row was brought, and nothing of the record.
_BOOKS = re.compile(r"_fivetran_(synced|batch|id|index)|_airbyte_.*|_dlt_(id|load_id|parent_id|list_idx|root_id)")
#: Types that Parquet has, or that are read back as what they are.
_KEPT = re.compile(
    r"(BOOLEAN|U?(TINY|SMALL|BIG)?INT(EGER)?|DOUBLE|FLOAT|VARCHAR|DATE|TIME|TIMESTAMP|TIMESTAMP WITH TIME ZONE|"
    r"DECIMAL\(.*\)|UUID|(VARCHAR|BIGINT|INTEGER)\[\])"
)
_ADDRESS = "DEALTRAIL_CONNECTION"


class _MissingError(Exception):
    """The table is not there."""


class _LacksError(Exception):
    """The table has not all the columns it is to be read by."""


def main() -> None:
    """Answers one request."""
    request = json.load(sys.stdin)
    try:
        connection = _opened(request)
    except (duckdb.Error, OSError, ValueError) as error:
        _answer({"failed": _without_address(error)})
    _answer(_listed(connection) if request["tables"] is None else _copied(connection, request))


def _answer(said: Any) -> None:
    print(json.dumps(said), flush=True)
    # not by closing DuckDB, which aborts where the server has gone
    os._exit(0)


def _opened(request: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    config: dict[str, Any] = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    connection = duckdb.connect(config=config)
    connection.execute("set timezone = 'UTC'")
    connection.execute(f"set temp_directory = {_text(request['scratch'])}")
    if request["kind"] == "postgres":
        connection.execute(f"load {_text(request['extension'])}")
        connection.execute(f"attach {_text(os.environ[_ADDRESS])} as there (type postgres, read_only)")
    elif request["kind"] == "duckdb":
        if not Path(request["place"]).is_file():
            raise FileNotFoundError(f"there is no file {request['place']}")
        connection.execute(f"attach {_text(request['place'])} as there (read_only)")
    elif not Path(request["place"]).is_dir():
        raise FileNotFoundError(f"there is no folder {request['place']}")
    if request["kind"] == "postgres":
        connection.execute("select 1 from there.pg_catalog.pg_class limit 1")
    return connection


def _listed(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Every table and view of a database, but its own and those of connectors' books."""
    try:
        rows = connection.execute(
            """
            select schema_name, table_name, list(column_name order by column_index)
            from duckdb_columns()
            where database_name = 'there' and schema_name not in ('information_schema', 'pg_catalog')
                and not starts_with(table_name, '_') and not starts_with(schema_name, 'pg_')
            group by schema_name, table_name
            order by schema_name, table_name
            """
        ).fetchall()
    except duckdb.Error as error:
        _answer({"failed": _without_address(error)})
    return [{"schema": schema, "table": table, "columns": columns} for schema, table, columns in rows]


def _copied(connection: duckdb.DuckDBPyConnection, request: dict[str, Any]) -> list[dict[str, Any]]:
    """What became of each table. One that cannot be read ends the transaction: the others are read anew without it."""
    answers: dict[int, dict[str, Any]] = {}
    # a table that may not be read shows at its first row, before anything is copied
    for number, table in enumerate(request["tables"]):
        answers |= _tried(number, lambda table=table: _probe(connection, request, table))
    while True:
        connection.execute("begin")
        failed: dict[int, dict[str, Any]] = {}
        for number, table in enumerate(request["tables"]):
            if number not in answers and not failed:
                failed |= _tried(number, lambda table=table: _copy(connection, request, table))
                if failed.get(number, {}).get("state") == "copied":
                    table["answer"] = failed.pop(number)
        connection.execute("rollback")
        answers |= failed
        if not failed:
            return [answers.get(at, table.get("answer", {})) for at, table in enumerate(request["tables"])]


def _tried(number: int, step: Any) -> dict[int, dict[str, Any]]:
    try:
        said = step()
    except _MissingError:
        said = {"state": "missing"}
    except _LacksError as error:
        said = {"state": "lacks", "message": str(error)}
    except (duckdb.Error, OSError) as error:
        said = {"state": "failed", "message": _without_address(error)}
    return {} if said is None else {number: said}


def _probe(connection: duckdb.DuckDBPyConnection, request: dict[str, Any], table: dict[str, Any]) -> None:
    place = _scan(connection, request, table["schema"], table["table"])
    columns = connection.sql(f"from {place}").columns
    lacking = [column for column in table["if_columns"] if column.lower() not in map(str.lower, columns)]
    if lacking:
        raise _LacksError(", ".join(lacking))
    connection.execute(f"from {place} limit 1").fetchone()


def _scan(connection: duckdb.DuckDBPyConnection, request: dict[str, Any], schema: str | None, table: str) -> str:
    """SQL that reads a table."""
    if request["kind"] == "folder":
        return _parquet(Path(request["place"]), schema, table)
    name = ".".join(map(_identifier, ["there", *([schema] if schema else []), table]))
    try:
        _ = connection.sql(f"from {name}").columns
    except duckdb.CatalogException:
        raise _MissingError from None
    return name


def _parquet(folder: Path, schema: str | None, table: str) -> str:
    for part in (schema, table):
        if part is not None and (Path(part).name != part or part == ".."):
            raise OSError(f"'{part}' is no name of a file or folder")
    folder = folder / schema if schema else folder
    one, parts = folder / f"{table}.parquet", folder / table
    if one.is_file():
        files = [one]
    elif (parts / "_delta_log").exists() or (parts / "metadata").is_dir():
        raise OSError(f"{parts.name}/ is a Delta or Iceberg table, whose files also hold what was deleted from it")
    else:
        files = sorted(path for path in parts.rglob("*.parquet") if path.is_file())
    if not files:
        raise _MissingError
    listed = ", ".join(_text(str(path)) for path in files)
    return f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false, binary_as_string = true)"


def _copy(connection: duckdb.DuckDBPyConnection, request: dict[str, Any], table: dict[str, Any]) -> dict[str, Any]:
    place = _scan(connection, request, table["schema"], table["table"])
    if table["each"]:
        place = _items(place, _spelled(table["each"], connection.sql(f"from {place}").columns))
    relation = connection.sql(f"from {place}")
    kinds = {name: str(kind) for name, kind in zip(relation.columns, relation.types, strict=True)}
    known = {heading.lower() for heading in table["headings"]}
    written = {
        name: f"t.{_identifier(name)}" if _KEPT.fullmatch(kind) else f"cast(t.{_identifier(name)} as varchar)"
        for name, kind in kinds.items()
        if name.lower() in known or not _BOOKS.fullmatch(name.lower())
    }
    ids = {heading.lower() for heading in table["ids"]}
    written |= {
        name: _joined(f"t.{_identifier(name)}") for name in written if name.lower() in ids and kinds[name] == "VARCHAR"
    }
    written |= _within(connection, place, table["headings"], kinds)
    joins = []
    for number, (heading, link) in enumerate(table["links"].items()):
        joined = _linked(connection, request, link, kinds)
        if joined is not None:
            ours = f"cast(t.{_identifier(_spelled(link['ours'], list(kinds)))} as varchar)"
            joins.append(f"left join ({joined}) as l{number} on l{number}.key = {ours}")
            written[heading] = f"l{number}.found"
    selected = ", ".join(f"{value} as {_identifier(name)}" for name, value in written.items())
    limit = f"limit {int(table['limit'])}" if table["limit"] else ""
    copied = connection.execute(
        f"copy (select {selected} from {place} as t {' '.join(joins)} {limit}) to {_text(table['target'])} "
        "(format parquet, compression zstd)"
    ).fetchone()
    return {
        "state": "copied",
        "rows": copied[0] if copied else 0,
        "digest": _digest(table["target"]),
        "synced_at": _synced_at(connection, place, table["synced_at"], kinds),
    }


def _items(place: str, column: str) -> str:
    """SQL for a row for each item of a column of lists, of JSON texts or DuckDB's own."""
    name = _identifier(column)
    as_json = f"cast(case typeof({name}) when 'VARCHAR' then {name} else to_json({name}) end as varchar)"
    items = f"unnest(from_json({as_json}, '[\"JSON\"]'))"
    return f"(select * exclude ({name}), cast({items} as varchar) as {name} from {place})"


def _within(
    connection: duckdb.DuckDBPyConnection, place: str, headings: list[str], kinds: dict[str, str]
) -> dict[str, str]:
    """Headings such as `user_id.name` of a column of JSON texts or structs: what its objects hold under that name."""
    columns = {name.lower(): name for name in kinds}
    parts: dict[str, dict[str, list[str]]] = {}
    for heading in headings:
        outer, *inner = heading.split(".")
        if inner and outer.lower() in columns and heading.lower() not in columns:
            parts.setdefault(columns[outer.lower()], {})[heading] = inner
    found = {}
    for name, wanted in parts.items():
        of = f"t.{_identifier(name)}"
        value = of if kinds[name] == "VARCHAR" else f"cast(to_json({of}) as varchar)"
        is_object = f"case when json_valid({value}) then json_type({value}) = 'OBJECT' end"
        keys = connection.execute(
            f"select distinct unnest(json_keys({value})) from {place} as t where {is_object}"
        ).fetchall()
        spelled = {str(key).lower(): str(key) for (key,) in keys}
        for heading, inner in wanted.items():
            key = spelled.get(inner[0].lower())
            if key is not None:
                path = _text("$" + "".join(f'."{part}"' for part in (key, *inner[1:])))
                found[heading] = f"case when {is_object} then json_extract_string({value}, {path}) end"
    return found


def _joined(value: str) -> str:
    """SQL for ids in a JSON list, which databases without lists hold as text, joined as a cell of several ids is."""
    is_list = f"starts_with({value}, '[') and json_valid({value})"
    return f"case when {is_list} then array_to_string(from_json({value}, '[\"VARCHAR\"]'), ';') else {value} end"


def _linked(
    connection: duckdb.DuckDBPyConnection, request: dict[str, Any], link: dict[str, Any], kinds: dict[str, str]
) -> str | None:
    """SQL for what a linked table says of each key; None where it is not there, or has no such columns."""
    try:
        place = _scan(connection, request, link["schema"], link["table"])
    except _MissingError:
        return None
    columns = connection.sql(f"from {place}").columns
    theirs, column = _spelled(link["theirs"], columns), _spelled(link["column"], columns)
    if theirs not in columns or column not in columns or _spelled(link["ours"], list(kinds)) not in kinds:
        return None
    deleted = _spelled("_fivetran_deleted", columns)
    condition = f"and not coalesce(try_cast({_identifier(deleted)} as boolean), false)" if deleted in columns else ""
    value = f"cast({_identifier(column)} as varchar)"
    return (
        f"select cast({_identifier(theirs)} as varchar) as key, "
        f"string_agg(distinct {value}, ';' order by {value}) as found "
        f"from {place} where {_identifier(column)} is not null {condition} group by 1"
    )


def _spelled(name: str, columns: list[str]) -> str:
    return next((column for column in columns if column.lower() == name.lower()), name)


def _digest(path: str) -> str:
    """What a table says, whatever the order of its rows: columns, number of rows, and the sum of the rows' hashes."""
    with duckdb.connect() as connection:
        scan = f"read_parquet({_text(path)})"
        columns = sorted(connection.sql(f"from {scan}").columns)
        counted = [column for column in columns if not _BOOKS.fullmatch(column.lower())]
        row = ", ".join(f"cast({_identifier(column)} as varchar)" for column in counted) or "''"
        said = connection.execute(
            f"""
            select count(*), sum(md5_number_lower(said)::hugeint), sum(md5_number_upper(said)::hugeint)
            from (select cast(to_json([{row}]) as varchar) as said from {scan})
            """
        ).fetchone()
        (digest,) = connection.execute("select md5(?)", [json.dumps([counted, *map(str, said or ())])]).fetchone() or (
            "",
        )
        return str(digest)


def _synced_at(
    connection: duckdb.DuckDBPyConnection, place: str, wanted: list[str], kinds: dict[str, str]
) -> str | None:
    """The latest time of the first of these columns that is there, in UTC; dlt writes seconds since 1970 as text."""
    name = next((_spelled(name, list(kinds)) for name in wanted if _spelled(name, list(kinds)) in kinds), None)
    if name is None:
        return None
    column = _identifier(name)
    if kinds[name] == "TIMESTAMP WITH TIME ZONE":
        moment = f"make_timestamp(epoch_us({column}))"
    elif kinds[name].startswith(("TIMESTAMP", "DATE")):
        moment = f"cast({column} as timestamp)"
    else:
        as_text = f"cast({column} as varchar)"
        moment = (
            f"coalesce(make_timestamp(cast(try_cast({as_text} as double) * 1000000 as bigint)), "
            f"make_timestamp(epoch_us(try_cast({as_text} as timestamptz))))"
        )
    (latest,) = connection.execute(f"select max({moment}) from {place}").fetchone() or (None,)
    return None if latest is None else f"{latest.isoformat(timespec='seconds')}+00:00"


def _without_address(error: Exception) -> str:
    """An error in a sentence or two, without the address that DuckDB quotes."""
    said = str(error)
    address = os.environ.get(_ADDRESS)
    if address:
        said = said.replace(address, "the address")
    said = re.split(r'(?:ERROR|FATAL): +|Unable to connect to Postgres at "[^"]*": |Error: ', said)[-1]
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    shown = [
        line for line in lines if not line.startswith(("HINT:", "CONTEXT:", "LINE ", "^", "Is the server running"))
    ]
    return "; ".join(shown)[:500].rstrip(".")


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str | Path) -> str:
    return "'" + str(value).replace("'", "''") + "'"


if __name__ == "__main__":
    main()
