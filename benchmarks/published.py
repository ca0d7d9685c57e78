"""What the lake keeps of 400 published nights: how large it is, and what a night and `explain` take beside it.

`python benchmarks/published.py --nights 400`. Two nights of the sample are run; what the second one published is then
written down once for each night before it, each with one record in a hundred and one figure in two hundred changed
since the night before. Exit status: 0; 1 a publication is another one after compaction; 3 a run failed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from benchmarks.generate import BENCHMARKS
from benchmarks.measure import Cost, measure
from dagster_project.lake import inventory
from dagster_project.lake.publications import publications, rows_of

OUT = BENCHMARKS / "out" / "published"
WAREHOUSE = OUT / "warehouse"
LAKE = WAREHOUSE / "lake"
FIRST_NIGHT = "2025-12-30T10:00:00Z"

#: Night number → the rows of the last one, as that night would have them: each change stays from its night on.
NIGHT = """
copy (
    select * replace (
        cast(case kind when 'night' then '{moment}' else as_of end as timestamp) as as_of,
        case kind when 'night' then '{run_id}' else run_id end as run_id,
        cast(case kind when 'night' then '{moment}' else seen_on end as date) as seen_on,
        amount + len(list_filter(range({night}), n -> hash(record_key, n) % 100 = 0)) as amount,
        won_amount + len(list_filter(range({night}), n -> hash(month, grain, grain_value, n) % 200 = 0)) as won_amount
    )
    from read_parquet('{last}')
) to '{target}' (format parquet, compression zstd)
"""


def main() -> int:
    """Runs, multiplies, measures, reports; returns the exit status."""
    options = _options()
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    runs = [_run(options.command, "nightly", "first", AS_OF=FIRST_NIGHT), _run(options.command, "nightly", "second")]
    alone = _size(WAREHOUSE / "versions")
    last = list(publications(LAKE).values())[-1]
    kept = last.path.stat().st_size
    _multiply(last.path, last.moment, options.nights)
    single = _size(LAKE / "published")
    runs += [_run(options.command, "nightly", "beside all"), _explained(options.command, "explain")]
    rows = _digest()
    runs.append(_run(options.command, "compact", "compact"))
    together = _size(LAKE / "published")
    is_same = _digest() == rows
    runs += [_run(options.command, "nightly", "once more"), _explained(options.command, "explain once more")]
    costs = [run for run in runs if run is not None]
    if len(costs) < len(runs):
        return 3
    _, second, beside, explained, compacted, more, again = costs
    files = len(list((LAKE / "published").iterdir()))
    print(f"one night: {kept / 1e6:.2f} MB published, {alone / 2e6:.1f} MB a version")
    print(f"{options.nights} nights: {single / 1e6:.1f} MB; brought together {together / 1e6:.1f} MB, {files} files")
    print(f"compaction: {compacted.seconds:.1f} s, peak {compacted.peak_mb:.0f} MB")
    print(f"a night: {second.seconds:.1f} s; beside all {beside.seconds:.1f} s; once more {more.seconds:.1f} s")
    print(f"explain over all of them: {explained.seconds:.1f} s; brought together {again.seconds:.1f} s")
    return 0 if is_same else 1


def _multiply(last: Path, moment: str, nights: int) -> None:
    """Writes a publication for each of the nights before the last."""
    end = datetime.strptime(moment, "%Y%m%dT%H%M%S")
    for night in range(nights):
        at = end - timedelta(days=nights - night)
        target = last.with_name(f"{at:%Y%m%dT%H%M%S}-{at:%Y%m%dT%H%M%S}.parquet")
        unfinished = target.with_suffix(".unfinished")
        duckdb.execute(
            NIGHT.format(moment=f"{at:%Y-%m-%d %H:%M:%S}", run_id=at, night=night, last=last, target=unfinished)
        )
        inventory.place(unfinished, target, LAKE)


def _digest() -> list[tuple[object, ...]]:
    """Of each publication but the newest, how many rows it has and what they say."""
    listed = list(publications(LAKE).values())[:-1]
    columns = [row[0] for row in duckdb.execute(f"describe from {rows_of(listed)}").fetchall()]
    rows = ", ".join(sorted(columns))
    return duckdb.execute(
        f"select _moment, count(*), bit_xor(hash(row({rows}))) from {rows_of(listed)} group by all order by all"
    ).fetchall()


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _explained(command: str, name: str) -> Cost | None:
    first = next(iter(publications(LAKE)))
    return _run(command, "explain", name, ["--since", f"{first[:4]}-{first[4:6]}-{first[6:8]}"])


def _run(command: str, what: str, name: str, arguments: list[str] | None = None, **environment: str) -> Cost | None:
    given = {**os.environ, "WAREHOUSE_DIR": str(WAREHOUSE), "DEALTRAIL_LOG_FORMAT": "none", **environment}
    log = OUT / f"{name}.log"
    cost = measure([command, what, *(arguments or [])], given, BENCHMARKS.parent, log)
    if cost.exit_status != 0:
        print(f"{what} ended with {cost.exit_status}: see {log}", file=sys.stderr)
        return None
    return cost


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nights", type=int, default=400, help="published nights before the last")
    parser.add_argument("--command", default=str(Path(sys.executable).with_name("dealtrail")), help="dealtrail to run")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
