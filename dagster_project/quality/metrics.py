"""What Great Expectations asks of a table, answered on DuckDB: all that an expectation suite asks in one scan.

Its own metrics for SQL read the table anew for each expectation, twice for a rule and four times for a key, and fetch
rows that nobody looks at. A metric may have an implementation per engine; these are our engine's. What it counts in one
aggregate per metric, Great Expectations puts into one query itself.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.core.metric_function_types import MetricPartialFunctionTypes
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.metrics.map_metric_provider import ColumnMapMetricProvider
from great_expectations.expectations.metrics.metric_provider import MetricProvider, metric_partial, metric_value
from great_expectations.expectations.metrics.query_metric_provider import QueryMetricProvider
from great_expectations.validator.metric_configuration import MetricConfiguration

from dagster_project.config.rules import unexpected_rows_condition
from dagster_project.quality.duckdb_datasource import DuckDBExecutionEngine

_AGGREGATE = MetricPartialFunctionTypes.AGGREGATE_FN
#: A deferred aggregate, where it is computed, and the column: what Great Expectations bundles.
_Deferred = tuple[Any, dict[str, Any], dict[str, Any]]


class _OfColumn(MetricProvider):
    domain_keys = ColumnMapMetricProvider.condition_domain_keys


class MissingKeys(_OfColumn):
    """Rows without a key."""

    metric_name = "column_values.nonnull.unexpected_count"

    @metric_partial(engine=DuckDBExecutionEngine, partial_fn_type=_AGGREGATE, domain_type=MetricDomainTypes.COLUMN)
    def _duckdb(
        cls, execution_engine: SqlAlchemyExecutionEngine, metric_domain_kwargs: dict[str, Any], **_: Any
    ) -> _Deferred:
        _, computed, column = _domain(execution_engine, metric_domain_kwargs)
        return sa.func.count() - sa.func.count(column), computed, {}


class KeysTooMany(_OfColumn):
    """By how many rows a table has more keys than different ones; of hashes, which are equal where keys are."""

    metric_name = "column_values.unique.surplus"

    @metric_partial(engine=DuckDBExecutionEngine, partial_fn_type=_AGGREGATE, domain_type=MetricDomainTypes.COLUMN)
    def _duckdb(
        cls, execution_engine: SqlAlchemyExecutionEngine, metric_domain_kwargs: dict[str, Any], **_: Any
    ) -> _Deferred:
        _, computed, column = _domain(execution_engine, metric_domain_kwargs)
        different = sa.func.count(sa.distinct(sa.func.hash(column))).filter(column.is_not(None))
        return sa.func.count(column) - different, computed, {}


class RepeatedKeys(_OfColumn):
    """Rows whose key another row has too: counted where there is a key too many."""

    metric_name = "column_values.unique.unexpected_count"

    @metric_value(engine=DuckDBExecutionEngine)
    def _duckdb(
        cls,
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        **_: Any,
    ) -> int:
        if not metrics[KeysTooMany.metric_name]:
            return 0
        table, _computed, column = _domain(execution_engine, metric_domain_kwargs)
        repeated = (
            sa.select(sa.func.count().label("rows"))
            .select_from(table)
            .where(column.is_not(None))
            .group_by(column)
            .having(sa.func.count() > 1)
            .subquery()
        )
        (rows,) = execution_engine.execute_query(sa.select(sa.func.sum(repeated.c.rows))).fetchone() or (None,)
        return int(rows or 0)

    @classmethod
    def _get_evaluation_dependencies(
        cls, metric: MetricConfiguration, *_: Any, **__: Any
    ) -> dict[str, MetricConfiguration]:
        return {
            KeysTooMany.metric_name: MetricConfiguration(
                metric_name=KeysTooMany.metric_name, metric_domain_kwargs=metric.metric_domain_kwargs
            )
        }


class BrokenRows(QueryMetricProvider):
    """Rows that break a rule: those of its query, counted beside those of all other rules of the table."""

    metric_name = "unexpected_rows_query.row_count"
    value_keys = ("unexpected_rows_query",)

    @metric_partial(engine=DuckDBExecutionEngine, partial_fn_type=_AGGREGATE, domain_type=MetricDomainTypes.TABLE)
    def _duckdb(cls, metric_domain_kwargs: dict[str, Any], metric_value_kwargs: dict[str, Any], **_: Any) -> _Deferred:
        condition = unexpected_rows_condition(metric_value_kwargs["unexpected_rows_query"], "{batch}")
        return sa.literal_column(f"count(case when {condition.format()} then 1 end)"), metric_domain_kwargs, {}


class _NoRows:
    """In place of rows that break an expectation: no page shows them, and the violations are stored without Python."""

    @metric_value(engine=DuckDBExecutionEngine)
    def _duckdb(cls, **_: Any) -> list[Any]:
        return []


class BrokenRowsThemselves(_NoRows, QueryMetricProvider):
    """What a rule's query finds."""

    metric_name = "unexpected_rows_query.table"
    value_keys = ("unexpected_rows_query",)


class MissingKeysThemselves(_NoRows, _OfColumn):
    """Keys that are not there."""

    metric_name = "column_values.nonnull.unexpected_values"
    value_keys = ("result_format",)


class RepeatedKeysThemselves(_NoRows, _OfColumn):
    """Keys that are there twice."""

    metric_name = "column_values.unique.unexpected_values"
    value_keys = ("result_format",)


def _domain(engine: SqlAlchemyExecutionEngine, asked: dict[str, Any]) -> tuple[Any, dict[str, Any], Any]:
    table, computed, of_column = engine.get_compute_domain(asked, domain_type=MetricDomainTypes.COLUMN)
    return table, computed, sa.column(of_column["column"])
