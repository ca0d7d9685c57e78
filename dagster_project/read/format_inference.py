"""How a file writes its dates and numbers, proved by the values of each column; never guessed.

What needs no proof is read as it is: ISO 8601, and plain numbers with a decimal point. A reading of the others is
possible if it reads every value of the column that any of the candidates reads (`n/a` counts for none of them). One
possible reading, or several that agree on every value: proved. Else the file is refused, with the readings shown.

    - a column whose values are ISO dates, or plain numbers, but for one in twenty is that; strays in it that are
      no evidence for one reading stay unread (NULL with `unparseable_value` in staging)
    - a file proves only itself: what another delivery proved would make the result depend on the order of loading

The candidates are constants of the dbt project, whose staging reads the values (dbt_project.yml, macros/read_values).
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from dagster_project.config.feeds import Feed, Source
from dagster_project.errors import RefusedFileError
from dagster_project.read.date_order import (
    prove_dates,
)
from dagster_project.read.number_format import (
    prove_numbers,
)
from dagster_project.read.typed_columns import (
    columns_of,
    configured_formats,
    configured_sign,
    is_date,
    named,
)


def readings(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    source: Source,
    feed: Feed,
    filled: list[str],
    headings: list[str],
    rejected: list[int],
) -> dict[str, str]:
    """Column → how this lake file (Parquet of text) writes it, where that is not the standard form.

    What is configured needs no proof. `filled` are the columns with values; `headings` (of the delivered file) and
    `rejected` (record numbers) only help to name what is found. Raises RefusedFileError for a column that could be
    read two ways, or in no one way.
    """
    columns = [
        column
        for column in columns_of(connection, path, feed, filled)
        if not (configured_formats(source, feed) if is_date(column) else configured_sign(source, feed))
    ]
    doubtful = [column for column in columns if column.standard < column.total]
    verdicts = {
        column: (prove_dates if is_date(column) else prove_numbers)(connection, column, rejected) for column in doubtful
    }
    doubts = [
        f"{named(column.name, feed, headings)}: {verdict.doubt}"
        for column, verdict in verdicts.items()
        if verdict.doubt
    ]
    if doubts:
        raise RefusedFileError("; ".join(doubts))
    return {column.name: verdict.reading for column, verdict in verdicts.items() if verdict.reading}
