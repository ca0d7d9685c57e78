"""The entities a CRM has, and their canonical columns, as `entities.yml` beside this file lists them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dagster_project.config.yaml_files import read_words

Kind = Literal["text", "timestamp", "date", "amount", "number", "currency", "boolean"]
#: Kinds whose cells are words, which need no digit.
WORDS: frozenset[Kind] = frozenset({"text", "currency", "boolean"})


@dataclass(frozen=True)
class Column:
    """A canonical column. Described and worded once: where it stands again both are empty, unless it means another."""

    kind: Kind
    says: str = ""
    looked_up_in: str = ""
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entity:
    """One kind of record: its key column, its other columns, and what a file must have.

    `required_columns` refuse a delivery when missing; a row without a value in one of them is quarantined.
    `alternatives`: the columns that together can stand for a required one, in a file and in a row.
    `columns` are by kind, `described` whole.
    """

    key: str
    name: str
    says: str
    columns: dict[str, Kind]
    described: dict[str, Column]
    required_columns: tuple[str, ...]
    alternatives: dict[str, tuple[str, ...]]
    rows: Literal["records", "events"]
    history: str
    nouns: tuple[str, ...]
    id_nouns: tuple[str, ...]


def _entity(said: dict[str, Any]) -> Entity:
    described = {
        name: Column(**({"kind": column} if isinstance(column, str) else column))
        for name, column in said.pop("columns").items()
    }
    return Entity(
        columns={name: column.kind for name, column in described.items()},
        described=described,
        required_columns=tuple(said.pop("required")),
        alternatives={name: tuple(others) for name, others in said.pop("alternatives", {}).items()},
        **{"name": "", "rows": "records", "history": "", "nouns": (), "id_nouns": (), **said},
    )


ENTITIES: dict[str, Entity] = {
    name: _entity(said) for name, said in read_words(Path(__file__).with_suffix(".yml")).items()
}

_DESCRIBED = [(name, column) for entity in ENTITIES.values() for name, column in entity.described.items()]

#: Column → what it says, where its entity does not say it otherwise.
SAYS = {name: column.says for name, column in reversed(_DESCRIBED) if column.says}

#: Column → what people call it in their headings, likelier words first.
COLUMN_WORDS = {name: column.words for name, column in _DESCRIBED if column.words}

#: A column that names another record → the entity it can be looked up in, by id or by name (`look_up`).
LOOKED_UP = {name: column.looked_up_in for name, column in _DESCRIBED if column.looked_up_in}

#: Entities that tell the history of a deal, by the shape in which they tell it (architecture: the five shapes).
#: `current` needs no entity of its own: it is the deal's row.
HISTORY_ENTITIES = {name: entity.history for name, entity in ENTITIES.items() if entity.history}


def entities_as_json(fields: Mapping[str, Mapping[str, str]] | None = None, grains: Sequence[str] = ()) -> str:
    """What dbt is told of the entities (dbt: macros/names.sql); a configuration's fields by entity, those of deals that
    are grains."""
    return json.dumps(
        {
            name: {
                "key": entity.key,
                "rows": entity.rows,
                "columns": entity.columns,
                "required": entity.required_columns,
                "fields": dict((fields or {}).get(name, {})),
                "grains": list(grains) if name == "deals" else [],
            }
            for name, entity in ENTITIES.items()
        }
    )
