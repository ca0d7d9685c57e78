"""Everything below `defs/`: Dealtrail by a YAML file, and what the team makes of it."""

from pathlib import Path

import dagster as dg

defs = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
