"""A real PostgreSQL: readers see the old set or the new one, whatever happens, and their grants and views stay."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from dagster_project.config.postgres_url import PostgresUrl
from dagster_project.publish.postgres import publish_to_postgres
from dagster_project.publish.postgres_tables import PostgresError, PostgresUnavailableError
from tests.conftest import DEALTRAIL, PROJECT, Warehouse, environment
from tests.faults import crm
from tests.faults.nights import Nights, until
from tests.integration.postgres_server import (
    ENCODED_PASSWORD,
    PASSWORD,
    Database,
    Server,
    running_server,
    target,
)
from tests.integration.publishing_to_postgres import publish_killed_before, publish_watched


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as server:
        yield server


@pytest.fixture
def database(server: Server) -> Database:
    return server.database()


@pytest.fixture
def publication(tmp_path: Path) -> Callable[..., Path]:
    """Makes the DuckDB file of a night: deals and owners of 1,000 rows, and what else is asked for."""

    def make(night: int, *more: str) -> Path:
        path = tmp_path / f"{night}.duckdb"
        path.unlink(missing_ok=True)
        with duckdb.connect(str(path)) as connection:
            for table in ("marts.deals", "marts.owners", "quality.checks"):
                connection.execute(f"create schema if not exists {table.split('.')[0]}")
                connection.execute(f"create table {table} as select {night} as night, 'x' as name from range(1000)")
                connection.execute(f"comment on column {table}.night is 'Which night''s'")
            for statement in more:
                connection.execute(statement)
        return path

    return make


def seen(database: Database) -> set[str]:
    """The nights that a reader of all tables sees, in one query; each has to be there whole."""
    rows = database.sql(
        "select night, count(*) from marts.deals group by 1 union all select night, count(*) from marts.owners "
        "group by 1 union all select night, count(*) from quality.checks group by 1"
    )
    assert len(rows) == 3 and {count for _, count in rows} == {"1000"}
    return {night for night, _ in rows}


def published(database: Database, path: Path) -> None:
    publish_to_postgres(path, database.target, path.stem)


# what is published


@pytest.fixture(scope="module")
def twice(server: Server, sample: Warehouse) -> Database:
    """The sample's publication, published twice: what another night does."""
    database = server.database()
    for run in ("first", "second"):
        done = publish_to_postgres(sample.path / "pipeline.duckdb", database.target, run)
        assert (done.tables, done.warnings) == (sample.value(f"select count(*) from {_TABLES}"), [])
    return database


#: And views, which are tables there.
_TABLES = "information_schema.tables where table_schema in ('marts', 'quality')"


def test_every_table_has_the_same_rows_in_columns_of_the_same_types(twice: Database, sample: Warehouse) -> None:
    columns = (
        "select schema_name, table_name, column_name, data_type from duckdb_columns() where database_name = '{}' "
        "and schema_name in ('marts', 'quality')"
    )
    with twice.beside(sample.path / "pipeline.duckdb") as both:
        here, there = (set(both.execute(columns.format(name)).fetchall()) for name in ("here", "there"))
        assert here == there and len(here) > 400
        differing = {}
        for schema, table in sorted({row[:2] for row in here}):
            one, other = f"from here.{schema}.{table}", f"from there.{schema}.{table}"
            counted = both.execute(
                f"select (select count(*) from ({one} except all {other})), (select count(*) from ({other} except all "
                f"{one}))"
            ).fetchone()
            if counted != (0, 0):
                differing[table] = counted
        assert differing == {}


def test_comments_are_kept_and_those_of_tables_name_the_run(twice: Database, sample: Warehouse) -> None:
    here = sample.rows("select table_name, column_name, comment from duckdb_columns() where schema_name = 'marts'")
    there = twice.sql(
        "select json_build_array(relname, attname, col_description(attrelid, attnum)) from pg_attribute "
        "join pg_class on pg_class.oid = attrelid where relnamespace = 'marts'::regnamespace and attnum > 0"
    )
    assert sorted(tuple(json.loads("\t".join(row))) for row in there) == sorted(here)
    said = twice.value("select replace(obj_description('marts.dim_owners'::regclass), chr(10), '|')")
    described = "Grain: one row per owner: those delivered, and every other that a fact names."
    assert said == f"{described}||Published by Dealtrail, run second"


