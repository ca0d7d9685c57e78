"""What many nights of full extracts cost: a first run over all of them, the night after, and that night compacted.

`python benchmarks/nights.py --nights 400 --deals 5000`. The CRM keeps no history: every night is the whole list of
deals again, and what happened between two nights is their difference. Exit status: 0; 1 the history found is not the
one that was generated, or another one after compaction; 3 a run failed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

import duckdb

from benchmarks.generate import BENCHMARKS
from benchmarks.measure import Cost, measure

OUT = BENCHMARKS / "out" / "nights"
DATA = BENCHMARKS / "data" / "nights"
FIRST_NIGHT = "2024-11-01"

CONFIGURATION = """\
timezone: UTC
currency: USD
landing_dir: {landing}
sources:
  - name: list
    timezone: UTC
    feeds:
      deals:
        entity: deals
        files: ["deals_*.csv"]
        columns:
          deal_id: [Deal]
          deal_name: [Name]
          stage: [Stage]
          amount: [Amount]
          owner_id: [Owner]
          account_id: [Account]
          created_at: [Created]
          close_on: [Close]
    pipelines:
      - stages:
          - {{name: New, canonical: prospecting}}
          - {{name: Needs, canonical: qualifying, qualified: true}}
          - {{name: Demo, canonical: demo}}
          - {{name: Offer, canonical: proposal}}
          - {{name: Won, canonical: won}}
          - {{name: Lost, canonical: lost}}
