"""Great Expectations on DuckDB, through its documented way of adding a datasource.

The stock SQL datasource closes its connection before the rows are fetched, which DuckDB does not survive
(`add_sql` ends in an IndexError); and only one connection may write. So one connection is held and shared.
The classes have to live in an importable module: Great Expectations looks them up by name.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import duckdb
import great_expectations as gx
from duckdb_engine import ConnectionWrapper
from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults
from great_expectations.datasource.fluent import SQLDatasource
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from sqlalchemy import event

if TYPE_CHECKING:
    from great_expectations.data_context import EphemeralDataContext


class _WithoutTransactions(ConnectionWrapper):
    """Each query for itself: of one that fails, those after it would say no more than that a transaction is aborted."""

    def begin(self) -> None:
        """Nothing."""

    def commit(self) -> None:
        """Nothing."""

    def rollback(self) -> None:
        """Nothing."""


class DuckDBExecutionEngine(SqlAlchemyExecutionEngine):
    """Runs every metric on one held connection."""

    _held: Any = None

    def hold(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Takes this connection for its own, instead of opening one."""
        event.listen(self.engine, "do_connect", lambda *_: _WithoutTransactions(connection))
        self._held = self.engine.connect()

    @contextmanager
    def get_connection(self) -> Iterator[Any]:
        """The held connection."""
        yield self._held

    def close(self) -> None:
        """Closes the held connection."""
        driver_connection = self._held.connection.driver_connection
        self._held.close()
        driver_connection.close()
        self.engine.dispose()


class DuckDBDatasource(SQLDatasource):
    """`context.data_sources.add_duckdb(name, connection_string)`."""

    type: Literal["duckdb"] = "duckdb"  # type: ignore[assignment]

    @property
    def execution_engine_type(self) -> Any:
        """The engine that holds its connection."""
        return DuckDBExecutionEngine


def open_context() -> EphemeralDataContext:
    """A context that keeps nothing and sends nothing.

    Left to itself it would make a folder for Data Docs among the machine's temporary files every night.
    """
    in_memory = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    config = DataContextConfig(store_backend_defaults=in_memory, analytics_enabled=False)
    context = gx.get_context(mode="ephemeral", project_config=config)
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
    # it would write all of its configuration as YAML, to nowhere, with every table that is added to it
    context.variables.save = lambda *_: None  # type: ignore[method-assign]
    return context
