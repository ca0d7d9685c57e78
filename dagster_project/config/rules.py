"""The rules as written in expectations/ and in the configuration, and the SQL each one stands for.

Light on purpose: definitions.py reads it at every start, so nothing heavy is imported here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BeforeValidator, Field, ValidationError

from dagster_project import sql
from dagster_project.config import models
from dagster_project.config.fields import field_sql
from dagster_project.config.models import Configuration
from dagster_project.config.values import Severity, Strict
from dagster_project.errors import ConfigurationError
from dagster_project.package_files import PROJECT_DIR

EXPECTATIONS_DIR = PROJECT_DIR / "expectations"

#: The suite of the rules that a team wrote into its configuration.
OWN_SUITE = "own_rules"

#: Published tables whose records have a key of their own → what such a record is, and its key.
KEYED_TABLES = {
    "marts.fct_deals": ("deals", "deal_key"),
    "marts.fct_leads": ("leads", "lead_key"),
    "marts.fct_activities": ("activities", "activity_key"),
    "marts.fct_stage_transitions": ("transitions", "transition_key"),
    "marts.fct_stage_visits": ("visits", "visit_key"),
    "marts.dim_owners": ("owners", "owner_key"),
    "marts.dim_accounts": ("accounts", "account_key"),
}

_VIOLATION_COLUMNS = ("source", "pipeline", "owner_key")

#: One canonical column such as `deals.amount`, or several of which one is enough.
Need = Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]


class Rule(Strict):
    """A hygiene rule: which records it looks at, and when one of them breaks it. Conditions are SQL.

    `fix` says how a violation is fixed whatever the CRM; what the users of one do stands in its preset.
    """

    rule: str
    severity: Severity
    says: str
    why: str = ""
    fix: str = ""
    where: str
    broken_when: str
    observed: str
    allowed: str
    message: str
    record_key: str = "record_key"
    #: The check's name where a rule has several on one table, each with a severity of its own.
    check: str = ""
    needs: list[Need] = Field(default_factory=list)


class Gate(Strict):
    """A key column that must be there and unique before anything is published."""

    rule: str
    severity: Severity
    table: str
    asset: str
    column: str


class Suite(Strict):
    """One file of expectations/; `says`, `why` and `fix` are those of its gates."""

    suite: str
    table: str = ""
    asset: str = ""
    entity: str = ""
    entity_column: str = ""
    #: What it selects from, where that is not the table as it stands.
    relation: str = ""
    says: str = ""
    why: str = ""
    fix: str = ""
    rules: list[Rule] = Field(default_factory=list)
    gates: list[Gate] = Field(default_factory=list)

    @property
    def definitions(self) -> list[Rule | Gate]:
        """Its rules and gates."""
        return [*self.rules, *self.gates]


@dataclass(frozen=True)
class Check:
    """A rule or gate that is switched on, with its place: what Dagster and the check results list."""

    suite: Suite
    rule: str
    severity: Severity
    table: str
    asset: str
    says: str
    why: str
    definition: Rule | Gate

    @property
    def name(self) -> str:
        """The check's name on its asset."""
        if isinstance(self.definition, Rule):
            return self.definition.check or self.rule
        return f"{self.rule}_{self.definition.column}"

    @property
    def entity(self) -> str | None:
        """What its violations call their entity; None where each row says it."""
        if isinstance(self.definition, Gate):
            return self.asset.rsplit(".", 1)[-1]
        return self.suite.entity or None

    @property
    def relation(self) -> str:
        """What stands behind `from`: of a team's own rule, the table with the configuration's fields as columns."""
        return self.suite.relation or self.table

    @property
    def shown_table(self) -> str:
        """The table it looks at, as the published tables name it."""
        return self.table.removeprefix("work.")

    @property
    def open_violations_sql(self) -> str:
        """The query for the list of its open violations; the two checks of one rule differ in severity."""
        entity = f" and entity = {sql.text(self.entity)}" if self.entity else ""
        return (
            f"select * from quality.hygiene_violations where rule = '{self.rule}' and severity = '{self.severity}'"
            f"{entity} and resolved_on is null"
        )


