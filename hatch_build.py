"""What the wheel carries beside the Python package: the files of the clone that a run, a sample night or the docs read.

They lie in `dagster_project/distribution/`, in the same order as in the clone (dagster_project/package_files.py finds
them in either place). An editable install takes them from the clone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CARRIED = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "pipeline.yml",
    "benchmarks/README.md",
    "bi",
    "dbt",
    "deploy",
    "docs",
    "examples",
    "expectations",
    "seeds/README.md",
    "seeds/extracts",
    "seeds/reference",
]
#: What tools leave in those folders.
LEFT_BEHIND = {"__pycache__", "target", "logs", ".user.yml"}


class Distribution(BuildHookInterface):
    """Adds the carried files to a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the wheel is written."""
        if version == "editable":
            return
        root = Path(self.root)
        for name in CARRIED:
            for file in [root / name] if (root / name).is_file() else sorted((root / name).rglob("*")):
                path = file.relative_to(root)
                if file.is_file() and not LEFT_BEHIND & set(path.parts):
                    build_data["force_include"][str(file)] = f"dagster_project/distribution/{path.as_posix()}"
