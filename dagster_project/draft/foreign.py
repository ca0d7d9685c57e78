"""Tables that mention deals and are none: payments, tickets, line items. A table is what its own ids are of."""

from __future__ import annotations

from dagster_project.config.entities import ENTITIES
from dagster_project.draft.guesses import ONE_ROW_EACH, Guessed
from dagster_project.draft.sampled import Column, Sample
from dagster_project.draft.words import id_noun, is_noun_of

#: In a table of records hardly any id stands twice.
_LEAST_DISTINCT = 0.7


def strangers(tables: list[tuple[Guessed, Sample]]) -> dict[int, str]:
    """Position of a table whose rows are records of something else → why. One alone may be named by anything."""
    why = {at: said for at, table in enumerate(tables) if (said := _strange(*table))}
    has_deals = any(guessed.entity == "deals" and at not in why for at, (guessed, _) in enumerate(tables))
    return {at: said for at, said in why.items() if has_deals or not _is_by_its_own_id(*tables[at])}


def _strange(guessed: Guessed, sample: Sample) -> str | None:
    entity = guessed.entity
    own = _own_id(sample)
    if own is not None and not is_noun_of(id_noun(own.heading) or "", entity):
        return f"its rows are told apart by '{own.heading}', so they are no {entity}"
    key = guessed.guesses.get(ENTITIES[entity].key)
    if entity in ONE_ROW_EACH and key is not None and key.source.distinct < _LEAST_DISTINCT * key.source.filled:
        rows, ids = key.source.filled, key.source.distinct
        return f"its {rows:,} rows have {ids:,} different '{key.source.heading}', so they are no {entity}"
    return None


def _own_id(sample: Sample) -> Column | None:
    """The first column that is called an id, and in which every row has a value of its own."""
    return next(
        (
            column
            for column in sample.columns
            if column.is_unique and column.filled == sample.rows and column.kind in ("text", "number")
            if id_noun(column.heading) is not None
        ),
        None,
    )


def _is_by_its_own_id(guessed: Guessed, sample: Sample) -> bool:
    key = guessed.guesses.get(ENTITIES[guessed.entity].key)
    return key is not None and key.source == _own_id(sample)
