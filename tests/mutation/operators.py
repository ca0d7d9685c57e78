"""What a careless hand could change in a model's SQL without anything breaking: one change, one mutant.

A change is made by the node's place in the parsed statement, so that a mutant can be named, sampled and found again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import sqlglot
from sqlglot import exp

DIALECT = "duckdb"
#: A case of more branches, or a list of more members, is a table written out (signs of currencies, timezones): tests of
#: its own go through it.
_MOST_BRANCHES = 10
_NEIGHBOURS: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.GT: exp.GTE,
    exp.GTE: exp.GT,
    exp.LT: exp.LTE,
    exp.LTE: exp.LT,
    exp.EQ: exp.NEQ,
    exp.NEQ: exp.EQ,
    exp.Min: exp.Max,
    exp.Max: exp.Min,
    exp.Add: exp.Sub,
    exp.Sub: exp.Add,
    exp.And: exp.Or,
    exp.Or: exp.And,
    exp.Least: exp.Greatest,
    exp.Greatest: exp.Least,
}


Step = Callable[[exp.Expr], object]


@dataclass(frozen=True)
class Mutant:
    """A model with one thing changed, in one place or alike in several.

    `places` counts the nodes of its statement, in the order of `walk`, each with what is done there.
    """

    model: str
    change: str
    statement: exp.Expr
    places: tuple[tuple[int, Step], ...]

    @property
    def name(self) -> str:
        """How it is listed."""
        return f"{self.model}: {self.change}"

    @property
    def idea(self) -> str:
        """Its words without what they are about: a list of formats makes a hundred mutants of one idea."""
        return re.sub(r"'(?:[^']|'')*'|\b\d+\b", "?", re.sub(r" \(\d+\)$", "", self.change))

    def idea_of_columns(self, columns: frozenset[str]) -> str:
        """Its idea whichever of these columns it is about: what a macro writes for each column of an entity."""
        ends = "|".join(sorted(columns, key=len, reverse=True))
        return re.sub(rf"\b(?:|(\w*?_))(?:{ends})\b", r"\1?", self.idea)

    def sql(self) -> str:
        """The mutated statement."""
        copy = self.statement.copy()
        nodes = list(_nodes(copy))
        # inner ones first: an outer one is replaced by a copy of its parts
        for place, step in sorted(self.places, key=lambda one: -one[0]):
            step(nodes[place])
        return copy.sql(DIALECT)


def mutants(model: str, sql: str) -> Iterator[Mutant]:
    """Every mutant of a model; those with the same words are numbered."""
    statement = sqlglot.parse_one(sql, dialect=DIALECT)
    seen: Counter[str] = Counter()
    for place, step, change in _changes(statement):
        seen[change] += 1
        number = f" ({seen[change]})" if seen[change] > 1 else ""
        yield Mutant(model, f"{change}{number}", statement, ((place, step),))


def together(alike: Sequence[Mutant]) -> Mutant:
    """One mutant of a model that makes the changes of them all, under the name of the first."""
    return replace(alike[0], places=tuple(place for one in alike for place in one.places))


def _changes(statement: exp.Expr) -> Iterator[tuple[int, Step, str]]:
    """Place of a node, what is done to it, and how that is said."""
    for place, node in enumerate(_nodes(statement)):
        for step, to in _steps(node):
            yield place, step, f"{_where(node)}{_shown(node)} -> {to}"


def _nodes(statement: exp.Expr) -> Iterator[exp.Expr]:
    """The nodes of a statement, always in the same order, without what is in tables written out."""
    return statement.walk(prune=lambda node: isinstance(node, exp.Case) and len(node.args["ifs"]) > _MOST_BRANCHES)


def _steps(node: exp.Expr) -> Iterator[tuple[Step, str]]:
    if type(node) in _NEIGHBOURS:
        yield _to_neighbour, _neighbour(node).sql(DIALECT)
    if isinstance(node, exp.And | exp.Or):
        yield (lambda one: _replace(one, one.this)), node.left.sql(DIALECT)
        yield (lambda one: _replace(one, one.expression)), node.right.sql(DIALECT)
    elif isinstance(node, exp.Not):
        yield (lambda one: _replace(one, one.this)), node.this.sql(DIALECT)
    elif isinstance(node, exp.Coalesce) and node.expressions:
        yield (lambda one: _replace(one, one.this)), node.this.sql(DIALECT)
        yield (lambda one: _replace(one, one.expressions[0])), node.expressions[0].sql(DIALECT)
    elif isinstance(node, exp.Case) and len(node.args["ifs"]) <= _MOST_BRANCHES:
        for at, branch in enumerate(node.args["ifs"]):
            if len(node.args["ifs"]) > 1:
                yield _without_branch(at), f"without when {branch.this.sql(DIALECT)}"
        if node.args.get("default") is not None:
            yield (lambda one: one.set("default", None)), "without else"
    elif isinstance(node, exp.Filter):
        yield (lambda one: _replace(one, one.this)), node.this.sql(DIALECT)
    elif isinstance(node, exp.Where) and not isinstance(node.parent, exp.Filter):
        yield (lambda one: one.pop()), "nothing"
    elif isinstance(node, exp.Join) and node.side == "LEFT":
        yield (lambda one: one.set("side", "")), "inner join"
    elif isinstance(node, exp.Distinct) and isinstance(node.parent, exp.Select):
        yield (lambda one: one.pop()), "not distinct"
    elif isinstance(node, exp.Union) and not _is_made_distinct(node):
        yield (lambda one: one.set("distinct", not one.args.get("distinct"))), "all or distinct"
    elif isinstance(node, exp.Ordered):
        yield (lambda one: one.set("desc", not one.args.get("desc"))), "the other way"
        if node.parent is not None and len(node.parent.expressions) > 1:
            yield (lambda one: one.pop()), "not ordered by it"
    elif isinstance(node, exp.Window) and len(node.args.get("partition_by") or []) > 1:
        for at, key in enumerate(node.args["partition_by"]):
            yield _without_partition(at), f"not partitioned by {key.sql(DIALECT)}"
    elif isinstance(node, exp.In) and 1 < len(node.expressions) <= _MOST_BRANCHES:
        for at, one in enumerate(node.expressions):
            yield _without_member(at), f"without {one.sql(DIALECT)}"
    elif isinstance(node, exp.Literal) and _is_said(node):
        if node.is_string:
            yield (lambda one: _replace(one, exp.Literal.string(one.this + "_"))), f"'{node.this}_'"
        elif node.this.isdigit():
            yield (lambda one: _replace(one, exp.Literal.number(int(one.this) + 1))), str(int(node.this) + 1)
    elif isinstance(node, exp.Boolean):
        yield (lambda one: _replace(one, exp.Boolean(this=not one.this))), str(not node.this).lower()


def _is_made_distinct(node: exp.Union) -> bool:
    """Whether it is a part of a longer union that is distinct anyway."""
    return isinstance(node.parent, exp.Union) and bool(node.parent.args.get("distinct"))


def _is_said(node: exp.Literal) -> bool:
    """Whether a literal decides something, and is no type's length, format or part of a date."""
    counted = node.find_ancestor(exp.Count, exp.Select)
    if isinstance(counted, exp.Count):
        return isinstance(node.parent, exp.EQ | exp.NEQ | exp.GT | exp.GTE | exp.LT | exp.LTE)
    return isinstance(
        node.parent, exp.EQ | exp.NEQ | exp.GT | exp.GTE | exp.LT | exp.LTE | exp.Add | exp.Sub | exp.Coalesce | exp.If
    )


