"""Which column tells records apart: none that has many of its values in rows that say different things.

Such a column is the account of a deal, or its name, mapped as its id by mistake: of every id only the last row would be
left. So a delivery of which it is true is refused, with the columns that tell its rows apart together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import duckdb

from dagster_project import sql
from dagster_project.config.entities import ENTITIES
from dagster_project.config.feeds import Feed
from dagster_project.errors import RefusedFileError
from dagster_project.read.candidate import Candidate
from dagster_project.read.headings import heading_key
from dagster_project.read.pii import is_personal

#: A larger share of a file's ids in rows with different contents is no slip.
MAX_REPEATED_SHARE = 0.02
#: Of fewer no share is told: each breaks `duplicate_key`.
LEAST_REPEATED = 5
#: What is judged. Exports of the others may have a row for each record that one is linked to, or team it is in.
JUDGED = ("deals", "leads")
#: What stays as it is while a record lives, the likeliest to tell it from others first.
STABLE = (
    "deal_name", "lead_name", "account_name", "owner_name", "stage_name", "subject", "created_at", "account_id",
    "company", "contact_id", "lead_id", "deal_id", "completed_at", "due_at", "activity_type", "pipeline", "lead_source",
    "owner_id",
)  # fmt: skip
#: What may change, and rather tells two records apart than nothing does.
CHANGING = ("amount", "expected_close_on", "close_on")
_MOST_TOGETHER = 3
_MOST_TRIED = 8


@dataclass(frozen=True)
class Apart:
    """Columns by their names, and how many rows (each different one once) are like another one in all of them."""

    names: tuple[str, ...]
    shared: int
    rows: int


def tells_apart(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    stable: Sequence[tuple[str, str]],
    changing: Sequence[tuple[str, str]] = (),
) -> Apart | None:
    """The fewest columns that no two rows have in common; else those that fewest rows share.

    The columns are names and SQL, the likeliest first, and that one is always among them: a day alone tells records
    apart by chance. `changing` ones are taken only where the others do not do. `relation` is SQL for rows that differ
    in something.
    """
    (rows,) = connection.execute(f"select count(*) from {relation}").fetchone() or (0,)
    best: Apart | None = None
    for columns in ([*stable][:_MOST_TRIED], [*stable, *changing][:_MOST_TRIED]):
        for count in range(_MOST_TOGETHER):
            for others in combinations(columns[1:], count):
                chosen = [columns[0], *others] if columns else []
                shared = _shared(connection, relation, [cell for _, cell in chosen])
                if best is None or shared < best.shared:
                    best = Apart(tuple(name for name, _ in chosen), shared, int(rows))
                if not best.shared:
                    return best
    return best if best and best.names else None


def _shared(connection: duckdb.DuckDBPyConnection, relation: str, cells: list[str]) -> int:
    """How many rows are like another one in all of these."""
    if not cells:
        return 0
    keys = ", ".join(cells)
    (shared,) = connection.execute(
        f"select coalesce(sum(rows), 0) from (select {keys}, count(*) as rows from {relation} group by {keys}) "
        "where rows > 1"
    ).fetchone() or (0,)
    return int(shared)


def refuse_repeated_ids(file: Candidate) -> None:
    """Raises RefusedFileError where the ids of this file, a full extract, are plainly no ids."""
    connection, source, feed, filled = file.connection, file.source, file.feed, file.filled
    key = ENTITIES[feed.entity].key
    is_full = (feed.deliveries or source.deliveries) == "full"
    if feed.entity not in JUDGED or not is_full or key not in filled or feed.derive:
        return
    scan = f"read_parquet({sql.text(file.path)})"
    ids, different = connection.execute(f"select count({key}), count(distinct {key}) from {scan}").fetchone() or (0, 0)
    if ids - different < LEAST_REPEATED:
        return
    columns = [name for name in feed.kinds if name in filled]
    rows = f"(select distinct {', '.join(columns)} from {scan} where {key} is not null)"
    repeated, example = connection.execute(
        f"select count(*), min(id) from (select {key} as id from {rows} group by id having count(*) > 1)"
    ).fetchone() or (0, None)
    if repeated < LEAST_REPEATED or repeated <= MAX_REPEATED_SHARE * different:
        return
    delivered = {name: _delivered(feed, name, file.headings) for name in (*STABLE, key, *CHANGING) if name in columns}
    by_heading = {heading: name for name, heading in delivered.items() if heading}
    stable, changing = (
        [(heading, name) for heading, name in by_heading.items() if (name in CHANGING) is may_change]
        for may_change in (False, True)
    )
    apart = tells_apart(connection, rows, stable, changing)
    shown = "" if is_personal(feed) else f", such as '{example}'"
    raise RefusedFileError(
        f"has no ids under '{delivered[key] or key}': {repeated:,} of {different:,} values{shown} stand in rows with "
        f"different contents, of which only the last would count. Map the column that tells {feed.entity} apart"
        + (f"; or, if there is none, write {_proposed(apart)} in place of {key}" if apart else "")
    )


def _proposed(apart: Apart) -> str:
    shared = f" ({apart.shared:,} of {apart.rows:,} rows share them)" if apart.shared else ""
    return f"`derive: [{', '.join(apart.names)}]`{shared}"


def _delivered(feed: Feed, column: str, headings: Sequence[str]) -> str | None:
    """The heading of the file that a column is read from."""
    keys = {heading_key(heading): heading for heading in headings}
    names = [heading for heading in feed.mapped.get(column, []) if isinstance(heading, str)]
    return next((keys[heading_key(name)] for name in names if heading_key(name) in keys), None)
