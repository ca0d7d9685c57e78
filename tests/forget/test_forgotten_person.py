"""A forgotten person is in no file under WAREHOUSE_DIR, every other row stays, and tomorrow brings nobody back."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from backports import zstd

from dagster_project.run.folders import APART
from tests.conftest import Warehouse
from tests.faults import cut
from tests.faults.nights import Nights, tables
from tests.forget import crm

#: What the lead is known by, also as JSON and HTML write it.
LEAD = [crm.LEAD, crm.MAIL, crm.NAME, "Z\\u00e9bulon Quaxworthy", "Z&eacute;bulon Quaxworthy", "Z. Quaxworthy"]
OWNER = [crm.OWNER, crm.OWNER_NAME, crm.OWNER_MAIL]


@dataclass
class Played:
    """The warehouse before anybody was forgotten, after, and after tomorrow's extract."""

    nights: Nights
    commands: dict[str, Warehouse]

    def kept(self, name: str) -> Path:
        return self.nights.kept(name)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    nights = Nights(tmp_path_factory.mktemp("forget"))
    crm.write(nights)
    commands = {
        "blocked": nights.play(crm.FIRST, nights.with_damage),
        "published": nights.play(crm.SECOND),
    }
    nights.keep("before")
    # what `dealtrail explain` was killed in
    left = nights.warehouse / APART / "lake" / "leads" / "left.parquet"
    left.parent.mkdir(parents=True)
    left.write_text(crm.NAME, encoding="utf-8")
    commands["forget"] = nights.play(arguments=("forget", "leads", crm.LEAD))
    nights.keep("after")
    crm.export(nights, "2026-01-03")
    commands["tomorrow"] = nights.play(crm.THIRD)
    nights.keep("tomorrow")
    return Played(nights, commands)


def test_it_was_everywhere(played: Played) -> None:
    commands = played.commands
    assert [commands[name].status for name in ("blocked", "published")] == [1, 0], commands["published"].output
    found = {path.split("/")[0] for path, _ in mentions(played.kept("before"), LEAD)}
    assert {"lake", "versions", "attempts", "dagster"} <= found
    assert any("/report/deals/" in path for path, _ in mentions(played.kept("before"), LEAD)), "a deal's page says it"


def test_it_is_in_no_file(played: Played) -> None:
    said = played.commands["forget"]
    assert said.status == 0, said.output
    assert list(mentions(played.kept("after"), LEAD)) == []
    assert "none is left" in said.output and crm.LEAD not in said.output and crm.MAIL not in said.output


def test_one_version_is_left_and_no_attempt_that_named_it(played: Played) -> None:
    assert len(list((played.kept("after") / "versions").iterdir())) == 1
    assert not list((played.kept("after") / "attempts").glob("*/quality"))


def test_every_other_lake_row_is_unchanged_but_for_the_pseudonym(played: Played) -> None:
    for entity in ("deals", "leads", "activities", "owners", "accounts", "deal_changes", "deal_versions"):
        before, after = lake(played.kept("before"), entity), lake(played.kept("after"), entity)
        assert before.keys() == after.keys(), "rows keep their places"
        changed = {place for place, row in before.items() if row != after[place]}
        named = {place for place, row in before.items() if names(row, LEAD) or "Quaxworthy" in str(row)}
        assert changed == named, entity
        for place in changed:
            forgotten = before[place]["lead_id"] in (crm.LEAD, f"L-OLD-{crm.LEAD}") if entity == "leads" else False
            if forgotten:
                assert not any(value for key, value in after[place].items() if not key.startswith("_"))
            else:
                kept = {key for key, value in before[place].items() if not names({"": value}, [*LEAD, "Quaxworthy"])}
                assert all(before[place][key] == after[place][key] for key in kept)
                assert "forgotten-" in str(after[place])


def test_records_of_others_are_the_same_in_every_table(played: Played) -> None:
    before, after = tables(played.kept("before")), tables(played.kept("after"))
    for name in ("fct_deals", "fct_activities", "dim_owners", "fct_stage_transitions", "fct_deal_changes", "fct_leads"):
        gone = [row for row in before[f"marts.{name}"] if row not in after[f"marts.{name}"]]
        assert all(names({"": row}, LEAD) or "Quaxworthy" in str(row) for row in gone), name
        expected = len(before[f"marts.{name}"]) - (1 if name == "fct_leads" else 0)
        assert len(after[f"marts.{name}"]) == expected, name
    header, *rows = after["marts.fct_deals"]
    lead_of = {row[header.index("deal_id")]: row[header.index("lead_key")] for row in rows}
    assert lead_of[crm.DEAL].startswith("crm:forgotten-")
    violations = after["quality.hygiene_violations"]
    known = {row[:4] for row in before["quality.hygiene_violations"]}
    assert [row for row in violations[1:] if row[:4] not in known] == [], "nobody complains of whom was forgotten"


def test_every_row_is_accounted_for(played: Played) -> None:
    for name in ("after", "tomorrow"):
        header, *rows = tables(played.kept(name))["quality.row_accounting"]
        at = {column: place for place, column in enumerate(header)}
        assert {row[at["balance"]] for row in rows} == {0}
        forgotten = sum(row[at["rows_forgotten"]] for row in rows if row[at["entity"]] == "leads")
        assert forgotten == {"after": 4, "tomorrow": 6}[name], "itself and what was merged into it, each night"


