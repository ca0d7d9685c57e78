"""The rules as written in expectations/, and the SQL each one stands for.

Light on purpose: definitions.py reads it at every start, so nothing heavy is imported here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from pydantic import Field, ValidationError

from dagster_project.config.load import PROJECT_DIR
from dagster_project.config.models import Configuration, Severity, Strict
from dagster_project.errors import ConfigurationError

EXPECTATIONS_DIR = PROJECT_DIR / "expectations"

_VIOLATION_COLUMNS = ("source", "pipeline", "owner_key")


class Rule(Strict):
    """A hygiene rule: which records it looks at, and when one of them breaks it. Conditions are SQL."""

    rule: str
    severity: Severity
    says: str
    where: str
    broken_when: str
    observed: str
    allowed: str
    message: str
    record_key: str = "record_key"
    needs_any_of: list[str] = Field(default_factory=list)


class Gate(Strict):
    """A key column that must be there and unique before anything is published."""

    rule: str
    severity: Severity
    table: str
    asset: str
    column: str


class Suite(Strict):
    """One file of expectations/."""

    suite: str
    table: str = ""
    asset: str = ""
    entity: str = ""
    entity_column: str = ""
    rules: list[Rule] = Field(default_factory=list)
    gates: list[Gate] = Field(default_factory=list)


@dataclass(frozen=True)
class Check:
    """A rule or gate that is switched on, with its place: what Dagster and the check results list."""

    suite: Suite
    rule: str
    severity: Severity
    table: str
    asset: str
    says: str
    definition: Rule | Gate

    @property
    def name(self) -> str:
        """The check's name on its asset."""
        return self.rule if isinstance(self.definition, Rule) else f"{self.rule}_{self.definition.column}"


@cache
def read_suites(folder: Path = EXPECTATIONS_DIR) -> tuple[Suite, ...]:
    """Every suite of a folder, by file name. Raises ConfigurationError naming file and key."""
    suites = []
    for path in sorted(folder.glob("*.yml")):
        try:
            suites.append(Suite.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))))
        except (ValidationError, yaml.YAMLError) as error:
            raise ConfigurationError(f"{path.name}: {error}") from None
    return tuple(suites)


def checks(config: Configuration, folder: Path = EXPECTATIONS_DIR) -> list[Check]:
    """All rules and gates that are switched on, with the severity the configuration gives them."""
    found = []
    for suite in read_suites(folder):
        definitions: list[Rule | Gate] = [*suite.rules, *suite.gates]
        for rule in definitions:
            said = config.rules.get(rule.rule)
            if said and not said.enabled:
                continue
            severity = said.severity if said and said.severity else rule.severity
            table = suite.table if isinstance(rule, Rule) else rule.table
            asset = suite.asset if isinstance(rule, Rule) else rule.asset
            says = rule.says if isinstance(rule, Rule) else f"{rule.column} is never missing and never twice."
            found.append(Check(suite, rule.rule, severity, table, asset, says, rule))
    suites = read_suites(folder)
    _demand_known(config, {r.rule for s in suites for r in s.rules} | {g.rule for s in suites for g in s.gates})
    return found


def unexpected_rows_sql(rule: Rule, table: str, sources: list[str]) -> str:
    """The rows that break a rule: what Great Expectations counts and what the violations are stored from."""
    return f"select * from {table} where {_looked_at(rule, sources)} and ({rule.broken_when})"


def evaluated_sql(rule: Rule, table: str, sources: list[str]) -> str:
    """How many records a rule looks at."""
    return f"select count(*) from {table} where {_looked_at(rule, sources)}"


def violations_sql(check: Check, sources: list[str], columns: set[str]) -> str:
    """One row per broken record, as `quality.hygiene_violations` has it. `columns` are those of the table."""
    rule = check.definition
    if isinstance(rule, Gate):
        key = rule.column
        return (
            f"select {_text(check.rule)} as rule, {_text(check.severity)} as severity, "
            f"{_text(check.asset.rsplit('.', 1)[-1])} as entity, "
            f"coalesce({key}, 'no {key}') as record_key, min(source) as source, null as pipeline, null as owner_key, "
            f"cast(count(*) as varchar) as observed, '1' as allowed, "
            f"concat('stands ', count(*), ' times in {check.table}') as message "
            f"from {check.table} group by {key} having count(*) > 1 or {key} is null"
        )
    entity = check.suite.entity_column or _text(check.suite.entity)
    optional = [f"{name if name in columns else 'null'} as {name}" for name in _VIOLATION_COLUMNS]
    return (
        f"select {_text(rule.rule)} as rule, {_text(check.severity)} as severity, {entity} as entity, "
        f"{rule.record_key} as record_key, {', '.join(optional)}, "
        f"cast({rule.observed} as varchar) as observed, cast({rule.allowed} as varchar) as allowed, "
        f"{_message(rule.message)} as message from ({unexpected_rows_sql(rule, check.table, sources)})"
    )


def _looked_at(rule: Rule, sources: list[str]) -> str:
    if not rule.needs_any_of:
        return f"({rule.where})"
    return f"({rule.where}) and source in ({', '.join(map(_text, sources)) or 'null'})"


def _message(template: str) -> str:
    """A message as SQL: the text, with each `{column}` replaced by the record's value."""
    parts = re.split(r"\{(\w+)\}", template)
    pieces = [
        _text(part) if position % 2 == 0 else f"coalesce(cast({part} as varchar), 'nothing')"
        for position, part in enumerate(parts)
        if part
    ]
    return f"concat({', '.join(pieces)})"


def _demand_known(config: Configuration, known: set[str]) -> None:
    for name in config.rules:
        if name not in known:
            raise ConfigurationError(f"rules.{name}: there is no rule '{name}'; allowed: {', '.join(sorted(known))}")


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
