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

from dagster_project.config.rules import Check, Gate, Rule, checks, sources_judged, violations_sql
from tests.hygiene.prebuilt import Prebuilt, delivered_columns
from tests.hygiene.tampering import Tampering, tamperings

#: Comparison → those next to it, which treat only the limit itself otherwise.
NEIGHBOURS: dict[type[exp.Expr], list[type[exp.Expr]]] = {
    exp.GT: [exp.GTE],
    exp.GTE: [exp.GT],
    exp.LT: [exp.LTE],
    exp.LTE: [exp.LT],
}
#: Of a number that is to be another one, or the same.
NUMBER_NEIGHBOURS: dict[type[exp.Expr], list[type[exp.Expr]]] = {
    exp.EQ: [exp.LTE, exp.GTE],
    exp.NEQ: [exp.LT, exp.GT],
}

_NULL = "what is empty is neither more nor less than anything; the condition only says what counts as looked at"
_OPEN_ONLY = "only open deals have an open visit; the condition only says what counts as looked at"
_CLOSED_ONLY = "only closed deals have a close date; the condition only says what counts as looked at"

_ESTIMATED = "an estimated creation is no later than the close; only closed deals have a close date"
_AT_NEWEST_ONLY = "what is compared with earlier deliveries stands at the newest one only"
_ROUNDED = "ROUND(max_null_share_ratio * usual_null_share, 10)"
_DECIMALS = "shares of rows differ by more than that, or not at all"

#: Suite and rule, what is changed → why it means the same.
EQUIVALENT: dict[tuple[str, str], str] = {
    ("deals.stuck_in_stage", "where: status = 'open' AND NOT days_in_stage IS NULL -> TRUE"): _OPEN_ONLY,
    ("deals.stuck_in_stage", "where: status = 'open' AND NOT days_in_stage IS NULL -> status = 'open'"): _NULL,
    ("deals.stuck_in_stage", "where: status = 'open' AND NOT days_in_stage IS NULL -> NOT days_in_stage IS NULL"): (
        _OPEN_ONLY
    ),
    ("deals.missing_required_field", "where: status = 'open' AND other_required_fields <> '' -> status = 'open'"): (
        "what is missing is one of those required; the condition only says what counts as looked at"
    ),
    ("deals.inactive_owner", "where: status = 'open' AND NOT owner_key IS NULL -> status = 'open'"): _NULL,
    (
        "deals.closed_before_created",
        "where: status IN ('won', 'lost') AND NOT created_at_is_estimated -> NOT created_at_is_estimated",
    ): _CLOSED_ONLY,
    (
        "deals.closed_before_created",
        "where: status IN ('won', 'lost') AND NOT created_at_is_estimated -> status IN ('won', 'lost')",
    ): _ESTIMATED,
    (
        "deals.closed_before_created",
        "where: status IN ('won', 'lost') AND NOT created_at_is_estimated -> TRUE",
    ): _ESTIMATED,
    ("deals.closed_before_lead", "where: status IN ('won', 'lost') AND NOT lead_created_on IS NULL -> TRUE"): (
        _CLOSED_ONLY
    ),
    (
        "deals.closed_before_lead",
        "where: status IN ('won', 'lost') AND NOT lead_created_on IS NULL -> NOT lead_created_on IS NULL",
    ): _CLOSED_ONLY,
    (
        "deals.closed_before_lead",
        "where: status IN ('won', 'lost') AND NOT lead_created_on IS NULL -> status IN ('won', 'lost')",
    ): _NULL,
    ("deals.closed_in_future", "where: status IN ('won', 'lost') -> TRUE"): _CLOSED_ONLY,
    (
        "deals.created_in_future",
        "where: status <> 'deleted' AND NOT created_at_is_estimated -> status <> 'deleted'",
    ): "an estimated date is at most that of the first delivery",
    ("deals.negative_amount", "where: status <> 'deleted' AND NOT amount IS NULL -> status <> 'deleted'"): _NULL,
    ("deals.amount_outlier", "where: NOT log_amount IS NULL AND amounts_compared >= 30 -> amounts_compared >= 30"): (
        _NULL
    ),
    (
        "deals.amount_outlier",
        "broken_when: ABS(log_amount - median_log_amount) > max_amount_deviations * log_amount_deviation -> "
        "ABS(log_amount - median_log_amount) >= max_amount_deviations * log_amount_deviation",
    ): "no amount in cents has a logarithm that is exactly the limit",
    ("deals.unmapped_stage", "where: status <> 'deleted' AND NOT stage IS NULL -> status <> 'deleted'"): (
        "a deal in no stage is in none that is not configured"
    ),
    ("deals.duplicate_deal", "where: NOT oldest_deal_key IS NULL -> TRUE"): _NULL,
    ("deliveries.schema_drift", "where: is_newest_loaded AND headings > 0 -> headings > 0"): _AT_NEWEST_ONLY,
    ("deliveries.null_spike", "where: is_newest_loaded AND baseline_deliveries >= 3 -> baseline_deliveries >= 3"): (
        _AT_NEWEST_ONLY
    ),
    ("deliveries.null_spike", f"broken_when: {_ROUNDED} -> {_ROUNDED.replace('10', '11')}"): _DECIMALS,
    ("deliveries.null_spike", f"broken_when: {_ROUNDED} -> {_ROUNDED.replace('10', '9')}"): _DECIMALS,
    (
        "deliveries.stage_mix_drift",
        "where: is_newest_loaded AND baseline_deliveries >= 3 -> baseline_deliveries >= 3",
    ): _AT_NEWEST_ONLY,
    (
        "deliveries.stage_mix_drift",
        "broken_when: stage_mix_psi > max_stage_mix_psi -> stage_mix_psi >= max_stage_mix_psi",
    ): "no mix of stages has an index that is exactly the limit: it is made of logarithms",
    ("leads.inactive_owner", "where: NOT is_closed AND NOT owner_key IS NULL -> NOT is_closed"): _NULL,
    ("leads.duplicate_lead", "where: NOT oldest_lead_key IS NULL -> TRUE"): _NULL,
    ("activities.future_activity_done", "where: is_done -> TRUE"): "what is not done has no time at which it was",
    ("required_entities.entity_without_rows", "broken_when: loaded_files = 0 -> loaded_files <= 0"): (
        "there are never fewer files than none"
    ),
}


