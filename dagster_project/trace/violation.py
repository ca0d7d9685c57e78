"""`dealtrail trace violation <rule> <record_key>`: what the rule asks, what was found, and the record and its rows."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from dagster_project import sql
from dagster_project.config.entities import ENTITIES, HISTORY_ENTITIES
from dagster_project.config.load import Settings
from dagster_project.config.models import Configuration
from dagster_project.config.presets import vendor_fixes, vendor_titles
from dagster_project.config.rules import Check, Rule, checks, read_suites
from dagster_project.errors import ConfigurationError
from dagster_project.publish.deals.lives import Life, lives
from dagster_project.publish.origins.rows import Row, Rows, dicts, rows_of
from dagster_project.publish.origins.values import plain
from dagster_project.trace import deal, record
from dagster_project.trace.told import listed, rows_of_it
from dagster_project.wording import counted, near_name

#: Of what is part of a deal and has a key of its own: where its deal stands.
_OF_DEALS = {
    "transitions": ("marts.fct_stage_transitions", "transition_key"),
    "visits": ("marts.fct_stage_visits", "visit_key"),
}
#: A row without an id: its file's sha256, and its number there.
_ROW = re.compile(r"[0-9a-f]{64}:\d+")
#: Rules and keys that a message names at most.
_NAMED = 12


@dataclass(frozen=True)
class Cell:
    """What a violation of `<source>:<entity>:<id>:<column>` is about."""

    source: str
    entity: str
    record_id: str
    column: str


@dataclass
class Told:
    """A rule, how a record broke it, and what the record is.

    `violations`: one, or two where the rule is checked with two severities. `record`: the deal, lead, account, owner or
    activity it is about, itself or by its transition or cell. `cells`: the rows with the text that was found.
    `quarantined`: rows that cannot be used. `files`: those of a delivery. Empty is what does not apply, and what is no
    longer there of a violation that is resolved.
    """

    rule: str
    record_key: str
    entity: str
    says: str
    why: str
    fixes: dict[str, str]
    looked_at: str
    broken_when: str
    violations: Rows
    record: Life | record.Told | None = None
    cells: list[Row] = field(default_factory=list)
    quarantined: Rows = field(default_factory=list)
    files: Rows = field(default_factory=list)

    @property
    def plain(self) -> dict[str, Any]:
        """As JSON takes it."""
        said = plain(asdict(self))
        assert isinstance(said, dict)
        return said


def trace(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    rule: str | None,
    key: str | None,
    as_of: datetime,
) -> Told:
    """The violation of a rule by a record, open or resolved. Raises ConfigurationError where there is none."""
    violations = _violations(connection, settings.config, rule, key)
    first = violations[0]
    check = _check(settings.config, first)
    definition = check.definition if check else None
    told = Told(
        rule=first["rule"],
        record_key=first["record_key"],
        entity=first["entity"],
        says=check.says if check else "",
        why=check.why if check else "",
        fixes=_fixes(settings.config, first["rule"], first["source"]),
        looked_at=check.shown_table if check else "",
        broken_when=_condition(definition) if isinstance(definition, Rule) else "",
        violations=violations,
    )
    _tell_record(told, connection, settings, as_of)
    return told


def text(told: Told) -> Iterator[str]:
    """As a person reads it."""
    yield f"{told.rule}: {told.record_key}"
    for one in told.violations:
        until = f"resolved on {one['resolved_on']}" if one["resolved_on"] else "open"
        yield f"  {one['severity']}, {until}; first seen on {one['first_seen_on']}, last on {one['last_seen_on']}"
        yield f"  {one['message']}"
        yield f"  observed {_said(one['observed'])}, allowed {_said(one['allowed'])}"
    yield ""
    yield from _rule(told)
    yield from listed("its files", told.files, _file)
    yield from listed("rows in quarantine", told.quarantined, _quarantined)
    if told.cells:
        yield ""
        yield "where it stands"
        for row in told.cells:
            again = f", and {row.again} more that say the same" if row.again else ""
            yield f"  {row.file}, row {row.row_number}, delivered {row.extracted_at} ({row.entity}, {row.state}{again})"
    yield from _record_lines(told)


def _rule(told: Told) -> Iterator[str]:
    yield "the rule"
    yield f"  {told.says or 'is not switched on any more'}"
    if told.why:
        yield f"  why: {_line(told.why)}"
    for where, fix in told.fixes.items():
        yield f"  mend it ({where}): {_line(fix)}"
    if not told.fixes:
        yield "  mend it: where the record is kept; the page of the rules (`dealtrail docs`) says how in each CRM"
    if told.broken_when:
        yield f"  broken by rows of {told.looked_at} where {_line(told.broken_when)}"


def _record_lines(told: Told) -> Iterator[str]:
    if told.record is not None:
        yield ""
        yield from deal.text(told.record) if isinstance(told.record, Life) else record.text(told.record)
    elif told.cells:
        yield ""
        yield from rows_of_it(told.cells, "")
    elif not (told.files or told.quarantined):
        yield ""
        yield "of no record that is published, and of no row that is still in the lake or in quarantine"


def _violations(
    connection: duckdb.DuckDBPyConnection, config: Configuration, rule: str | None, key: str | None
) -> Rows:
    """Of one rule and one record. Raises ConfigurationError, which says what there is."""
    counts: dict[str, int] = dict(
        connection.execute(
            "select rule, count(*) from quality.hygiene_violations group by rule order by 2 desc, 1"
        ).fetchall()
    )
    if rule is None:
        raise ConfigurationError(
            f"trace violation: say which, as `trace violation <rule> <record_key>`; {_broken(counts)}"
        )
    if rule not in counts:
        known = {one.rule for one in checks(config)} | {
            one.rule for suite in read_suites() for one in suite.definitions
        }
        if rule in known:
            raise ConfigurationError(f"trace violation {rule}: nothing breaks it or broke it; {_broken(counts)}")
        near = near_name(rule, known)
        raise ConfigurationError(
            f"trace violation: there is no rule '{rule}'{f'; did you mean {near}?' if near else ''}; {_broken(counts)}"
        )
    found = dicts(
        connection,
        "select * from quality.hygiene_violations where rule = $rule order by record_key, severity, entity",
        {"rule": rule},
    )
    keys = list(dict.fromkeys(one["record_key"] for one in found))
    # by the id alone, where one source alone has it
    named = [one for one in keys if one == key] or [
        one["record_key"] for one in found if one["record_key"] == f"{one['source']}:{key}"
    ]
    if len(set(named)) > 1:
        raise ConfigurationError(f"trace violation {rule}: several sources have '{key}': {', '.join(named)}")
    if not named:
        of_rule = f"(select record_key from quality.hygiene_violations where rule = {sql.text(rule)})"
        near = record.near_key(connection, of_rule, "record_key", key) if key else None
        said = "say of what" if key is None else f"'{key}' does not break it, and did not"
        raise ConfigurationError(
            f"trace violation {rule}: {said}{f'; did you mean {near}?' if near else ''}; it is broken by {_some(keys)}"
        )
    return [one for one in found if one["record_key"] == named[0]]


def _broken(counts: dict[str, int]) -> str:
    if not counts:
        return "no rule is broken"
    return f"broken are {', '.join(f'{rule} ({number:,})' for rule, number in counts.items())}"


def _some(keys: list[str]) -> str:
    more = f" and {counted(len(keys) - _NAMED, 'more record')}" if len(keys) > _NAMED else ""
    return f"{', '.join(keys[:_NAMED])}{more}"


def _check(config: Configuration, violation: dict[str, Any]) -> Check | None:
    """What checked it: a rule may look at two tables, and may be checked with two severities. None of a rule that is
    switched off since."""
    of_rule = [one for one in checks(config) if one.rule == violation["rule"]]
    of_entity = [one for one in of_rule if one.entity in (violation["entity"], None)]
    of_severity = [one for one in of_entity if one.severity == violation["severity"]]
    return next(iter(of_severity or of_entity or of_rule), None)


def _fixes(config: Configuration, rule: str, source: str | None) -> dict[str, str]:
    """In which program → what to do: that of the record's source, and what is right whatever the CRM."""
    vendor = next((one.vendor for one in config.sources if one.name == source), None)
    theirs = vendor_fixes().get(vendor or "", {}).get(rule)
    anywhere = [
        fix
        for suite in read_suites()
        for one in suite.definitions
        if one.rule == rule and (fix := one.fix if isinstance(one, Rule) else suite.fix)
    ]
    return ({vendor_titles()[vendor]: theirs} if vendor and theirs else {}) | (
        {"whatever the CRM": anywhere[0]} if anywhere else {}
    )


