"""Writes the sample extracts, the list of what is planted in them, and checks that nothing else is."""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from seeds.make_extracts import field_sheet, hubspot, pipedrive, salesforce
from seeds.make_extracts.activity_log import plan_ahead
from seeds.make_extracts.between_nights import live_on, meet_again
from seeds.make_extracts.business import Business, World
from seeds.make_extracts.check import contradictions
from seeds.make_extracts.clock import NEWEST, extract_time
from seeds.make_extracts.delivery import Extract, write, write_list
from seeds.make_extracts.planted import Planted
from seeds.make_extracts.spoiled_cells import (
    add_cases,
    add_odd_names,
    add_orphans,
    delete_a_lead,
    finish_late,
    spoil_cells,
)
from seeds.make_extracts.spoiled_files import spoil_files
from seeds.make_extracts.spoiled_leads import spoil_leads
from seeds.make_extracts.worlds import FIELD_SHEET, HUBSPOT, PIPEDRIVE, SALESFORCE, SEED, clean_world

SEEDS = Path(__file__).resolve().parents[1]


class Source(NamedTuple):
    """A business and the CRM that exports it."""

    business: Business
    give_ids: Callable[[World, random.Random], None]
    extracts: Callable[[World], Iterator[Extract]]


SOURCES = (
    Source(SALESFORCE, salesforce.give_ids, salesforce.extracts),
    Source(PIPEDRIVE, pipedrive.give_ids, pipedrive.extracts),
    Source(FIELD_SHEET, field_sheet.give_ids, field_sheet.extracts),
    Source(HUBSPOT, hubspot.give_ids, hubspot.extracts),
)


def main() -> int:
    """Command line: exit 1 if the files break other rules than planned."""
    parser = argparse.ArgumentParser(prog="python -m seeds.make_extracts", description=__doc__)
    parser.add_argument("--out", type=Path, default=SEEDS / "extracts", help="the landing folder to fill")
    landing: Path = parser.parse_args().out
    planted = Planted()
    extracts = [extract for source in SOURCES for extract in _exports_of(source, planted)]
    spoil_files(extracts, planted)
    write(extracts, landing)
    # The lists lie beside the landing folder: in it, they would be taken for deliveries.
    violations = planted.violations()
    write_list(landing.parent / "planted_dirt.csv", ("rule", "source", "record_key"), violations)
    write_list(landing.parent / "planted_rejects.csv", ("source", "file", "row_number"), planted.rejects())
    problems = contradictions(landing, violations, planted.rejects())
    for problem in problems:
        print(problem)
    megabytes = sum(len(extract.content()) for extract in extracts) / 1e6
    print(f"{len(extracts)} files, {megabytes:.2f} MB; {len(violations)} violations, {len(problems)} problems")
    return 1 if problems else 0


def _exports_of(source: Source, planted: Planted) -> Iterator[Extract]:
    """A clean world, the records that are not, and its files."""
    rng = random.Random(f"{SEED}:{source.business.name}:dirt")
    world = clean_world(source.business)
    live_on(world, random.Random(f"{SEED}:{source.business.name}:nights"))
    if source.business is HUBSPOT:
        meet_again(world, random.Random(f"{SEED}:{source.business.name}:contacts"))
    add_cases(world, planted, rng)
    spoil_cells(world, planted, rng)
    add_orphans(world, planted, rng)
    finish_late(world, rng)
    spoil_leads(world, planted, rng)
    add_odd_names(world)
    plan_ahead(rng, world, extract_time(NEWEST, source.business.zone))
    if source.business is SALESFORCE:
        delete_a_lead(world)
    source.give_ids(world, rng)
    yield from source.extracts(world)


if __name__ == "__main__":
    raise SystemExit(main())
