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

from dagster_project.errors import RefusedFileError
from dagster_project.read.candidate import Candidate
from dagster_project.read.date_order import prove_dates
from dagster_project.read.number_format import prove_numbers
from dagster_project.read.typed_columns import columns_of, configured_formats, configured_sign, is_date, named


def readings(file: Candidate) -> dict[str, str]:
    """Column → how this file writes it, where that is not the standard form.

    What is configured needs no proof. Raises RefusedFileError for a column that could be read two ways, or in no one
    way.
    """
    columns = [
        column
        for column in columns_of(file)
        if not (
            configured_formats(file.source, file.feed) if is_date(column) else configured_sign(file.source, file.feed)
        )
    ]
    doubtful = [column for column in columns if column.standard < column.total]
    verdicts = {
        column: (prove_dates if is_date(column) else prove_numbers)(file.connection, column, file.rejected)
        for column in doubtful
    }
    doubts = [f"{named(column.name, file)}: {verdict.doubt}" for column, verdict in verdicts.items() if verdict.doubt]
    if doubts:
        raise RefusedFileError("; ".join(doubts))
    return {column.name: verdict.reading for column, verdict in verdicts.items() if verdict.reading}
