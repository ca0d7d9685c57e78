"""The two databases of a run: the file that is published, and beside it `work`, which is thrown away at the end.

Both stand in one DuckDB from the first table to the last check. Whoever connects to the file in this process, as dbt
does, meets the same DuckDB, with `work` in it. What is thrown away need not be written: where it fits, `work` lies in
memory (a fifth of what the models cost went into compressing it), and what does not fit then spills beside the file.
Where it does not fit, everything spills sooner or later, and more memory buys little: DuckDB is kept to a bound then.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from dagster_project import sql
from dagster_project.errors import DealtrailError
from dagster_project.published import search_path

#: Memory that `work` takes for each row of the lake, in bytes: 4.63 GB for the 5.09 million rows of
#: `make bench SIZE=M`, by duckdb_memory() before the checks.
_BYTES_PER_ROW = 1_000
#: The part of DuckDB's memory that `work` may be expected to fill; queries need the rest.
_SHARE = 0.5
#: What DuckDB may take where `work` is a file and the configuration says nothing, in bytes.
_BESIDE_FILE = 6_000_000_000


class Databases:
    """Opened by the step that makes `work`, closed by the last that reads it."""

    def __init__(self, build_path: Path, memory: str | None = None) -> None:
        """`memory`: what DuckDB may take, as it writes sizes (`12GB`); else four fifths of the machine's."""
        self.build_path = build_path
        self._memory = memory
        self._held: duckdb.DuckDBPyConnection | None = None

    def open(self, rows: int) -> None:
        """Creates both for a lake of so many rows. `work` is a file beside the other where memory may be too small."""
        self._held = duckdb.connect(str(self.build_path))
        # where facts lie that are too large for the file
        self._held.execute("set global file_search_path = ?", [search_path(self.build_path)])
        if self._memory is not None:
            self._held.execute(f"set memory_limit = {sql.text(self._memory)}")
        allowed = _memory_limit(self._held)
        fits = rows * _BYTES_PER_ROW <= allowed * _SHARE
        if not fits and self._memory is None:
            self._held.execute(f"set memory_limit = '{min(allowed, _BESIDE_FILE)}B'")
        work = ":memory:" if fits else str(self.build_path.with_name("work.duckdb"))
        self._held.execute(f"attach {sql.text(work)} as work")

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A connection to both, to be closed; the published one is its current database.

        Raises DealtrailError where no step of this run has made them: where Dagster was asked for a part of the job.
        """
        if self._held is None:
            raise _not_part_of_this_run()
        return self._held.cursor()

    def built(self) -> Path:
        """The file to be published, closed and whole. Raises like `connect`."""
        if not self.build_path.exists():
            raise _not_part_of_this_run()
        self.close()
        return self.build_path

    def close(self) -> None:
        """Throws `work` away and leaves the file to whoever opens it next; any number of times."""
        if self._held is not None:
            self._held.close()
            self._held = None


def _memory_limit(connection: duckdb.DuckDBPyConnection) -> int:
    """In bytes."""
    told = connection.execute("select parse_formatted_bytes(current_setting('memory_limit'))").fetchone()
    return int(told[0]) if told else 0


def _not_part_of_this_run() -> DealtrailError:
    return DealtrailError(
        "this step builds on the steps before it, in the same run, and they are not part of this one. Run "
        "the job `nightly` as a whole (in Dagster: Jobs, nightly, Materialize all; of a failed run: Re-execute "
        "all); deliveries that are in the lake are not read again"
    )