@cache
def read_suites(folder: Path = EXPECTATIONS_DIR) -> tuple[Suite, ...]:
    """Every suite of a folder, by file name. Raises ConfigurationError naming file and key."""
    suites = []
    for path in sorted(folder.glob("*.yml")):
        try:
            text = path.read_text(encoding="utf-8")
            suites.append(Suite.model_validate(yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))))
        except (ValidationError, yaml.YAMLError) as error:
            raise ConfigurationError(f"{path.name}: {error}") from None
    return tuple(suites)


def checks(config: Configuration, folder: Path = EXPECTATIONS_DIR) -> list[Check]:
    """All rules and gates that are switched on, the team's own included, with the severity the configuration gives.

    Raises ConfigurationError for a word on a rule that there is not, or a rule of its own that is none.
    """
    built_in = read_suites(folder)
    known = {rule.rule for suite in built_in for rule in suite.definitions}
    # a rule that looks at two tables stands in two suites, and has its words in one
    why = {rule.rule: rule.why for suite in built_in for rule in suite.rules if rule.why}
    found = []
    for suite in [*built_in, *_own_suites(config, known)]:
        for rule in suite.definitions:
            said = config.rules.get(rule.rule)
            if said and not said.enabled:
                continue
            severity = said.severity if said and said.severity else rule.severity
            table = suite.table if isinstance(rule, Rule) else rule.table
            asset = suite.asset if isinstance(rule, Rule) else rule.asset
            says = rule.says if isinstance(rule, Rule) else f"{rule.column} is never missing and never twice."
            matters = (rule.why or why.get(rule.rule, "")) if isinstance(rule, Rule) else suite.why
            found.append(Check(suite, rule.rule, severity, table, asset, says, matters, rule))
    return found


def _own_suites(config: Configuration, known: set[str]) -> list[Suite]:
    """The rules of the configuration that are the team's own, by table."""
    by_table: dict[str, list[Rule]] = {}
    for name, said in config.rules.items():
        if name in known and said.is_own:
            raise ConfigurationError(f"rules.{name}: there is a rule '{name}' already; give your own another name")
        if name not in known and not said.is_own:
            raise ConfigurationError(
                f"rules.{name}: there is no rule '{name}'; allowed: {', '.join(sorted(known))}; "
                "or give it table, severity, broken_when and message, and it is a rule of your own"
            )
        if said.is_own:
            table = said.table if "." in str(said.table) else f"marts.{said.table}"
            by_table.setdefault(str(table), []).append(_own_rule(name, said))
    return [
        Suite(
            suite=OWN_SUITE,
            table=table,
            asset=table,
            entity=KEYED_TABLES.get(table, (table.split(".")[-1], ""))[0],
            relation=_with_fields(config, table),
            rules=rules,
        )
        for table, rules in by_table.items()
    ]


def _with_fields(config: Configuration, table: str) -> str:
    """SQL of a table whose records have fields, with each of them as a column; nothing for any other table."""
    fields = config.fields.get(KEYED_TABLES.get(table, ("", ""))[0], {})
    columns = [f"{field_sql(name, kind)} as {name}" for name, kind in fields.items()]
    return f"(select *, {', '.join(columns)} from {table})" if columns else ""


def _own_rule(name: str, said: models.Rule) -> Rule:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ConfigurationError(f"rules.{name}: a rule is named with small letters, digits and _")
    record_key = said.record_key or KEYED_TABLES.get(f"marts.{str(said.table).removeprefix('marts.')}", ("", None))[1]
    if record_key is None:
        known = ", ".join(table.removeprefix("marts.") for table in KEYED_TABLES)
        raise ConfigurationError(
            f"rules.{name}.record_key: the key of '{said.table}' is not known, only those of {known}; give one, "
            "such as concat_ws(':', source, pipeline, month)"
        )
    assert said.severity and said.broken_when and said.message
    return Rule(
        rule=name,
        severity=said.severity,
        says=said.says or f"No row of {said.table} where {said.broken_when}.",
        why=said.why or "",
        where=said.where,
        broken_when=said.broken_when,
        observed=said.observed,
        allowed=said.allowed,
        message=said.message,
        record_key=record_key,
    )


