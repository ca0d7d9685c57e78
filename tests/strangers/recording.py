"""What a terminal shows of `dealtrail try`, in 80 and in 120 columns, for the page that shows it.

python -m tests.strangers.recording     writes the blocks of docs/try.md anew
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from tests.conftest import DEALTRAIL, PROJECT, environment
from tests.strangers.files import us_sheet

PAGE = PROJECT / "docs" / "try.md"
COLUMNS = (80, 120)


def played(columns: int) -> str:
    """The command and what it prints in a terminal of so many columns."""
    with tempfile.TemporaryDirectory() as folder:
        (path,) = us_sheet(Path(folder)).files
        env = environment() | {"TZ": "UTC", "COLUMNS": str(columns), "DEALTRAIL_LOG_FORMAT": "none"}
        done = subprocess.run(
            [str(DEALTRAIL), "try", path.name], cwd=folder, env=env, capture_output=True, text=True, check=True
        )
    return f"$ dealtrail try '{path.name}'\n{done.stdout}"


def block(page: str, columns: int) -> str:
    """What the page shows for a terminal of so many columns."""
    found = re.search(rf"In {columns} columns:\n\n```console\n(.*?)```", page, re.DOTALL)
    return found[1] if found else ""


def main() -> None:
    """Writes the page's blocks anew."""
    page = PAGE.read_text(encoding="utf-8")
    for columns in COLUMNS:
        page = page.replace(block(page, columns), played(columns))
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
