"""Writes the extracts of the bench company: Salesforce files of size S, M or L under benchmarks/data/.

What the company looks like is said in generate.sql; here is how much of it there is. The same size is
always the same data, and is written only once (`python benchmarks/generate.py --size M`).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

BENCHMARKS = Path(__file__).resolve().parent
COMPANY = BENCHMARKS / "generate.sql"
DATA = BENCHMARKS / "data"
SOURCE = "bench"
OBJECTS = ("Opportunity", "OpportunityHistory", "Lead", "Task", "Account", "User")


@dataclass(frozen=True)
class Volume:
    """How many records a size has; the history follows from the deals (about 3.5 stages and 4 rows each)."""

    deals: int
    leads: int
    activities: int
    accounts: int
    users: int


SIZES = {
    "S": Volume(deals=20_000, leads=100_000, activities=300_000, accounts=8_000, users=40),
    "M": Volume(deals=200_000, leads=1_000_000, activities=3_000_000, accounts=80_000, users=120),
    "L": Volume(deals=2_000_000, leads=10_000_000, activities=30_000_000, accounts=800_000, users=360),
}


@dataclass(frozen=True)
class Extracts:
    """Generated files: their landing folder, rows by object (headers not counted), bytes by object."""

    landing_dir: Path
    rows: dict[str, int]
    bytes: dict[str, int]


def generate(size: str) -> Extracts:
    """The extracts of a size; written unless this version of the generator has already written them."""
    landing_dir = DATA / size
    stamp = landing_dir / ".generated.json"
    version = generator_version(SIZES[size])
    if stamp.exists():
        known = json.loads(stamp.read_text(encoding="utf-8"))
        if known["version"] == version:
            return Extracts(landing_dir, known["rows"], known["bytes"])
    shutil.rmtree(landing_dir, ignore_errors=True)
    folder = landing_dir / SOURCE
    folder.mkdir(parents=True)
    rows = _write_files(SIZES[size], folder)
    sizes = {name: (folder / f"{name}.csv").stat().st_size for name in OBJECTS}
    written = {"version": version, "rows": rows, "bytes": sizes}
    stamp.write_text(json.dumps(written, indent=2), encoding="utf-8")
    return Extracts(landing_dir, rows, sizes)


def generator_version(volume: Volume) -> str:
    """A hash of what decides the files' content: both generator files, the volume, DuckDB and its hash()."""
    said = hashlib.sha256(COMPANY.read_bytes() + Path(__file__).read_bytes())
    said.update(json.dumps([asdict(volume), duckdb.__version__]).encode())
    return said.hexdigest()[:16]


def _write_files(volume: Volume, folder: Path) -> dict[str, int]:
    """Writes one CSV file per object into `folder`; returns the rows of each."""
    with duckdb.connect(config={"temp_directory": str(folder.parent / ".tmp")}) as connection:
        for name, value in asdict(volume).items():
            connection.execute(f"set variable {name} = {value}::bigint")
        connection.execute(COMPANY.read_text(encoding="utf-8"))
        return {name: _write_file(connection, name, folder / f"{name}.csv") for name in OBJECTS}


def _write_file(connection: duckdb.DuckDBPyConnection, name: str, path: Path) -> int:
    target = str(path).replace("'", "''")
    counted = connection.execute(f"copy (from \"{name}\") to '{target}' (format csv, header)").fetchone()
    return int(counted[0]) if counted else 0


def main() -> None:
    """Generates one size and says what lies where."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--size", choices=sorted(SIZES), default="S")
    size = parser.parse_args().size
    started = time.perf_counter()
    extracts = generate(size)
    for name in OBJECTS:
        print(f"{name + '.csv':<24}{extracts.rows[name]:>12,} rows{extracts.bytes[name] / 1e6:>10.1f} MB")
    rows, megabytes = sum(extracts.rows.values()), sum(extracts.bytes.values()) / 1e6
    print(f"{extracts.landing_dir}: {rows:,} rows, {megabytes:.0f} MB, {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