def test_what_text_and_numbers_may_hold(database: Database, publication: Callable[..., Path]) -> None:
    path = publication(
        1,
        'create table marts."Odd ""names""" ("A b" varchar, d decimal(18,2), x double, on_day date, "at" timestamp, '
        "many varchar[], flags boolean[], pair struct(a integer), big hugeint)",
        "insert into marts.\"Odd \"\"names\"\"\" values ('<script>''; drop table \\x \u202eabc', -0.01, 'nan', "
        "'0001-01-01', '9999-12-31 23:59:59.999999', ['ä', null, 'b,\"c'], [true], {'a': 1}, 10::hugeint ** 30), "
        "(repeat('ü', 10000), null, '-inf', null, null, [], null, null, null), "
        "('a' || chr(0) || 'b', null, 1e-300, null, null, ['a' || chr(0)], null, null, null)",
    )
    done = publish_to_postgres(path, database.target, "run")
    with database.beside(path) as both:
        query = (
            'select * replace (replace("A b", chr(0), \'\ufffd\') as "A b", pair::varchar as pair, '
            "big::decimal(38, 0) as big, list_transform(many, lambda x: replace(x, chr(0), '\ufffd')) as many) "
            'from {}.marts."Odd ""names""" order by d, x'
        )
        here, there = (both.execute(query.format(name)).fetchall() for name in ("here", "there"))
    assert repr(here) == repr(there), "by repr: NaN equals NaN"
    assert done.warnings == ["Postgres stores no NUL characters: \ufffd stands for them in 1 rows there"]


def test_a_fact_that_lies_in_a_folder_beside_the_file(
    database: Database, publication: Callable[..., Path], tmp_path: Path
) -> None:
    """As Spark publishes what is too large for one file: a view over Parquet, named from where the file lies."""
    folder = tmp_path / "marts" / "fct_calls"
    folder.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute(f"copy (select range as number from range(7)) to '{folder / 'a.parquet'}'")
    path = publication(1)
    with duckdb.connect(str(path)) as connection:
        connection.execute("set file_search_path = ?", [str(tmp_path)])
        connection.execute("create view marts.fct_calls as from read_parquet('marts/fct_calls/*.parquet')")
    published(database, path)
    assert database.sql("select count(*), sum(number) from marts.fct_calls") == [["7", "21"]]


# what stays


def test_grants_views_indexes_and_tables_of_others_survive(
    database: Database, publication: Callable[..., Path]
) -> None:
    published(database, publication(1))
    database.sql(
        "grant usage on schema marts to reader",
        "grant select on marts.deals to reader",
        "create view public.won as select night, name from marts.deals",
        "create index own_index on marts.deals (night)",
        "create table marts.own_notes as select 1 as a",
    )
    oids = "select 'marts.deals'::regclass::oid, 'marts.own_index'::regclass::oid, 'public.won'::regclass::oid"
    before = database.sql(oids)
    published(database, publication(2, "alter table marts.deals add column added decimal(18,2) default 2.50"))
    assert seen(database) == {"2"}
    assert database.sql("select distinct night from marts.deals", user="reader") == [["2"]]
    assert database.sql("select distinct night from public.won") == [["2"]]
    assert database.sql("select distinct added from marts.deals") == [["2.50"]]
    assert database.sql(oids) == before
    assert database.value("select count(*) from marts.own_notes") == "1"


def test_a_role_that_owns_two_schemas_publishes_and_default_privileges_count(
    server: Server, database: Database, publication: Callable[..., Path]
) -> None:
    server.sql(f"create role guest login password '{PASSWORD}'")
    for schema in ("marts", "quality"):
        database.sql(f"create schema {schema} authorization guest", f"grant usage on schema {schema} to reader")
    database.sql("alter default privileges for role guest in schema marts grant select on tables to reader")
    publish_to_postgres(publication(1), target(database.url("guest")), "run")
    assert seen(database) == {"1"}
    assert database.sql("select distinct night from marts.deals", user="reader") == [["1"]]