def sources_judged(check: Check, sources: Iterable[str], delivered: Collection[tuple[str, str]]) -> list[str]:
    """The sources a check applies to: those that deliver, as (source, `entity.column`), what it needs."""
    needs = check.definition.needs if isinstance(check.definition, Rule) else []
    return [
        source
        for source in sources
        if all(any((source, column) in delivered for column in alternatives) for alternatives in needs)
    ]


def unexpected_rows_sql(rule: Rule, table: str, sources: list[str]) -> str:
    """The rows that break a rule: what Great Expectations counts and what the violations are stored from."""
    return f"select * from {table} where {looked_at_sql(rule, sources)} and (\n{rule.broken_when}\n)"


def unexpected_rows_condition(query: str, table: str) -> str:
    """The condition in `unexpected_rows_sql`, for whoever has the query alone."""
    return query.removeprefix(f"select * from {table} where ")


def looked_at_sql(rule: Rule, sources: list[str]) -> str:
    """The condition of the records that a rule looks at, in the sources it applies to."""
    if not rule.needs:
        return f"(\n{rule.where}\n)"
    return f"(\n{rule.where}\n) and source in ({', '.join(map(sql.text, sources)) or 'null'})"


def violations_sql(check: Check, sources: list[str], columns: set[str]) -> str:
    """One row per broken record, as `quality.hygiene_violations` has it. `columns` are those of the table."""
    rule = check.definition
    if isinstance(rule, Gate):
        key = rule.column
        return (
            f"select {sql.text(check.rule)} as rule, {sql.text(check.severity)} as severity, "
            f"{sql.text(str(check.entity))} as entity, "
            f"coalesce({key}, 'no {key}') as record_key, min(source) as source, null as pipeline, null as owner_key, "
            f"cast(count(*) as varchar) as observed, '1' as allowed, "
            f"concat('stands ', count(*), ' times in {check.table}') as message "
            f"from {check.table} group by {key} having count(*) > 1 or {key} is null"
        )
    entity = check.suite.entity_column or sql.text(check.suite.entity)
    optional = [f"{name if name in columns else 'null'} as {name}" for name in _VIOLATION_COLUMNS]
    found = (
        f"select {sql.text(rule.rule)} as rule, {sql.text(check.severity)} as severity, {entity} as entity, "
        f"{as_text(rule.record_key)} as record_key, {', '.join(optional)}, "
        f"{as_text(rule.observed)} as observed, {as_text(rule.allowed)} as allowed, "
        f"{_message(rule.message)} as message from ({unexpected_rows_sql(rule, check.relation, sources)})"
    )
    if check.suite.suite != OWN_SUITE:
        return found
    # a team's own `record_key` may be empty, or that of several rows; a violation has a name, and one row per night
    return (
        f"select distinct on (record_key) * replace (coalesce(record_key, 'no key') as record_key) "
        f"from ({found}) order by all"
    )


def as_text(expression: str) -> str:
    """An expression's value as text; on lines of its own, because it may end in a comment."""
    return f"cast((\n{expression}\n) as varchar)"


def _message(template: str) -> str:
    """A message as SQL: the text, with each `{column}` replaced by the record's value."""
    parts = re.split(r"\{(\w+)\}", template)
    pieces = [
        sql.text(part) if position % 2 == 0 else f"coalesce(cast({part} as varchar), 'nothing')"
        for position, part in enumerate(parts)
        if part
    ]
    return f"concat({', '.join(pieces)})"
