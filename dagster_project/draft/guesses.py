"""What a file is, and what its headings mean: by their words, then by what their values are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import duckdb

from dagster_project.config.entities import ENTITIES
from dagster_project.draft.sampled import Column, Sample, values_of
from dagster_project.draft.words import (
    heading_score,
    id_noun,
    listed_flat,
    meaning,
    names_its_entity,
    nouns_in,
    plain,
    stage_meaning,
)

#: Below this a heading does not say what it is; below the second it is worth a look.
_LEAST, _SURE = 0.4, 0.75
_MAX_STAGES = 60
_MAX_NAME = 80
_BY_VALUES = 0.3
#: What a missing required column costs an entity, against at most 1 for each column found.
_MISSING = 3.0
#: Entities of which each record stands once in a file.
ONE_ROW_EACH = ("deals", "leads", "activities", "owners", "accounts", "stages")


@dataclass(frozen=True)
class Guess:
    """A canonical column and the heading it is read from; `checks` says what a person should look at."""

    column: str
    source: Column
    score: float
    checks: tuple[str, ...] = ()
    #: What stands behind it, joined by a space: the last name behind the first.
    joined: Column | None = None

    @property
    def positions(self) -> set[int]:
        """The places of the columns it is read from."""
        return {self.source.position} | ({self.joined.position} if self.joined else set())


@dataclass(frozen=True)
class Guessed:
    """A file as one entity: what was found for it, what is missing, which headings mean nothing to it."""

    entity: str
    guesses: dict[str, Guess]
    missing: list[str] = field(default_factory=list)
    unmapped: list[Column] = field(default_factory=list)
    score: float = 0.0

    @property
    def found(self) -> float:
        """Its score without what it misses."""
        return self.score + _MISSING * len(self.missing)


def best_guess(connection: duckdb.DuckDBPyConnection, sample: Sample) -> Guessed:
    """The entity that explains most of a file's headings and misses least of what it requires."""
    guessed = [guess_as(connection, sample, entity) for entity in ENTITIES]
    return max(guessed, key=lambda each: each.score)


def guess_as(connection: duckdb.DuckDBPyConnection, sample: Sample, entity: str) -> Guessed:
    """What each canonical column of an entity would be read from; the best pair of column and heading first."""
    pairs = [
        (score, canonical, column)
        for canonical in ENTITIES[entity].columns
        for column in sample.columns
        if (score := _score(connection, sample, entity, canonical, column)) >= _LEAST
    ]
    pairs.sort(key=lambda pair: (-pair[0], list(ENTITIES[entity].columns).index(pair[1]), pair[2].position))
    guesses: dict[str, Guess] = {}
    taken: set[int] = set()
    for score, canonical, column in pairs:
        if canonical not in guesses and column.position not in taken:
            guesses[canonical] = Guess(canonical, column, score)
            taken.add(column.position)
    _join_names(sample, entity, guesses)
    _guess_by_values(connection, sample, entity, guesses)
    guesses = {
        canonical: replace(guess, checks=tuple(_checks(sample, entity, guess, guesses, pairs)))
        for canonical, guess in guesses.items()
    }
    used = {position for guess in guesses.values() for position in guess.positions}
    alternatives = ENTITIES[entity].alternatives
    missing = [
        column
        for column in ENTITIES[entity].required_columns
        if column not in guesses and not (column in alternatives and guesses.keys() >= set(alternatives[column]))
    ]
    return Guessed(
        entity=entity,
        guesses={column: guesses[column] for column in ENTITIES[entity].columns if column in guesses},
        missing=missing,
        unmapped=[column for column in sample.columns if column.position not in used],
        score=_entity_score(sample, entity, guesses, missing),
    )


def _entity_score(sample: Sample, entity: str, guesses: dict[str, Guess], missing: list[str]) -> float:
    score = sum(guess.score for guess in guesses.values()) - _MISSING * len(missing)
    key = guesses.get(ENTITIES[entity].key)
    if key and names_its_entity(key.source.heading, entity) and key.source.is_unique:
        score += 1.0
    is_named = nouns_in(f"{sample.name.split('.')[0]} {sample.sheet or ''}", entity)
    if is_named:
        score += 1.5
    return score if _is_plausible(entity, guesses, is_named) else score - _MISSING