def test_columns_and_tables_come_change_and_go(database: Database, publication: Callable[..., Path]) -> None:
    published(database, publication(1, "create table marts.old as select 1 as a"))
    changed = publication(
        2,
        "alter table marts.deals drop column name",
        "alter table marts.owners alter column name type varchar[] using [name]",
        "comment on column marts.owners.name is 'Several now'",
        "create table marts.new as select 1 as a",
    )
    published(database, changed)
    assert seen(database) == {"2"}
    assert database.sql("select table_name from information_schema.tables where table_schema = 'marts' order by 1") == [
        ["deals"],
        ["new"],
        ["owners"],
    ]
    assert database.sql("select distinct name from marts.owners") == [["{x}"]]
    assert database.value("select col_description('marts.owners'::regclass, max(attnum)) from pg_attribute "
        "where attrelid = 'marts.owners'::regclass") == "Several now"  # fmt: skip


def test_a_view_on_a_column_that_is_gone_stops_it_and_is_named(
    database: Database, publication: Callable[..., Path]
) -> None:
    published(database, publication(1))
    database.sql("create view public.names as select name from marts.deals")
    with pytest.raises(PostgresError, match=r"view names depends on column name .*Drop what depends on it"):
        published(database, publication(2, "alter table marts.deals drop column name"))
    assert seen(database) == {"1"} and database.value("select count(*) from public.names") == "1000"


def test_a_table_of_others_under_the_same_name_is_not_touched(
    database: Database, publication: Callable[..., Path]
) -> None:
    database.sql("create schema marts", "create table marts.deals as select 7 as theirs")
    with pytest.raises(PostgresError, match=r'marts\."deals" cannot be replaced: not published by Dealtrail'):
        published(database, publication(1))
    assert database.value("select theirs from marts.deals") == "7"


# while it runs


def test_readers_are_neither_kept_waiting_nor_shown_half_of_it(
    database: Database, publication: Callable[..., Path]
) -> None:
    published(database, publication(1))
    nights: list[set[str]] = []
    database.sql("alter role postgres set statement_timeout = '2s'")
    try:
        publish_watched(publication(2), database.url(), lambda sql: nights.append(seen(database)))
    finally:
        database.sql("alter role postgres reset statement_timeout")
    assert len(nights) > 15 and nights == [{"1"}] * len(nights)
    assert seen(database) == {"2"}


def test_two_publishers_at_once_do_not_double_anything(database: Database, publication: Callable[..., Path]) -> None:
    published(database, publication(1))
    with ThreadPoolExecutor() as pool:
        for _ in pool.map(lambda path: published(database, path), [publication(2), publication(3)]):
            pass
    assert seen(database) in ({"2"}, {"3"})


