"""`make mutate`: weakens every rule in turn, and prints which planted record tells; exit 1 if none does."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.hygiene.mutants import verdicts
from tests.hygiene.prebuilt import prebuild
from tests.hygiene.worlds import planted_sources


def main() -> int:
    with TemporaryDirectory() as folder:
        started = time.monotonic()
        prebuilt = prebuild(planted_sources(range(9), range(3)), Path(folder))
        print(f"one warehouse, built in {time.monotonic() - started:.0f} s")
        started = time.monotonic()
        found = verdicts(prebuilt)
    for verdict in found:
        print(verdict)
    survived = sum(verdict.has_survived for verdict in found)
    killed = sum(verdict.killed_by is not None for verdict in found)
    equivalent = len(found) - killed - survived
    seconds = time.monotonic() - started
    print(f"{len(found)} mutants in {seconds:.1f} s: {killed} killed, {equivalent} equivalent, {survived} survived")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