@dataclass(frozen=True)
class Mutant:
    """One change of one check: `sql` is what then finds its violations, in the sources it then applies to."""

    check: Check
    change: str
    sql: str
    sources: frozenset[str]

    @property
    def name(self) -> str:
        return f"{self.check.suite.suite}.{self.check.name}"

    @property
    def why_equivalent(self) -> str | None:
        return EQUIVALENT.get((self.name, self.change))


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
        return f"{self.mutant.name}  {self.mutant.change}  {fate}"


def verdicts(prebuilt: Prebuilt) -> list[Verdict]:
    """Every mutant of every rule, judged."""
    names = [source.name for source in prebuilt.settings.config.sources]
    with prebuilt.opened() as connection:
        delivered = delivered_columns(connection)
        return [
            verdict
            for check in checks(prebuilt.settings.config)
            for verdict in _judged(connection, Original(connection, check, names, delivered))
        ]


class Original:
    """A check as it is: what its mutants are told apart from."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        check: Check,
        names: list[str],
        delivered: set[tuple[str, str]],
    ) -> None:
        self.check, self.names, self.delivered = check, names, delivered
        self.columns = {row[0] for row in connection.execute(f"describe select * from {check.table}").fetchall()}
        self.itself = self.mutant("", check)

    def mutant(self, change: str, check: Check, sql: str | None = None) -> Mutant:
        sources = sources_judged(check, self.names, self.delivered)
        return Mutant(check, change, sql or violations_sql(check, sources, self.columns), frozenset(sources))

    def mutants(self) -> Iterator[Mutant]:
        """The check with one thing changed."""
        if isinstance(self.check.definition, Gate):
            yield from self._of_gate()
        else:
            yield from self._of_rule(self.check.definition)

    def _of_gate(self) -> Iterator[Mutant]:
        statement = sqlglot.parse_one(self.itself.sql, dialect="duckdb")
        for change, mutated in changes_of(statement.args["having"].this):
            other = statement.copy()
            other.set("having", exp.Having(this=mutated))
            yield self.mutant(change, self.check, other.sql("duckdb"))

    def _of_rule(self, rule: Rule) -> Iterator[Mutant]:
        for part in ("where", "broken_when"):
            for change, mutated in changes_of(sqlglot.parse_one(getattr(rule, part), dialect="duckdb")):
                yield self.mutant(f"{part}: {change}", self._with(rule, part, mutated.sql("duckdb")))
        for need in rule.needs:
            others = [one for one in rule.needs if one is not need]
            yield self.mutant(f"needs: {' or '.join(need)} -> nothing", self._with(rule, "needs", others))

    def _with(self, rule: Rule, part: str, value: object) -> Check:
        return replace(self.check, definition=rule.model_copy(update={part: value}))


def _judged(connection: duckdb.DuckDBPyConnection, original: Original) -> Iterator[Verdict]:
    living = list(original.mutants())
    for mutant in list(living):
        if elsewhere := mutant.sources ^ original.itself.sources:
            living.remove(mutant)
            yield Verdict(mutant, f"applied to {min(elsewhere)}")
    for tampering in [None, *tamperings(connection, [original.check])]:
        with _tampered(connection, tampering):
            right = _keys(connection, original.itself.sql)
            for mutant in list(living):
                if others := right ^ _keys(connection, mutant.sql):
                    living.remove(mutant)
                    record = min(others)
                    yield Verdict(mutant, f"{'missed' if record in right else 'invented'} {record}")
    for mutant in living:
        yield Verdict(mutant, None)


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


def changes_of(condition: exp.Expr) -> Iterator[tuple[str, exp.Expr]]:
    """A condition with one thing changed, and what that is."""
    if condition.sql("duckdb").lower() != "true":
        yield f"{condition.sql('duckdb')} -> TRUE", exp.true()
    for place, node in enumerate(condition.walk()):
        for other in _instead_of(node):
            yield _change(node, other), _replaced(condition, place, other)


def _change(node: exp.Expr, other: exp.Expr) -> str:
    """What is changed into what; of a number with what it is compared with."""
    if isinstance(node, exp.Literal) and node.parent and node.arg_key:
        changed = node.parent.copy()
        changed.set(node.arg_key, other.copy())
        return f"{node.parent.sql('duckdb')} -> {changed.sql('duckdb')}"
    return f"{node.sql('duckdb')} -> {other.sql('duckdb')}"


def _instead_of(node: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(node, exp.And | exp.Or):
        yield node.left
        yield node.right
    elif isinstance(node, exp.Not):
        yield node.this
    elif isinstance(node, exp.In):
        for one in node.expressions:
            yield exp.In(
                this=node.this.copy(), expressions=[other.copy() for other in node.expressions if other is not one]
            )
    elif isinstance(node, exp.Literal) and node.is_number:
        for step in (1, -1):
            yield exp.Literal.number(float(node.this) + step if "." in node.this else int(node.this) + step)
    for kind, others in {**NEIGHBOURS, **(NUMBER_NEIGHBOURS if _is_about_a_number(node) else {})}.items():
        if type(node) is kind:
            for other in others:
                yield other(this=node.this.copy(), expression=node.expression.copy())


def _is_about_a_number(node: exp.Expr) -> bool:
    return isinstance(node, exp.Binary) and isinstance(node.expression, exp.Literal) and node.expression.is_number


def _replaced(condition: exp.Expr, place: int, other: exp.Expr) -> exp.Expr:
    """A copy of the condition with the node at this place, in the order of `walk`, replaced."""
    copy = condition.copy()
    node = next(one for number, one in enumerate(copy.walk()) if number == place)
    if node is copy:
        return other.copy()
    node.replace(other.copy())
    return copy