def test_killed_at_any_point_the_old_set_stays_and_the_next_run_publishes(
    database: Database, publication: Callable[..., Path]
) -> None:
    published(database, publication(1))
    statements: list[str] = []
    publish_watched(publication(1), database.url(), statements.append)
    assert statements[-1] == "commit"
    total, path = len(statements), publication(2)
    for statement in (total, total - 1, total * 3 // 4, total // 2, total // 3):
        assert publish_killed_before(path, database.url(), statement) == -signal.SIGKILL
        assert seen(database) == {"1"}, statements[statement - 1]
    published(database, path)
    assert seen(database) == {"2"}


LARGE = "create table marts.large as select range as a, repeat('x', 200) as b from range(500000)"


def loading(database: Database) -> bool:
    """Whether a publisher is filling its largest table."""
    return database.value(
        "select count(*) from pg_stat_activity where application_name = 'dealtrail' and query like 'COPY%large%'"
    ) == "1"  # fmt: skip


def test_the_server_ends_the_session_while_it_loads(database: Database, publication: Callable[..., Path]) -> None:
    """DuckDB aborts its process then; ours lives, and says what happened."""
    published(database, publication(1))
    with ThreadPoolExecutor() as pool:
        publishing = pool.submit(published, database, publication(2, LARGE))
        until(lambda: loading(database))
        database.sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'dealtrail'")
        with pytest.raises(PostgresUnavailableError, match="local publication stands"):
            publishing.result(60)
    assert seen(database) == {"1"}


def test_the_command_is_killed_while_it_loads(
    database: Database, publication: Callable[..., Path], tmp_path: Path
) -> None:
    """What it has started ends with it."""
    published(database, publication(1))
    version = tmp_path / "warehouse" / "versions" / "night2"
    version.mkdir(parents=True)
    publication(2, LARGE).rename(version / "pipeline.duckdb")
    (tmp_path / "warehouse" / "current").symlink_to(Path("versions") / "night2")
    with subprocess.Popen(**dealtrail_postgres(tmp_path / "warehouse", database.url())) as command:
        until(lambda: loading(database))
        command.kill()
    until(lambda: database.value("select count(*) from pg_stat_activity where application_name = 'dealtrail'") == "0")
    assert seen(database) == {"1"}


# when it cannot be


def refused(path: Path, url: str | PostgresUrl) -> PostgresError:
    """What publishing there is answered with."""
    with pytest.raises(PostgresError) as raised:
        publish_to_postgres(path, url if isinstance(url, PostgresUrl) else target(url), "run")
    error = raised.value
    assert error.exit_status == 3 and error.__cause__ is None and error.__context__ is None
    return error


def test_messages_say_what_is_wrong_and_never_the_password(
    server: Server, database: Database, publication: Callable[..., Path]
) -> None:
    path = publication(1)
    published(database, path)
    server.sql("create role stranger login password 'Hidden-1'")
    server.sql("create role standby login superuser password 'Hidden-1'")
    server.sql("alter role standby set default_transaction_read_only = on")
    cases = {
        database.url(password="Hidden-1"): 'password authentication failed for user "publisher". Check user and',
        database.url(user="nobody", password="Hidden-1"): 'password authentication failed for user "nobody"',
        database.url(name="no_such"): 'database "no_such" does not exist. Create the database',
        database.url("stranger", "Hidden-1"): "permission denied for",
        database.url("standby", "Hidden-1"): "read-only transaction",
        "postgresql://u:Hidden-1@127.0.0.1:1/crm": "Connection refused",
        "postgres://u:Hidden-1@127.0.0.1:1/crm?sslmode=require": "Connection refused",
        database.url(password="Hidden-1") + "&sslmode=bogus": "invalid sslmode value",
        database.url(password="Hidden-1") + "&bogus=1": "invalid URI query parameter",
    }
    for url, part in cases.items():
        error = refused(path, url)
        said = str(error)
        assert part in said and "local publication stands" in said, said
        assert not {secret for secret in ("Hidden-1", PASSWORD, ENCODED_PASSWORD) if secret in said}
        assert isinstance(error, PostgresUnavailableError) == (part == "Connection refused")
    assert seen(database) == {"1"}


def test_a_full_disk_leaves_the_old_set(database: Database, publication: Callable[..., Path]) -> None:
    small = Path(database.server.postgres.pgdata).with_name("small")  # where the server's user may enter
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=777", "tmpfs", str(small)], check=False)
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk needs root")
    try:
        (small / "space").mkdir(mode=0o777)
        shutil.chown(small / "space", "pgserver")
        database.sql(
            f"create tablespace small location '{small / 'space'}'", "grant create on tablespace small to public"
        )
        database.sql(f"alter database {database.name} set default_tablespace = small")
        published(database, publication(1))
        error = refused(
            publication(2, "create table marts.big as select repeat('x', 900) as a from range(9000)"), database.target
        )
        assert "No space left on device" in str(error) and "Make room on the server's disk" in str(error)
        assert seen(database) == {"1"}
        published(database, publication(3))
        assert seen(database) == {"3"}
    finally:
        database.server.sql(f"drop database {database.name} with (force)", "drop tablespace if exists small")
        subprocess.run(["umount", str(small)], check=True)


# the step and the command


@pytest.fixture
def warehouse(sample: Warehouse, tmp_path: Path) -> Path:
    """A copy of the sample's warehouse."""
    copy = tmp_path / "warehouse"
    shutil.copytree(sample.path, copy, symlinks=True, ignore=shutil.ignore_patterns("dagster"))
    return copy


def dealtrail_postgres(warehouse: Path, url: str | None) -> dict[str, Any]:
    """How the command is started."""
    env = environment(PIPELINE_CONFIG="pipeline.yml", WAREHOUSE_DIR=warehouse, POSTGRES_URL=url)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return {"args": [str(DEALTRAIL), "postgres"], "cwd": PROJECT, "env": env, "text": True, **pipes}


def step(warehouse: Path, url: str | None, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    """The asset publish/postgres alone, by the job that the night is."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LANDING_DIR", "AS_OF", "POSTGRES_URL"):
            patch.delenv(name, raising=False)
        patch.setenv("PIPELINE_CONFIG", str(PROJECT / "pipeline.yml"))
        patch.setenv("WAREHOUSE_DIR", str(warehouse))
        if url is not None:
            patch.setenv("POSTGRES_URL", url)
        from dagster_project.definitions import defs

        job = defs.resolve_job_def("nightly")
        return job.execute_in_process(
            instance=instance, asset_selection=[dg.AssetKey(["publish", "postgres"])], raise_on_error=False
        )


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def test_the_step_publishes_and_shows_how_much(
    warehouse: Path, database: Database, instance: dg.DagsterInstance
) -> None:
    result = step(warehouse, database.url(), instance)
    assert result.success
    (event,) = result.asset_materializations_for_node("publish__postgres")
    assert event.metadata["tables"].value == int(database.value(
        "select count(*) from information_schema.tables where table_schema in ('marts', 'quality')"))  # fmt: skip
    assert PASSWORD not in repr(event) and ENCODED_PASSWORD not in repr(event)


def test_without_postgres_url_the_step_says_that_it_is_off(warehouse: Path, instance: dg.DagsterInstance) -> None:
    result = step(warehouse, None, instance)
    assert result.success and result.asset_materializations_for_node("publish__postgres") == []
    said = {record.user_message for record in instance.all_logs(result.run_id)}
    assert "off: POSTGRES_URL is not set" in said


def test_only_what_passes_by_itself_is_tried_again(
    warehouse: Path, database: Database, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dg.RetryPolicy, "calculate_delay", lambda self, attempt: 0)
    tries = {}
    for url in ("postgresql://u:Hidden-1@127.0.0.1:1/crm", database.url(password="Hidden-1")):
        result = step(warehouse, url, instance)
        assert not result.success
        events = [event.event_type_value for event in result.all_events]
        tries[url] = 1 + events.count("STEP_UP_FOR_RETRY")
        logged = "".join(repr(record) for record in instance.all_logs(result.run_id))
        assert "Hidden-1" not in logged and "local publication stands" in logged
    assert list(tries.values()) == [3, 1]


def test_the_command_repeats_it_with_the_exit_status_of_the_contract(warehouse: Path, database: Database) -> None:
    unset, wrong, odd, done = (
        subprocess.run(**dealtrail_postgres(warehouse, url), check=False, timeout=120)
        for url in (None, database.url(password="Hidden-1"), "mysql://u:Hidden-1@host/crm", database.url())
    )
    assert [run.returncode for run in (unset, wrong, odd, done)] == [2, 3, 2, 0]
    assert "POSTGRES_URL is not set" in unset.stderr
    assert "Check user and password in POSTGRES_URL" in wrong.stderr
    assert "POSTGRES_URL is no address of a PostgreSQL database" in odd.stderr
    assert f"published to {database.server.socket}/{database.name}: " in done.stdout
    for run in (wrong, odd, done):
        assert not {
            secret for secret in ("Hidden-1", ENCODED_PASSWORD, "Traceback") if secret in run.stdout + run.stderr
        }


def test_a_night_that_cannot_publish_to_postgres_stands_here_and_exits_3(tmp_path: Path, database: Database) -> None:
    nights = Nights(tmp_path)
    nights.config.write_text(crm.CONFIG, encoding="utf-8")
    crm.deliver(nights, (crm.deals, crm.DAYS[0]))
    night = nights.play(crm.FIRST, postgres_url=database.url(password="Hidden-1"))
    assert night.status == 3
    assert night.output.startswith("published here, but not to Postgres")
    assert "password authentication failed" in night.output and "Traceback" not in night.output
    assert night.value("select count(*) from marts.fct_deals") > 0
    assert (night.run_json["state"], night.run_json["exit_status"]) == ("published", 3)
    files = [path for path in night.path.rglob("*") if path.is_file() and not path.is_symlink()]
    assert [path for path in files if b"Hidden-1" in path.read_bytes()] == [] and len(files) > 50
    assert "Hidden-1" not in night.output
