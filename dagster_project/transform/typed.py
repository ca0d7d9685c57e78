"""`dealtrail dbt-package` as it is typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def dbt_package(
    folder: Annotated[Path, typer.Argument(help="Where to write it, such as dealtrail.", show_default=False)],
) -> None:
    """Write the models, from staging to the marts, as a dbt package for a project of your own.

    It has the configuration in it, and reads a model of yours for each feed: `<source>_<feed>`, with canonical columns.
    """
    from dagster_project.config.load import load_settings
    from dagster_project.transform.dbt_package import write_package

    models = write_package(load_settings(), folder)
    typer.echo(f"{folder}: a dbt package (packages: [{{local: {folder}}}]). It reads {', '.join(models)}")
