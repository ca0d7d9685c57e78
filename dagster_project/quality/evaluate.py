"""Runs every expectation against a built warehouse and stores what it found, as SQL inside DuckDB."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from dagster_project import sql
from dagster_project.config.models import Configuration
from dagster_project.config.rules import (
    OWN_SUITE,
    Check,
    Gate,
    Rule,
    checks,
    looked_at_sql,
    sources_judged,
    unexpected_rows_sql,
    violations_sql,
)
from dagster_project.errors import ConfigurationError, DealtrailError
from dagster_project.quality.lazy_imports import imported_when_used
from dagster_project.quality.own_rules import problem_of
from dagster_project.run.results import Result
from dagster_project.transform.check_tables import CHECK_TABLES
from dagster_project.transform.tables import insert_rows

if TYPE_CHECKING:
    from dagster_project.quality.data_docs.site import Offender

#: Records of each check that the Data Docs show; all are in the violations.
OFFENDERS = 20


def preload() -> None:
    """Imports Great Expectations, which takes more than a second: in the background, while dbt works elsewhere."""
    with imported_when_used("altair", "scipy.stats"):
        import_module("dagster_project.quality.metrics")


def evaluate(config: Configuration, raw: duckdb.DuckDBPyConnection, data_docs_dir: Path) -> list[Result]:
    """Evaluates all suites with Great Expectations; writes violations, check results and Data Docs.

    The connection, which is closed, has the build as its current database and `work` beside it. Every expectation is
    pushed down as SQL; broken records go from query to table without passing Python.
    """
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    preload()
    from dagster_project.quality.data_docs.site import write_data_docs
    from dagster_project.quality.duckdb_datasource import DuckDBDatasource, open_context

    context = open_context()
    add_duckdb = context.data_sources.add_duckdb
    datasource: DuckDBDatasource = add_duckdb(name="warehouse", connection_string="duckdb://")
    engine: Any = datasource.get_execution_engine()
    engine.hold(raw)
    try:
        # dbt leaves the order of rows to chance, and this is one DuckDB
        raw.execute("set preserve_insertion_order = true")
        # from here on the database reads no other file but earlier records: a rule is SQL written for tables
        raw.execute("set enable_external_access = false")
        planned = _plan(raw, config)
        try:
            found, pages = _validate(context, datasource, planned, _evaluated(raw, planned))
            results = _store(raw, planned, found, pages)
            write_data_docs(context, data_docs_dir, _about(raw), _offenders(raw))
            return results
        except (DealtrailError, duckdb.Error) as error:
            raise _explained(raw, planned, error) from None
    finally:
        engine.close()
        # the datasource keeps an engine of its own, with a connection in its pool
        datasource.get_engine().dispose()


@dataclass(frozen=True)
class _Plan:
    """A check with the sources it applies to."""

    check: Check
    sources: list[str]
    not_applied_to: list[str]

    @property
    def applies(self) -> bool:
        return bool(self.sources)

    @property
    def key(self) -> str:
        return f"{self.check.suite.suite}.{self.check.table}.{self.check.name}"

    @property
    def table(self) -> str:
        return self.check.table

    @property
    def relation(self) -> str:
        return self.check.relation

    @property
    def page(self) -> str:
        """The name of its page in the Data Docs: a suite's, or one per table where a suite looks at several."""
        suite = self.check.suite
        name = self.check.table.rsplit(".", 1)[-1]
        # also the name of a folder, which some file systems and archives take no colon or space in
        return suite.suite if suite.table and suite.suite != OWN_SUITE else f"{suite.suite}-{name}"


def _explained(raw: Any, planned: list[_Plan], error: Exception) -> DealtrailError:
    """What stopped the checks: a rule of the team's own by its key, where the database stumbles over one."""
    for plan in planned:
        problem = problem_of(raw, plan.check) if plan.check.suite.suite == OWN_SUITE else None
        if problem is not None:
            return ConfigurationError(problem)
    return DealtrailError(str(error))


def _plan(raw: Any, config: Configuration) -> list[_Plan]:
    delivered = set(
        raw.execute("select source, concat(entity, '.', column_name) from work.config.delivered_columns").fetchall()
    )
    names = [source.name for source in config.sources]
    plans = []
    for check in checks(config):
        sources = sources_judged(check, names, delivered)
        plans.append(_Plan(check, sources, [name for name in names if name not in sources]))
    return plans


