"""Runs every expectation against a built warehouse and stores what it found, as SQL inside DuckDB."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb

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
from dagster_project.quality.own_rules import problem_of
from dagster_project.run.results import Result
from dagster_project.transform.check_tables import CHECK_TABLES
from dagster_project.transform.tables import insert_rows


def preload() -> None:
    """Starts importing Great Expectations (about five seconds) in the background, while dbt works elsewhere."""
    threading.Thread(target=import_module, args=("dagster_project.quality.duckdb_datasource",), daemon=True).start()


def evaluate(config: Configuration, raw: duckdb.DuckDBPyConnection, data_docs_dir: Path) -> list[Result]:
    """Evaluates all suites with Great Expectations; writes violations, check results and Data Docs.

    The connection, which is closed, has the build as its current database and `work` beside it. Every expectation is
    pushed down as SQL; broken records go from query to table without passing Python.
    """
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    from dagster_project.quality.data_docs.site import write_data_docs
    from dagster_project.quality.duckdb_datasource import DuckDBDatasource, open_context

    context = open_context()
    add_duckdb = context.data_sources.add_duckdb
    datasource: DuckDBDatasource = add_duckdb(name="warehouse", connection_string="duckdb://")
    engine: Any = datasource.get_execution_engine()
    engine.hold(raw)
    try:
        with engine.get_connection() as connection:
            # dbt leaves the order of rows to chance, and this is one DuckDB
            raw.execute("set preserve_insertion_order = true")
            # from here on the database reads no other file but earlier records: a rule is SQL written for tables
            raw.execute("set enable_external_access = false")
            planned = _plan(raw, config)
            try:
                evaluated = _evaluated(raw, planned)
                unexpected, pages = _validate(context, datasource, planned, evaluated)
                write_data_docs(context, data_docs_dir, _about(raw))
                # SQLAlchemy opened a transaction for its reads; DuckDB writes one database per transaction
                connection.commit()
                return _store(raw, planned, evaluated, unexpected, pages)
            except (DealtrailError, duckdb.Error) as error:
                connection.rollback()
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
    def page(self) -> str:
        """The name of its page in the Data Docs: a suite's, or one per table where a suite looks at several."""
        suite = self.check.suite
        name = self.check.table.rsplit(".", 1)[-1]
        return suite.suite if suite.table and suite.suite != OWN_SUITE else f"{suite.suite}: {name}"


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


def _validate(
    context: Any, datasource: Any, planned: list[_Plan], evaluated: dict[str, int]
) -> tuple[dict[str, int], dict[str, str]]:
    """Runs one checkpoint over all suites; returns unexpected rows by check, and the Data Docs page of each suite.

    A check that applies to no source looks at no row; it is run for its place in the Data Docs.
    """
    import great_expectations as gx

    from dagster_project.quality.data_docs.site import unexpected_rows

    definitions = []
    for name, plans in _grouped(planned, "page").items():
        asset = datasource.add_query_asset(name, query=f"select * from {plans[0].table}")
        expectations = [expectation for plan in plans for expectation in _expectations(plan, evaluated)]
        definitions.append(
            context.validation_definitions.add(
                gx.ValidationDefinition(
                    name=name,
                    data=asset.add_batch_definition_whole_table("all rows"),
                    suite=context.suites.add(gx.ExpectationSuite(name=name, expectations=expectations)),
                )
            )
        )
    checkpoint = context.checkpoints.add(
        gx.Checkpoint(
            name="nightly",
            validation_definitions=definitions,
            result_format="BASIC",
        )
    )
    unexpected: dict[str, int] = {}
    pages: dict[str, str] = {}
    for identifier, validation in checkpoint.run().run_results.items():
        pages[identifier.expectation_suite_identifier.name] = (
            "/".join(("validations", *identifier.to_tuple())) + ".html"
        )
        for result in validation.results:
            key = result.expectation_config.meta["key"]
            if _exception(result):
                raise DealtrailError(f"expectation {key} could not be evaluated: {_exception(result)}")
            unexpected[key] = unexpected.get(key, 0) + unexpected_rows(result)
    return unexpected, pages


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
            "evaluated": evaluated[plan.key],
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
    # Great Expectations fills in {batch} with str.format: other braces are doubled. SQLAlchemy takes `:word` for a
    # parameter, in quotes too, unless a backslash stands before it
    rows = unexpected_rows_sql(definition, "\0", plan.sources).replace("{", "{{").replace("}", "}}")
    rows = re.sub(r"(?<![:\w\\]):(?=\w)", r"\\:", rows)
    return [gxe.UnexpectedRowsExpectation(unexpected_rows_query=rows.replace("\0", "{batch}"), **notes)]


def _exception(result: Any) -> str | None:
    info = result.exception_info or {}
    for part in [info, *info.values()]:
        if isinstance(part, dict) and part.get("raised_exception"):
            return str(part.get("exception_message"))
    return None


def _store(
    raw: Any, planned: list[_Plan], evaluated: dict[str, int], unexpected: dict[str, int], pages: dict[str, str]
) -> list[Result]:
    """Writes the violations and the check results."""
    raw.execute("truncate work.checks.violations; truncate work.checks.results")
    results = []
    for plan in planned:
        found = unexpected[plan.key]
        results.append(
            Result(
                check=plan.check,
                applies=plan.applies,
                not_applied_to=plan.not_applied_to,
                success=found == 0,
                evaluated=evaluated[plan.key],
                unexpected=found,
                page=pages[plan.page],
                example=_store_violations(raw, plan) if found else None,
            )
        )
    _store_results(raw, results)
    return results


def _evaluated(raw: Any, planned: list[_Plan]) -> dict[str, int]:
    """How many records each check looked at: all checks of a table in one scan of it."""
    counts: dict[str, int] = {}
    for table, plans in _grouped(planned, "table").items():
        conditions = [
            looked_at_sql(plan.check.definition, plan.sources) if isinstance(plan.check.definition, Rule) else "true"
            for plan in plans
        ]
        row = raw.execute(
            f"select {', '.join(f'count(case when {condition} then 1 end)' for condition in conditions)} from {table}"
        ).fetchone()
        counts.update(zip((plan.key for plan in plans), row, strict=True))
    return counts


def _store_violations(raw: Any, plan: _Plan) -> str:
    """Adds the records that break a check to the violations; returns the first of them as a sentence."""
    check = plan.check
    columns = {row[0] for row in raw.execute(f"describe select * from {check.table}").fetchall()}
    # asked once: the query of a rule may be any
    raw.execute(f"create or replace temp table broken as {violations_sql(check, plan.sources, columns)}")
    raw.execute("insert into work.checks.violations from broken")
    key, message = raw.execute("select record_key, message from broken order by record_key limit 1").fetchone()
    return f"{key} {message}"


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