def _is_plausible(entity: str, guesses: dict[str, Guess], is_named: bool) -> bool:
    """Whether a list has what lists of anything else have not: `id, name` alone may be a list of products."""
    if entity == "activities":
        return bool({"deal_id", "lead_id", "due_at", "completed_at", "created_at"} & guesses.keys())
    if entity in ("deals", "stages", "owners", "accounts", "leads"):
        headings = [guess.source.heading for column, guess in guesses.items() if column.startswith(entity[:-1])]
        return (
            is_named
            or bool({"email", "stage"} & guesses.keys())
            or any(nouns_in(heading, entity) for heading in headings)
        )
    return True


# ------------------------------------------------------------------ one heading


def _score(connection: duckdb.DuckDBPyConnection, sample: Sample, entity: str, canonical: str, column: Column) -> float:
    score = heading_score(column.heading, entity, canonical)
    is_outcome = canonical == "status" and entity == "deals"
    if (canonical == "stage" or is_outcome) and 2 <= column.distinct <= _MAX_STAGES and column.kind == "text":
        words = [value for value, _ in values_of(connection, [sample], column.heading)]
        are_outcomes = all(meaning("outcomes", value) for value in words)
        if canonical == "stage" and not are_outcomes and _are_stages(words):
            score = max(score, 0.7)
        if is_outcome:
            score = max(score, 0.7) if are_outcomes else min(score, 0.5)
    return score * _fit(entity, canonical, column)


def _are_stages(values: list[str]) -> bool:
    """Whether at least half of the values are stages by their words, and one of them a win or a loss."""
    found = [stage_meaning(value) for value in values]
    known = [each.meaning for each in found if each]
    return 2 * len(known) >= len(values) and bool({"won", "lost"} & set(known))


def _fit(entity: str, canonical: str, column: Column) -> float:
    """How well the values of a column suit a canonical column: 0 rules it out."""
    kind = ENTITIES[entity].columns[canonical]
    if column.kind == "empty":
        return 0.8
    if column.kind == "email" and canonical == "owner_id":
        return 1.0  # people are named by their addresses
    if column.is_personal or canonical == "email":
        return 1.0 if column.kind == canonical else 0.0
    if kind in ("timestamp", "date"):
        return 1.0 if column.kind == "date" else 0.0
    if kind in ("amount", "number"):
        return 1.0 if column.kind == "number" else 0.0
    if kind == "boolean":
        known = sum(meaning("booleans", value) is not None for value in column.examples)
        return 1.0 if column.distinct <= 4 and 2 * known > len(column.examples) else 0.0
    if column.kind == "date" and not canonical.endswith("_value"):
        return 0.0
    return _fit_of_text(entity, canonical, column)


def _fit_of_text(entity: str, canonical: str, column: Column) -> float:
    if canonical == "currency":
        return 1.0 if all(len(value) == 3 and value.isalpha() for value in column.examples) else 0.0
    if canonical in ("deal_name", "lead_name", "owner_name", "account_name", "lost_reason", "lead_source", "subject"):
        return 0.0 if column.kind == "number" else 1.0
    if canonical in ("stage", "pipeline", "status") and any(len(value) > _MAX_NAME for value in column.examples):
        return 0.0
    if canonical in ("stage", "field", "activity_type", "status") and column.distinct > _MAX_STAGES:
        return 0.3
    if canonical == ENTITIES[entity].key:
        is_once = entity in ONE_ROW_EACH
        if is_once and not column.is_unique:
            return 0.5
        if entity in ("deal_changes", "deal_versions") and column.is_unique:
            return 0.5
    return 1.0


# ------------------------------------------------------------------ several columns of one value


def _join_names(sample: Sample, entity: str, guesses: dict[str, Guess]) -> None:
    """A person's name that a file has in two halves."""
    canonical = {"leads": "lead_name", "owners": "owner_name"}.get(entity)
    halves = [_half(sample, words) for words in ("first_names", "last_names")]
    if canonical is None or None in halves or halves[0] == halves[1]:
        return
    first, last = halves
    known = guesses.get(canonical)
    if first and last and (known is None or known.source in halves or known.score < _SURE):
        guesses[canonical] = Guess(canonical, first, 0.95, joined=last)
        for other in [name for name, guess in guesses.items() if name != canonical and guess.source in halves]:
            del guesses[other]


def _half(sample: Sample, words: str) -> Column | None:
    return next(
        (column for word in listed_flat(words) for column in sample.columns if plain(column.heading) == word), None
    )


