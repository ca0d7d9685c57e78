"""The examples of vendors' exports run, say what their maker made, and are drafted as what they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest import TempPathFactory

from dagster_project.draft.command import draft_source
from seeds.make_vendor_extracts import __main__ as maker
from seeds.make_vendor_extracts import dynamics, zoho
from seeds.make_vendor_extracts.business import NIGHTS, Business
from tests.conftest import PROJECT, Warehouse

MADE: dict[str, Callable[[], Business]] = {"zoho": zoho.zoho, "dynamics": dynamics.dynamics}
STAGES = {"zoho": zoho.STAGES, "dynamics": dynamics.STAGES}
NIGHT = NIGHTS[-1]
AS_OF = "2026-02-01T00:00:00Z"


@pytest.fixture(scope="module")
def played(tmp_path_factory: TempPathFactory, nightly: Callable[..., Warehouse]) -> Callable[[str], Warehouse]:
    built: dict[str, Warehouse] = {}

    def play(vendor: str) -> Warehouse:
        if vendor not in built:
            folder = tmp_path_factory.mktemp(vendor) / "warehouse"
            built[vendor] = nightly(folder, f"examples/{vendor}.yml", None, AS_OF)
            assert built[vendor].status == 0, built[vendor].output
        return built[vendor]

    return play


def vendors_of_examples() -> list[str]:
    """The examples whose landing folder lies in seeds."""
    examples = {path.stem: path.read_text(encoding="utf-8") for path in (PROJECT / "examples").glob("*.yml")}
    return [name for name, text in examples.items() if "seeds" in yaml.safe_load(text).get("landing_dir", "")]


def ambiguous(vendor: str) -> set[str]:
    """Names that two deals have, where the files have no ids beside them."""
    if vendor == "zoho":
        return set()
    return {name for name, times in Counter(one.name for one in MADE[vendor]().deals).items() if times > 1}


def test_every_example_in_seeds_is_played() -> None:
    assert sorted(vendors_of_examples()) == sorted(MADE)


def test_the_extracts_are_what_their_maker_makes(tmp_path: Path) -> None:
    def content(folder: Path) -> dict[str, bytes]:
        files = (path for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

    maker.write(tmp_path)
    assert content(tmp_path) == content(PROJECT / "seeds" / "vendor_extracts")


@pytest.mark.parametrize("vendor", MADE)
class TestNight:
    def test_every_row_is_loaded(self, played: Callable[[str], Warehouse], vendor: str) -> None:
        found = played(vendor).rows("select state, sum(rows_rejected) from quality.deliveries group by state")
        assert found == [("loaded", 0)]
        assert played(vendor).rows("select count(*) from quality.quarantined_rows") == [(0,)]
        assert "no feed takes" not in played(vendor).output

    def test_deals(self, played: Callable[[str], Warehouse], vendor: str) -> None:
        made = [deal for deal in MADE[vendor]().deals if deal.created < NIGHT]
        wanted: Counter[Any] = Counter()
        won = Decimal(0)
        for deal in made:
            stage, outcome = deal.known_at(NIGHT)
            wanted[outcome, STAGES[vendor][stage] if outcome == "open" else None] += 1
            won += deal.amount if outcome == "won" else 0
        rows = played(vendor).rows(
            "select status, case status when 'open' then stage end, count(*) from marts.fct_deals group by all"
        )
        assert {(status, stage): deals for status, stage, deals in rows} == dict(wanted)
        assert played(vendor).rows("select sum(amount) from marts.fct_deals where status = 'won'") == [(won,)]
        assert played(vendor).rows("select count(*) from marts.fct_deals where currency != 'EUR'") == [(0,)]

    def test_names_and_ids_are_records(self, played: Callable[[str], Warehouse], vendor: str) -> None:
        made = MADE[vendor]()
        several = {name for name, times in Counter(one.name for one in made.accounts).items() if times > 1}
        assert several
        names = "select distinct owner_name from marts.fct_deals inner join marts.dim_owners using (owner_key)"
        assert {name for (name,) in played(vendor).rows(names)} == {deal.owner.name for deal in made.deals}
        unknown = played(vendor).rows(
            "select distinct account_key from marts.fct_deals "
            "where account_key is not null and account_key not in "
            "(select account_key from marts.dim_accounts where account_name is not null)"
        )
        # a name that two accounts have stands for neither; Zoho's files have ids beside the names
        assert {key.removeprefix("crm:") for (key,) in unknown} == (set() if vendor == "zoho" else several)

    def test_activities_are_about_deals_and_leads(self, played: Callable[[str], Warehouse], vendor: str) -> None:
        made = [one for one in MADE[vendor]().activities if one.created < NIGHT]
        found = played(vendor).rows(
            "select count(*), count(deal_key), count(lead_key), count(*) filter (where is_done), "
            "count(*) filter (where direction = 'inbound') from marts.fct_activities"
        )
        about_deals = [one.deal for one in made if one.deal and one.deal.name not in ambiguous(vendor)]
        about_leads = [one.lead for one in made if one.lead]
        done = [one for one in made if one.is_done and one.due < NIGHT]
        assert found == [
            (len(made), len(about_deals), len(about_leads), len(done), sum(one.is_inbound for one in made))
        ]

    def test_leads(self, played: Callable[[str], Warehouse], vendor: str) -> None:
        made = MADE[vendor]()
        leads = [lead for lead in made.leads if lead.created < NIGHT]
        converted = [lead for lead in leads if lead.deal is not None and made.deals[lead.deal].created < NIGHT]
        found = played(vendor).rows(
            "select count(*), count(*) filter (where is_converted), count(converted_deal_key) from marts.fct_leads"
        )
        assert found == [(len(leads), len(converted), len(converted))]

    def test_nothing_is_unreadable_or_unmapped(self, played: Callable[[str], Warehouse], vendor: str) -> None:
        rules = "('unmapped_stage', 'unparseable_value', 'missing_key', 'stage_disagrees_with_history')"
        assert played(vendor).rows(f"select * from quality.hygiene_violations where rule in {rules}") == []

    def test_an_activity_about_one_of_two_deals_is_about_none(
        self, played: Callable[[str], Warehouse], vendor: str
    ) -> None:
        made = [one for one in MADE[vendor]().activities if one.created < NIGHT]
        orphans = [one for one in made if one.deal and one.deal.name in ambiguous(vendor)]
        found = played(vendor).rows("select count(*) from quality.hygiene_violations where rule = 'orphan_activity'")
        assert found == [(len(orphans),)]
        assert bool(orphans) is (vendor == "dynamics")


def test_stage_history_is_one_entry_per_stay(played: Callable[[str], Warehouse]) -> None:
    wanted = {
        (f"crm:zcrm_55500000003{deal.number:05}", number + 1, zoho.STAGES[place])
        for deal in zoho.zoho().deals
        if deal.created < NIGHT
        for number, (moment, place) in enumerate(deal.moves)
        if moment < NIGHT
    }
    found = played("zoho").rows(
        "select deal_key, transition_number, to_stage from marts.fct_stage_transitions "
        "where evidence = 'versioned' and to_canonical_stage not in ('won', 'lost')"
    )
    assert set(found) == wanted


@pytest.mark.parametrize("vendor", MADE)
def test_a_draft_recognises_the_vendor(vendor: str) -> None:
    drafted = draft_source([PROJECT / "seeds" / "vendor_extracts" / vendor / "crm"])
    assert f"vendor: {vendor}" in drafted.text
    assert drafted.left == []
