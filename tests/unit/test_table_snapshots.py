"""A table becomes a delivery when it says something new, and a table that cannot be read is told of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from dagster_project.config.feeds import Source
from dagster_project.config.load import read_configuration
from dagster_project.config.models import Configuration
from dagster_project.config.presets import VENDORS_DIR, source_of_preset, table_presets, vendor_names, vendor_of
from dagster_project.config.stages import configured_stages
from dagster_project.errors import ConfigurationError
from dagster_project.lake.deliveries import select_deliveries
from dagster_project.lake.manifest import FileRecord, read_records
from dagster_project.lake.store import ingest
from dagster_project.read.table_snapshots import Snapshots, delivered, forget_spooled, remove_spooled, take_snapshots

FIRST = datetime(2026, 3, 1, 2, tzinfo=UTC)
DEALS = {"entity": "deals", "table": "deal", "columns": {"deal_id": ["id"], "stage": ["stage"], "amount": ["amount"]}}
SECRET = "geh%40eim"


class Nights:
    """A source `crm` of one connection, and the nights that read it."""

    def __init__(self, folder: Path, feeds: dict[str, Any], connection: dict[str, str] | None = None) -> None:
        self.folder, self.now = folder, FIRST
        connection = connection or {"duckdb": "crm.duckdb"}
        self.config = Configuration.model_validate(
            {
                "timezone": "UTC",
                "currency": "EUR",
                "connections": {"db": connection},
                "sources": [{"name": "crm", "connection": "db", "tables_in": "main", "feeds": feeds}],
            }
        )

    def sql(self, *statements: str) -> None:
        with duckdb.connect(str(self.folder / "crm.duckdb")) as connection:
            for statement in statements:
                connection.execute(statement)

    @property
    def source(self) -> Source:
        return self.config.sources[0]

    @property
    def records(self) -> list[FileRecord]:
        return read_records(self.folder / "lake")

    def look(self, **options: Any) -> Snapshots:
        names = [(record.source, record.feed, record.file) for record in self.records]
        return take_snapshots(self.config, self.folder, self.folder / "spool", names, self.now, **options)

    def night(self) -> list[FileRecord]:
        """What a night takes in; the next one is a day later."""
        files = self.look().files["crm"]
        added = []
        for feed in self.source.feeds:
            known = [record for record in self.records if record.feed == feed]
            mine = [file for file in files if file.feed == feed]
            added += ingest(self.source, feed, mine, self.folder / "lake", known)
            forget_spooled(self.source.feeds[feed], mine, has_forgotten=False)
        self.now += timedelta(days=1)
        return added

    def rows(self, record: FileRecord, columns: str) -> list[Any]:
        path = record.path(self.folder / "lake", "parquet")
        return duckdb.sql(f"select {columns} from read_parquet('{path}') order by all").fetchall()


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    nights = Nights(tmp_path, {"deals": DEALS})
    nights.sql(
        "create table deal as select id, 'New' as stage, id * 1.5 as amount, now() as _fivetran_synced "
        "from range(1, 11) numbers(id)"
    )
    return nights


def test_a_table_is_a_delivery(nights: Nights) -> None:
    (record,) = nights.night()
    assert (record.state, record.rows_loaded, record.extracted_at) == ("loaded", 10, "2026-03-01T02:00:00+00:00")
    assert nights.rows(record, "deal_id, stage, amount")[0] == ("1", "New", "1.5")
    assert "_fivetran_synced" not in record.headings


def test_what_connectors_write_for_themselves_and_another_order_add_nothing(nights: Nights) -> None:
    nights.night()
    nights.sql(
        "update deal set _fivetran_synced = now() + interval 1 day",
        "create table again as from deal order by id desc",
        "drop table deal",
        "alter table again rename to deal",
    )
    assert nights.night() == []


def test_each_change_is_a_delivery(nights: Nights) -> None:
    nights.night()
    nights.sql("update deal set stage = 'Offer' where id = 3")
    (second,) = nights.night()
    nights.sql("insert into deal values (4, 'New', 6, now())")
    (third,) = nights.night()
    assert (second.rows_loaded, third.rows_loaded) == (10, 11)


def test_a_table_that_vanished_is_refused_once_and_its_last_snapshot_stands(nights: Nights) -> None:
    nights.night()
    nights.sql("alter table deal rename to gone")
    (refused,) = nights.night()
    assert refused.state == "refused"
    assert refused.message.startswith("table main.deal is not there in connection 'db'. What its last snapshot says")
    assert nights.night() == []
    nights.sql("alter table gone rename to deal")
    (back,) = nights.night()
    assert back.rows_loaded == 10
    states = [record.state for record in select_deliveries(nights.records, [nights.source], nights.now, 0.5)]
    assert states == ["loaded", "refused", "loaded"]


def test_a_table_that_lost_most_rows_is_held_back(nights: Nights) -> None:
    nights.night()
    nights.sql("delete from deal where id > 4")
    nights.night()
    selected = select_deliveries(nights.records, [nights.source], nights.now, 0.5)
    assert [record.state for record in selected] == ["loaded", "held_back"]
    assert nights.night() == []


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    nights = Nights(tmp_path, {"deals": DEALS, "more": DEALS})
    why = f"connection 'db': there is no file {tmp_path / 'crm.duckdb'}"
    assert nights.look().said["crm"] == [f"crm/: its tables cannot be read: {why}"]


def test_one_table_that_cannot_be_read_does_not_keep_the_others_back(nights: Nights) -> None:
    nights.sql("create view broken as select error('it broke') as id", "create table ok (id int)")
    feeds = {
        "broken": {"entity": "owners", "table": "broken", "columns": {"owner_id": ["id"]}},
        "deals": DEALS,
        "accounts": {"entity": "accounts", "table": "ok", "columns": {"account_id": ["id"]}},
    }
    both = Nights(nights.folder, feeds).look()
    assert [file.feed for file in both.files["crm"]] == ["deals", "accounts"]
    assert "it broke" in both.said["crm"][0]


@pytest.mark.parametrize("name", ["it's", 'a "b" <i>', "x; drop table deal", "Größe.2026"])
def test_names_of_tables_and_columns_are_only_names(nights: Nights, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    nights.sql(f"create table {quoted} (id int, {quoted} text)", f"insert into {quoted} values (1, 'New')")
    feed = {"entity": "deals", "table": quoted, "columns": {"deal_id": ["id"], "stage": [name]}}
    (record,) = Nights(nights.folder, {"odd": feed}).night()
    assert record.file.startswith("odd_20260301T020000Z_")
    assert Nights(nights.folder, {"odd": feed}).rows(record, "stage") == [("New",)]


def test_a_folder_of_parquet_files(tmp_path: Path) -> None:
    (tmp_path / "tables" / "main" / "deal").mkdir(parents=True)
    for part in (1, 2):
        duckdb.sql(f"select {part} as id, 'New' as stage, 1 as amount").write_parquet(
            str(tmp_path / "tables" / "main" / "deal" / f"{part}.parquet")
        )
    nights = Nights(tmp_path, {"deals": DEALS}, {"folder": "tables"})
    (record,) = nights.night()
    assert record.rows_loaded == 2
    (tmp_path / "tables" / "main" / "deal" / "_delta_log").mkdir()
    (refused,) = nights.night()
    assert "is a Delta or Iceberg table" in refused.message


def test_a_table_says_of_when_it_is(nights: Nights) -> None:
    feed = DEALS | {"table": {"name": "deal", "synced_at": ["_dlt_load_id", "_fivetran_synced"]}}
    timed = Nights(nights.folder, {"deals": feed})
    timed.sql("update deal set _fivetran_synced = '2026-02-27 10:00:00+00'")
    (first,) = timed.night()
    # the table changed, and its connector does not say when: so it is of now
    timed.sql("delete from deal where id = 1")
    (second,) = timed.night()
    timed.sql(
        "alter table deal add column _dlt_load_id text", "update deal set _dlt_load_id = '1772448000.25', amount = 1"
    )
    (third,) = timed.night()
    assert [record.extracted_at for record in (first, second, third)] == [
        "2026-02-27T10:00:00+00:00",
        "2026-03-02T02:00:00+00:00",
        "2026-03-02T10:40:00+00:00",
    ]


def test_a_connector_that_stopped_is_told_of(nights: Nights) -> None:
    timed = Nights(nights.folder, {"deals": DEALS | {"table": {"name": "deal", "synced_at": ["_fivetran_synced"]}}})
    timed.sql("update deal set _fivetran_synced = '2026-02-27 10:00:00+00' where id > 1")
    timed.sql("update deal set _fivetran_synced = '2026-02-28 01:00:00+00' where id = 1")
    assert timed.look().said == {}
    timed.now += timedelta(hours=2)
    (said,) = timed.look().said["crm"]
    assert said.startswith("crm/: its tables were last written 2026-02-28 01:00 UTC")


def test_a_night_of_the_past_reads_only_tables_that_say_of_when_they_are(nights: Nights) -> None:
    found = nights.look(as_of=FIRST - timedelta(days=30))
    assert found.files["crm"] == []
    assert "is not read for a night of 2026-01-30 02:00 UTC" in found.said["crm"][0]


def test_linked_tables_lists_and_objects(nights: Nights) -> None:
    nights.sql(
        "create table deal_company (deal_id int, company_id int, _fivetran_deleted bool)",
        "insert into deal_company values (1, 8, false), (1, 7, false), (1, 9, true)",
        "create table lists as select 1 as id, 'New' as stage, '[\"5\", \"6\"]' as people, "
        '\'{"Amount": 12.5, "owner": {"id": 4}}\' as properties',
    )
    feed = {
        "entity": "deals",
        "table": {"name": "lists", "links": {"deal_company.company_id": {"ours": "id", "theirs": "deal_id"}}},
        "columns": {
            "deal_id": ["id"],
            "stage": ["stage"],
            "amount": ["properties.amount"],
            "owner_id": ["properties.owner.id"],
            "lead_id": ["people"],
            "account_id": ["deal_company.company_id"],
        },
        "id_separator": ";",
    }
    linked = Nights(nights.folder, {"deals": feed})
    (record,) = linked.night()
    assert linked.rows(record, "amount, owner_id, lead_id, account_id") == [("12.5", "4", "5;6", "7;8")]


def test_each_item_of_a_list_is_a_row(nights: Nights) -> None:
    nights.sql(
        "create table pipelines as select 'Sales' as label, "
        '\'[{"id": "a", "label": "New"}, {"id": "b", "label": "Won"}]\' as stages'
    )
    feed = {
        "entity": "stages",
        "table": {"name": "pipelines", "each": "stages"},
        "columns": {"stage_id": ["stages.id"], "stage_name": ["stages.label"], "pipeline": ["label"]},
    }
    listed = Nights(nights.folder, {"stages": feed})
    (record,) = listed.night()
    assert listed.rows(record, "stage_id, stage_name, pipeline") == [("a", "New", "Sales"), ("b", "Won", "Sales")]


def test_versions_are_read_where_the_table_has_them(nights: Nights) -> None:
    versions = {
        "entity": "deal_versions",
        "table": {"name": "deal", "if_columns": ["_dlt_valid_from"]},
        "columns": {"deal_id": ["id"], "stage": ["stage"], "version_at": ["_dlt_valid_from"]},
    }
    both = Nights(nights.folder, {"deals": DEALS, "versions": versions})
    assert [record.feed for record in both.night()] == ["deals"]
    both.sql(
        "alter table deal add column _dlt_valid_from timestamptz", "update deal set _dlt_valid_from = '2026-01-01'"
    )
    (record,) = [record for record in both.night() if record.feed == "versions"]
    assert record.rows_loaded == 10


def test_history_mode_is_today_and_every_version(nights: Nights) -> None:
    """Fivetran's: one table of all versions, of which one is active."""
    preset = source_of_preset("fivetran_salesforce")["feeds"]
    both = Nights(nights.folder, {name: preset[name] for name in ("opportunities", "opportunity_versions")})
    both.sql(
        """
        create table opportunity as
        select
            '006A' as id, stage as stage_name, 5.0 as amount, false as is_deleted, false as _fivetran_deleted,
            active as _fivetran_active, start as _fivetran_start, start as _fivetran_synced
        from (
            values
                ('Prospecting', timestamptz '2026-01-01 10:00:00+00', false),
                ('Closed Won', timestamptz '2026-01-05 10:00:00+00', true)
        ) versions(stage, start, active)
        """
    )
    opportunities, versions = both.night()
    assert both.rows(opportunities, "deal_id, stage, is_deleted") == [("006A", "Closed Won", "false")]
    assert both.rows(versions, "stage, version_at") == [
        ("Closed Won", "2026-01-05 10:00:00Z"),
        ("Prospecting", "2026-01-01 10:00:00Z"),
    ]
    both.sql("update opportunity set _fivetran_deleted = true")
    assert both.rows(both.night()[0], "is_deleted") == [("true",)]