def _condition(rule: Rule) -> str:
    return rule.broken_when if rule.where.strip() == "true" else f"({rule.where}) and ({rule.broken_when})"


def _tell_record(told: Told, connection: duckdb.DuckDBPyConnection, settings: Settings, as_of: datetime) -> None:
    """Finds what the violation is about, by its entity and the form of its key."""
    entity, key, source = told.entity, told.record_key, told.violations[0]["source"]
    if entity == "deliveries":
        told.files = dicts(
            connection,
            "select * from quality.deliveries "
            "where concat(source, ':', feed, ':', strftime(extracted_at, '%Y-%m-%dT%H:%M:%SZ')) = $key order by file",
            {"key": key},
        )
    elif entity in _OF_DEALS:
        table, key_column = _OF_DEALS[entity]
        for one in dicts(connection, f"select deal_key from {table} where {key_column} = $key", {"key": key}):
            told.record = _record("deals", one["deal_key"], connection, settings, as_of)
    elif _ROW.fullmatch(key):
        asked = "concat(sha256, ':', row_number) = $key"
        told.quarantined = dicts(connection, f"select * from quality.quarantined_rows where {asked}", {"key": key})
    elif (cell := _cell(entity, source, key)) is not None:
        _tell_cell(told, cell, connection, settings, as_of)
    elif entity in record.KINDS.values():
        told.record = _record(entity, key, connection, settings, as_of)