def test_tomorrow_does_not_bring_it_back(played: Played) -> None:
    said = played.commands["tomorrow"]
    assert said.status == 0, said.output
    places = list(mentions(played.kept("tomorrow"), LEAD))
    # what names it nowhere but in a text of another record stands in the extract again
    assert not [place for place in places if crm.LEAD in place[1]], places
    leads = tables(played.kept("tomorrow"))["marts.fct_leads"]
    assert not [row for row in leads if names({"": row}, [crm.LEAD])]
    (deal,) = [row for row in tables(played.kept("tomorrow"))["marts.fct_deals"][1:] if "retrofit" in str(row)]
    assert "Quaxworthy" not in str(deal) and "crm:forgotten-" in str(deal)


def test_it_is_logged_without_saying_who(played: Played) -> None:
    blanked, forgotten = map(json.loads, (played.kept("after") / "lake" / "forgotten.jsonl").read_text().splitlines())
    assert (blanked["entity"], blanked["source"], blanked["changed"]["blanked"]) == ("leads", "crm", 4)
    assert blanked["pseudonym"].startswith("forgotten-") and blanked["attempts_removed"] == 1
    assert (forgotten["state"], forgotten["versions_removed"], forgotten["places_left"]) == ("forgotten", 1, 0)


def test_pages_and_digests_of_an_owner_are_forgotten(played: Played) -> None:
    nights = played.nights
    nights.bring_back("before")
    assert (nights.warehouse / "report" / "owners" / "Petronella-Vandersnoot.html").is_file()
    sent = nights.warehouse / "digest" / "sent.json"
    sent.parent.mkdir()
    last = {"fingerprint": "0", "as_of": "2026-01-03T06:00:00+00:00", "sent_at": "2026-01-03T07:00:00+00:00"}
    sent.write_text(json.dumps({"owners": {f"crm:{crm.OWNER}": last, "crm:U1": last}}))
    said = nights.play(arguments=("forget", "owners", crm.OWNER))
    assert said.status == 0, said.output
    assert list(mentions(nights.warehouse, OWNER)) == []
    assert [path for path in nights.warehouse.rglob("*") if "petronella" in path.name.lower()] == []
    forgotten, other = json.loads(sent.read_text())["owners"]
    assert forgotten.startswith("crm:forgotten-") and other == "crm:U1"
    assert list((nights.warehouse / "report" / "owners").glob("forgotten-*.html"))


@pytest.mark.long
def test_an_owner_is_forgotten_by_id_name_and_address_also_after_a_kill(played: Played) -> None:
    nights = played.nights
    nights.bring_back("tomorrow")
    command = ("forget", "owners", crm.OWNER, "--source", "crm")
    blocked = nights.play(config=nights.with_damage, arguments=command)
    assert blocked.status == 1 and "what is published still have it" in blocked.output, blocked.output
    assert nights.play(arguments=command, before=_killed_while_publishing).status == -9
    assert list(mentions(nights.warehouse / "versions", OWNER)) != []
    said = nights.play(arguments=command)
    assert said.status == 0, said.output
    assert list(mentions(nights.warehouse, OWNER)) == []
    assert not list((nights.warehouse / "lake" / "tombstones").glob("unfinished*"))
    before, after = tables(played.kept("tomorrow")), tables(nights.warehouse)
    assert deals_by_owner(played.kept("tomorrow")) == deals_by_owner(nights.warehouse)
    assert len(before["marts.fct_deals"]) == len(after["marts.fct_deals"])
    rules = [{row[0] for row in one["quality.hygiene_violations"]} for one in (before, after)]
    assert rules[1] <= rules[0]


def _killed_while_publishing() -> None:
    cut.at_boundary(3)


def deals_by_owner(warehouse: Path) -> list[int]:
    """How many deals each owner has, whatever they are called."""
    deals = duckdb.sql(f"from read_parquet('{warehouse}/marts/fct_deals.parquet')")
    return sorted(count for (count,) in deals.aggregate("count(*)", "owner_key").fetchall())


def mentions(folder: Path, values: list[str]) -> Iterator[tuple[str, str]]:
    """File and value, of each file that holds one: its bytes, what is packed in them, every cell of its tables."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        data = path.read_bytes()
        if path.suffix in (".gz", ".zst"):
            data += (gzip if path.suffix == ".gz" else zstd).decompress(data)
        data += b"\n".join(str(cell).encode() for cell in cells(path))
        lowered = data.lower()
        for value in values:
            if value.lower().encode() in lowered or value.encode() in data:
                yield str(path.relative_to(folder)), value


def cells(path: Path) -> Iterator[Any]:
    """Every cell of a file that holds tables."""
    if path.suffix == ".parquet":
        for row in duckdb.sql(f"from read_parquet('{path}')").fetchall():
            yield from row
    elif path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as connection:
            found = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
            for schema, table in found:
                for row in connection.execute(f"from {schema}.{table}").fetchall():
                    yield from row
    elif path.suffix == ".db":
        database = sqlite3.connect(path)
        for (table,) in database.execute("select name from sqlite_master where type = 'table'").fetchall():
            for row in database.execute(f'select * from "{table}"').fetchall():
                yield from row
        database.close()


def lake(warehouse: Path, entity: str) -> dict[tuple[str, int], dict[str, Any]]:
    """File and place → the row, its provenance included."""
    files = [path for path in warehouse.glob(f"lake/{entity}/*/*/*.parquet") if ".rejects." not in path.name]
    found = {}
    for path in files:
        relation = duckdb.sql(f"from read_parquet('{path}', file_row_number = true)")
        for row in relation.fetchall():
            said = dict(zip(relation.columns, row, strict=True))
            said.pop("_is_forgotten", None)
            found[path.name, said.pop("file_row_number")] = said
    return found


def names(row: dict[str, Any], values: list[str]) -> bool:
    """Whether a row holds one of the values."""
    said = str(list(row.values())).lower()
    return any(value.lower() in said for value in values)
