"""Every rule weakened in turn: what a careless hand could change in expectations/ without anything breaking.

A mutant is judged by its SQL alone on the databases of a night that is known to find exactly what was planted. It is
killed if it finds anything else. One that says the same in other words survives for a reason, which is listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import duckdb
import sqlglot
from sqlglot import exp

from dagster_project.quality.policy import Check, Gate, Rule, sources_judged, violations_sql
from tests.hygiene.prebuilt import Prebuilt, all_checks, delivered_columns
from tests.hygiene.tampering import Tampering, tamperings

#: Comparison → those next to it, which treat only the limit itself otherwise.
NEIGHBOURS: dict[type[exp.Expression], list[type[exp.Expression]]] = {
    exp.GT: [exp.GTE],
    exp.GTE: [exp.GT],
    exp.LT: [exp.LTE],
    exp.LTE: [exp.LT],
}
#: Of a number that is to be another one, or the same.
NUMBER_NEIGHBOURS: dict[type[exp.Expression], list[type[exp.Expression]]] = {
    exp.EQ: [exp.LTE, exp.GTE],
    exp.NEQ: [exp.LT, exp.GT],
}

#: (rule, what is changed) → why it means the same.
EQUIVALENT: dict[tuple[str, str], str] = {}


@dataclass(frozen=True)
class Mutant:
    """One change of one check: `sql` is what then finds its violations."""

    check: Check
    change: str
    sql: str

    @property
    def why_equivalent(self) -> str | None:
        return EQUIVALENT.get((self.check.rule, self.change))


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: the record by which it was told apart, None if by none."""

    mutant: Mutant
    killed_by: str | None

    @property
    def has_survived(self) -> bool:
        return self.killed_by is None and self.mutant.why_equivalent is None

    @property
    def is_listed_in_vain(self) -> bool:
        return self.killed_by is not None and self.mutant.why_equivalent is not None

    def __str__(self) -> str:
        fate = f"killed by {self.killed_by}" if self.killed_by else "SURVIVED"
        if self.killed_by is None and self.mutant.why_equivalent:
            fate = f"equivalent: {self.mutant.why_equivalent}"
        suite = self.mutant.check.suite.suite
        return f"{suite}.{self.mutant.check.name}  {self.mutant.change}  {fate}"


def verdicts(prebuilt: Prebuilt) -> list[Verdict]:
    """Every mutant of every rule, judged."""
    with prebuilt.opened() as connection:
        return [verdict for check, sources in all_checks(prebuilt, connection) for verdict in _judged(prebuilt, connection, check, sources)]


def _judged(
    prebuilt: Prebuilt, connection: duckdb.DuckDBPyConnection, check: Check, sources: list[str]
) -> Iterator[Verdict]:
    columns = {row[0] for row in connection.execute(f"describe select * from {check.table}").fetchall()}
    original = violations_sql(check, sources, columns)
    names = [source.name for source in prebuilt.settings.config.sources]
    mutants = [*mutants_of(check, sources, columns), *_without_needs(check, names, delivered_columns(connection), columns)]
    killed: dict[str, str] = {}
    for tampering in [None, *tamperings(connection, [check])]:
        with _tampered(connection, tampering):
            right = _keys(connection, original)
            for mutant in mutants:
                if mutant.change not in killed and (other := right ^ _keys(connection, mutant.sql)):
                    record = min(other)
                    killed[mutant.change] = f"{'missed' if record in right else 'invented'} {record}"
    for mutant in mutants:
        yield Verdict(mutant, killed.get(mutant.change))


@contextmanager
def _tampered(connection: duckdb.DuckDBPyConnection, tampering: Tampering | None) -> Iterator[None]:
    """The databases with something wrong in them, for a moment."""
    connection.execute("begin")
    for statement in tampering.statements if tampering else ():
        connection.execute(statement)
    yield
    connection.execute("rollback")


def _keys(connection: duckdb.DuckDBPyConnection, sql: str) -> set[str]:
    return {row[0] for row in connection.execute(f"select record_key from ({sql})").fetchall()}


def mutants_of(check: Check, sources: list[str], columns: set[str]) -> Iterator[Mutant]:
    """The check with one thing changed in its conditions."""
    if isinstance(check.definition, Gate):
        statement = sqlglot.parse_one(violations_sql(check, sources, columns), dialect="duckdb")
        condition = statement.args["having"].this
        for change, mutated in changes_of(condition):
            other = statement.copy()
            other.set("having", exp.Having(this=mutated))
            yield Mutant(check, change, other.sql("duckdb"))
        return
    for part in ("where", "broken_when"):
        condition = sqlglot.parse_one(getattr(check.definition, part), dialect="duckdb")
        for change, mutated in changes_of(condition):
            rule = check.definition.model_copy(update={part: mutated.sql("duckdb")})
            yield Mutant(check, f"{part}: {change}", violations_sql(replace(check, definition=rule), sources, columns))


def _without_needs(
    check: Check, names: list[str], delivered: set[tuple[str, str]], columns: set[str]
) -> Iterator[Mutant]:
    """The check in sources that do not deliver one of the columns it needs."""
    if not isinstance(check.definition, Rule):
        return
    for need in check.definition.needs:
        others = [one for one in check.definition.needs if one is not need]
        other = replace(check, definition=check.definition.model_copy(update={"needs": others}))
        yield Mutant(check, f"needs: no {' or '.join(need)}", violations_sql(other, sources_judged(other, names, delivered), columns))


def changes_of(condition: exp.Expression) -> Iterator[tuple[str, exp.Expression]]:
    """A condition with one thing changed, and what that is."""
    if condition.sql("duckdb").lower() != "true":
        yield f"{condition.sql('duckdb')} -> true", exp.true()
    for place, node in enumerate(condition.walk()):
        for other in _instead_of(node):
            mutated = _replaced(condition, place, other)
            yield f"{node.sql('duckdb')} -> {other.sql('duckdb')}", mutated


def _instead_of(node: exp.Expression) -> Iterator[exp.Expression]:
    if isinstance(node, exp.And | exp.Or):
        yield node.left
        yield node.right
    elif isinstance(node, exp.Not):
        yield node.this
    elif isinstance(node, exp.In):
        for one in node.expressions:
            yield exp.In(this=node.this.copy(), expressions=[other.copy() for other in node.expressions if other is not one])
    elif isinstance(node, exp.Literal) and node.is_number:
        for step in (1, -1):
            yield exp.Literal.number(float(node.this) + step if "." in node.this else int(node.this) + step)
    for kind, others in {**NEIGHBOURS, **(NUMBER_NEIGHBOURS if _is_about_a_number(node) else {})}.items():
        if type(node) is kind:
            for other in others:
                yield other(this=node.this.copy(), expression=node.expression.copy())


def _is_about_a_number(node: exp.Expression) -> bool:
    return isinstance(node, exp.Binary) and isinstance(node.expression, exp.Literal) and node.expression.is_number


def _replaced(condition: exp.Expression, place: int, other: exp.Expression) -> exp.Expression:
    """A copy of the condition with the node at this place, in the order of `walk`, replaced."""
    copy = condition.copy()
    node = next(one for number, one in enumerate(copy.walk()) if number == place)
    if node is copy:
        return other.copy()
    node.replace(other.copy())
    return copy
