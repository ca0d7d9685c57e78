"""Every mutant of every model, judged: killed by what is published of a world, by a violation, or by a unit test."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import yaml

from tests.mutation.operators import Mutant, mutants, together
from tests.mutation.world import NOT_MUTATED, Model, World

SEED = 20261128
#: Of each model, each of another idea.
WHOLE_PER_MODEL = 40
_EQUIVALENT = Path(__file__).with_name("equivalent.yml")


@dataclass(frozen=True)
class Equivalent:
    """A change that means the same, by the patterns of its model and of its words, and why."""

    model: str
    change: str
    why: str

    def is_of(self, mutant: Mutant) -> bool:
        return fnmatchcase(mutant.model, self.model) and fnmatchcase(mutant.change, self.change)


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant."""

    mutant: Mutant
    killed_by: str | None
    why_equivalent: str | None

    @property
    def has_survived(self) -> bool:
        return self.killed_by is None and self.why_equivalent is None

    def __str__(self) -> str:
        fate = f"killed by {self.killed_by}" if self.killed_by else f"equivalent: {self.why_equivalent}"
        return f"{_short(self.mutant.name)}  {'SURVIVED' if self.has_survived else fate}"


def _short(name: str, most: int = 400) -> str:
    """An expression that lists all currencies fills pages."""
    line = " ".join(name.split())
    return line if len(line) <= most else f"{line[: most // 2]} ... {line[-most // 2 :]}"


def chosen(world: World, per_model: int) -> list[Mutant]:
    """So many mutants of each model, by a fixed seed, each of another idea; of a model with fewer all ideas.

    What one macro writes for each column of each entity is mutated in all columns of an entity at once, and in the
    first entity that has it.
    """
    models = [model for model in world.models.values() if model.folder != NOT_MUTATED]
    rows = sorted((one for one in models if one.is_of_one_macro), key=lambda one: -len(one.columns))
    common = frozenset.intersection(*(one.columns for one in rows))
    of_the_macro: set[str] = set()
    found: list[Mutant] = []
    for model in [*rows, *(one for one in models if not one.is_of_one_macro)]:
        by_chance = random.Random(f"{SEED} {model.table}")
        of_an_idea: dict[str, list[Mutant]] = {}
        for one in mutants(model.table, model.sql):
            idea = one.idea_of_columns(model.columns - common) if model.is_of_one_macro else one.idea
            of_an_idea.setdefault(idea, []).append(one)
        if model.is_of_one_macro:
            every = [together(alike) for idea, alike in of_an_idea.items() if idea not in of_the_macro]
            of_the_macro |= set(of_an_idea)
        else:
            every = [by_chance.choice(alike) for alike in of_an_idea.values()]
        found += every if len(every) <= per_model else by_chance.sample(every, per_model)
    return found


def verdicts(worlds: list[World], judged: Iterable[Mutant]) -> Iterator[Verdict]:
    """Each mutant of the first world's models, in the order given; the quickest witness is heard first."""
    heard: dict[tuple[str, str], bool] = {}
    for mutant in judged:
        sql = mutant.sql()
        killed_by = None
        if told := worlds[0].fails(mutant.model, sql):
            killed_by = f"unit test {told}"
        for world in reversed(worlds):
            if killed_by is None and _is_heard(heard, world, worlds[0].models[mutant.model]):
                told = world.tell(mutant.model, sql)
                killed_by = told and f"{world.name}: {told}"
        why = next((one.why for one in equivalents() if one.is_of(mutant)), None)
        yield Verdict(mutant, killed_by, why)


def _is_heard(heard: dict[tuple[str, str], bool], world: World, model: Model) -> bool:
    """Whether a model as the first world has it gives the same in another, whose dates have formats of their own."""
    key = (world.name, model.table)
    if key not in heard:
        is_same = world.models[model.table].sql == model.sql
        heard[key] = is_same or world.tell(model.table, model.sql) is None
    return heard[key]


@cache
def equivalents() -> list[Equivalent]:
    """What is listed as meaning the same."""
    return [Equivalent(**one) for one in yaml.safe_load(_EQUIVALENT.read_text(encoding="utf-8"))]
