"""Writes the extracts of the bench company: Salesforce files of size S, M or L under benchmarks/data/.

What the company looks like is said in generate.sql, and in second_day.sql what the night after finds; here is how much
of it there is. The same size is always the same data, and is written once (`python benchmarks/generate.py --size M`).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

BENCHMARKS = Path(__file__).resolve().parent
COMPANY = BENCHMARKS / "generate.sql"
SECOND_DAY = BENCHMARKS / "second_day.sql"
DATA = BENCHMARKS / "data"
SOURCE = "bench"
OBJECTS = ("Opportunity", "OpportunityHistory", "Lead", "Task", "Account", "User")
#: Whose second delivery holds what is new alone; of the others it is the whole list again (pipeline.yml).
INCREMENTAL = ("OpportunityHistory", "Task")
#: When the deliveries were exported: the dated folders they lie in.
FIRST, SECOND = "2025-12-31", "2026-01-01"


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
class Delivery:
    """The files of one day: their folder, rows by object (headers not counted), bytes by object."""

    folder: Path
    rows: dict[str, int]
    bytes: dict[str, int]


def generate(volume: Volume, folder: Path, has_second_day: bool = False) -> list[Delivery]:
    """The deliveries of a size, oldest first; written unless this version of the generator has already written them."""
    days = [FIRST, SECOND] if has_second_day else [FIRST]
    version = generator_version(volume)
    missing = [day for day in days if _written(folder / day, version) is None]
    if missing:
        _write(volume, folder, missing, version)
    written = [_written(folder / day, version) for day in days]
    return [delivery for delivery in written if delivery is not None]


def land(deliveries: list[Delivery], landing_dir: Path) -> None:
    """Puts these files, and no others, into a landing folder beside them: a second name of each, not a copy."""
    shutil.rmtree(landing_dir, ignore_errors=True)
    for delivery in deliveries:
        landed = landing_dir / SOURCE / delivery.folder.name
        landed.mkdir(parents=True)
        for name in OBJECTS:
            os.link(delivery.folder / f"{name}.csv", landed / f"{name}.csv")


def generator_version(volume: Volume) -> str:
    """A hash of what decides the files' content: the generator's files, the volume, DuckDB and its hash()."""
    said = hashlib.sha256()
    for path in (COMPANY, SECOND_DAY, Path(__file__)):
        said.update(path.read_bytes())
    said.update(json.dumps([asdict(volume), duckdb.__version__]).encode())
    return said.hexdigest()[:16]


def _written(folder: Path, version: str) -> Delivery | None:
    """What lies there, if this version wrote it to its end."""
    stamp = folder / ".generated.json"
    if not stamp.exists():
        return None
    known = json.loads(stamp.read_text(encoding="utf-8"))
    return Delivery(folder, known["rows"], known["bytes"]) if known["version"] == version else None


def _write(volume: Volume, folder: Path, days: list[str], version: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config={"temp_directory": str(folder / ".tmp")}) as connection:
        for name, value in asdict(volume).items():
            connection.execute(f"set variable {name} = {value}::bigint")
        connection.execute(COMPANY.read_text(encoding="utf-8"))
        for day in sorted(days):
            if day == SECOND:
                connection.execute(SECOND_DAY.read_text(encoding="utf-8"))
            _write_day(connection, folder / day, "second_day" if day == SECOND else "main", version)


def _write_day(connection: duckdb.DuckDBPyConnection, folder: Path, schema: str, version: str) -> None:
    """Writes one CSV file per object, and at last the stamp that says so."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    rows = {name: _write_file(connection, f'{schema}."{name}"', folder / f"{name}.csv") for name in OBJECTS}
    sizes = {name: (folder / f"{name}.csv").stat().st_size for name in OBJECTS}
    written = {"version": version, "rows": rows, "bytes": sizes}
    (folder / ".generated.json").write_text(json.dumps(written, indent=2), encoding="utf-8")


def _write_file(connection: duckdb.DuckDBPyConnection, view: str, path: Path) -> int:
    target = str(path).replace("'", "''")
    counted = connection.execute(f"copy (from {view}) to '{target}' (format csv, header)").fetchone()
    return int(counted[0]) if counted else 0


def main() -> None:
    """Generates one size and says what lies where."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--size", choices=sorted(SIZES), default="S")
    parser.add_argument("--delta", action="store_true", help="the second day's delivery as well")
    options = parser.parse_args()
    started = time.perf_counter()
    for delivery in generate(SIZES[options.size], DATA / options.size, options.delta):
        for name in OBJECTS:
            print(f"{name + '.csv':<24}{delivery.rows[name]:>12,} rows{delivery.bytes[name] / 1e6:>10.1f} MB")
        rows, megabytes = sum(delivery.rows.values()), sum(delivery.bytes.values()) / 1e6
        print(f"{delivery.folder}: {rows:,} rows, {megabytes:.0f} MB")
    print(f"{time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
