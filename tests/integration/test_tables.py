"""Tables as deliveries: what connectors wrote into a real Postgres is published as the vendors' own exports are."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from tests.conftest import DEALTRAIL, PROJECT, Warehouse, environment
from tests.integration import connectors as crm
from tests.integration.postgres_server import ENCODED_PASSWORD, PASSWORD, Database, Server, running_server

TOLD_BY = ("fivetran", "airbyte", "dlt")
FILES = {"hubspot": crm.hubspot_files, "salesforce": crm.salesforce_files, "pipedrive": crm.pipedrive_files}
TABLES = {"hubspot": crm.hubspot_tables, "salesforce": crm.salesforce_tables, "pipedrive": crm.pipedrive_tables}
#: Of a source's own name, or of the file that a row came from.
OWN = {"source", "file", "extracted_at"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as server:
        yield server


@pytest.fixture(scope="module")
def database(server: Server) -> Database:
    database = server.database()
    for tables in TABLES.values():
        database.sql("; ".join(crm.statements(tables())))
    for (schema,) in database.sql(r"select nspname from pg_namespace where nspname ~ '^(fivetran|airbyte|dlt)_'"):
        database.sql(f"grant usage on schema {schema} to publisher; grant select on all tables in schema {schema} to publisher")
    return database


def night(folder: Path, config: dict[str, Any], **variables: str) -> Warehouse:
    (folder / "pipeline.yml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    done = subprocess.run(
        [str(DEALTRAIL), "nightly"],
        cwd=PROJECT,
        env=environment(PIPELINE_CONFIG=folder / "pipeline.yml", WAREHOUSE_DIR=folder / "w") | variables,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    return Warehouse(folder / "w", done.returncode, done.stdout + done.stderr)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, database: Database) -> Warehouse:
    """A night over twelve sources: each vendor's CRM by its exports and by three connectors."""
    folder = tmp_path_factory.mktemp("tables")
    sources = []
    for vendor, files in FILES.items():
        crm.write_files(folder / "landing" / f"files_{vendor}" / crm.FOLDER, files())
        sources.append({"name": f"files_{vendor}", "vendor": vendor, "currency": "EUR"})
        for by in TOLD_BY:
            preset = f"{by}_{vendor}"
            sources.append({"name": preset, "vendor": preset, "connection": "warehouse", "tables_in": preset})
    config = {
        "timezone": "Europe/Berlin",
        "currency": "EUR",
        "connections": {"warehouse": {"url_variable": "CRM_DATABASE_URL"}},
        "sources": sources,
    }
    made = night(folder, config, AS_OF=crm.AS_OF, CRM_DATABASE_URL=database.url())
    assert made.status == 0, made.output
    return made


def rows(warehouse: Warehouse, table: str, source: str) -> list[tuple[Any, ...]]:
    """The rows of a published table of one source, without what names it."""
    with duckdb.connect(str(warehouse.path / "current" / "pipeline.duckdb"), read_only=True) as connection:
        described = connection.execute(f"describe marts.{table}").fetchall()
        columns = ", ".join(
            f"replace({name}::varchar, '{source}:', '')" if "VARCHAR" in kind else name
            for name, kind, *_ in described
            if name not in OWN
        )
        return connection.execute(f"select {columns} from marts.{table} where source = '{source}' order by all").fetchall()


@pytest.mark.parametrize("vendor", FILES)
@pytest.mark.parametrize("by", TOLD_BY)
@pytest.mark.parametrize("table", ["fct_deals", "fct_stage_visits", "fct_stage_transitions", "dim_owners", "dim_accounts"])
def test_tables_of_connectors_are_published_as_exports_are(published: Warehouse, table: str, by: str, vendor: str) -> None:
    wanted = rows(published, table, f"files_{vendor}")
    assert wanted
    assert rows(published, table, f"{by}_{vendor}") == wanted


def test_no_byte_of_the_password_is_in_anything_written(published: Warehouse) -> None:
    written = [path for path in published.path.parent.rglob("*") if path.is_file()]
    assert len(written) > 100
    for path in written:
        content = path.read_bytes()
        assert ENCODED_PASSWORD.encode() not in content, path
        assert PASSWORD.encode() not in content, path
    assert PASSWORD not in published.output and ENCODED_PASSWORD not in published.output
