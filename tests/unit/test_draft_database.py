"""A draft from a database: connectors' tables are known by their columns, others by names and values."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
import yaml

from dagster_project.config.load import read_configuration
from dagster_project.config.presets import table_presets
from dagster_project.draft.database import draft_database, named_database
from dagster_project.errors import ConfigurationError
from tests.integration import connectors as crm


@pytest.fixture(scope="module")
def connectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What every connector wrote of every vendor, a schema each, and a schema of something else."""
    path = tmp_path_factory.mktemp("database") / "crm.duckdb"
    with duckdb.connect(str(path)) as connection:
        for tables in (crm.hubspot_tables(), crm.salesforce_tables(), crm.pipedrive_tables()):
            for statement in crm.statements(tables):
                connection.execute(statement.replace("jsonb", "json"))
        connection.execute("create schema web; create table web.visits as select 1 as id, 'x' as page")
    return path


def test_tables_of_connectors_are_known(connectors: Path, tmp_path: Path) -> None:
    database = named_database(connectors)
    assert database is not None
    drafted = draft_database(database)
    (tmp_path / "pipeline.yml").write_text(drafted.text, encoding="utf-8")
    sources = read_configuration(tmp_path / "pipeline.yml").sources
    assert [(source.name, source.vendor, source.tables_in) for source in sources] == [
        (preset, preset, preset) for preset in table_presets()
    ]
    assert drafted.left_out == ["schemas that no preset reads: web"]


def test_other_tables_are_drafted_by_their_words_and_values(tmp_path: Path) -> None:
    path = tmp_path / "sales.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute('create schema "My CRM"')
        connection.execute(
            'create table "My CRM"."Deals 2026" as select id as deal_id, \'Deal \' || id as deal_name, '
            "case when id % 3 = 0 then 'Won' else 'Proposal' end as stage, 100.5 * id as amount, "
            "date '2026-01-01' + id::int as created_on from range(1, 40) numbers(id)"
        )
        connection.execute("create table main.nothing (a int)")
    database = named_database(path)
    assert database is not None
    drafted = draft_database(database, "sales")
    source = yaml.safe_load(drafted.text)["sources"][0]
    deals = source["feeds"]["deals"]
    assert (source["connection"], deals["table"]) == ("warehouse", "My CRM.Deals 2026")
    assert deals["columns"]["deal_id"] == ["deal_id"] and deals["columns"]["stage"] == ["stage"]
    assert ".parquet" not in drafted.text


def test_an_address_with_a_password_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    for address in ("postgresql://u:geheim@host/crm", "postgres://host/crm?user=u&password=geheim"):
        with pytest.raises(ConfigurationError, match="CRM_DATABASE_URL") as raised:
            named_database(Path(address))
        assert "geheim" not in str(raised.value)
    monkeypatch.setenv("THEIR_DATABASE", "postgresql://u:geheim@127.0.0.1:1/crm")
    named = named_database(Path("THEIR_DATABASE"))
    assert named is not None and named.url_variable == "THEIR_DATABASE"
    with pytest.raises(ConfigurationError, match=r"Postgres at 127\.0\.0\.1:1/crm") as raised:
        draft_database(named)
    assert "geheim" not in str(raised.value)


def test_files_are_no_databases(tmp_path: Path) -> None:
    assert named_database(tmp_path / "deals.csv") is None
    assert named_database(Path("DEALS")) is None