def _about(raw: Any) -> dict[str, str]:
    """What the Data Docs say of the night."""
    (as_of,) = raw.execute("select as_of from work.config.run").fetchone()
    return {"As of": f"{as_of:%Y-%m-%d %H:%M} UTC", "Evaluated": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"}


@dataclass
class _Found:
    """How many records a check looked at, and how many of them break it."""

    evaluated: int = 0
    unexpected: int = 0


def _validate(
    context: Any, datasource: Any, planned: list[_Plan], evaluated: dict[str, int]
) -> tuple[dict[str, _Found], dict[str, str]]:
    """Runs all suites; returns what was found by check, and the Data Docs page of each suite.

    A check that applies to no source looks at no row; it is run for its place in the Data Docs.
    """
    import great_expectations as gx
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )

    from dagster_project.quality.data_docs.site import evaluated_rows, unexpected_rows

    run_id = gx.RunIdentifier(run_time=datetime.now(UTC))
    found: dict[str, _Found] = {}
    pages: dict[str, str] = {}
    for name, plans in _grouped(planned, "page").items():
        asset = datasource.add_query_asset(name, query=f"select * from {plans[0].check.relation}")
        expectations = [expectation for plan in plans for expectation in _expectations(plan, evaluated)]
        definition = context.validation_definitions.add(
            gx.ValidationDefinition(
                name=name,
                data=asset.add_batch_definition_whole_table("all rows"),
                suite=context.suites.add(gx.ExpectationSuite(name=name, expectations=expectations)),
            )
        )
        validation = definition.run(result_format="BASIC", run_id=run_id)
        identifier = ValidationResultIdentifier(ExpectationSuiteIdentifier(name), run_id, validation.batch_id)
        pages[name] = "/".join(("validations", *identifier.to_tuple())) + ".html"
        for result in validation.results:
            key = result.expectation_config.meta["key"]
            if _exception(result):
                raise DealtrailError(f"expectation {key} could not be evaluated: {_exception(result)}")
            of_check = found.setdefault(key, _Found())
            of_check.evaluated = evaluated_rows(result)
            of_check.unexpected += unexpected_rows(result)
    return found, pages


def _grouped(plans: Iterable[_Plan], attribute: str) -> dict[str, list[_Plan]]:
    groups: dict[str, list[_Plan]] = {}
    for plan in plans:
        groups.setdefault(getattr(plan, attribute), []).append(plan)
    return groups


def _expectations(plan: _Plan, evaluated: dict[str, int]) -> list[Any]:
    import great_expectations.expectations as gxe

    check, definition = plan.check, plan.check.definition
    notes: dict[str, Any] = {
        # what the Data Docs say of it
        "meta": {
            "key": plan.key,
            "rule": check.rule,
            "name": check.name,
            "table": check.shown_table,
            "severity": check.severity,
            "says": check.says,
            "why": check.why,
            "applies": plan.applies,
            "not_applied_to": plan.not_applied_to,
            "evaluated": evaluated.get(plan.key),
            "violations_query": check.open_violations_sql,
        },
        "severity": check.severity,
        "description": f"{check.rule}: {check.says}",
    }
    if isinstance(definition, Gate):
        return [
            gxe.ExpectColumnValuesToNotBeNull(column=definition.column, **notes),
            gxe.ExpectColumnValuesToBeUnique(column=definition.column, **notes),
        ]
    # Great Expectations fills in {batch} with str.format: other braces are doubled
    rows = unexpected_rows_sql(definition, "\0", plan.sources).replace("{", "{{").replace("}", "}}")
    return [gxe.UnexpectedRowsExpectation(unexpected_rows_query=rows.replace("\0", "{batch}"), **notes)]


def _exception(result: Any) -> str | None:
    info = result.exception_info or {}
    for part in [info, *info.values()]:
        if isinstance(part, dict) and part.get("raised_exception"):
            return str(part.get("exception_message"))
    return None


def _store(raw: Any, planned: list[_Plan], found: dict[str, _Found], pages: dict[str, str]) -> list[Result]:
    """Writes the violations and the check results."""
    raw.execute("truncate work.checks.violations; truncate work.checks.results")
    examples = _store_violations(raw, [plan for plan in planned if found[plan.key].unexpected])
    results = [
        Result(
            check=plan.check,
            applies=plan.applies,
            not_applied_to=plan.not_applied_to,
            success=found[plan.key].unexpected == 0,
            evaluated=found[plan.key].evaluated,
            unexpected=found[plan.key].unexpected,
            page=pages[plan.page],
            example=examples.get(plan.key),
        )
        for plan in planned
    ]
    _store_results(raw, results)
    return results


