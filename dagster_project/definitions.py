"""The code location of a warehouse of its own: what `dealtrail` runs and `dealtrail dev` shows."""

import dagster as dg

from dagster_project.assets.location import location
from dagster_project.config.load import load_settings

#: In one process, also what is materialized without a job: DuckDB has one writer.
defs = dg.Definitions.merge(location(load_settings), dg.Definitions(executor=dg.in_process_executor))
