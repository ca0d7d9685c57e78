"""A flipped bit in the lake stops the night before anything is computed from it, and what to do is said."""

from __future__ import annotations

from pathlib import Path

from tests.faults import crm
from tests.faults.nights import Nights, fingerprints, tables


def test_one_flipped_bit(tmp_path: Path) -> None:
    nights = Nights(tmp_path)
    nights.config.write_text(crm.CONFIG, encoding="utf-8")
    crm.deliver(nights, *((crm.deals, day) for day in crm.DAYS[:2]))
    assert nights.play(crm.FIRST).status == 0
    published, read = fingerprints(nights.warehouse), tables(nights.warehouse)

    rows = sorted((nights.warehouse / "lake").glob("deals/crm/*/*.parquet"))[0]
    whole = rows.read_bytes()
    rows.write_bytes(whole[:100] + bytes([whole[100] ^ 4]) + whole[101:])
    night = nights.play(crm.FIRST)
    assert night.status == 3
    assert f"{rows.name}: its contents have changed" in night.output and "--set-aside" in night.output
    assert (night.run_json["state"], night.run_json["exit_status"]) == ("failed", 3)
    assert fingerprints(nights.warehouse) == published
    checked = nights.play(arguments=("check-lake",))
    assert checked.status == 3 and rows.name in checked.output

    mended = nights.play(arguments=("check-lake", "--set-aside"))
    assert (mended.status, f"out of the lake: deals/crm/{rows.parent.name}/{rows.name}" in mended.output) == (0, True)
    assert nights.play(crm.FIRST).status == 0
    assert tables(nights.warehouse) == read
    assert nights.play(arguments=("check-lake",)).status == 0
