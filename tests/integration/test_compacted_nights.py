"""`dealtrail compact` between two runs for one moment, the newest and one long past: every table has the same rows.

The nights, damaged ones among them, are those of tests/unit/test_compaction.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conftest import Warehouse
from tests.faults.nights import Nights, tables
from tests.unit.test_compaction import CONFIG, DAMAGED, NIGHTS, at, calls, day, deals

Tables = dict[str, list[tuple[Any, ...]]]
#: As of these nights; the first lies within what is brought together.
AS_OF = [at(18).isoformat(), at(NIGHTS).isoformat()]


@dataclass
class Compacted:
    """What was published for each moment before and after, and what the command said."""

    before: list[Tables]
    compact: Warehouse
    after: list[Tables]
    again: Warehouse


@pytest.fixture(scope="module")
def compacted(tmp_path_factory: pytest.TempPathFactory) -> Compacted:
    nights = Nights(tmp_path_factory.mktemp("compacted"))
    nights.config.write_text(CONFIG, encoding="utf-8")
    for night in range(NIGHTS):
        nights.deliver(f"crm/deals-{day(night)}.csv", DAMAGED.get(night, deals(night)))
        nights.deliver(f"crm/calls-{day(night)}.csv", calls(night))
    nights.deliver(f"crm/deals-{day(4)}.csv", deals(4) + "D99,New,1,2026-04-13,too,many,cells\n")
    before = [_published(nights, moment) for moment in AS_OF]
    compact = nights.play(AS_OF[-1], arguments=("compact",))
    after = [_published(nights, moment) for moment in AS_OF]
    return Compacted(before, compact, after, nights.play(AS_OF[-1], arguments=("compact",)))


def _published(nights: Nights, as_of: str) -> Tables:
    night = nights.play(as_of)
    assert night.status == 0, night.output
    return tables(nights.warehouse)


@pytest.mark.parametrize("moment", [0, 1], ids=["long past", "newest"])
def test_every_mart_and_quality_table_has_the_same_rows(compacted: Compacted, moment: int) -> None:
    before, after = compacted.before[moment], compacted.after[moment]
    assert before.keys() == after.keys()
    assert [name for name in before if before[name] != after[name]] == []
    states = {row[before["quality.deliveries"][0].index("state")] for row in before["quality.deliveries"][1:]}
    assert states == {"loaded", "refused", "held_back"}
    assert len(before["marts.fct_stage_transitions"]) > 10


def test_there_are_fewer_and_smaller_files(compacted: Compacted) -> None:
    assert compacted.compact.status == 0
    sizes = re.fullmatch(r"lake: (\d+) files, ([\d.]+) MB → (\d+) files, ([\d.]+) MB\n", compacted.compact.output)
    assert sizes is not None, compacted.compact.output
    files, megabytes, files_after, megabytes_after = map(float, sizes.groups())
    assert files_after < files / 3 and megabytes_after < megabytes
    assert f"{files_after:.0f} files, {megabytes_after} MB → {files_after:.0f} files" in compacted.again.output
