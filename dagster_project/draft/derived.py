"""Deals that no column tells apart: which columns do so together, and which one that looks like an id is none."""

from __future__ import annotations

from dataclasses import replace

import duckdb

from dagster_project.config.entities import ENTITIES
from dagster_project.draft.guesses import Guessed, holds_codes
from dagster_project.draft.sampled import Column, Sample
from dagster_project.draft.words import id_noun, listed_flat, plain
from dagster_project.read.repeated_ids import CHANGING, STABLE, Apart, tells_apart

#: Of columns that map to nothing, the likeliest to tell records apart; more are not tried.
_MOST_OTHERS = 3


def without_repeated_key(connection: duckdb.DuckDBPyConnection, sample: Sample, guessed: Guessed) -> Guessed:
    """The guess without its id, where a column that is not even called an id has a value in two different rows."""
    key = ENTITIES[guessed.entity].key
    guess = guessed.guesses.get(key)
    if guessed.entity != "deals" or guess is None or id_noun(guess.source.heading) is not None:
        return guessed
    if holds_codes(guess.source):
        return guessed
    if not _repeated(connection, sample, guess.source):
        return guessed
    guesses = {column: each for column, each in guessed.guesses.items() if column != key}
    name = f"{key.removesuffix('_id')}_name"
    is_name = name not in guesses and guess.source.kind == "text"
    if is_name:
        guesses[name] = replace(guess, column=name, checks=())
    return replace(
        guessed,
        guesses=guesses,
        missing=[key, *guessed.missing],
        unmapped=guessed.unmapped if is_name else [guess.source, *guessed.unmapped],
    )


def derived_id(connection: duckdb.DuckDBPyConnection, sample: Sample, guessed: Guessed) -> Apart | None:
    """The fewest columns that tell the rows of a sample apart, as far as any do; by their headings."""
    known = {
        column: (guess.source.heading, f"c{guess.source.position}")
        for column, guess in guessed.guesses.items()
        if not guess.source.is_personal and guess.joined is None and guess.source.filled
    }
    others = [
        (column.heading, f"c{column.position}")
        for column in guessed.unmapped
        if not column.is_personal and column.filled == sample.rows and _may_stay(column)
    ]
    stable = [known[column] for column in STABLE if column in known] + others[:_MOST_OTHERS]
    changing = [known[column] for column in CHANGING if column in known]
    return tells_apart(connection, f"(select distinct * from {sample.table})", stable, changing)


def _repeated(connection: duckdb.DuckDBPyConnection, sample: Sample, column: Column) -> int:
    """How many values of a column stand in rows that differ in something."""
    (repeated,) = connection.execute(
        f"select count(*) from (select c{column.position} as id from (select distinct * from {sample.table}) "
        "where id is not null group by id having count(*) > 1)"
    ).fetchone() or (0,)
    return int(repeated)


def _may_stay(column: Column) -> bool:
    """Whether its heading speaks of nothing that changes, such as a probability or the last activity."""
    words = plain(column.heading).split()
    return column.kind in ("text", "date", "number") and not any(word in words for word in listed_flat("others"))
