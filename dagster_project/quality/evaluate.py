"""Runs every expectation against a built warehouse and stores what it found, as SQL inside DuckDB."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from dagster_project.config.models import Configuration
from dagster_project.errors import DealtrailError
from dagster_project.quality.policy import (
    Check,
    Gate,
    Rule,
    checks,
    evaluated_sql,
    unexpected_rows_sql,
    violations_sql,
)

_VIOLATIONS = """
create or replace table work.hygiene.violations_found (
    rule varchar,
    severity varchar,
    entity varchar,
    record_key varchar,
    source varchar,
    pipeline varchar,
    owner_key varchar,
    observed varchar,
    allowed varchar,
    message varchar
)
"""

_CHECK_RESULTS = """
create or replace table quality.check_results (
    suite varchar,
    expectation varchar,
    "table" varchar,
    severity varchar,
    applies boolean,
    not_applied_to varchar,
    success boolean,
    evaluated bigint,
    unexpected bigint
)
"""


@dataclass(frozen=True)
class Result:
    """What one check found: `evaluated` and `unexpected` count records."""

    check: Check
    applies: bool
    not_applied_to: list[str]
    success: bool
    evaluated: int
    unexpected: int
    example: str | None = None

    @property
    def stops_the_publish(self) -> bool:
        """A critical expectation that is not met."""
        return not self.success and self.check.severity == "critical"


def preload() -> None:
    """Starts importing Great Expectations (about five seconds) in the background, while dbt works elsewhere."""
    threading.Thread(target=import_module, args=("dagster_project.quality.duckdb_datasource",), daemon=True).start()


def evaluate(
    config: Configuration, build_path: Path, work_path: Path, data_docs_dir: Path, template_cache_dir: Path
) -> list[Result]:
    """Evaluates all suites with Great Expectations; writes violations, check results and Data Docs.

    Every expectation is pushed down as SQL; broken records go from query to table without passing Python.
    """
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    from dagster_project.quality.duckdb_datasource import DuckDBDatasource, open_context

    context = open_context(data_docs_dir, template_cache_dir)
    add_duckdb = context.data_sources.add_duckdb
    datasource: DuckDBDatasource = add_duckdb(name="warehouse", connection_string=f"duckdb:///{build_path}")
    engine: Any = datasource.get_execution_engine()
    try:
        with engine.get_connection() as connection:
            raw = connection.connection.driver_connection
            raw.execute(f"attach '{work_path}' as work")
            raw.execute(_VIOLATIONS)
            raw.execute(_CHECK_RESULTS)
            planned = [_Planned(raw, config, check) for check in checks(config)]
            counted = _validate(context, datasource, [plan for plan in planned if plan.applies])
            context.build_data_docs()
            # SQLAlchemy opened a transaction for its reads; DuckDB writes one database per transaction
            connection.commit()
            return [_store(raw, plan, counted) for plan in planned]
    finally:
        engine.close()
        # the datasource keeps an engine of its own, with a connection in its pool
        datasource.get_engine().dispose()


class _Planned:
    """A check with the sources it applies to: those that deliver a column it needs."""

    def __init__(self, raw: Any, config: Configuration, check: Check) -> None:
        self.check = check
        names = [source.name for source in config.sources]
        needs = check.definition.needs_any_of if isinstance(check.definition, Rule) else []
        if needs:
            delivered = raw.execute(
                "select distinct source from work.config.delivered_columns "
                "where list_contains(?, concat(entity, '.', column_name))",
                [needs],
            ).fetchall()
            self.sources = sorted(row[0] for row in delivered)
        else:
            self.sources = names
        self.not_applied_to = [name for name in names if name not in self.sources]

    @property
    def applies(self) -> bool:
        return bool(self.sources)

    @property
    def key(self) -> str:
        return f"{self.check.suite.suite}.{self.check.table}.{self.check.name}"


def _validate(context: Any, datasource: Any, planned: list[_Planned]) -> dict[str, int]:
    """Runs one checkpoint over all suites; returns the number of unexpected rows of each check."""
    import great_expectations as gx

    definitions = []
    by_table: dict[tuple[str, str], list[_Planned]] = {}
    for plan in planned:
        by_table.setdefault((plan.check.suite.suite, plan.check.table), []).append(plan)
    for (suite_name, table), plans in by_table.items():
        name = suite_name if plans[0].check.suite.table else f"{suite_name}: {table.rsplit('.', 1)[-1]}"
        expectations = [expectation for plan in plans for expectation in _expectations(plan)]
        asset = datasource.add_query_asset(name, query=f"select * from {table}")
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
    for validation in checkpoint.run().run_results.values():
        for result in validation.results:
            key = result.expectation_config.meta["key"]
            if _exception(result):
                raise DealtrailError(f"expectation {key} could not be evaluated: {_exception(result)}")
            found = result.result.get("observed_value", result.result.get("unexpected_count"))
            unexpected[key] = unexpected.get(key, 0) + int(found or 0)
    return unexpected


def _expectations(plan: _Planned) -> list[Any]:
    import great_expectations.expectations as gxe

    check, definition = plan.check, plan.check.definition
    notes: dict[str, Any] = {
        "meta": {"key": plan.key},
        "severity": check.severity,
        "description": f"{check.rule}: {check.says}",
    }
    if isinstance(definition, Gate):
        return [
            gxe.ExpectColumnValuesToNotBeNull(column=definition.column, **notes),
            gxe.ExpectColumnValuesToBeUnique(column=definition.column, **notes),
        ]
    query = unexpected_rows_sql(definition, "{batch}", plan.sources)
    return [gxe.UnexpectedRowsExpectation(unexpected_rows_query=query, **notes)]


def _exception(result: Any) -> str | None:
    info = result.exception_info or {}
    for part in [info, *info.values()]:
        if isinstance(part, dict) and part.get("raised_exception"):
            return str(part.get("exception_message"))
    return None


def _store(raw: Any, plan: _Planned, counted: dict[str, int]) -> Result:
    check, definition = plan.check, plan.check.definition
    unexpected = counted.get(plan.key, 0) if plan.applies else 0
    evaluated, example = 0, None
    if plan.applies:
        count = (
            evaluated_sql(definition, check.table, plan.sources)
            if isinstance(definition, Rule)
            else f"select count(*) from {check.table}"
        )
        evaluated = raw.execute(count).fetchone()[0]
    if unexpected:
        columns = {row[0] for row in raw.execute(f"describe select * from {check.table}").fetchall()}
        found = violations_sql(check, plan.sources, columns)
        raw.execute(f"insert into work.hygiene.violations_found {found}")
        example = raw.execute(
            "select concat(record_key, ' ', message) from work.hygiene.violations_found where rule = ? "
            "order by record_key limit 1",
            [check.rule],
        ).fetchone()[0]
    raw.execute(
        "insert into quality.check_results values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            check.suite.suite,
            check.name,
            check.table.removeprefix("work."),
            check.severity,
            plan.applies,
            ", ".join(plan.not_applied_to) or None,
            unexpected == 0,
            evaluated,
            unexpected,
        ],
    )
    return Result(check, plan.applies, plan.not_applied_to, unexpected == 0, evaluated, unexpected, example)
