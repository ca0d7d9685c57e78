"""`dealtrail source draft` of a database: its tables as a connector writes them, else as their names and values say."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dagster_project.config.entities import ENTITIES
from dagster_project.config.feeds import Source
from dagster_project.config.presets import source_of_preset, table_presets
from dagster_project.config.tables import Connection
from dagster_project.draft.command import Database, Drafted, draft_source
from dagster_project.draft.write import DATABASE
from dagster_project.draft.yaml_text import Line, scalar
from dagster_project.errors import ConfigurationError
from dagster_project.read.table_snapshots import list_tables, read_tables
from dagster_project.wording import counted

#: Where a draft has the address from, if the command was given one.
_VARIABLE = "CRM_DATABASE_URL"
#: Rows of each table that are looked at.
_LOOKED_AT = 100_000
#: Columns of a connector's tables that have to be known before they are taken for them.
_LEAST_KNOWN = 6
_SHOWN = 12


def named_database(argument: Path) -> Connection | None:
    """The database that an argument of the command names: an address, a variable that holds one, or a DuckDB file.

    Raises ConfigurationError, which does not repeat it, for an address with a password.
    """
    # pathlib takes one of the two slashes
    address = re.fullmatch(r"(?P<scheme>postgres(?:ql)?):/+(?P<rest>.*)", str(argument))
    if address:
        user, at, _ = address["rest"].rpartition("@")
        if (at and ":" in user) or "password=" in address["rest"]:
            raise ConfigurationError(
                "the address has a password in it, which the shell's history keeps: put it into the environment, such "
                f"as {_VARIABLE}, and write `dealtrail source draft {_VARIABLE}`"
            )
        os.environ[_VARIABLE] = f"{address['scheme']}://{address['rest']}"
        return Connection(url_variable=_VARIABLE)
    if re.fullmatch("[A-Z_][A-Z0-9_]*", str(argument)) and not argument.exists() and os.environ.get(str(argument)):
        return Connection(url_variable=str(argument))
    return Connection(duckdb=argument) if argument.suffix == ".duckdb" and argument.is_file() else None


def draft_database(connection: Connection, name: str | None = None) -> Drafted:
    """Drafts a source from the tables of a database; of a connector's tables by its preset.

    Raises ConfigurationError for a database that cannot be read, or in which nothing says what it is.
    """
    tables = list_tables(connection, DATABASE, Path.cwd())
    if not tables:
        raise ConfigurationError("there are no tables that may be read in this database")
    schemas: dict[str, dict[str, list[str]]] = {}
    for one in tables:
        schemas.setdefault(one["schema"], {})[one["table"].lower()] = one["columns"]
    fits = {schema: fit for schema, found in schemas.items() if (fit := _preset(found))}
    if fits:
        return _of_connectors(connection, fits, schemas, name)
    return _by_words(connection, tables, name)


def _preset(tables: Mapping[str, list[str]]) -> str | None:
    """The preset whose tables these are, if one knows clearly more of their columns than the others."""
    known = sorted(((_known(preset, tables), preset) for preset in table_presets()), reverse=True)
    (most, preset), (next_most, _), *_ = known
    return preset if most >= _LEAST_KNOWN and most > next_most else None


def _known(preset: str, tables: Mapping[str, list[str]]) -> int:
    """How many of their columns a preset reads; 0 where it lacks a table or the columns that a connector adds."""
    source = Source.model_validate({**source_of_preset(preset), "name": "x", "connection": DATABASE})
    known = 0
    for feed in source.feeds.values():
        table = feed.table
        if table is None or table.if_columns:
            continue
        columns = {column.lower() for column in tables.get(table.place(None)[1].lower(), [])}
        headings = {
            part.lower().split(".")[0] if part.lower().split(".")[0] in columns else part.lower()
            for synonyms in feed.columns.values()
            for one in synonyms
            for part in (one if isinstance(one, list) else [one])
        }
        keys = {one.lower() for one in feed.columns[ENTITIES[feed.entity].key] if isinstance(one, str)}
        if not (keys & columns and {column.lower() for column in table.synced_at} & columns):
            if not table.optional:
                return 0
            continue
        known += len(headings & columns)
    return known


def _connection_lines(connection: Connection) -> list[Line]:
    if connection.url_variable:
        return [
            Line("connections:"),
            Line(f"  {DATABASE}: {{url_variable: {connection.url_variable}}}", "its address, in the environment only"),
        ]
    return [Line("connections:"), Line(f"  {DATABASE}: {{duckdb: {scalar(str(connection.duckdb))}}}")]


def _of_connectors(
    connection: Connection, fits: dict[str, str], schemas: dict[str, dict[str, list[str]]], name: str | None
) -> Drafted:
    lines = [
        Line("", "Drafted by `dealtrail source draft` from the tables of a connector (docs/connector-tables.md)."),
        Line("timezone: UTC", "TODO: the timezone of your reports, such as Europe/Berlin"),
        Line("currency: EUR", "TODO: of your reports"),
        *_connection_lines(connection),
        Line(""),
        Line("sources:"),
    ]
    said, left = [], []
    for number, (schema, preset) in enumerate(fits.items()):
        source = Source.model_validate({**source_of_preset(preset), "name": "x", "connection": DATABASE})
        read = sorted(
            {
                feed.table.place(None)[1]
                for feed in source.feeds.values()
                if feed.table and feed.table.place(None)[1].lower() in schemas[schema]
            }
        )
        lines += [
            Line(f"  - name: {_source_name(name if len(fits) == 1 else None, schema, number)}"),
            Line(f"    vendor: {preset}", f"its tables are so: {', '.join(read)}"),
            Line(f"    connection: {DATABASE}"),
            Line(f"    tables_in: {scalar(schema)}"),
            Line("    currency: EUR", "TODO: of amounts that name none"),
        ]
        said.append(f"{schema}: {preset}, which reads {counted(len(read), 'table')}: {', '.join(read)}")
    others = [schema for schema in schemas if schema not in fits]
    if others:
        left.append(f"schemas that no preset reads: {', '.join(others[:_SHOWN])}")
    return Drafted("".join(f"{line.written()}\n" for line in lines), [], [], left, said)


def _source_name(given: str | None, schema: str, number: int) -> str:
    if given is not None and not re.fullmatch(r"[a-z][a-z0-9_]*", given):
        raise ConfigurationError(f"--name '{given}': a source is named with small letters, digits and _")
    if given is None and re.fullmatch(r"[a-z][a-z0-9_]*", schema):
        return schema
    return given or f"my_crm_{number + 1}"


def _by_words(connection: Connection, tables: list[dict[str, Any]], name: str | None) -> Drafted:
    with tempfile.TemporaryDirectory() as folder:
        asked, files = [], {}
        for number, one in enumerate(tables):
            file = _file_of(one["table"], number)
            files[file] = ".".join(_quoted(part) for part in (one["schema"], one["table"]))
            asked.append(
                {"schema": one["schema"], "table": one["table"], "if_columns": [], "each": None, "synced_at": []}
                | {"headings": [], "ids": [], "links": {}, "limit": _LOOKED_AT, "target": str(Path(folder) / file)}
            )
        answers = read_tables(connection, DATABASE, Path.cwd(), asked, Path(folder))
        unread = [
            f"{files[Path(one['target']).name]}: {answer.get('message', answer['state'])}"
            for one, answer in zip(asked, answers, strict=True)
            if answer["state"] != "copied"
        ]
        for one, answer in zip(asked, answers, strict=True):
            if not answer.get("rows"):
                Path(one["target"]).unlink(missing_ok=True)
        drafted = draft_source([Path(folder)], name or "my_crm", Database(_connection_lines(connection), files))
    text = drafted.text
    for file, table in files.items():
        text = text.replace(file, table)
    return Drafted(text, drafted.said, drafted.left, [*drafted.left_out, *unread], drafted.figures)


def _file_of(table: str, number: int) -> str:
    """A file's name for a table, without digits: in a file's name they may say of when it is."""
    stem = re.sub(r"[^a-z_]+", "_", table.lower()).strip("_") or "table"
    return f"{stem}_{'abcdefghij'[number % 10] * (number // 10 + 1)}.parquet"


def _quoted(part: str) -> str:
    return part if re.fullmatch(r"[^\".\s][^\".]*", part) else '"' + part.replace('"', '""') + '"'