def _neighbour(node: exp.Expr) -> exp.Expr:
    copy = node.copy()
    return _NEIGHBOURS[type(node)](**copy.args)


def _to_neighbour(node: exp.Expr) -> None:
    _replace(node, _neighbour(node))


def _without_branch(at: int) -> Step:
    def step(node: exp.Expr) -> None:
        node.set("ifs", [branch for number, branch in enumerate(node.args["ifs"]) if number != at])

    return step


def _without_partition(at: int) -> Step:
    def step(node: exp.Expr) -> None:
        node.set("partition_by", [key for number, key in enumerate(node.args["partition_by"]) if number != at])

    return step


def _without_member(at: int) -> Step:
    def step(node: exp.Expr) -> None:
        node.set("expressions", [one for number, one in enumerate(node.expressions) if number != at])

    return step


def _replace(node: exp.Expr, other: exp.Expr) -> None:
    node.replace(other.copy())


def _where(node: exp.Expr) -> str:
    """The part of the story it stands in, so that it can be found."""
    cte = node.find_ancestor(exp.CTE)
    return f"{cte.alias}: " if cte is not None else ""


def _shown(node: exp.Expr) -> str:
    if isinstance(node, exp.Where):
        return node.sql(DIALECT)
    if isinstance(node, exp.Literal | exp.Boolean) and node.parent is not None:
        return f"{node.parent.sql(DIALECT)}: {node.sql(DIALECT)}"
    return node.sql(DIALECT)
