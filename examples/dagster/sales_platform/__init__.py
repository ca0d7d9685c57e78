"""A Dagster project of somebody's own, with Dealtrail in it."""
