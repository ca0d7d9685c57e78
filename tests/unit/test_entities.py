"""entities.yml is the one list of entities and columns: it is whole in itself, and nobody types its columns again."""

from __future__ import annotations

from collections import Counter
from typing import get_args

import pytest
import yaml

from dagster_project.config.entities import ENTITIES, SAYS, Entity, Kind
from dagster_project.transform.project import DBT_DIR

ROWS = DBT_DIR / "models" / "staging" / "rows"


@pytest.fixture(params=ENTITIES, scope="module")
def entity(request: pytest.FixtureRequest) -> Entity:
    return ENTITIES[request.param]


def test_an_entity_names_columns_that_it_has(entity: Entity) -> None:
    assert entity.says
    others = [column for columns in entity.alternatives.values() for column in columns]
    assert entity.name in {"", *entity.columns}
    assert {entity.key, *entity.required_columns, *entity.alternatives, *others} <= entity.columns.keys()
    assert entity.rows in ("records", "events")
    # a record is one because of its key
    assert entity.rows == "events" or entity.key in entity.required_columns


def test_a_column_has_a_kind_and_a_meaning(entity: Entity) -> None:
    for name, column in entity.described.items():
        assert column.kind in get_args(Kind), name
        assert column.says or name in SAYS, name


def test_a_column_is_looked_up_in_one_entity_that_there_is() -> None:
    found = {(n, c.looked_up_in) for one in ENTITIES.values() for n, c in one.described.items() if c.looked_up_in}
    assert {entity for _, entity in found} <= ENTITIES.keys()
    assert max(Counter(name for name, _ in found).values()) == 1


def test_a_column_has_its_words_once() -> None:
    worded = Counter(name for one in ENTITIES.values() for name, column in one.described.items() if column.words)
    assert max(worded.values()) == 1


def test_staging_has_every_entity_and_types_none_of_its_columns_again() -> None:
    assert {path.stem for path in ROWS.glob("*.sql")} == {f"{name}_rows" for name in ENTITIES}
    for name, entity in ENTITIES.items():
        described = yaml.safe_load((ROWS / f"{name}_rows.yml").read_text(encoding="utf-8"))["models"][0]["columns"]
        assert entity.columns.keys().isdisjoint(column["name"] for column in described)


def test_the_lake_is_a_source_of_every_entity() -> None:
    sources = yaml.safe_load((DBT_DIR / "models" / "sources.yml").read_text(encoding="utf-8"))["sources"]
    lake = next(source for source in sources if source["name"] == "lake")
    assert [table["name"] for table in lake["tables"] if "description" not in table] == list(ENTITIES)
