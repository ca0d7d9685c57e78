"""What a night leaves in the lake of what it published: whose it is, what it replaces, what a later night sees."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from dagster_project.config.load import read_configuration
from dagster_project.config.models import Configuration
from dagster_project.lake import inventory
from dagster_project.lake.erasure.files import forget_in_lake
from dagster_project.lake.erasure.person import Person
from dagster_project.lake.publications import bring_months_together, publications, rows_of
from dagster_project.package_files import PROJECT_DIR
from dagster_project.run.night import Night
from dagster_project.transform.publications import (
    PUBLICATION,
    before,
    create_published_views,
    keep_publication,
    kinds,
    write_build,
    write_publication,
)


@pytest.fixture(scope="module")
def config() -> Configuration:
    return read_configuration(PROJECT_DIR / "pipeline.yml")


def moment(day: int, month: int = 3) -> datetime:
    return datetime(2026, month, day, 6, tzinfo=UTC)


class Lake:
    """A lake to which nights add what they published: one deal and one owner's cell."""

    def __init__(self, folder: Path, config: Configuration) -> None:
        self.folder, self.lake, self.config = folder, folder / "lake", config
        self.runs = 0

    def publish(self, day: int, amount: int = 10, is_kept: bool = True, month: int = 3) -> Path:
        """The version of a night whose deal is worth so much."""
        self.runs += 1
        run_id = f"run{self.runs:02}"
        with duckdb.connect() as build:
            build.execute("attach ':memory:' as work")
            for schema in ("marts", "quality", "work.intermediate", "work.config"):
                build.execute(f"create schema {schema}")
            for table, kind, values in [
                ("quality.deliveries", "file", {"source": "'crm'", "sha256": "'abc'"}),
                (
                    "marts.mart_monthly_metrics",
                    "cell",
                    {"grain": "'owner'", "grain_value": "'crm:u1'", "deals_won": "1"},
                ),
                (
                    "work.intermediate.int_metric_records",
                    "record",
                    {
                        "entity": "'deals'",
                        "record_key": "'crm:1'",
                        "owner_key": "'crm:u1'",
                        "lead_source": "'from Ada Lovelace'",
                        "amount": str(amount),
                    },
                ),
                ("quality.restatements", "restated", {"metric": "'deals_won'", "grain_value": "'crm:u1'"}),
                ("quality.restatement_records", "changed", {"record_key": "'crm:1'", "before": "'crm:u1'"}),
            ]:
                columns = ", ".join(
                    f"cast({values.get(column, 'null')} as {its}) as {column}" for column, its in kinds()[kind].items()
                )
                build.execute(f"create table {table} as select {columns}")
            build.execute("alter table quality.restatement_records add column grain varchar default 'all'")
            build.execute("alter table quality.deliveries add column state varchar default 'loaded'")
            build.execute("use work")
            write_build(build, self.config)
            build.execute("use memory")
            building = self.folder / f"building{self.runs}"
            building.mkdir()
            night = Night(moment(day, month), run_id, f"2026-{month:02}-{day:02}")
            write_publication(build, building, night, self.config)
        version = self.folder / run_id
        (building / PUBLICATION).rename(version)
        if is_kept:
            keep_publication(version, self.lake)
        return version

    def compact(self, *kept: str) -> int:
        with duckdb.connect() as connection:
            return bring_months_together(connection, self.lake, set(kept))

    def files(self) -> list[str]:
        return sorted(path.name.split("-run")[0] for path in (self.lake / "published").iterdir())

    def all_rows(self) -> list[tuple[object, ...]]:
        """Every row that any publication has, with its moment."""
        listed = publications(self.lake).values()
        columns = "_moment, kind, as_of, run_id, record_key, amount, grain_value, deals_won, metric, before, sha256"
        return duckdb.execute(f"select {columns} from {rows_of(listed)} where kind is not null order by all").fetchall()

    def seen(self, table: str, columns: str, as_of: datetime) -> list[tuple[object, ...]]:
        with duckdb.connect() as work:
            work.execute("create schema lake")
            publication = before(self.lake, as_of)
            create_published_views(work, self.lake, publication, f"'{publication.path}'" if publication else "")
            return work.execute(f"select {columns} from lake.published_{table}").fetchall()


@pytest.fixture
def lake(tmp_path: Path, config: Configuration) -> Lake:
    return Lake(tmp_path, config)


def test_a_night_sees_the_last_publication_of_an_earlier_moment(lake: Lake) -> None:
    for day in (1, 3, 2):
        lake.publish(day, amount=day)
    assert lake.seen("records", "record_key, cast(amount as integer)", moment(3)) == [("crm:1", 2)]
    assert lake.seen("night", "cast(seen_on as varchar), currency", moment(3)) == [("2026-03-02", "EUR")]
    assert lake.seen("cells", "grain_value, deals_won", moment(4)) == [("crm:u1", 1)]
    assert lake.seen("files", "source, sha256", moment(2)) == [("crm", "abc")]
    assert lake.seen("night", "run_id", moment(1)) == lake.seen("records", "record_key", moment(1)) == []


def test_of_several_nights_of_one_moment_the_last_counts(lake: Lake) -> None:
    lake.publish(1, amount=1)
    lake.publish(1, amount=2)
    assert len(publications(lake.lake)) == len(list((lake.lake / "published").iterdir())) == 1
    assert lake.seen("records", "cast(amount as integer)", moment(2)) == [(2,)]