def _evaluated(raw: Any, planned: list[_Plan]) -> dict[str, int]:
    """How many records each rule looked at: all rules of a table in one scan of it. A gate looks at every row."""
    counts: dict[str, int] = {}
    for relation, plans in _grouped(planned, "relation").items():
        conditions = {
            plan.key: looked_at_sql(plan.check.definition, plan.sources)
            for plan in plans
            if isinstance(plan.check.definition, Rule)
        }
        counted = ", ".join(f"count(case when {condition} then 1 end)" for condition in conditions.values())
        if conditions:
            counts.update(zip(conditions, raw.execute(f"select {counted} from {relation}").fetchone(), strict=True))
    return counts


def _offenders(raw: Any) -> dict[str, list[Offender]]:
    """Check → the records that break it, as many as its page shows: those with the largest amount, by key where it is
    the same or not known. All of one check are of its severity."""
    from dagster_project.quality.data_docs.site import Offender

    rows = raw.execute(f"""
        with found as (
            -- of a table without owners the column has no type yet
            select
                check_key, entity, record_key, message, cast(owner_key as varchar) as owner_key,
                case when entity = 'deals' then record_key end as deal_key
            from broken
        ),

        worst as (
            select found.*, deals.deal_name, deals.amount_reporting as amount
            from found
            left join marts.fct_deals as deals on found.deal_key = deals.deal_key
            qualify row_number() over (
                partition by check_key order by amount desc nulls last, record_key, message
            ) <= {OFFENDERS}
        ),

        leads as (
            select lead_key, min(lead_name) as lead_name
            from marts.fct_leads
            where lead_key in (select record_key from worst where entity = 'leads')
            group by lead_key
        ),

        owners as (
            select owner_key, min(owner_name) as owner_name
            from marts.dim_owners
            where owner_key in (select worst.owner_key from worst)
            group by owner_key
        )

        select
            check_key, record_key, coalesce(worst.deal_name, lead_name), coalesce(owner_name, worst.owner_key), amount,
            coalesce(message, '')
        from worst
        left join leads on case when worst.entity = 'leads' then worst.record_key end = leads.lead_key
        left join owners on worst.owner_key = owners.owner_key
        order by check_key, amount desc nulls last, record_key, message
    """).fetchall()
    found: dict[str, dict[Offender, None]] = {}
    for key, *said in rows:
        # a deal that stands twice is found twice
        found.setdefault(key, {})[Offender(*said)] = None
    return {key: list(offenders) for key, offenders in found.items()}


def _store_violations(raw: Any, broken: list[_Plan]) -> dict[str, str]:
    """Writes the records that break a check to the violations; returns the first of each check as a sentence."""
    raw.execute("create or replace temp table broken as select null as check_key, * from work.checks.violations")
    if not broken:
        return {}
    columns = {
        relation: {row[0] for row in raw.execute(f"describe select * from {relation}").fetchall()}
        for relation in _grouped(broken, "relation")
    }
    found = " union all ".join(
        f"select {sql.text(plan.key)} as check_key, * "
        f"from ({violations_sql(plan.check, plan.sources, columns[plan.relation])})"
        for plan in broken
    )
    # asked once: the query of a rule may be any
    raw.execute(f"create or replace temp table broken as {found}")
    raw.execute("insert into work.checks.violations select * exclude (check_key) from broken")
    return dict(
        raw.execute(
            "select check_key, arg_min(concat(record_key, ' ', message), record_key) from broken group by check_key"
        ).fetchall()
    )


def _store_results(raw: Any, results: list[Result]) -> None:
    rows = [
        {
            "suite": result.check.suite.suite,
            "expectation": result.check.name,
            "table_name": result.check.shown_table,
            "severity": result.check.severity,
            "applies": result.applies,
            "not_applied_to": ", ".join(result.not_applied_to) or None,
            "success": result.success,
            "evaluated": result.evaluated,
            "unexpected": result.unexpected,
        }
        for result in results
    ]
    insert_rows(raw, "work.checks.results", CHECK_TABLES["results"], rows)
