"""Tables as deliveries: what connectors wrote into a real Postgres is published as the vendors' own exports are."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from dagster_project.config.models import Configuration
from dagster_project.read.table_snapshots import SPOOL, take_snapshots
from tests.conftest import DEALTRAIL, PROJECT, Warehouse, environment
from tests.faults.nights import until
from tests.integration import connectors as crm
from tests.integration.postgres_server import ENCODED_PASSWORD, PASSWORD, Database, Server, running_server

TOLD_BY = ("fivetran", "airbyte", "dlt")
FILES = {"hubspot": crm.hubspot_files, "salesforce": crm.salesforce_files, "pipedrive": crm.pipedrive_files}
TABLES = {"hubspot": crm.hubspot_tables, "salesforce": crm.salesforce_tables, "pipedrive": crm.pipedrive_tables}
GRANTS = "grant usage on schema {schema} to publisher; grant select on all tables in schema {schema} to publisher"
#: What differs because it is made of a source's name.
OWN = {"source", "visit_key", "transition_key"}
#: Airbyte brings no history of Pipedrive's deals; Fivetran one of versions, each of which says its stage, where the log
#: of a deal that was never moved names none.
WITHOUT_LOG = {
    ("airbyte", "pipedrive"): {"is_qualified", "qualified_at", "last_stage_change_at", "last_touch_at"},
    ("fivetran", "pipedrive"): {"is_qualified", "qualified_at", "evidence"},
}
HISTORY = {"fct_stage_visits", "fct_stage_transitions"}
COMPARED = [
    (table, by, vendor)
    for table in ("fct_deals", *sorted(HISTORY), "dim_owners", "dim_accounts")
    for by in TOLD_BY
    for vendor in FILES
    if not (table in HISTORY and (by, vendor) == ("airbyte", "pipedrive"))
]
#: A table that is overwritten: what it says of two deals on three nights.
ODD = 'shop."deal\'s <b>"'
OVERWRITTEN = {
    "2026-01-10": "(1, 'New', false), (2, 'New', false)",
    "2026-01-20": "(1, 'Offer', false), (2, 'New', false)",
    "2026-02-01": "(1, 'Won', false), (2, 'New', true)",
}
SHOP: dict[str, Any] = {
    "name": "shop",
    "connection": "warehouse",
    "feeds": {
        "deals": {
            "entity": "deals",
            "table": {"name": 'shop."deal\'s <b>"', "synced_at": ["_synced"]},
            "columns": {"deal_id": ["id"], "stage": ["stage"], "is_deleted": ["_fivetran_deleted"]},
        },
        "never": {"entity": "owners", "table": "shop.owner", "columns": {"owner_id": ["id"]}},
    },
    "pipelines": [
        {
            "name": "default",
            "stages": [{"name": "New", "canonical": "contact"}, {"name": "Offer", "canonical": "proposal"}],
        }
    ],
}


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
        database.sql(
            f"grant usage on schema {schema} to publisher; grant select on all tables in schema {schema} to publisher"
        )
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
    sources: list[dict[str, Any]] = []
    for vendor, files in FILES.items():
        crm.write_files(folder / "landing" / f"files_{vendor}" / crm.FOLDER, files())
        sources.append({"name": f"files_{vendor}", "vendor": vendor, "currency": "EUR"})
        for by in TOLD_BY:
            preset = f"{by}_{vendor}"
            sources.append({"name": preset, "vendor": preset, "connection": "warehouse", "tables_in": preset})
    sources.append(SHOP)
    config = {
        "timezone": "Europe/Berlin",
        "currency": "EUR",
        "connections": {"warehouse": {"url_variable": "CRM_DATABASE_URL"}},
        "sources": sources,
    }
    columns = "id int, stage text, _fivetran_deleted bool, _synced text"
    database.sql("create schema shop", f"create table {ODD} ({columns})", GRANTS.format(schema="shop"))
    of_shop = Configuration.model_validate(config | {"sources": [SHOP]})
    for day, said in OVERWRITTEN.items():
        database.sql(f"delete from {ODD}", f"insert into {ODD} values {said}")
        database.sql(f"update {ODD} set _synced = '{day}T02:00:00Z'")
        if day < "2026-02":
            moment = datetime.fromisoformat(f"{day}T03:00:00+00:00")
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("CRM_DATABASE_URL", database.url())
                take_snapshots(of_shop, folder, folder / "w" / SPOOL, [], moment)
    made = night(folder, config, AS_OF=crm.AS_OF, CRM_DATABASE_URL=database.url())
    assert made.status == 0, made.output
    return made


def rows(warehouse: Warehouse, table: str, source: str, without: set[str]) -> list[tuple[Any, ...]]:
    """The rows of a published table of one source, without what names it."""
    with duckdb.connect(str(warehouse.path / "current" / "pipeline.duckdb"), read_only=True) as connection:
        described = connection.execute(f"describe marts.{table}").fetchall()
        columns = ", ".join(
            f"replace({name}::varchar, '{source}:', '')" if "VARCHAR" in kind else name
            for name, kind, *_ in described
            if name not in OWN | without
        )
        return connection.execute(
            f"select {columns} from marts.{table} where source = '{source}' order by all"
        ).fetchall()


@pytest.mark.parametrize(("table", "by", "vendor"), COMPARED)
def test_tables_of_connectors_are_published_as_exports_are(
    published: Warehouse, table: str, by: str, vendor: str
) -> None:
    without = WITHOUT_LOG.get((by, vendor), set())
    wanted = rows(published, table, f"files_{vendor}", without)
    assert wanted
    assert rows(published, table, f"{by}_{vendor}", without) == wanted


def test_no_byte_of_the_password_is_in_anything_written(published: Warehouse) -> None:
    written = [path for path in published.path.parent.rglob("*") if path.is_file()]
    assert len(written) > 100
    for path in written:
        content = path.read_bytes()
        assert ENCODED_PASSWORD.encode() not in content, path
        assert PASSWORD.encode() not in content, path
    assert PASSWORD not in published.output and ENCODED_PASSWORD not in published.output


def test_a_table_that_is_overwritten_has_the_history_of_its_nights(published: Warehouse) -> None:
    moves = published.rows(
        """
        select deal_id, from_stage, to_stage
        from marts.fct_stage_transitions inner join marts.fct_deals using (deal_key)
        where fct_deals.source = 'shop' and from_stage is not null
        order by all
        """
    )
    assert moves == [("1", "New", "Offer"), ("1", "Offer", "Won")]
    assert published.rows("select status from marts.fct_deals where source = 'shop' order by deal_id") == [
        ("won",),
        ("deleted",),
    ]
    files = published.rows("select file from quality.deliveries where source = 'shop' order by extracted_at")
    assert [file[:20] for (file,) in files] == ["deals_20260110T02000", "deals_20260120T02000", "deals_20260201T02000"]


def test_a_night_of_the_past_says_which_tables_it_cannot_read(published: Warehouse) -> None:
    said = json.loads((published.path / "run.json").read_text(encoding="utf-8"))["warnings"]
    assert any("table shop.owner is not read for a night of 2026-02-05 00:00 UTC" in str(one) for one in said), said


def test_a_draft_of_a_database_server(database: Database) -> None:
    done = subprocess.run(
        [str(DEALTRAIL), "source", "draft", "CRM_DATABASE_URL"],
        cwd=PROJECT,
        env=environment() | {"CRM_DATABASE_URL": database.url()},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    config = yaml.safe_load(done.stdout)
    assert config["connections"] == {"warehouse": {"url_variable": "CRM_DATABASE_URL"}}
    assert {f"{by}_{vendor}" for by in TOLD_BY for vendor in FILES} == {one["vendor"] for one in config["sources"]}
    assert ENCODED_PASSWORD not in done.stdout + done.stderr and PASSWORD not in done.stdout + done.stderr


def test_all_tables_are_of_one_moment(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deals that are moved from one table to another meanwhile are in one of them."""
    database.sql("create schema moving", "create table moving.open as select g as id from generate_series(1, 1000) g")
    database.sql("create table moving.closed (id int)", GRANTS.format(schema="moving"))
    monkeypatch.setenv("CRM_DATABASE_URL", database.url())
    feeds = {
        name: {"entity": "deals", "table": f"moving.{name}", "columns": {"deal_id": ["id"], "stage": ["id"]}}
        for name in ("open", "closed")
    }
    config = Configuration.model_validate(
        {
            "timezone": "UTC",
            "currency": "EUR",
            "connections": {"warehouse": {"url_variable": "CRM_DATABASE_URL"}},
            "sources": [{"name": "moving", "connection": "warehouse", "feeds": feeds}],
        }
    )
    move = (
        "do $$ begin for i in 1..1000 loop with gone as (delete from moving.open where id = i returning id) "
        "insert into moving.closed select id from gone; commit; end loop; end $$"
    )
    with ThreadPoolExecutor(1) as beside:
        moved = beside.submit(database.sql, move)
        for at in range(3):
            found = take_snapshots(config, tmp_path, tmp_path / str(at), [], datetime(2026, 1, 1, tzinfo=UTC))
            paths = [str(file.path) for file in found.files["moving"]]
            counted = duckdb.sql(f"select count(*), count(distinct id) from read_parquet({paths})").fetchone()
            assert counted == (1000, 1000)
        moved.result()