# ------------------------------------------------------------------ by values alone


def _guess_by_values(
    connection: duckdb.DuckDBPyConnection, sample: Sample, entity: str, guesses: dict[str, Guess]
) -> None:
    """What is required and has no heading of its own: the one column whose values can be it."""
    key = ENTITIES[entity].key
    named = {"owners": "owner_name", "accounts": "account_name"}.get(entity)
    if named and named not in guesses and key in guesses and _are_names(guesses[key].source):
        guesses[named] = Guess(named, guesses[key].source, _BY_VALUES)
    if entity == "deals" and "stage" not in guesses and "status" in guesses:
        guesses["stage"] = Guess("stage", guesses.pop("status").source, _SURE)
    free = [column for column in sample.columns if column.position not in {g.source.position for g in guesses.values()}]
    if entity not in ("deals", "leads"):
        return
    ids = [column for column in free if column.is_unique and column.filled == sample.rows and _can_be_id(column)]
    if key not in guesses and ids:
        guesses[key] = Guess(key, ids[0], _BY_VALUES)
        free.remove(ids[0])
    if entity != "deals":
        return
    few = [column for column in free if column.kind == "text" and 2 <= column.distinct <= min(20, sample.rows // 3)]
    _guess_the_only("stage", [column for column in few if column.filled == sample.rows], guesses)
    _guess_the_only("amount", [column for column in free if column.kind == "number"], guesses)
    if not any(_speaks_of_stage(connection, sample, column, guesses) for column in free):
        _guess_the_only("created_at", [column for column in free if column.kind == "date"], guesses)


def _guess_the_only(canonical: str, candidates: list[Column], guesses: dict[str, Guess]) -> None:
    if canonical not in guesses and len(candidates) == 1:
        guesses[canonical] = Guess(canonical, candidates[0], _BY_VALUES)


def _are_names(column: Column) -> bool:
    return column.kind == "text" and not any(char.isdigit() for value in column.examples for char in value)


def _can_be_id(column: Column) -> bool:
    return column.kind in ("text", "number") and all(len(value) <= 40 for value in column.examples)


def holds_codes(column: Column) -> bool:
    """Whether its values are codes that a program gave, which are ids whatever they are called; one twice is a slip."""
    return column.is_unique and all(" " not in value and re.search(r"\d", value) for value in column.examples)


def _speaks_of_stage(
    connection: duckdb.DuckDBPyConnection, sample: Sample, column: Column, guesses: dict[str, Guess]
) -> bool:
    if "stage" not in guesses:
        return False
    stages = [plain(value) for value, _ in values_of(connection, [sample], guesses["stage"].source.heading)]
    return any(f" {stage} " in f" {plain(column.heading)} " for stage in stages)


# ------------------------------------------------------------------ what to look at


def _checks(
    sample: Sample,
    entity: str,
    guess: Guess,
    guesses: dict[str, Guess],
    pairs: Iterable[tuple[float, str, Column]],
) -> list[str]:
    column = guess.source
    checks = []
    if guess.score == _BY_VALUES:
        checks.append(_VALUES_SAY.get(guess.column, "every value is different"))
    elif column.kind == "empty":
        checks.append("empty in this file")
    elif guess.score < _SURE:
        checks.append("is it this?")
    if guess.column == ENTITIES[entity].key and entity in ONE_ROW_EACH and guess.score != _BY_VALUES:
        if not column.is_unique:
            checks.append(f"only {column.distinct:,} different values in {column.filled:,} rows; the last row counts")
        elif column.filled < sample.rows:
            checks.append(f"empty in {sample.rows - column.filled:,} of {sample.rows:,} rows; those go to quarantine")
    if entity == "deals" and guess.column == "deal_id" and id_noun(column.heading) is None and not holds_codes(column):
        checks.append("an edited one is a new deal")
    used = {each.source.position for each in guesses.values()}
    rivals = [
        other.heading
        for score, canonical, other in pairs
        if canonical == guess.column and other.position not in used and score >= guess.score - 0.1
    ]
    if rivals:
        checks.append("or " + " or ".join(f"'{heading}'" for heading in rivals[:2]))
    return checks


_VALUES_SAY = {
    "stage": "the only column with few different values",
    "amount": "the only column of numbers left",
    "created_at": "the only date left",
    "owner_name": "their ids are names",
    "account_name": "their ids are names",
}
