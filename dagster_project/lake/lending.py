"""A lake lent to a warehouse of its own, in which something is built that nobody publishes.

What is written there leaves the lake alone: no file of a lake is ever written in place, but for the inventory, which is
copied. Lent is what was delivered, and who was forgotten; not what nights found and published.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from dagster_project.config.entities import ENTITIES
from dagster_project.lake import inventory


def lend(lake_dir: Path, to: Path) -> None:
    """Makes a lake at `to`, which is not there yet, with the deliveries of this one, and no second copy of them.

    The caller holds the warehouse. Where the disk cannot have a file under two names, it is led to.
    """
    to.mkdir(parents=True)
    for path in sorted(lake_dir.rglob("*")):
        name = path.relative_to(lake_dir)
        if name.parts[0] not in ENTITIES or path.is_dir() or path.suffix == ".unfinished":
            continue
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, to / name)
        except OSError:
            (to / name).symlink_to(path.resolve())
    if (lake_dir / "tombstones").exists():
        shutil.copytree(lake_dir / "tombstones", to / "tombstones")
    if not (lake_dir / inventory.NAME).exists():
        return  # of a lake that was never written with one; whoever opens this one begins it, or tells that it is gone
    lent = {*ENTITIES, "tombstones"}
    lines = (lake_dir / inventory.NAME).read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if line.split("  ", 1)[-1].split("/")[0] in lent]
    (to / inventory.NAME).write_text("".join(kept), encoding="utf-8")