def test_an_optional_table_may_be_missing(nights: Nights) -> None:
    feed = {"entity": "owners", "table": {"name": "owner", "optional": True}, "columns": {"owner_id": ["id"]}}
    assert Nights(nights.folder, {"owners": feed}).look().said == {}


def test_what_is_hashed_or_dropped_stays_in_no_spool(nights: Nights) -> None:
    private = Nights(nights.folder, {"deals": DEALS | {"personal_data": {"amount": "drop"}}})
    assert [record.state for record in private.night()] == ["loaded"]
    assert list((nights.folder / "spool").rglob("*.parquet")) == []
    assert private.night() == []


def test_once_somebody_was_forgotten_no_snapshot_is_kept(nights: Nights) -> None:
    nights.night()
    spool = nights.folder / "spool"
    assert (remove_spooled(spool, "crm"), remove_spooled(spool, "crm")) == (1, 0)
    nights.sql("update deal set stage = 'Offer'")
    files = nights.look().files["crm"]
    assert len(files) == 1, "what was removed and says what the table said is not missed"
    forget_spooled(nights.source.feeds["deals"], files, has_forgotten=True)
    assert list(spool.rglob("*.parquet")) == []


def test_a_name_of_a_file_says_its_moment_and_digest() -> None:
    last = delivered("deals_20260301T020000Z_0123456789abcdef.parquet")
    assert last is not None
    assert (last.moment, last.digest) == (FIRST, "0123456789abcdef")
    assert delivered("deals_2026-03-01.parquet") is None