def test_what_was_not_kept_after_the_switch_is_kept_by_the_next_night(lake: Lake) -> None:
    version = lake.publish(1, is_kept=False)
    assert before(lake.lake, moment(2)) is None
    keep_publication(version, lake.lake)
    kept = before(lake.lake, moment(2))
    assert kept is not None
    keep_publication(version, lake.lake)
    assert before(lake.lake, moment(2)) == kept
    assert inventory.damages(lake.lake) == []


def test_a_publication_that_was_damaged_stops_the_night_that_reads_it(lake: Lake) -> None:
    lake.publish(1)
    publication = before(lake.lake, moment(2))
    assert publication is not None
    path = publication.path
    data = bytearray(path.read_bytes())
    data[50] ^= 1
    path.write_bytes(data)
    with pytest.raises(inventory.DamagedLakeError, match="published/"):
        lake.seen("records", "record_key", moment(2))


def person(entity: str, ids: dict[str, str], names: dict[str, str]) -> Person:
    return Person(entity, "crm", "p-1", ids, {**names}, {**names}, {}, 1)


def test_a_forgotten_deal_has_no_part_in_what_was_published_any_more(lake: Lake, config: Configuration) -> None:
    version = lake.publish(1)
    forget_in_lake(lake.lake, config, person("deals", {"1": "p-1"}, {}))
    assert lake.seen("records", "record_key", moment(2)) == []
    assert lake.seen("cells", "grain_value, deals_won", moment(2)) == [("crm:u1", 1)]
    # nor does the version that is still published bring it back
    keep_publication(version, lake.lake)
    assert lake.seen("records", "record_key", moment(2)) == []
    assert inventory.damages(lake.lake) == []


def test_a_forgotten_owner_is_named_nowhere_in_it(lake: Lake, config: Configuration) -> None:
    lake.publish(1)
    forget_in_lake(lake.lake, config, person("owners", {"u1": "p-1"}, {"Ada Lovelace": "p-1"}))
    assert lake.seen("records", "record_key, owner_key, lead_source", moment(2)) == [("crm:1", "crm:p-1", "from p-1")]
    assert lake.seen("cells", "grain_value", moment(2)) == [("crm:p-1",)]


@pytest.fixture
def months(lake: Lake) -> Lake:
    """Two nights in January, one in February, two in March."""
    for night, (month, day) in enumerate([(1, 5), (1, 6), (2, 7), (3, 1), (3, 2)], start=1):
        lake.publish(day, amount=night, month=month)
    return lake


def days(lake: Lake) -> list[str]:
    return [one.moment[4:8] for one in publications(lake.lake).values()]


def test_the_nights_of_a_month_that_is_over_are_brought_together(months: Lake) -> None:
    """One night alone stays alone; so does the running month."""
    before_that = months.all_rows()
    assert months.compact() == 1
    assert months.files() == ["20260207T060000", "20260301T060000", "20260302T060000", "month-202601.parquet"]
    assert months.all_rows() == before_that
    assert inventory.damages(months.lake) == []
    for day, amount in [(6, 1), (7, 2)]:
        assert months.seen("records", "cast(amount as integer)", moment(day, 1)) == [(amount,)]
        assert months.seen("night", "cast(seen_on as varchar)", moment(day, 1)) == [(f"2026-01-{day - 1:02}",)]
    assert months.seen("records", "record_key", moment(5, 1)) == []
    assert months.seen("cells", "grain_value, deals_won", moment(20, 1)) == [("crm:u1", 1)]
    assert months.compact() == 0


def test_a_night_that_is_published_anew_counts_whatever_was_brought_together(months: Lake) -> None:
    months.compact()
    months.publish(6, amount=60, month=1)
    months.publish(9, amount=90, month=1)
    assert months.seen("records", "cast(amount as integer)", moment(7, 1)) == [(60,)]
    assert months.compact() == 1
    assert months.files()[-1] == "month-202601.parquet" and len(months.files()) == 4
    assert months.seen("records", "cast(amount as integer)", moment(7, 1)) == [(60,)]
    assert days(months) == ["0105", "0106", "0109", "0207", "0301", "0302"]


def test_a_publication_that_still_stands_stays_by_itself(months: Lake) -> None:
    """What lies beside its tables is taken into the lake again by the next night, where it is not there."""
    (standing,) = [path.name for path in (months.lake / "published").iterdir() if path.name.startswith("20260106")]
    assert months.compact(standing) == 0
    assert "20260106T060000" in months.files()


@pytest.mark.parametrize("killed_in", ["place", "take_away"])
def test_a_kill_leaves_every_publication(months: Lake, killed_in: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before_that = months.all_rows()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(inventory, killed_in, killed)
        with pytest.raises(KeyboardInterrupt):
            months.compact()
    assert months.all_rows() == before_that
    assert days(months) == ["0105", "0106", "0207", "0301", "0302"]
    months.compact()
    assert months.all_rows() == before_that and len(months.files()) == 4
    assert inventory.damages(months.lake) == []


def test_a_forgotten_deal_is_in_no_month_any_more(months: Lake, config: Configuration) -> None:
    months.compact()
    forget_in_lake(months.lake, config, person("deals", {"1": "p-1"}, {}))
    assert months.seen("records", "record_key", moment(7, 1)) == []
    assert months.seen("cells", "grain_value, deals_won", moment(7, 1)) == [("crm:u1", 1)]
    assert not any("crm:1" in row for row in months.all_rows())
    months.publish(8, month=1)
    months.compact()
    assert inventory.damages(months.lake) == []
    assert sum("crm:1" in row for row in months.all_rows()) == 1  # what the last night counts