"""

# A deal is created on one night, and moves one stage on every `pace` nights; two in five are lost instead of won. Its
# amount changes with the stage. Everything is a function of its number.
EXTRACT = """
copy (
    select
        concat('D', deal) as "Deal",
        concat('Deal number ', deal) as "Name",
        ['New', 'Needs', 'Demo', 'Offer', if(hash(deal) % 5 < 2, 'Lost', 'Won')][step + 1] as "Stage",
        100 * (1 + hash(deal, 'amount') % 500) + 10 * step as "Amount",
        concat('Rep ', hash(deal, 'owner') % 40) as "Owner",
        concat('A', deal % 1500) as "Account",
        cast(date '{first}' as date) + cast(born as integer) as "Created",
        cast(date '{first}' as date) + cast(born + 5 * pace as integer) as "Close"
    from (
        select
            *,
            least(4, greatest(0, {night} - greatest(born, 0)) // pace) as step
        from (
            select
                deal,
                cast(hash(deal, 'born') % {nights} * 2 as bigint) - {nights} as born,
                cast(5 + hash(deal, 'pace') % 60 as bigint) as pace
            from range({deals}) as numbers(deal)
        )
    )
    where born <= {night}
    order by deal
) to '{path}' (format csv, header)
"""


def main() -> int:
    """Generates, runs twice, compares with the generated truth, reports; returns the exit status."""
    options = _options()
    command = Path(options.command)
    landing = DATA / f"{options.nights}x{options.deals}"
    shutil.rmtree(OUT, ignore_errors=True)
    shutil.rmtree(landing, ignore_errors=True)
    OUT.mkdir(parents=True)
    (landing / "list").mkdir(parents=True)
    configuration = OUT / "pipeline.yml"
    configuration.write_text(CONFIGURATION.format(landing=landing), encoding="utf-8")
    for night in range(options.nights):
        _write_night(landing, night, options)
    first = _run(command, configuration, options.nights - 1, "first")
    _write_night(landing, options.nights, options)
    last = _run(command, configuration, options.nights, "one more")
    if first is None or last is None:
        return 3
    with duckdb.connect(str(OUT / "warehouse" / "pipeline.duckdb"), read_only=True) as connection:
        found = connection.execute(
            "select count(*) from marts.fct_stage_transitions where evidence = 'observed'"
        ).fetchone()
        moves = _moves(landing)
    print(f"{options.nights} nights of up to {options.deals} deals, in one run: {first.seconds:.1f} s")
    print(f"the night after: {last.seconds:.1f} s, {last.cpu_seconds:.1f} CPU s, peak {last.peak_mb:.0f} MB")
    print(f"transitions observed: {found[0] if found else 0}, in the extracts: {moves}")
    different = _compacted(command, configuration, options.nights)
    if different is None:
        return 3
    return 0 if found and found[0] == moves and not different else 1


def _compacted(command: Path, configuration: Path, night: int) -> list[str] | None:
    """Compacts the lake and runs the same night again; returns the tables that have other rows than before."""
    published = OUT / "warehouse" / "pipeline.duckdb"
    before = OUT / "before.duckdb"
    shutil.copyfile(published, before)
    compaction = _run(command, configuration, night, "compact")
    again = _run(command, configuration, night, "once more")
    if compaction is None or again is None:
        return None
    print(f"{(OUT / 'compact.log').read_text(encoding='utf-8').strip()}")
    print(f"compaction: {compaction.seconds:.1f} s, peak {compaction.peak_mb:.0f} MB")
    print(f"the same night after it: {again.seconds:.1f} s, {again.cpu_seconds:.1f} CPU s, peak {again.peak_mb:.0f} MB")
    tables, different = _different(before, published)
    print(f"tables that have other rows: {', '.join(different) or f'none of {tables}'}")
    return different


def _different(one: Path, other: Path) -> tuple[int, list[str]]:
    """How many tables there are, and those with rows that only one of two publications has; doubles to nine digits."""
    different = []
    with duckdb.connect() as connection:
        connection.execute(f"attach '{one}' as one (read_only); attach '{other}' as other (read_only)")
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'one' order by all"
        ).fetchall()
        for schema, table in tables:
            # a DOUBLE as nine digits: sums come in another order every time
            columns = connection.execute(
                """
                select
                    format(if(data_type = 'DOUBLE', 'format(''{{:.9g}}'', "{}")', '"{}"'), column_name)
                from duckdb_columns()
                where (database_name, schema_name, table_name) = ('one', ?, ?)
                """,
                [schema, table],
            ).fetchall()
            rows = ", ".join(column for (column,) in columns)
            first, second = (f"(select {rows} from {database}.{schema}.{table})" for database in ("one", "other"))
            query = f"select count(*) from (({first} except all {second}) union all ({second} except all {first}))"
            found = connection.execute(query).fetchone()
            if found is None or found[0]:
                different.append(f"{schema}.{table}")
    return len(tables), different


def _write_night(landing: Path, night: int, options: argparse.Namespace) -> None:
    day = duckdb.execute(f"select date '{FIRST_NIGHT}' + {night + 1}").fetchone()
    path = landing / "list" / f"deals_{day[0]:%Y-%m-%d}.csv" if day else landing
    duckdb.execute(
        EXTRACT.format(first=FIRST_NIGHT, night=night, nights=options.nights, deals=options.deals, path=path)
    )


def _moves(landing: Path) -> int:
    """Deals new after the first night, and changes of stage from one night to the next, straight from the files."""
    row = duckdb.execute(
        f"""
        with rows as (
            select "Deal" as deal, "Stage" as stage, filename as night
            from read_csv('{landing}/list/*.csv', filename = true)
        )
        select count(*)
        from (
            select *, lag(stage) over (partition by deal order by night) as before, min(night) over () as first_night
            from rows
        )
        where night > first_night and before is distinct from stage
        """
    ).fetchone()
    return int(row[0]) if row else 0


def _run(command: Path, configuration: Path, night: int, name: str) -> Cost | None:
    as_of = duckdb.execute(f"select date '{FIRST_NIGHT}' + {night + 1}").fetchone()
    environment = {
        **os.environ,
        "PIPELINE_CONFIG": str(configuration),
        "WAREHOUSE_DIR": str(OUT / "warehouse"),
        "AS_OF": f"{as_of[0]:%Y-%m-%d}T03:00:00Z" if as_of else "",
    }
    log = OUT / f"{name}.log"
    cost = measure([str(command), "compact" if name == "compact" else "nightly"], environment, BENCHMARKS, log)
    if cost.exit_status != 0:
        print(f"the {name} run failed, see {log}")
        return None
    return cost


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--nights", type=int, default=400)
    parser.add_argument("--deals", type=int, default=5000)
    parser.add_argument("--command", default=str(Path(sys.executable).with_name("dealtrail")))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
