"""The page of the hygiene rules: what each asks, why it matters and how it is fixed, as the suites say it.

It is written whenever `dealtrail docs` builds the site, so that it cannot drift.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from dagster_project.config.models import Thresholds
from dagster_project.config.presets import vendor_fixes, vendor_titles
from dagster_project.config.rules import Rule, Suite, read_suites
from dagster_project.config.stages import DEFAULT_REQUIRED
from dagster_project.config.values import Severity

TEMPLATE = Path(__file__).with_name("rule_guide.md.j2")

#: What the records of a suite are called, in the order in which the page has them.
RECORDS = {
    "deals": "deal",
    "transitions": "change of stage",
    "leads": "lead",
    "activities": "activity",
    "deliveries": "delivery",
    "rows": "row",
    "run": "run",
}

#: A delivery is held back when it is read, before any rule looks at it.
_APPLIED_EARLIER = {"delivery_held_back": "min_volume_share"}

_REQUIRED_FIELD = re.compile(r"array_contains\(required_fields, '(\w+)'\)")


@dataclass
class Section:
    """A rule on the page. One that looks at several tables stands in several suites, and has its words in one."""

    rule: str
    severity: Severity
    why: str
    fix: str
    says: list[str] = field(default_factory=list)
    records: list[str] = field(default_factory=list)
    conditions: list[Rule] = field(default_factory=list)
    key_columns: list[str] = field(default_factory=list)

    @property
    def fixes(self) -> dict[str, str]:
        """CRM → how a violation is fixed there; or whatever the CRM."""
        titles = vendor_titles()
        theirs = {titles[vendor]: fixes[self.rule] for vendor, fixes in vendor_fixes().items() if self.rule in fixes}
        return theirs | ({"Whatever the CRM": self.fix} if self.fix else {})

    @property
    def limits(self) -> str:
        """Its limits with their defaults, as the configuration names them: `thresholds`, or `required` of a stage."""
        sql = " ".join(f"{rule.where} {rule.broken_when} {rule.allowed}" for rule in self.conditions)
        words = {*re.findall(r"\w+", sql), _APPLIED_EARLIER.get(self.rule)}
        limits = [f"`{name}` {limit.default}" for name, limit in Thresholds.model_fields.items() if name in words]
        required = [
            f"`required` from `{DEFAULT_REQUIRED[name]}` on" if name in DEFAULT_REQUIRED else "`required`"
            for name in _REQUIRED_FIELD.findall(sql)
        ]
        return ", ".join(limits + required)

    @property
    def needs(self) -> str:
        """The columns without which it does not apply to a source."""
        needs = [need for rule in self.conditions for need in rule.needs]
        return "; ".join(dict.fromkeys(" or ".join(f"`{column}`" for column in need) for need in needs))


def rule_guide() -> str:
    """The page as Markdown."""
    template = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False
    ).from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(sections=sections(), vendor=next(iter(vendor_fixes())), prose=_prose)


def sections() -> list[Section]:
    """Every rule and gate of expectations/, by what it looks at."""
    found: dict[str, Section] = {}
    for suite in sorted(read_suites(), key=lambda suite: list(RECORDS).index(_entity(suite))):
        record = RECORDS[_entity(suite)]
        for rule in suite.rules:
            section = found.setdefault(rule.rule, Section(rule.rule, rule.severity, rule.why, rule.fix))
            section.says.append(rule.says)
            section.records.append(record)
            section.conditions.append(rule)
        for gate in suite.gates:
            words = Section(gate.rule, gate.severity, suite.why, suite.fix, [suite.says], [record])
            section = found.setdefault(gate.rule, words)
            section.key_columns.append(f"{gate.asset.rsplit('.', 1)[-1]}.{gate.column}")
    return list(found.values())


def _prose(text: str) -> str:
    """A suite's words as Markdown: names of metrics, columns and rules as code, where they are not in code already."""
    names = re.compile(r"`[^`]*`|(?<![\w`/])([a-z]+(?:_[a-z0-9]+)+)(?![\w`/.][\w`/])")
    return names.sub(lambda found: f"`{found[1]}`" if found[1] else found[0], text)


def _entity(suite: Suite) -> str:
    return "rows" if suite.entity_column else suite.entity or "run"
