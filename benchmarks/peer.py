"""Loads a folder of extracts through dlt, typed, into a new DuckDB file; nothing more.

`python benchmarks/peer.py <folder with the CSV files> <database file>`: a process of its own, so that it can be
measured. DuckDB itself reads the files (dlt's fastest reader of CSV), in batches of Arrow; dlt's own state lies beside
the database.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from benchmarks.generate import OBJECTS

#: Rows that dlt is handed at once; its default of 5,000 takes longer.
BATCH = 100_000


def is_installed() -> bool:
    """Whether dlt is there: no lock holds it, since only this asks for it."""
    return find_spec("dlt") is not None


def load(folder: Path, database: Path) -> None:
    """Every object's file to a table of its own."""
    import dlt
    from dlt.sources.filesystem import filesystem, read_csv_duckdb

    tables = [
        (
            filesystem(folder.resolve().as_uri(), file_glob=f"{name}.csv") | read_csv_duckdb(BATCH, use_pyarrow=True)
        ).with_name(name)
        for name in OBJECTS
    ]
    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=str(database.with_suffix(".state")),
        destination=dlt.destinations.duckdb(str(database)),
        dataset_name="bench",
    )
    print(pipeline.run(tables, write_disposition="replace"))


if __name__ == "__main__":
    load(Path(sys.argv[1]), Path(sys.argv[2]))
