"""Databases that a connector fills: connections of the configuration, and the table that a feed reads instead of files.

What opens a database stands in the environment only. Whatever stands where a name belongs may hold a password, so the
messages here repeat none of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator, model_validator

from dagster_project.config.postgres_url import PostgresUrl, read_postgres_url
from dagster_project.config.values import Names, Strict
from dagster_project.errors import ConfigurationError

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
#: One part of a table's name: plain, or between double quotes, which stand twice within.
_PART = r'(?:"(?:[^"]|"")+"|[^".\s][^".]*)'
_TABLE = re.compile(rf"(?:(?P<schema>{_PART})\.)?(?P<table>{_PART})")


class Connection(Strict):
    """Where tables lie: a Postgres, a DuckDB file, or a folder of Parquet files."""

    url_variable: str | None = Field(
        None, description="The variable of the environment that holds a Postgres's address, postgresql://…"
    )
    duckdb: Path | None = Field(None, description="A DuckDB file, which is only read.")
    folder: Path | None = Field(
        None, description="A folder with `<table>.parquet` or `<table>/*.parquet`; a schema is a folder in it."
    )

    @model_validator(mode="before")
    @classmethod
    def _is_a_block(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError(
                "say what it is: {url_variable: CRM_DATABASE_URL}, {duckdb: crm.duckdb} or {folder: tables} (what "
                "stands there is not shown: an address holds a password, and belongs into the environment)"
            )
        return value

    @field_validator("url_variable")
    @classmethod
    def _names_a_variable(cls, name: str | None) -> str | None:
        if name is not None and not _VARIABLE.fullmatch(name):
            raise ValueError(
                "is no name of a variable (it is not shown: an address holds a password). Put the address into the "
                "environment, and write here the name it has there, such as CRM_DATABASE_URL"
            )
        return name

    @field_validator("duckdb", "folder", mode="before")
    @classmethod
    def _is_a_path(cls, path: Any) -> Any:
        if "://" in str(path):
            raise ValueError(
                "is no path (it is not shown: an address may hold a password). A Postgres is named by `url_variable`, "
                "the variable of the environment that holds its address"
            )
        return path

    @model_validator(mode="after")
    def _is_one(self) -> Connection:
        if sum(place is not None for place in (self.url_variable, self.duckdb, self.folder)) != 1:
            raise ValueError("needs one of url_variable, duckdb and folder")
        return self

    def url(self, name: str, environ: Mapping[str, str]) -> PostgresUrl:
        """The address of a Postgres. Raises ConfigurationError, which does not repeat it, where there is none."""
        variable = self.url_variable or ""
        url = read_postgres_url(environ, variable)
        if url is None:
            raise ConfigurationError(
                f"connection '{name}': {variable} is not set in the environment; it holds the database's address, "
                "postgresql://user:password@host:5432/database"
            )
        return url


class Link(Strict):
    """A table beside a feed's that says which other records belong to each of its rows."""

    ours: str = Field(description="Column of the feed's table.")
    theirs: str = Field(description="Column of the linked table that has the same value.")


class Table(Strict):
    """The table a feed reads. A plain name stands for `{name: …}`."""

    name: str = Field(description="`table` or `schema.table`; a name with a dot or capitals between double quotes.")
    optional: bool = Field(False, description="A connector may not bring it: it is no fault where it never was there.")
    if_columns: Names = Field(default_factory=list, description="It is read only where it has these columns.")
    each: str | None = Field(
        None, description="A column of lists, each item of which is a row; what an item has is called `column.name`."
    )
    synced_at: Names = Field(
        default_factory=list,
        description="Columns, the first that is there counts: their latest time is when the table was as it is; "
        "else the moment it is read.",
    )
    links: dict[str, Link] = Field(
        default_factory=dict,
        description="Heading `table.column` → the linked table's values of that column, joined by `;`.",
    )

    @field_validator("name")
    @classmethod
    def _is_a_table(cls, name: str) -> str:
        if "://" in name:
            raise ValueError("is no name of a table (it is not shown: an address may hold a password)")
        if not _TABLE.fullmatch(name):
            raise ValueError(f'\'{name}\' is no table; write table, schema.table or "Odd.Schema"."Odd Table"')
        return name

    @field_validator("links")
    @classmethod
    def _links_name_a_column(cls, links: dict[str, Link]) -> dict[str, Link]:
        for heading in links:
            if not _TABLE.fullmatch(heading) or "." not in heading:
                raise ValueError(f"'{heading}': a link is called as what it takes, such as deal_company.company_id")
        return links

    def place(self, schema: str | None) -> tuple[str | None, str]:
        """Schema and table, as they are called; `schema` is that of the source."""
        own, table = parts_of(self.name)
        return own or schema, table


#: A table by its name alone, or a block.
TableOrName = Annotated[Table, BeforeValidator(lambda value: {"name": value} if isinstance(value, str) else value)]


def parts_of(name: str) -> tuple[str | None, str]:
    """The two parts of `schema.table`, or None and the table; without their quotes."""
    found = _TABLE.fullmatch(name)
    assert found is not None, "validated where it was read"
    return (_unquoted(found["schema"]) if found["schema"] else None), _unquoted(found["table"])


def _unquoted(part: str) -> str:
    return part[1:-1].replace('""', '"') if part.startswith('"') else part


def check_connection_name(name: str) -> str:
    """A name of a connection. Raises ValueError, which does not repeat it: an address may stand there."""
    if not _NAME.fullmatch(name):
        raise ValueError(
            "a connection is named with small letters, digits and _ (what stands there is not shown: an address may "
            "hold a password)"
        )
    return name
