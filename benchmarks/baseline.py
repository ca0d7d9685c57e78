"""Runs baseline.sql on a landing folder into a new database file; prints seconds by statement as JSON.

`python benchmarks/baseline.py <landing folder> <database file> <as-of> <timezone>`: a process of its own, so that its
memory can be measured.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

import duckdb

from benchmarks.generate import BENCHMARKS, INCREMENTAL, OBJECTS, SOURCE

SCRIPT = BENCHMARKS / "baseline.sql"
_CREATES = re.compile(r"^\s*create (?:temporary )?table (?:\w+\.)?(\w+)", re.IGNORECASE | re.MULTILINE)

#: What the script knows of a zone. An epoch is in UTC without asking anybody: half as dear as `timezone('UTC', …)`.
_ZONE = """
    create temporary macro local(moment) as timezone({zone}, make_timestamptz(epoch_us(moment)));
    create temporary macro utc(moment) as make_timestamp(epoch_us(timezone({zone}, moment)))
"""
_NO_ZONE = "create temporary macro local(moment) as moment; create temporary macro utc(moment) as moment"


def run(landing_dir: Path, database: Path, as_of: str, zone: str) -> list[dict[str, str | float]]:
    """Executes the script; returns the tables it made, each with the seconds its statement took.

    The last step, `close`, is the checkpoint: all data are in the one file when it ends.
    """
    steps: list[dict[str, str | float]] = []
    started = time.perf_counter()
    connection = duckdb.connect(str(database))
    days = sorted((landing_dir / SOURCE).iterdir())
    connection.execute(_NO_ZONE if zone == "UTC" else _ZONE.format(zone=_literal(zone)))
    connection.execute(f"set variable as_of = timestamp {_literal(as_of)}")
    connection.execute(f"set variable extracted_at = timestamp {_literal(days[-1].name)}")
    for name in OBJECTS:
        files = [str(day / f"{name}.csv") for day in days]
        read = files if name in INCREMENTAL else files[-1:]
        connection.execute(f'set variable "{name}" = [{", ".join(map(_literal, read))}]')
    for statement in duckdb.extract_statements(SCRIPT.read_text(encoding="utf-8")):
        connection.execute(statement)
        created = _CREATES.search(statement.query)
        if created:
            steps.append({"name": created[1], "seconds": time.perf_counter() - started})
            started = time.perf_counter()
    connection.close()
    steps.append({"name": "close", "seconds": time.perf_counter() - started})
    return steps


def _literal(text: str) -> str:
    """A parameter makes the Python client import pandas, a second that is not the script's."""
    return "'" + text.replace("'", "''") + "'"


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4])))
