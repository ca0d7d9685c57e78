"""What forgetting does to a lake: several ids in one cell, hashed ids, several sources, kills, compacted files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.config.load import read_configuration
from dagster_project.config.models import Configuration
from dagster_project.errors import ConfigurationError
from dagster_project.lake.compaction import compact
from dagster_project.lake.erasure.files import forget_in_lake
from dagster_project.lake.erasure.person import Person, begin, done, unfinished
from dagster_project.lake.erasure.tombstones import read_tombstones
from dagster_project.lake.manifest import FileRecord, data_files, read_records
from dagster_project.lake.store import ingest
from dagster_project.read.landing import look
from dagster_project.transform.warehouse import prepare

CONFIG = """
timezone: UTC
currency: EUR
sources:
  - &crm
    name: crm
    id_separator: "/"
    feeds:
      leads:
        entity: leads
        files: ["leads*.csv"]
        columns: {lead_id: id, lead_name: name, email: mail, owner_id: owner, merged_ids: merged}
      calls:
        entity: activities
        files: ["calls*.csv"]
        columns: {activity_id: id, lead_id: lead, deal_id: deal, subject: subject}
      deals:
        entity: deals
        files: ["deals*.csv"]
        columns: {deal_id: id, stage: stage, lead_id: lead}
      log:
        entity: deal_changes
        files: ["log*.csv"]
        columns: {deal_id: deal, field: field, old_value: old, new_value: new, changed_at: at}
      users:
        entity: owners
        files: ["users*.csv"]
        columns: {owner_id: id, owner_name: name}
  - <<: *crm
    name: other