def _cell(entity: str, source: str | None, key: str) -> Cell | None:
    """Of a key `<source>:<entity>:<id>:<column>`; None of any other."""
    place = f"{source}:{entity}:"
    if source is None or entity not in ENTITIES or not key.startswith(place):
        return None
    record_id, _, column = key.removeprefix(place).rpartition(":")
    return Cell(source, entity, record_id, column) if record_id else None


def _tell_cell(
    told: Told, cell: Cell, connection: duckdb.DuckDBPyConnection, settings: Settings, as_of: datetime
) -> None:
    key = f"{cell.source}:{cell.record_id}"
    about = "deals" if cell.entity in HISTORY_ENTITIES else cell.entity
    if about in record.KINDS.values():
        told.record = _record(about, key, connection, settings, as_of)
        rows = told.record.rows if told.record else []
    else:
        lake_dir, keys = settings.warehouse_dir / "lake", {(cell.source, cell.record_id): key}
        rows = rows_of(connection, settings.config, lake_dir, about, keys, as_of)[key]
    told.quarantined = dicts(
        connection,
        "select * from quality.quarantined_rows where source = $source and entity = $entity and record_id = $record_id "
        "and column_name = $column order by extracted_at, file, row_number",
        asdict(cell),
    )
    of_entity = [row for row in rows if row.entity == cell.entity]
    if told.rule == "duplicate_key":
        # all that the newest delivery says of it that says several things; the last counts
        times = Counter(row.extracted_at for row in of_entity)
        newest = max((moment for moment, count in times.items() if count > 1), default=None)
        told.cells = [row for row in of_entity if row.extracted_at == newest]
    elif not told.quarantined:
        observed = {one["observed"] for one in told.violations}
        said = [row for row in of_entity if observed & _texts(row, cell.column)]
        # of a violation that is resolved, the row that said so last
        told.cells = [row for row in said if row.state == "current"] or said[-1:]


def _texts(row: Row, column: str) -> set[str]:
    """What a row says in a column; of a log, of the field that is called so; of dates of stages, each."""
    said = {row.says.get(column), row.unreadable.get(column)}
    if row.entity == "deal_changes" and row.says.get("field") == column:
        said.add(row.says.get("new_value"))
    if column == "stage_dates" and (dates := row.says.get(column)) is not None:
        said |= {entry["entered"] for entry in json.loads(dates)}
    return {text for text in said if text is not None}


def _record(
    entity: str, key: str, connection: duckdb.DuckDBPyConnection, settings: Settings, as_of: datetime
) -> Life | record.Told | None:
    if entity == "deals":
        for life in lives(connection, settings.config, settings.warehouse_dir / "lake", [key], as_of):
            return life
    return next(iter(record.told(connection, settings, entity, [key], as_of)), None)


def _file(one: dict[str, Any]) -> str:
    said = f": {one['message']}" if one["message"] else ""
    return (
        f"{one['file']}  delivered {one['extracted_at']}, {one['state']}, {counted(one['rows_in_file'] or 0, 'row')}, "
        f"{one['rows_rejected'] or 0:,} rejected, sha256 {one['sha256']}{said}"
    )


def _quarantined(one: dict[str, Any]) -> str:
    value = "" if one["value"] is None else f" '{one['value']}'"
    column = f" ({one['column_name']}{value})" if one["column_name"] else ""
    where = f"{one['file']}, row {one['row_number']}, delivered {one['extracted_at']}"
    return f"{where}: {one['reason']}{column}, sha256 {one['sha256']}"


def _said(value: str | None) -> str:
    return "nothing" if value is None else f"'{value}'"


def _line(words: str) -> str:
    return " ".join(words.split())