# --- the configuration


def written(folder: Path, source: dict[str, Any], **keys: Any) -> Path:
    path = folder / "pipeline.yml"
    config = {"timezone": "UTC", "currency": "EUR", **keys, "sources": [{"name": "crm", **source}]}
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return path


URL = f"postgresql://sales:{SECRET}@db.example:5432/crm"


@pytest.mark.parametrize(
    ("keys", "source", "says"),
    [
        ({"connections": {"db": {"url_variable": URL}}}, {}, "is no name of a variable"),
        ({"connections": {"db": {"duckdb": URL}}}, {}, "is no path"),
        ({"connections": {"db": URL}}, {}, "say what it is: {url_variable: CRM_DATABASE_URL}"),
        ({"connections": {URL: {"duckdb": "x"}}}, {}, "a connection is named with small letters"),
        ({"connections": {"db": {"url": URL}}}, {}, "unknown key 'url'"),
        ({"connections": {"db": {}}}, {}, "needs one of url_variable, duckdb and folder"),
        ({}, {"connection": URL}, "a connection is named with small letters"),
        ({}, {"connection": "db"}, "'db' is none of `connections`"),
        ({}, {"connection": None}, "its feed 'deals' reads a table: say in which `connection`"),
        (
            {"connections": {"db": {"duckdb": "x"}}},
            {"feeds": {"deals": DEALS | {"table": URL}}},
            "is no name of a table",
        ),
        ({"connections": {"db": {"duckdb": "x"}}}, {"feeds": {"deals": DEALS | {"files": ["a"]}}}, "say what it reads"),
        (
            {"connections": {"db": {"duckdb": "x"}}},
            {"feeds": {"deals": DEALS | {"table": "a.b.c"}}},
            "'a.b.c' is no table",
        ),
    ],
)
def test_mistakes_are_told_without_what_may_be_a_password(
    tmp_path: Path, keys: dict[str, Any], source: dict[str, Any], says: str
) -> None:
    given = {"connection": "db", "feeds": {"deals": DEALS}, **source}
    with pytest.raises(ConfigurationError) as raised:
        read_configuration(written(tmp_path, {key: value for key, value in given.items() if value}, **keys))
    assert says in str(raised.value)
    assert SECRET not in str(raised.value)
    assert "pipeline.yml" in str(raised.value)