def test_a_server_that_ends_the_session_meanwhile_is_told_of(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.sql(
        "create schema slow",
        "create view slow.deals as select g as id, 'New' as stage, pg_sleep(60)::text from generate_series(1, 9) g",
        GRANTS.format(schema="slow"),
    )
    monkeypatch.setenv("CRM_DATABASE_URL", database.url())
    feed = {"entity": "deals", "table": "slow.deals", "columns": {"deal_id": ["id"], "stage": ["stage"]}}
    config = Configuration.model_validate(
        {
            "timezone": "UTC",
            "currency": "EUR",
            "connections": {"warehouse": {"url_variable": "CRM_DATABASE_URL"}},
            "sources": [{"name": "slow", "connection": "warehouse", "feeds": {"deals": feed}}],
        }
    )
    sleeping = "from pg_stat_activity where query like '%slow%deals%' and wait_event = 'PgSleep'"
    with ThreadPoolExecutor(1) as beside:
        reading = beside.submit(take_snapshots, config, tmp_path, tmp_path, [], datetime(2026, 1, 1, tzinfo=UTC))
        until(lambda: database.value(f"select count(*) {sleeping}") != "0")
        database.sql(f"select pg_terminate_backend(pid) {sleeping}")
        (said,) = reading.result().said["slow"]
    assert said.startswith(
        ("slow/: table slow.deals cannot be read: Postgres at", "slow/: its tables cannot be read: ")
    )
    assert "terminating connection" in said or "closed the connection" in said or "was lost" in said
    assert ENCODED_PASSWORD not in said


def test_a_person_is_forgotten_in_snapshots_too(published: Warehouse, tmp_path: Path, database: Database) -> None:
    folder = tmp_path / "there"
    shutil.copytree(published.path.parent, folder, symlinks=True)
    spool = folder / "w" / SPOOL
    assert list((spool / "fivetran_hubspot").rglob("*.parquet"))
    done = subprocess.run(
        [str(DEALTRAIL), "forget", "owners", "11", "--source", "fivetran_hubspot"],
        cwd=PROJECT,
        env=environment(PIPELINE_CONFIG=folder / "pipeline.yml", WAREHOUSE_DIR=folder / "w")
        | {"CRM_DATABASE_URL": database.url()},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not (spool / "fivetran_hubspot").exists()
    assert list((spool / "dlt_hubspot").rglob("*.parquet")), "of other sources they stay"
    assert "not touched: " in done.stdout and "the tables of connection 'warehouse'" in done.stdout
