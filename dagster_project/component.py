"""Dealtrail in a Dagster project of somebody else's: a component, which a YAML file describes (examples/dagster)."""

# No `from __future__ import annotations` here: Dagster reads the annotations as types.
import os
from pathlib import Path

import dagster as dg
from pydantic import Field

from dagster_project.assets.location import location
from dagster_project.config.load import Settings, load_settings
from dagster_project.config.remote import is_remote

#: Attribute → the variable that it goes before.
_VARIABLES = {"config": "PIPELINE_CONFIG", "landing_dir": "LANDING_DIR", "warehouse_dir": "WAREHOUSE_DIR"}


class DealtrailComponent(dg.Component, dg.Model, dg.Resolvable):
    """The assets, checks, jobs, schedule and sensor of one warehouse, in a code location of somebody else's.

    Paths are relative to the folder of the YAML file. What is not given comes from the environment, as for the command.
    """

    config: str | None = Field(None, description="pipeline.yml.")
    landing_dir: str | None = Field(
        None, description="Where its files lie, a folder or an address; else as the configuration says."
    )
    warehouse_dir: str | None = Field(None, description="What it writes; else as the configuration says.")

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Raises ConfigurationError for what is wrong with the configuration."""
        given = {
            variable: given if is_remote(given) else str(Path(context.path) / given)
            for attribute, variable in _VARIABLES.items()
            if (given := getattr(self, attribute)) is not None
        }

        def load() -> Settings:
            return load_settings({**os.environ, **given})

        return location(load)
