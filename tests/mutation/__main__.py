"""`python -m tests.mutation [mutants of each model]`: prints what became of each; exit 1 if too many survive."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.mutation.verdicts import WHOLE_PER_MODEL, chosen, verdicts
from tests.mutation.worlds import build_worlds


def main() -> int:
    per_model = int(sys.argv[1]) if len(sys.argv) > 1 else WHOLE_PER_MODEL
    with TemporaryDirectory() as folder:
        started = time.monotonic()
        worlds = build_worlds(Path(folder))
        print(f"{len(worlds)} worlds, built in {time.monotonic() - started:.0f} s", flush=True)
        started = time.monotonic()
        found = []
        for verdict in verdicts(worlds, chosen(worlds[0], per_model)):
            found.append(verdict)
            print(verdict, flush=True)
    survived = sum(verdict.has_survived for verdict in found)
    killed = sum(verdict.killed_by is not None for verdict in found)
    seconds = time.monotonic() - started
    print(
        f"{len(found)} mutants in {seconds:.0f} s: {killed} killed, {len(found) - killed - survived} equivalent, "
        f"{survived} survived"
    )
    return 1 if survived > 0.02 * (killed + survived) else 0


if __name__ == "__main__":
    sys.exit(main())