@pytest.mark.parametrize(
    "url", [None, f"mysql://sales:{SECRET}@db/crm", f"postgresql://sales:{SECRET}@127.0.0.1:1/crm"]
)
def test_a_server_that_cannot_be_reached_is_told_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str | None
) -> None:
    if url:
        monkeypatch.setenv("CRM_URL", url)
    said = Nights(tmp_path, {"deals": DEALS}, {"url_variable": "CRM_URL"}).look().said["crm"]
    assert said[0].startswith("crm/: its tables cannot be read: ")
    assert "CRM_URL" in said[0] or "127.0.0.1:1" in said[0]
    assert SECRET not in said[0] and "geh" not in said[0]


@pytest.mark.parametrize("preset", table_presets())
def test_presets_of_tables(tmp_path: Path, preset: str) -> None:
    config = read_configuration(
        written(tmp_path, {"vendor": preset, "connection": "db"}, connections={"db": {"duckdb": "x"}})
    )
    source = config.sources[0]
    assert all(feed.table is not None and not feed.files and feed.timezone == "UTC" for feed in source.feeds.values())
    assert {"deals", "owners", "accounts", "leads"} <= {feed.entity for feed in source.feeds.values()}
    assert all(feed.table.synced_at for feed in source.feeds.values() if feed.table)
    assert vendor_of(preset) in vendor_names()
    assert preset.endswith(vendor_of(preset))
    # stages, and words for values, are those of the vendor
    assert {"won", "lost"} <= {stage.canonical_stage for stage in configured_stages(config)}
    of_vendor = source_of_preset(vendor_of(preset))["feeds"]
    leads = next(feed for feed in source.feeds.values() if feed.entity == "leads")
    assert leads.values == next(feed for feed in of_vendor.values() if feed["entity"] == "leads").get("values", {})


def test_tables_of_each_connector_and_vendor() -> None:
    assert table_presets() == sorted(
        f"{by}_{vendor}" for by in ("airbyte", "dlt", "fivetran") for vendor in ("hubspot", "pipedrive", "salesforce")
    )
    assert [path.stem for path in sorted((VENDORS_DIR / "tables").glob("*.yml"))] == table_presets()
