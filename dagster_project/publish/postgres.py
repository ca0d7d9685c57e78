"""Publishes what stands in WAREHOUSE_DIR to Postgres, in a process of its own.

DuckDB aborts its process where the server goes away during a transaction; a night has to live on and say so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from dagster_project.config.load import Settings
from dagster_project.config.postgres_url import POSTGRES_URL, PostgresUrl
from dagster_project.errors import ConfigurationError
from dagster_project.publish.postgres_tables import STANDS, PostgresError, PostgresUnavailableError, Publication
from dagster_project.run.versions import current_version


def publish_current(settings: Settings) -> Publication:
    """Publishes the last local publication. Raises ConfigurationError where there is no such thing or no Postgres."""
    if settings.postgres is None:
        raise ConfigurationError(f"{POSTGRES_URL} is not set: write postgresql://user:password@host:5432/database")
    version = current_version(settings.warehouse_dir)
    if version is None:
        raise ConfigurationError("nothing has been published yet: run `dealtrail nightly`")
    return publish_to_postgres(version / "pipeline.duckdb", settings.postgres, version.name)


def publish_to_postgres(database: Path, target: PostgresUrl, version: str) -> Publication:
    """Replaces the tables in Postgres by those of a published DuckDB file; all of them, or none if it fails."""
    with subprocess.Popen(
        [sys.executable, "-m", "dagster_project.publish.postgres_tables", str(database), version],
        env={**os.environ, POSTGRES_URL: target.url},
        stdin=subprocess.PIPE,  # never written to: its end tells the process that this one was killed
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # what DuckDB says on its own may quote the URL
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            answer = process.stdout.read()
        finally:
            process.kill()
    if not answer:
        raise PostgresUnavailableError(
            f"Postgres at {target}: publishing ended without an answer ({process.returncode}); "
            f"run `dealtrail postgres`. {STANDS}"
        )
    said = json.loads(answer)
    if "error" in said:
        raise (PostgresUnavailableError if said["passes_by_itself"] else PostgresError)(said["error"])
    return Publication(**said)
