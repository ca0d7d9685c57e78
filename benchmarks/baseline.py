"""Runs baseline.sql on a folder of extracts into a new database file; prints seconds by statement as JSON.

`python benchmarks/baseline.py <folder with the CSV files> <database file>`: a process of its own, so that its
memory can be measured.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

import duckdb

SCRIPT = Path(__file__).resolve().parent / "baseline.sql"
_CREATES = re.compile(r"^\s*create (?:temporary )?table (?:\w+\.)?(\w+)", re.IGNORECASE | re.MULTILINE)


def run(folder: Path, database: Path) -> list[dict[str, str | float]]:
    """Executes the script; returns the tables it made, each with the seconds its statement took.

    The last step, `close`, is the checkpoint: all data are in the one file when it ends.
    """
    steps: list[dict[str, str | float]] = []
    started = time.perf_counter()
    connection = duckdb.connect(str(database))
    # A literal: a parameter makes the Python client import pandas, a second that is not the script's.
    literal = "'" + str(folder).replace("'", "''") + "'"
    connection.execute(f"set variable folder = {literal}")
    for statement in duckdb.extract_statements(SCRIPT.read_text(encoding="utf-8")):
        connection.execute(statement)
        created = _CREATES.search(statement.query)
        if created:
            steps.append({"name": created[1], "seconds": time.perf_counter() - started})
            started = time.perf_counter()
    connection.close()
    steps.append({"name": "close", "seconds": time.perf_counter() - started})
    return steps


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]), Path(sys.argv[2]))))
