"""A file of text that is to become one of the lake's: what is judged before it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from dagster_project import sql
from dagster_project.config.feeds import Feed, Source


@dataclass(frozen=True)
class Candidate:
    """The rows of one delivered file as Parquet of text, and what helps to name what is found in them."""

    connection: duckdb.DuckDBPyConnection
    path: Path
    source: Source
    feed: Feed
    #: The canonical columns with a value.
    filled: Sequence[str]
    #: Of the delivered file.
    headings: Sequence[str] = ()
    #: Record numbers of the rows that are not in it, in order.
    rejected: Sequence[int] = field(default_factory=list)

    @property
    def scan(self) -> str:
        """SQL for its rows, with `file_row_number`."""
        return f"read_parquet({sql.text(self.path)}, file_row_number = true)"