"""
HASHED = CONFIG.replace(
    "merged_ids: merged}", "merged_ids: merged}\n        personal_data: {lead_id: hash, email: hash}"
)
HASHED = HASHED.replace("subject: subject}", "subject: subject}\n        personal_data: {lead_id: hash}")
DAY = "2026-01-01"


class Crm:
    """A landing folder, and a lake of what was delivered."""

    def __init__(self, folder: Path, config: str = CONFIG) -> None:
        self.folder, self.lake = folder, folder / "warehouse" / "lake"
        (folder / "pipeline.yml").write_text(config)
        for name in ("crm", "other"):
            (folder / "landing" / name).mkdir(parents=True, exist_ok=True)

    @property
    def config(self) -> Configuration:
        return read_configuration(self.folder / "pipeline.yml")

    def deliver(self, feed: str, text: str, day: str = DAY, source: str = "crm") -> None:
        (self.folder / "landing" / source / f"{feed}_{day}.csv").write_text(text)
        configured = next(one for one in self.config.sources if one.name == source)
        found = [file for file in look(configured, self.folder / "landing").files if file.feed == feed]
        known = [record for record in read_records(self.lake) if (record.source, record.feed) == (source, feed)]
        ingest(configured, feed, found, self.lake, known)

    def forget(self, entity: str, record_id: str, source: str | None = None, ahead: bool = False) -> Person:
        begin(self.lake, self.config, entity, record_id, source, ahead)
        (person,) = unfinished(self.lake)
        forget_in_lake(self.lake, self.config, person)
        done(self.lake, person)
        return person

    def rows(self, entity: str, said: str) -> list[tuple[Any, ...]]:
        files = [str(path) for path in data_files(self.lake, entity)]
        return duckdb.execute(f"select {said} from read_parquet(?, union_by_name = true)", [files]).fetchall()

    def seen(self, entity: str, said: str) -> list[tuple[Any, ...]]:
        """What a night sees."""
        work = self.folder / "work.duckdb"
        work.unlink(missing_ok=True)
        records = read_records(self.lake)
        with duckdb.connect(str(work)) as connection:
            prepare(connection, self.config, records, self.lake, datetime(2026, 12, 1, tzinfo=UTC))
            return connection.execute(f"select {said} from lake.{entity} order by all").fetchall()

    def record(self, feed: str, day: str = DAY) -> FileRecord:
        return next(r for r in read_records(self.lake) if r.feed == feed and r.extracted_at.startswith(day))


@pytest.fixture
def crm(tmp_path: Path) -> Crm:
    return Crm(tmp_path)


LEADS = (
    "id,name,mail,owner,merged\nL1,Ada Byron,ada@x.example,U1,\nL2,Bo Li,bo@x.example,U1,\nL3,Cy Oh,cy@x.example,U2,\n"
)


def test_of_several_ids_in_a_cell_one_is_replaced(crm: Crm) -> None:
    crm.deliver("leads", LEADS)
    crm.deliver("calls", "id,lead,deal,subject\nC1,L1 / L2,D1,x\nC2,L12/L1,L1,x\nC3,L12,D1,L1\nC4,L1/L1,D1,x\n")
    name = crm.forget("leads", "L1").pseudonym
    assert crm.rows("activities", "lead_id, deal_id, subject") == [
        (f"{name}/ L2", "D1", "x"),
        (f"L12/{name}", "L1", "x"),  # a deal may have that id too
        ("L12", "D1", "L1"),  # too short to mean the lead in a text
        (f"{name}/{name}", "D1", "x"),
    ]


def test_a_row_keeps_its_place_and_is_counted_as_forgotten(crm: Crm) -> None:
    crm.deliver("leads", LEADS)
    crm.forget("leads", "L2")
    assert crm.rows("leads", "lead_id, lead_name, _source") == [
        ("L1", "Ada Byron", "crm"),
        (None, None, "crm"),
        ("L3", "Cy Oh", "crm"),
    ]
    assert crm.seen("leads", "lead_id, _file_row_number") == [("L1", 0), ("L3", 2)]
    record = crm.record("leads")
    assert (record.rows_in_file, record.rows_loaded, record.rows_forgotten) == (3, 2, 1)


def test_a_merged_record_is_forgotten_under_all_its_ids(crm: Crm) -> None:
    crm.deliver("leads", LEADS.replace("U2,", "U2,L2/L7"))
    crm.deliver("calls", "id,lead,deal,subject\nC1,L7,,x\nC2,L1,,x\n")
    crm.forget("leads", "L2")
    assert [row for (row,) in crm.rows("leads", "lead_id")] == ["L1", None, None]
    kept = [row for (row,) in crm.rows("activities", "lead_id")]
    assert kept[0].startswith("forgotten-") and kept[1] == "L1"


def test_two_sources_have_the_id(crm: Crm) -> None:
    crm.deliver("leads", LEADS)
    crm.deliver("leads", LEADS, source="other")
    with pytest.raises(ConfigurationError, match="the sources crm, other all have such an id; say which by --source"):
        crm.forget("leads", "L1")
    crm.forget("leads", "L1", "other")
    assert crm.rows("leads", "distinct _source") and crm.rows("leads", "count(lead_id)") == [(5,)]


@pytest.mark.parametrize(
    ("entity", "record_id", "source", "said"),
    [
        ("spend", "X", None, "'spend' is nothing to forget; allowed: leads, deals, activities, owners, accounts"),
        ("leads", "L99", None, "no row of the lake has or names this id (sources crm, 1 files of leads in"),
        ("leads", "L1", "nowhere", "--source: there is no source 'nowhere'; there are crm, other"),
    ],
)
def test_what_cannot_be_forgotten_is_said(crm: Crm, entity: str, record_id: str, source: str | None, said: str) -> None:
    crm.deliver("leads", LEADS)
    with pytest.raises(ConfigurationError) as error:
        crm.forget(entity, record_id, source)
    assert said in str(error.value)
    assert not list((crm.lake / "tombstones").glob("*.json"))


def test_a_tombstone_ahead_keeps_out_who_never_came(crm: Crm) -> None:
    crm.forget("leads", "L3", "crm", ahead=True)
    crm.deliver("leads", LEADS)
    assert [row for (row,) in crm.rows("leads", "lead_id")] == ["L1", "L2", None]


def test_a_later_delivery_brings_nobody_back(crm: Crm) -> None:
    crm.deliver("leads", LEADS)
    crm.deliver("calls", "id,lead,deal,subject\nC1,L1,,old\n")
    name = crm.forget("leads", "L1").pseudonym
    crm.deliver("leads", LEADS, "2026-01-02")
    crm.deliver("calls", "id,lead,deal,subject\nC1,L1,,(Ada Byron: ada@x.example)\nC2,L2,,Ada Byron\n", "2026-01-02")
    assert crm.rows("leads", "count(lead_id), count(*)") == [(4, 6)]
    assert ("C1", name, f"({name}: {name})") in crm.rows("activities", "activity_id, lead_id, subject")
    assert ("C2", "L2", "Ada Byron") in crm.rows("activities", "activity_id, lead_id, subject"), "perhaps another Ada"
    record = crm.record("leads", "2026-01-02")
    assert (record.rows_in_file, record.rows_loaded, record.rows_forgotten) == (3, 2, 1)


def test_a_rejected_row_of_a_later_delivery_says_nothing_of_them(crm: Crm) -> None:
    crm.deliver("leads", LEADS)
    crm.forget("leads", "L1")
    crm.deliver("leads", LEADS + "L1,Ada Byron,a,b,c,d,e\nL4,Di,a,b,c,d,e\n", "2026-01-02")
    (path,) = crm.lake.glob("leads/*/*/*.rejects.parquet")
    values = [value for (value,) in duckdb.execute("select value from read_parquet(?)", [str(path)]).fetchall()]
    assert values[0] is None and "L4" in values[1]


def test_ids_that_are_hashed_are_known_by_the_plain_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEALTRAIL_SALT", "a long random text")
    crm = Crm(tmp_path, HASHED)
    crm.deliver("leads", LEADS)
    crm.deliver("calls", "id,lead,deal,subject\nC1,L1/L2,,x\n")
    before = crm.rows("activities", "lead_id")[0][0].split("/")
    crm.forget("leads", "L1")
    crm.deliver("leads", LEADS, "2026-01-02")
    assert crm.rows("leads", "count(lead_id), count(*)") == [(4, 6)]
    after = crm.rows("activities", "lead_id")[0][0].split("/")
    assert after[0].startswith("forgotten-") and after[1] == before[1]
    assert not (crm.lake / "tombstones" / "key").exists()


@pytest.mark.parametrize("salt", ["", "another one"])
def test_without_the_salt_of_its_tombstones_nothing_runs(crm: Crm, salt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    crm.deliver("leads", LEADS)
    monkeypatch.setenv("DEALTRAIL_SALT", "the first")
    crm.forget("leads", "L1")
    monkeypatch.setenv("DEALTRAIL_SALT", salt)
    with pytest.raises(ConfigurationError, match="without it they would come back"):
        read_tombstones(crm.lake)


def test_an_owner_is_also_named_by_name_and_in_the_log(crm: Crm) -> None:
    crm.deliver("users", "id,name\nU1,Ulla Berg\nU2,Udo Tal\n")
    crm.deliver("leads", LEADS.replace("cy@x.example,U2", "cy@x.example,Ulla Berg"))
    crm.deliver("log", f"deal,field,old,new,at\nD1,owner_id,Ulla Berg,U2,{DAY}\nD1,amount,1,2,{DAY}\n")
    person = crm.forget("owners", "Ulla Berg")
    by_id, by_name = person.ids["U1"], person.ids["Ulla Berg"]
    assert crm.rows("leads", "owner_id") == [(by_id,), (by_id,), (by_name,)], "groups of owners stay what they were"
    assert crm.rows("deal_changes", "old_value, new_value") == [(by_name, "U2"), ("1", "2")]


def test_a_name_that_others_have_too_stays_in_texts(crm: Crm) -> None:
    crm.deliver("leads", LEADS.replace("Bo Li", "Ada Byron"))
    crm.deliver("calls", "id,lead,deal,subject\nC1,L1,,to Ada Byron\nC2,L2,,to Ada Byron\nC3,L3,,ada@x.example!\n")
    person = crm.forget("leads", "L1")
    assert person.shared == {"Ada Byron": "leads crm:L2"}
    assert [row for (row,) in crm.rows("activities", "subject")] == [
        f"to {person.pseudonym}",
        "to Ada Byron",
        f"{person.pseudonym}!",
    ]


def test_a_compacted_lake(crm: Crm) -> None:
    days = [f"2026-01-{day:02}" for day in range(1, 13)]
    for day in days:
        crm.deliver("leads", LEADS, day)
        crm.deliver("calls", "id,lead,deal,subject\nC1,L1/L2,D1,Ada Byron\n", day)
    assert compact(crm.lake, crm.config.sources, datetime(2026, 12, 1, tzinfo=UTC), 0.5) == 2
    crm.forget("leads", "L1")
    assert crm.rows("leads", "count(lead_id), count(*)") == [(24, 36)]
    assert not [row for row in crm.rows("activities", "lead_id, subject") if "L1" in row[0] or "Ada" in row[1]]
    assert {crm.record("leads", day).rows_forgotten for day in days} == {1}
    assert crm.seen("leads", "distinct lead_id, _file_row_number") == [("L2", 1), ("L3", 2)]
    compact(crm.lake, crm.config.sources, datetime(2026, 12, 1, tzinfo=UTC), 0.5)
    assert crm.rows("leads", "count(lead_id), count(*)") == [(24, 36)]


@pytest.mark.parametrize("after", range(12))
def test_killed_after_any_file_it_finishes_when_run_again(
    tmp_path: Path, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    crm = Crm(tmp_path)
    for day in ("2026-01-01", "2026-01-02"):
        crm.deliver("leads", LEADS, day)
        crm.deliver("calls", "id,lead,deal,subject\nC1,L1/L2,D1,Ada Byron\nC2,L3,D1,ada@x.example\n", day)
    written = 0
    replace = Path.replace

    def killed(self: Path, target: Path) -> Path:
        nonlocal written
        written += 1
        if written > after:
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", killed)
    try:
        crm.forget("leads", "L1")
    except KeyboardInterrupt:
        monkeypatch.setattr(Path, "replace", replace)
        crm.forget("leads", "L1")
    monkeypatch.setattr(Path, "replace", replace)
    assert crm.rows("leads", "count(lead_id), count(*)") == [(4, 6)]
    texts = str(crm.rows("activities", "lead_id, subject"))
    assert not any(value in texts for value in ("L1", "Ada", "ada@"))
    assert {crm.record("leads", day).rows_forgotten for day in ("2026-01-01", "2026-01-02")} == {1}
    assert not list(crm.lake.rglob("*.unfinished")) and not unfinished(crm.lake)


WITH_FIELDS = CONFIG.replace(
    "columns: {deal_id: id, stage: stage, lead_id: lead}",
    "columns: {deal_id: id, stage: stage, lead_id: lead}\n        fields: {champion: {from: [champion]}, "
    "arr: {from: [arr], kind: amount}}",
)


def test_fields_that_the_configuration_adds_are_forgotten_with_their_record(tmp_path: Path) -> None:
    """And what they say of somebody else who is forgotten, under another name; also once the mapping lacks them."""
    crm = Crm(tmp_path, WITH_FIELDS)
    crm.deliver("leads", LEADS)
    crm.deliver("deals", "id,stage,lead,champion,arr\nD1,New,L3,Cy Oh,10\nD2,New,L1,Ada Byron (CFO),20\n")
    crm.deliver("log", "deal,field,old,new,at\nD2,champion,Bo Li,Ada Byron,2026-01-01\n")
    (crm.folder / "pipeline.yml").write_text(CONFIG)
    name = crm.forget("leads", "L1").pseudonym
    assert crm.rows("deals", "deal_id, champion, arr") == [("D1", "Cy Oh", "10"), ("D2", f"{name} (CFO)", "20")]
    crm.forget("deals", "D2")
    assert crm.rows("deals", "deal_id, champion, arr") == [("D1", "Cy Oh", "10"), (None, None, None)]
    assert crm.rows("deal_changes", "old_value, new_value") == [(None, None)]
